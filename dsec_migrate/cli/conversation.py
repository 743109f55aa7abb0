"""``--interactive`` on the command line: what it goes with, and how its end is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from dsec_migrate.discovery.project_files import ProjectFiles
from dsec_migrate.errors import UserError
from dsec_migrate.options import Options
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.records import replace
from dsec_migrate.reports.sealed import Sealed
from dsec_migrate.reports.terminal import style_for

_WORD = "--interactive"


def check(form: str, outputs: Sequence[str], *, is_check: bool, shows_values: bool) -> None:
    """Raises UserError for what does not go with it."""
    others = {
        "--check": is_check,
        f"--format {form}": form != "text",
        "--output": bool(outputs),
        "--show-values": shows_values,
    }
    wrong = [option for option, is_given in others.items() if is_given]
    if wrong:
        raise UserError(f"{_WORD} does not go with {wrong[0]}", help="leave one of them out")


def hold(
    projects: Sequence[ProjectFiles],
    options: Options,
    words: Sequence[str],
    sealing: Callable[[ProjectOutcome], Sealed],
    *,
    write: bool,
) -> Outcome:
    """The conversation. ``words`` are those of the command line; the outcome is for the text report, without the diffs
    of what was written, which were shown one by one."""
    from dsec_migrate.interactive import converse
    from dsec_migrate.interactive.choices import command_lines

    named = {word for files in projects for word in (files.name, str(files.paths[0]))}

    def command(files: ProjectFiles, pairs: Sequence[tuple[str, str]], width: int) -> Sequence[str]:
        rest = [word for word in words if word not in {_WORD, "--write"}]
        if len(projects) > 1:
            rest = [word for word in rest if word not in named and not os.path.isdir(word)]  # noqa: PTH112
            rest.append(files.name)
        return command_lines("dsec-migrate", pairs, rest, width)

    style = style_for(sys.stdout, os.environ)
    outcome = converse(projects, options, dict(os.environ), style, command, write=write)
    sealed = map(sealing, outcome.projects)
    told = (replace(one, diffs=dict.fromkeys(one.diffs, ())) if one.is_written else one for one in sealed)
    return replace(outcome, projects=tuple(told))
