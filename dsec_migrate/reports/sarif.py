"""SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), for code scanning. Its fixes contain no value."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from dsec_migrate.detectors.finding import Action
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports.diff import render as render_diff
from dsec_migrate.reports.look import View
from dsec_migrate.reports.rows import RULES, Listing, Row, of_project, path
from dsec_migrate.text.secret import MASK

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


def render(outcome: Outcome, view: View) -> str:
    """One run. The first finding of a project that moves has the whole change as its fix, where that can be shown
    without a value: SARIF's fixes are texts, and do not include the secret files."""
    return _of_results((one for project in outcome.projects for one in _results(project, view)), RULES)


def of_rows(listing: Listing) -> str:
    """Rows without fixes."""
    return _of_results(map(_result, listing.rows), listing.rules)


def _of_results(results: Iterable[dict[str, object]], titles: Mapping[str, str]) -> str:
    """One run with these results; ``titles`` by rule."""
    rules = list(titles)
    run = {
        "tool": {
            "driver": {
                "name": "dsec-migrate",
                "rules": [{"id": rule, "shortDescription": {"text": text}} for rule, text in titles.items()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [{**one, "ruleIndex": rules.index(str(one["ruleId"]))} for one in results],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _results(project: ProjectOutcome, view: View) -> Iterator[dict[str, object]]:
    changes = list(_changes(project))
    moved = {one.name for one in project.findings if one.action is Action.MIGRATE}
    for row in of_project(project, strict=view.strict):
        found = _result(row)
        if changes and row.name in moved and row.rule != "invalid-file":
            description = {
                "text": "Move the secrets of the project: run `dsec-migrate --write`, which also creates their files"
            }
            found["fixes"] = [{"description": description, "artifactChanges": changes}]
            changes = []
        yield found


def _result(row: Row) -> dict[str, object]:
    region = {"startLine": row.line, "startColumn": row.column}
    place = {"artifactLocation": _artifact(row.file), "region": region}
    return {
        "ruleId": row.rule,
        "level": row.weight.value,
        "message": {"text": row.text},
        "locations": [{"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": row.name}]}],
        "partialFingerprints": {"variable/v1": row.fingerprint},
    }


def _artifact(file: str) -> dict[str, str]:
    is_absolute = Path(file).is_absolute()
    return {"uri": Path(file).as_uri() if is_absolute else quote(os.fsencode(file))}


def _changes(project: ProjectOutcome) -> Iterator[dict[str, object]]:
    """The change of each file; none at all where an added line would have to be masked."""
    diffs = render_diff(project)
    added = [line for diff in diffs for line in diff.splitlines() if line.startswith("+") and MASK in line]
    if added or project.is_written:
        return
    for file, diff in zip(project.rewritten, diffs, strict=True):
        replacements = list(_replacements(diff))
        if replacements:
            yield {"artifactLocation": _artifact(path(file.path)), "replacements": replacements}


def _replacements(diff: str) -> Iterator[dict[str, object]]:
    """Runs of removed and added lines, as in a unified diff."""
    line, gone = 0, 0
    come: list[str] = []

    def replacement() -> dict[str, object]:
        region = {"startLine": line - gone, "startColumn": 1, "endLine": line, "endColumn": 1}
        return {"deletedRegion": region, "insertedContent": {"text": "".join(f"{text}\n" for text in come)}}

    for text in (*diff.splitlines(), " "):
        hunk = _HUNK.match(text)
        if text.startswith(("---", "+++")) and not line:
            continue
        if text.startswith("-") and line:
            line, gone = line + 1, gone + 1
        elif text.startswith("+") and line:
            come.append(text[1:])
        else:
            if gone or come:
                yield replacement()
                gone, come = 0, []
            line = int(hunk[1]) if hunk is not None else line + (not text.startswith("\\"))
