"""The API for other programs: the pipeline of the command line, as functions."""

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
    """Plans and verifies a run; nothing is written.

    ``paths`` are files and folders, each file its own project, as on the command line; ``layers`` are instead the files
    of one project (``-f``). Relative paths are resolved against ``directory``; without any path, the project is what
    ``docker compose`` would load there. ``environment`` is the shell environment that ``${…}`` sees, by default that of
    this process. With ``check``, git reports which env files it tracks, which ``Outcome.status(check=True)`` counts.

    The outcome has one :class:`ProjectOutcome` for each project: ``findings``, ``plan``, ``errors`` (bad input, as
    data), ``failure`` (what could not be verified) and ``status``. Values are in it as ``Secret``, which no ``repr``
    and no formatting shows. Raises UserError for bad usage, such as a folder without Compose files.
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
    """Writes the changes of ``outcome``: each project completely or not at all; projects with errors are unchanged.

    A file that changed on disk since :func:`plan` is an error of its project, which is then not written. In the
    returned outcome, written projects have ``is_written``.
    """
    projects = tuple(
        commit(project)
        if not project.status and not project.is_written and (project.rewritten or project.plan.files)
        else project
        for project in outcome.projects
    )
    return replace(outcome, projects=projects)


def report(outcome: Outcome, form: str = "text") -> str:
    """A report in one of the formats of ``--format``, without any value. Raises UserError for an unknown format."""
    if form not in REPORTS:
        raise UserError(f"unknown format {form}", help=f"use one of {', '.join(REPORTS)}")
    return REPORTS[form](outcome, View())


__all__ = ["plan", "report", "write"]
