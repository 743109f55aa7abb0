"""Reports: one module per format, each ``Outcome -> str``, and the registry that makes it known."""

from __future__ import annotations

from collections.abc import Callable

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.look import View

Report = Callable[[Outcome, View], str]


def _text(outcome: Outcome, view: View) -> str:
    from dsec_migrate.reports.text import render

    return render(outcome, view)


def _json(outcome: Outcome, view: View) -> str:
    from dsec_migrate.reports.json import render

    return render(outcome, view)


REPORTS: dict[str, Report] = {"text": _text, "json": _json}
"""Every report by the name that ``--format`` and ``--output`` take."""

__all__ = ["REPORTS", "Report", "View"]
