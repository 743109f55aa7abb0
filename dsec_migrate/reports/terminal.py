"""What the terminal can show, and the progress line of a long run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from dsec_migrate.reports.style import Style

PATIENCE = 1.0
"""Seconds before a run shows its progress."""


def style_for(stream: TextIO, environment: Mapping[str, str]) -> Style:
    """Colours where ``stream`` is a terminal, unless NO_COLOR, TERM, FORCE_COLOR or CLICOLOR_FORCE say otherwise."""
    if environment.get("NO_COLOR"):
        return Style(is_coloured=False)
    if any(environment.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return Style(is_coloured=True)
    return Style(is_coloured=stream.isatty() and environment.get("TERM") != "dumb")


def width() -> int:
    """Columns of the terminal (or of COLUMNS), 80 if unknown."""
    # as shutil.get_terminal_size, whose import takes 4 ms
    columns = 0
    with suppress(ValueError):
        columns = int(os.environ.get("COLUMNS", ""))
    if columns <= 0 and sys.__stdout__ is not None:
        with suppress(OSError, ValueError):
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns
    return max(columns, 40) if columns > 0 else 80


class Progress:
    """One line on a terminal, updated during the run and removed at its end; elsewhere nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_wanted = stream.isatty()
        self._started = self._told = time.monotonic()
        self._is_shown = False

    def __call__(self, done: int, total: int) -> None:
        if not self._is_wanted or total < 2:
            return
        now = time.monotonic()
        if now - self._started < PATIENCE or (self._is_shown and now - self._told < 0.1):
            return
        self._told = now
        self._is_shown = True
        self._stream.write(f"\r{done} of {total} files\x1b[K")
        self._stream.flush()

    def close(self) -> None:
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
