"""Markdown for a comment on a pull request: what was found, and the masked diff."""

from __future__ import annotations

import re

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.diff import render as render_diff
from dsec_migrate.reports.look import View
from dsec_migrate.reports.rows import Weight, of_project, path
from dsec_migrate.text.secret import MASK

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_SIGNS = {Weight.REFUSED: "in plaintext", Weight.TOLD: "told", Weight.POSSIBLE: "possible"}


def render(outcome: Outcome, view: View) -> str:
    """It contains no value; names are escaped."""
    parts: list[str] = []
    refused = 0
    for project in outcome.projects:
        found = list(of_project(project, strict=view.strict))
        refused += sum(row.weight is Weight.REFUSED for row in found)
        if not found:
            continue
        parts.append(f"### {plain(path(project.path))}\n\n| | place | secret | |\n|---|---|---|---|\n")
        parts += [
            f"| {_SIGNS[row.weight]} | {plain(f'{row.file}:{row.line}')} | {plain(row.name)} | {plain(row.text)} |\n"
            for row in found
        ]
        diffs = [diff for diff in render_diff(project) if diff]
        if diffs:
            text = "\n".join(diffs)
            # longer than any run of backticks in the text
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text) or [""]))
            summary = "What changed" if project.is_written else "What `dsec-migrate --write` would change"
            parts.append(f"\n<details><summary>{summary}</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>\n")
        parts.append("\n")
    head = f"## dsec-migrate: {refused} secret{'s' * (refused != 1)} in plaintext\n\n"
    return head + ("".join(parts) or "Nothing was found.\n")


def plain(text: str) -> str:
    parts = " ".join(text.split()).split(MASK)
    return MASK.join(_SPECIAL.sub(r"\\\1", part) for part in parts)
