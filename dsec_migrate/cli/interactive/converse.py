"""``--interactive``: asks about one finding after the other, and ends in a run with options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from dsec_migrate.cli.interactive.dialogue import Dialogue, End
from dsec_migrate.cli.interactive.keys import opened
from dsec_migrate.cli.interactive.planner import Planner
from dsec_migrate.cli.interactive.progress import Progress
from dsec_migrate.cli.interactive.session import Session
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.migrate.batch import run
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.style import Style

# the lines of a command for one project, from pairs of an option and its value, and the number of columns
Command = Callable[[ProjectFiles, Sequence[tuple[str, str]], int], Sequence[str]]


def converse(
    projects: Sequence[ProjectFiles],
    options: Options,
    shell: Mapping[str, str],
    style: Style,
    command: Command,
    *,
    write: bool,
) -> Outcome:
    """Asks about each project in turn. The outcome has those that were written, and those without anything to ask
    about.

    Raises UserError where there is no terminal, KeyboardInterrupt on Ctrl-C; decisions are kept.
    """
    outcomes: list[ProjectOutcome] = []
    with opened() as terminal:
        for files in projects:
            planner, progress = Planner(files, options, shell), Progress(files)
            units = planner.units()
            if not units:
                outcomes += run([files], options, shell=shell).projects
                continue
            if len(projects) > 1:
                page = Page(style, terminal.width)
                page.rule(files.name)
                terminal.show(f"\n{page}")
            words = partial(command, files)
            dialogue = Dialogue(planner, Session(units), progress, terminal, style, words, write=write)
            try:
                end = dialogue.run()
            except KeyboardInterrupt:
                dialogue.tell_stopped()
                raise
            if end is End.QUIT:
                break
            if end is End.WRITE:
                written = run([files], dialogue.options, shell=shell, write=True).projects
                outcomes += written
                if all(outcome.is_written for outcome in written):
                    progress.forget()
    return Outcome(tuple(outcomes), options)
