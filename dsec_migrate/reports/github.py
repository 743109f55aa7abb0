"""GitHub Actions annotations: workflow commands, one per line.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.look import View
from dsec_migrate.reports.rows import Listing, Weight, list_rows

_COMMANDS = {Weight.REFUSED: "error", Weight.TOLD: "warning", Weight.POSSIBLE: "notice"}


def render(outcome: Outcome, view: View) -> str:
    return of_rows(list_rows(outcome, strict=view.strict))


def of_rows(listing: Listing) -> str:
    lines = []
    for row in listing.rows:
        properties = {"file": row.file, "line": row.line, "col": row.column, "title": listing.rules[row.rule]}
        told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
        lines.append(f"::{_COMMANDS[row.weight]} {told}::{_data(row.text)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
