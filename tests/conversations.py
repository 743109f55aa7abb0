"""Conversations of ``--interactive`` without a terminal: keys go in, and what it would show comes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.cli.interactive.choices import command_lines
from dsec_migrate.cli.interactive.dialogue import Dialogue, End
from dsec_migrate.cli.interactive.keys import END
from dsec_migrate.cli.interactive.planner import Planner
from dsec_migrate.cli.interactive.progress import Progress
from dsec_migrate.cli.interactive.session import Session
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.reports.style import Style


class Keys:
    """A terminal whose user presses ``keys`` and then goes away."""

    width, height, has_screens = 80, 24, True

    def __init__(self, keys: Sequence[str], lines: Sequence[str | None] = ()) -> None:
        self._keys, self._lines = iter(keys), iter(lines)
        self.shown = ""
        self.flashed: list[str] = []

    def show(self, text: str) -> None:
        self.shown += text

    def key(self, seconds: float | None = None) -> str:
        return next(self._keys, END)

    def line(self, prompt: str, proposal: str = "") -> str | None:
        self.shown += prompt
        line = next(self._lines, None)
        return proposal if line == "=" else line

    def flash(self, lines: Sequence[str]) -> None:
        self.flashed += lines


def talk(
    folder: Path,
    keys: Sequence[str],
    lines: Sequence[str | None] = (),
    *,
    write: bool = False,
    options: Options | None = None,
    shell: dict[str, str] | None = None,
) -> tuple[Keys, Dialogue, End]:
    files = ProjectFiles.of(folder / "compose.yml")
    planner = Planner(files, options or Options(), shell or {})
    terminal = Keys(keys, lines)
    dialogue = Dialogue(
        planner,
        Session(planner.units()),
        Progress(files),
        terminal,
        Style(is_coloured=False),
        lambda pairs, width: command_lines("dsec-migrate", pairs, (), width),
        write=write,
    )
    return terminal, dialogue, dialogue.run()
