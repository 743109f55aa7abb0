"""The registry of reports: one module per format, each ``Outcome -> str``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.look import View
from dsec_migrate.text.records import replace

Report = Callable[[Outcome, View], str]


def _named(name: str) -> Report:
    """The report of the module ``name``, which is imported on use."""

    def report(outcome: Outcome, view: View) -> str:
        from dsec_migrate.reports.shown import shown

        module = import_module(f"dsec_migrate.reports.{name}")
        return str(module.render(replace(outcome, projects=tuple(map(shown, outcome.projects))), view))

    return report


OF_ROWS = ("sarif", "github", "gitlab", "junit")
"""Formats of rows: their modules also have ``of_rows``, which the audit uses."""
NAMES = ("text", "json", *OF_ROWS, "markdown", "html")
REPORTS: dict[str, Report] = {name: _named(name) for name in NAMES}
"""Every report by the name that ``--format`` and ``--output`` take: one module each."""

__all__ = ["NAMES", "OF_ROWS", "REPORTS", "Report", "View"]
