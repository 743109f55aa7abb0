"""Findings and errors for formats that list them: one row each, with a location, a weight and a sentence."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from dsec_migrate.detectors.finding import Action, Confidence, Finding
from dsec_migrate.outcome import Outcome, ProjectOutcome, refused_by_check


class Weight(Enum):
    """``REFUSED``: ``--check`` exits with 1 because of it; ``TOLD``: everything else that is at most possible."""

    REFUSED = "error"
    TOLD = "warning"
    POSSIBLE = "note"


class Row(NamedTuple):
    """``file`` is relative to the current folder if it is below it; lines and columns count from 1."""

    rule: str
    weight: Weight
    file: str
    line: int
    column: int
    name: str
    text: str

    @property
    def fingerprint(self) -> str:
        """The identity of a variable of a service, independent of its line."""
        return hashlib.sha256(f"{self.rule}\0{self.file}\0{self.name}".encode("utf-8", "surrogatepass")).hexdigest()[
            :32
        ]


RULES = {
    "plaintext-secret": "A password, token or key is in plaintext",
    "half-done-migration": "A migration to secrets is half done",
    "invalid-file": "Compose rejects the file, so nothing in it is migrated",
}


class Section(NamedTuple):
    """The rows of one project; ``path`` as the user named it."""

    path: str
    rows: tuple[Row, ...]


class Listing(NamedTuple):
    """What a format of rows needs: ``rules`` are titles by rule, ``nothing`` is the sentence for a section without
    rows."""

    sections: Sequence[Section]
    rules: Mapping[str, str]
    nothing: str

    @property
    def rows(self) -> Iterator[Row]:
        return (row for section in self.sections for row in section.rows)


def list_rows(outcome: Outcome, *, strict: bool) -> Listing:
    found = [Section(project.path, tuple(of_project(project, strict=strict))) for project in outcome.projects]
    return Listing(found, RULES, "no secrets in plaintext")


def of_project(project: ProjectOutcome, *, strict: bool) -> Iterator[Row]:
    """Errors first, then findings in the order of the files. No text contains a value."""
    for error in project.errors:
        yield Row(
            "invalid-file",
            Weight.REFUSED,
            path(error.file or project.path),
            error.line or 1,
            error.column or 1,
            error.what,
            f"{error.what}{f': {error.help}' if error.help else ''}",
        )
    refused = {id(finding) for finding in refused_by_check(project, strict)}
    for finding in project.findings:
        is_possible = finding.verdict.confidence is Confidence.POSSIBLE
        weight = Weight.POSSIBLE if is_possible else Weight.REFUSED if id(finding) in refused else Weight.TOLD
        yield Row(
            "half-done-migration" if finding.kind == "half-done" else "plaintext-secret",
            weight,
            path(finding.site.file),
            finding.site.line,
            finding.site.column,
            finding.name,
            _sentence(finding),
        )


def _sentence(finding: Finding) -> str:
    what = f"{finding.name} is a secret: {finding.verdict.why}"
    if finding.action is Action.KEEP:
        return f"{what}. Skipped: {finding.note}" if finding.note else what
    note = f" ({finding.note})" if finding.note and finding.applicability != "safe" else ""
    return f"{what}. `dsec-migrate --write` moves it to the secret {finding.secret}, {finding.applicability}{note}"


def path(text: str) -> str:
    """A path with forward slashes, relative to the current folder if it is below it."""
    here = os.getcwd()  # noqa: PTH109
    absolute = os.path.abspath(text)  # noqa: PTH100
    inside = absolute.startswith(here + os.sep)
    return (os.path.relpath(absolute, here) if inside else text).replace(os.sep, "/")
