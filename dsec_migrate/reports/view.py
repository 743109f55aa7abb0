"""How a report is to look."""

from __future__ import annotations

from dataclasses import dataclass

from dsec_migrate.reports.diff import DiffStyle
from dsec_migrate.reports.style import PLAIN, Style


@dataclass(frozen=True)
class View:
    """``check`` and ``strict`` are those of the command line; ``width`` counts columns."""

    check: bool = False
    strict: bool = False
    diff: DiffStyle = DiffStyle.UNIFIED
    width: int = 80
    style: Style = PLAIN
    show_values: bool = False
