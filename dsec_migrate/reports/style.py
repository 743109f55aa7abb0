"""Text on a terminal: the few colors that are readable on light and dark backgrounds, and widths in columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Paint = Callable[[str], str]

_DOTS = "..."


class Style(NamedTuple):
    """Paints text with ANSI codes, or returns it unchanged."""

    is_coloured: bool

    def bold(self, text: str) -> str:
        return self._painted(text, "1")

    def dim(self, text: str) -> str:
        return self._painted(text, "2")

    def red(self, text: str) -> str:
        return self._painted(text, "31")

    def green(self, text: str) -> str:
        return self._painted(text, "32")

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.is_coloured and text else text


def width_of(text: str) -> int:
    """The width of ``text`` in terminal columns; it must not contain tabs."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def columns(text: str, width: int) -> str:
    """``text`` padded with spaces to ``width`` columns."""
    return text + " " * max(width - width_of(text), 0)


def cut(text: str, width: int) -> str:
    """``text`` cut to at most ``width`` columns, ending with dots."""
    text = text.expandtabs(8).rstrip()
    if width_of(text) <= width:
        return text
    return _cut(text, width - len(_DOTS), anywhere=True)[0] + _DOTS


def wrapped(text: str, width: int) -> list[str]:
    """Rows of at most ``width`` columns; continuation rows are indented two columns more than the text.

    Breaks after a space, ``/``, ``=`` or ``,`` in the second half of a row, else anywhere.
    """
    text = text.expandtabs(8).rstrip()
    if width_of(text) <= width:
        return [text]
    lead = min(len(text) - len(text.lstrip(" ")) + 2, width // 2)
    rows: list[str] = []
    rest = text
    while rest:
        row, rest = _cut(rest, width)
        rows.append(row)
        rest = rest.lstrip(" ")
        if rest:
            rest = " " * lead + rest
    return rows


def _cut(text: str, width: int, *, anywhere: bool = False) -> tuple[str, str]:
    used = 0
    for position, character in enumerate(text):
        used += _character_width(character)
        if used > width:
            best = 0 if anywhere else max(text.rfind(mark, 0, position) + 1 for mark in " /=,")
            end = best if best > position // 2 and text[:best].strip() else max(position, 1)
            return text[:end].rstrip(" "), text[end:]
    return text, ""


def _character_width(character: str) -> int:
    if character.isascii():
        return 1
    import unicodedata

    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def paragraph(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    """``text`` as lines of at most ``width`` columns where its words allow it, prefixed with ``indent``."""
    lines: list[str] = []
    line = indent if first is None else first
    used = width_of(line)
    is_empty = True
    for word in text.split():
        length = width_of(word)
        if not is_empty and used + 1 + length > width:
            lines.append(line)
            line, used, is_empty = indent, width_of(indent), True
        line += word if is_empty else f" {word}"
        used += length + (not is_empty)
        is_empty = False
    lines.append(line)
    return lines
