"""Annotations of GitHub Actions: workflow commands, one a line.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.look import View
from dsec_migrate.reports.rows import RULES, Section, Weight, sections

_COMMANDS = {Weight.REFUSED: "error", Weight.TOLD: "warning", Weight.POSSIBLE: "notice"}


def render(outcome: Outcome, view: View) -> str:
    return of_sections(sections(outcome, strict=view.strict), RULES)


def of_sections(found: Iterable[Section], rules: Mapping[str, str]) -> str:
    """``rules`` are titles by rule."""
    lines = []
    for row in (row for section in found for row in section.rows):
        properties = {"file": row.file, "line": row.line, "col": row.column, "title": rules[row.rule]}
        told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
        lines.append(f"::{_COMMANDS[row.weight]} {told}::{_data(row.text)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
