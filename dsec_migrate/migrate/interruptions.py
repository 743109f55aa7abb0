"""Interrupted runs: reported, and finished or rolled back by the next run that writes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.planning.secret_files import journal_folders, journals_below
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError


def found(root: Project, options: Options, *, write: bool) -> Iterator[UserError]:
    """For the journals of a project; with ``write``, what happened to each run. Then raises UserError where a journal
    is not the user's own, or a run cannot be finished."""
    from dsec_migrate import transaction

    for folder in journal_folders(root, options):
        if write:
            yield from end(folder, root.boundary)
            continue
        try:
            if transaction.needs_recovery(folder, root.boundary):
                advice = "--write finishes it or rolls it back before anything else"
                yield UserError("an earlier run was interrupted", str(folder), help=advice)
        except UserError as error:
            # --write stops there; findings can be reported anyway
            yield error


def run_folders(files: ProjectFiles, root: Project, options: Options) -> list[Path]:
    """Where runs for a project may have left a journal, including paths that its files no longer refer to."""
    return each_once([*journal_folders(root, options), *journals_below(files.directory)])


def each_once(folders: Iterable[Path]) -> list[Path]:
    return list({os.path.realpath(folder): folder for folder in folders}.values())


def files_read(root: Project) -> Iterator[Path]:
    """The files of a project and those that it reads, which identify an old run."""
    for unit in root.units():
        yield from (text.source.path for text in (*unit.compose_texts, *unit.env_texts))
        yield from unit.environment.paths
        yield from (text.source.path for text in unit.dockerfiles.values())


def has_runs(files: ProjectFiles, root: Project, options: Options) -> bool:
    """Whether an undo of the project would find an earlier run, or a journal that cannot be used."""
    folders = run_folders(files, root, options)
    if not folders:
        return False
    from dsec_migrate import transaction

    try:
        read = list(files_read(root))
        return any(transaction.runs_of(folder, root.boundary, files.paths, read) for folder in folders)
    except UserError:
        return True


def too_late_to_prune(root: Project, files: ProjectFiles, options: Options) -> Iterator[UserError]:
    """For ``--prune-env`` in a project with nothing left to move: only the earlier run knows which lines of `.env` it
    left unread."""
    from dsec_migrate import transaction

    for folder in journal_folders(root, options):
        with suppress(UserError):
            if transaction.runs_of(folder, root.boundary, files.paths):
                what = "--prune-env removes only what its own run leaves unread, and an earlier run moved the secrets"
                undo = shlex.join(("dsec-migrate", "undo", *files.said.arguments, "--write"))
                advice = f"run `{undo}`, then this command again with --prune-env"
                yield UserError(what, str(folder), help=advice)
                return


def end(folder: Path, boundary: Boundary) -> Iterator[UserError]:
    """Finishes or rolls back an interrupted run and reports each file involved. Raises UserError."""
    from dsec_migrate import transaction

    for one in transaction.recover(folder, boundary):
        yield UserError(str(one), str(folder))
