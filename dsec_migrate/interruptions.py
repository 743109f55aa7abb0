"""What a run left that ended before it was done: told, and ended by the next one that writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dsec_migrate.boundary import Boundary
from dsec_migrate.errors import UserError
from dsec_migrate.files import journal_folders
from dsec_migrate.options import Options
from dsec_migrate.project import Project


def found(root: Project, options: Options, *, write: bool) -> Iterator[UserError]:
    """For the journals of a project; with ``write`` what became of each run. Raises UserError then where a journal is
    not the user's own, or a run cannot be ended."""
    from dsec_migrate import transaction

    for folder in journal_folders(root, options):
        if write:
            yield from end(folder, root.boundary)
            continue
        try:
            if transaction.needs_recovery(folder, root.boundary):
                advice = "--write finishes it, or takes it back, before anything else"
                yield UserError("an earlier run was interrupted", str(folder), help=advice)
        except UserError as error:
            # --write stops there; what is found can be told all the same
            yield error


def too_late_to_prune(root: Project, paths: Sequence[Path], options: Options) -> Iterator[UserError]:
    """For ``--prune-env`` in a project of which nothing moves any more: the lines of `.env` that an earlier run left
    unread are known to that run alone."""
    from dsec_migrate import transaction

    for folder in journal_folders(root, options):
        with suppress(UserError):
            if transaction.runs_of(folder, root.boundary, paths):
                what = "--prune-env takes out what its own run leaves unread, and an earlier run moved the secrets"
                advice = "`dsec-migrate undo --write`, then the run again with --prune-env"
                yield UserError(what, str(folder), help=advice)
                return


def end(folder: Path, boundary: Boundary) -> Iterator[UserError]:
    """Finishes or takes back what an interrupted run left there, and tells each file that this was about. Raises
    UserError."""
    from dsec_migrate import transaction

    for one in transaction.recover(folder, boundary):
        yield UserError(str(one), str(folder))
