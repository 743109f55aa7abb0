"""Lines of a text report: indentation, columns, wrapping. Everything from a file is stripped of control characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from dsec_migrate.reports.style import Paint, Style, columns, paragraph, width_of
from dsec_migrate.text.visible import harmless

PROSE_WIDTH = 100
"""The maximum width of sentences on a wide terminal."""

_INDENT = _GAP = "  "


class Page:
    """Collects the lines of a report. ``width`` counts columns. ``hide`` masks what no output may show, for text that
    has not been through :func:`~dsec_migrate.reports.shown.shown`."""

    def __init__(self, style: Style, width: int, hide: Callable[[str], str] = str) -> None:
        self.style = style
        self.width = width
        self.hide = hide
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "".join(line + "\n" for line in self._lines)

    def blank(self) -> None:
        """Adds a blank line, never two in a row and none at the top."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def heading(self, text: str) -> None:
        self.blank()
        self._lines.extend(self.style.bold(line) for line in paragraph(self._safe(text), self._prose))

    def rule(self, text: str) -> None:
        """A prominent heading, for reports on several files."""
        self.blank()
        line = f"== {self._safe(text)} "
        self._lines.append(self.style.bold(line + "=" * max(self._prose - width_of(line), 2)))

    def row(self, text: str, paint: Paint = str) -> None:
        """Adds one line verbatim."""
        self._lines.append(paint(self._safe(text)))

    def sentence(self, text: str, indent: str = "", first: str | None = None, paint: Paint = str) -> None:
        """A sentence, wrapped between words; its first line starts with ``first`` instead of ``indent``."""
        self._lines.extend(paint(line) for line in paragraph(self._safe(text), self._prose, indent, first))

    def table(self, rows: Iterable[Sequence[str]], paints: Mapping[str, Paint] | None = None) -> None:
        """Rows in columns; ``paints`` by the text of the first cell. What does not fit continues on a second line."""
        cells = [[self._safe(cell) for cell in row] for row in rows]
        room = self.width - len(_INDENT)
        fitting = [row for row in cells if len(_GAP.join(row)) <= room]
        widths = [max(width_of(row[n]) for row in fitting) for n in range(max(map(len, fitting), default=0))]
        for row in cells:
            aligned = [columns(cell, width) for cell, width in zip(row, widths, strict=False)] or list(row)
            is_too_wide = width_of(_GAP.join(aligned).rstrip()) > room
            aligned[0] = (paints or {}).get(row[0], str)(aligned[0])
            *others, last = aligned
            if is_too_wide and others:
                self._lines.append(_INDENT + _GAP.join(others).rstrip())
                self._lines.append(_INDENT * 4 + last.rstrip())
            else:
                self._lines.append((_INDENT + _GAP.join(aligned)).rstrip())

    def raw(self, text: str) -> None:
        """Finished lines, such as a diff."""
        self._lines.extend(text.splitlines() if text.isascii() else text.split("\n")[:-1])

    def _safe(self, text: str) -> str:
        return harmless(self.hide(text))

    @property
    def _prose(self) -> int:
        return min(self.width, PROSE_WIDTH)
