"""The counts of a run, and its errors in one form, for every report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.detectors.finding import Action, Confidence
from dsec_migrate.outcome import Outcome, ProjectOutcome, excepted_from_check, refused_by_check
from dsec_migrate.text.errors import UserError, unproved


class Counts(NamedTuple):
    """``migrate`` and ``keep`` add up to ``findings``; ``possible`` counts those among ``keep`` that are not
    certain."""

    files: int
    findings: int
    migrate: int
    keep: int
    possible: int
    secrets: int
    changed_files: int
    failed_files: int
    is_written: bool
    mended: int = 0
    hardened: int = 0

    @property
    def skipped(self) -> int:
        """Certain or likely findings that are not migrated."""
        return self.keep - self.possible


def count(outcome: Outcome) -> Counts:
    findings = migrate = possible = secrets = changed = failed = mended = hardened = 0
    is_written = False
    for project in outcome.projects:
        for finding in project.findings:
            findings += 1
            if finding.action is Action.MIGRATE:
                migrate += 1
                mended += finding.kind == "half-done"
            elif finding.verdict.confidence is Confidence.POSSIBLE:
                possible += 1
        hardened += len({one.service for one in project.plan.hardened if one.action is Action.MIGRATE})
        secrets += len(project.plan.secrets)
        changed += len(project.rewritten)
        failed += project.status != 0
        is_written = is_written or project.is_written
    keep = findings - migrate
    files = len(outcome.projects)
    return Counts(files, findings, migrate, keep, possible, secrets, changed, failed, is_written, mended, hardened)


def errors_of(outcome: Outcome) -> Iterator[UserError]:
    """All errors, in the order of the projects; a failed verification is reported like any other error."""
    for project in outcome.projects:
        yield from project.errors
        if project.failure and not project.errors:
            yield failure_of(project)


def failure_of(project: ProjectOutcome) -> UserError:
    return unproved(project.failure, project.path)


def sentence(outcome: Outcome, counts: Counts) -> str:
    """The summary line of a run."""
    parts: list[str] = []
    if counts.changed_files:
        verb = "moved" if counts.is_written else "would move"
        if counts.secrets or not (counts.mended or counts.hardened):
            parts.append(f"{number(counts.secrets, 'secret')} in {number(counts.changed_files, 'file')} {verb}")
        if counts.mended:
            parts.append(f"{number(counts.mended, 'variable')} {'fixed' if counts.is_written else 'would be fixed'}")
        if counts.hardened:
            verb = "hardened" if counts.is_written else "would be hardened"
            parts.append(f"{number(counts.hardened, 'service')} {verb}")
        if counts.skipped:
            parts.append(f"{counts.skipped} skipped")
    elif counts.skipped:
        parts.append(f"no secrets to move, {counts.skipped} skipped")
    elif counts.possible:
        parts.append("no secrets to move")
    elif counts.files == 1:
        parts.append(f"{outcome.projects[0].path}: no secrets found")
    else:
        parts.append(f"no secrets found in {number(counts.files - counts.failed_files, 'file')}")
    if counts.possible:
        parts.append(f"{counts.possible} possible")
    if counts.failed_files:
        parts.append(f"{number(counts.failed_files, 'file')} with errors, unchanged")
    end = "; nothing written: add --write" if counts.changed_files and not counts.is_written else ""
    return ", ".join(parts) + end


def check_sentence(outcome: Outcome, strict: bool) -> str:
    """The result of ``--check``, with the number of findings that exceptions suppress."""
    against = sum(len(refused_by_check(project, strict)) for project in outcome.projects)
    failed = sum(project.status != 0 for project in outcome.projects)
    excepted = sum(len(excepted_from_check(project, strict)) for project in outcome.projects)
    why = [f"{number(against, 'secret')} in the files"] if against else []
    why += [f"{number(failed, 'file')} with errors"] if failed else []
    said = f"check failed: {', '.join(why)}" if why else "check passed"
    return f"{said}, {excepted} excepted" if excepted else said


def number(amount: int, thing: str) -> str:
    return f"{amount} {thing}" if amount == 1 else f"{amount} {thing}s"
