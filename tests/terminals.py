"""A real terminal of 80 columns, which tmux holds: keys go in, and what it shows comes out."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

MAIN = "import sys; from dsec_migrate.cli import main; main(sys.argv[1:])"
PATIENCE_SECONDS = 40
TMUX = shutil.which("tmux")
needs_tmux = pytest.mark.skipif(TMUX is None, reason="tmux is not here, which holds the terminal")

_numbers = count()


class Terminal:
    """One command in a terminal of its own; ``history`` is all that it has shown, but for screens of a moment."""

    def __init__(self, folder: Path, words: Sequence[str], variables: dict[str, str]) -> None:
        self._socket = f"dsec-{os.getpid()}-{next(_numbers)}"
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        command = " ".join(map(shlex.quote, (sys.executable, "-c", MAIN, *words)))
        script = (
            f"cd {shlex.quote(str(folder))}; trap : INT; stty -a >before.stty; "
            "unset FORCE_COLOR CLICOLOR_FORCE COLUMNS LINES; "
            f"{given} {command}; echo status $?; stty -a >after.stty; exec sleep 600"
        )
        size = ("-x", "80", "-y", "24")
        self._tmux("-f", os.devnull, "new-session", "-d", *size, "sh", "-c", script)
        self._seen = self._asked = 0

    def press(self, *keys: str) -> None:
        self._asked = len(self.history.rstrip())
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    @property
    def history(self) -> str:
        return self._tmux("capture-pane", "-p", "-S", "-")

    @property
    def coloured_history(self) -> str:
        return self._tmux("capture-pane", "-p", "-e", "-S", "-")

    def wait_for(self, text: str) -> str:
        """Until it shows ``text`` behind what was waited for before; returns what it shows from there on."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            new = self.history[self._seen :]
            if text in new:
                self._seen += new.index(text) + len(text)
                return new
            time.sleep(0.03)
        raise AssertionError(f"{text!r} did not come:\n{self.history[self._seen :]}")

    def wait_for_question(self) -> str:
        """Until it shows more than before the last key, and the last line asks for another one; returns that line."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            shown = self.history.rstrip()
            if len(shown) > self._asked + 2 and shown.endswith("]"):
                return shown.rpartition("\n")[2]
            time.sleep(0.03)
        raise AssertionError(f"nothing is asked:\n{self.screen}")

    def wait_for_screen(self, text: str) -> str:
        """Until the visible part has ``text``, which may go again."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            screen = self.screen
            if text in screen:
                return screen
            time.sleep(0.03)
        raise AssertionError(f"{text!r} is not on the screen:\n{self.screen}")

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        result = subprocess.run(
            [str(TMUX), "-L", self._socket, *words], capture_output=True, encoding="utf-8", check=True, timeout=30
        )
        return result.stdout


def opened(folder: Path, *words: str, **variables: str) -> Iterator[Terminal]:
    terminal = Terminal(folder, words, variables)
    try:
        yield terminal
    finally:
        terminal.close()
