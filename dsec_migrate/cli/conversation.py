"""``--interactive`` on the command line: the options it allows, and how its result is reported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dsec_migrate.cli.request import Request
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports.parts import Sealed
from dsec_migrate.reports.terminal import style_for
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace

_WORD = "--interactive"


def check(request: Request) -> None:
    """Raises UserError for options that cannot be combined with it."""
    others = {
        "--check": request.check,
        f"--format {request.form}": request.form != "text",
        "--output": bool(request.outputs),
        "--show-values": request.show_values,
    }
    wrong = [option for option, is_given in others.items() if is_given]
    if wrong:
        raise UserError(f"{_WORD} cannot be used with {wrong[0]}", help="omit one of them")


def hold(
    projects: Sequence[ProjectFiles],
    options: Options,
    words: Sequence[str],
    named: Sequence[Path],
    sealing: Callable[[ProjectOutcome], Sealed],
    *,
    write: bool,
) -> Outcome:
    """Runs the conversation. ``words`` are those of the command line, ``named`` the files and folders among them. The
    outcome is for the text report, without the diffs of what was written, which have been shown one by one."""
    from dsec_migrate.cli.interactive.choices import command_lines
    from dsec_migrate.cli.interactive.converse import converse

    def command(files: ProjectFiles, pairs: Sequence[tuple[str, str]], width: int) -> Sequence[str]:
        rest = repeated(words, named, files.name if len(projects) > 1 else None)
        return command_lines("dsec-migrate", pairs, rest, width)

    style = style_for(sys.stdout, os.environ)
    outcome = converse(projects, options, dict(os.environ), style, command, write=write)
    sealed = map(sealing, outcome.projects)
    told = (replace(one, diffs=dict.fromkeys(one.diffs, ())) if one.is_written else one for one in sealed)
    return replace(outcome, projects=tuple(told))


def repeated(words: Sequence[str], named: Sequence[Path], only: str | None) -> list[str]:
    """The words of an equivalent command without a conversation, for the project ``only`` where there are several."""
    rest = [word for word in words if word not in {_WORD, "--write"}]
    if only is None:
        return rest
    for path in named:
        # the word before may be the value of an option
        last = max(number for number, word in enumerate(rest) if Path(word) == path)
        del rest[last]
    return [*rest, only]
