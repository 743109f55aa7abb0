"""What other programs call: the same pipeline as the command line, as functions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.config.options import Options
from dsec_migrate.migrate.batch import run
from dsec_migrate.migrate.writing import commit
from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.reports.look import View
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace

PathLike = str | os.PathLike[str]


def plan(
    paths: Iterable[PathLike] = (),
    *,
    layers: Iterable[PathLike] = (),
    directory: PathLike = ".",
    project_directory: PathLike | None = None,
    options: Options | None = None,
    environment: Mapping[str, str] | None = None,
    check: bool = False,
) -> Outcome:
    """What a run would do, proved; nothing is written.

    ``paths`` are files and folders, each file a project of its own, as on the command line; ``layers`` are in their
    place the files of one project (``-f``). Relative ones are seen from ``directory``, and without any it is what
    ``docker compose`` would load there. ``environment`` is the shell that ``${…}`` sees, that of this process where it
    is None. With ``check`` git is asked which env files it tracks, which ``Outcome.status(check=True)`` counts.

    The outcome has one :class:`ProjectOutcome` for each project: ``findings``, ``plan``, ``errors`` (bad input, as
    data), ``failure`` (what could not be proved) and ``status``. Values are in it as ``Secret``, which no ``repr`` and
    no formatting shows. Raises UserError for bad usage, such as a folder without Compose files.
    """
    asked = options or Options()
    shell = dict(os.environ if environment is None else environment)
    projects = discover(
        [Path(path) for path in paths],
        [Path(path) for path in layers],
        directory=Path(directory),
        shell=shell,
        project_directory=None if project_directory is None else Path(project_directory),
        env_files=asked.env_files,
    )
    return run(projects, asked, shell=shell, check=check)


def write(outcome: Outcome) -> Outcome:
    """Does what ``outcome`` says: each project whole or not at all; one with errors stays as it is.

    What changed on disk since :func:`plan` is an error of its project, and nothing of that is written. The outcome
    that is returned says ``is_written`` of those that were.
    """
    projects = tuple(
        commit(project)
        if not project.status and not project.is_written and (project.rewritten or project.plan.files)
        else project
        for project in outcome.projects
    )
    return replace(outcome, projects=projects)


def report(outcome: Outcome, form: str = "text") -> str:
    """A report in one of the formats of ``--format``; no value is in it. Raises UserError for an unknown format."""
    if form not in REPORTS:
        raise UserError(f"there is no format {form}", help=f"there are {', '.join(REPORTS)}")
    return REPORTS[form](outcome, View())


__all__ = ["plan", "report", "write"]
