"""``undo``: the latest run of a project is taken back, or, with ``--forget``, can no longer be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dsec_migrate import transaction
from dsec_migrate.discovery import ProjectFiles
from dsec_migrate.errors import UserError, told
from dsec_migrate.files import journal_folders
from dsec_migrate.holdings import masks
from dsec_migrate.migrate import load
from dsec_migrate.naming import JOURNAL, Style
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.page import Page
from dsec_migrate.verbs import Result, Task


def perform(task: Task, *, forget: bool = False) -> Result:
    """Each project for itself: one that cannot be taken back is told and left."""
    errors: list[UserError] = []
    is_told = False
    for files in task.projects:
        if len(task.projects) > 1:
            task.page.rule(files.name)
        try:
            folders = _folders(files, task)
            is_told = (_forget(folders, task) if forget else _undo(files, folders, task)) or is_told
        except Exception as error:
            errors.append(told(error, files.name))
    if is_told and not task.write:
        task.page.blank()
        task.page.sentence("nothing written: add --write", paint=task.page.style.bold)
    return Result(task.page, errors)


def _folders(files: ProjectFiles, task: Task) -> list[Path]:
    """The folders with a journal: also where the files have become invalid since, to be undone all the same."""
    try:
        root = load(files, task.options, task.shell)
        task.page.hide = hider(masks(root, task.options))
        return journal_folders(root, task.options)
    except UserError:
        if not any(path.exists() for path in files.paths):
            raise
        folder = files.directory / (task.options.secrets_dir or Style().directory)
        return [folder] if os.path.isdir(os.path.join(folder, JOURNAL)) else []  # noqa: PTH112, PTH118


def _undo(files: ProjectFiles, folders: Sequence[Path], task: Task) -> bool:
    page = task.page
    if task.write:
        for folder in folders:
            transaction.recover(folder)
    found = [(folder, run) for folder in folders if (run := transaction.latest(folder, files.paths)) is not None]
    if not found:
        page.sentence(f"{files.name}: there is nothing to undo")
        return False
    folder, run = max(found, key=lambda pair: (pair[1].seconds, pair[1].number))
    undoing = transaction.plan_undo(folder, run)
    if task.write:
        transaction.undo(undoing)
    _tell(page, undoing, is_written=task.write)
    return True


def _tell(page: Page, undoing: transaction.Undoing, *, is_written: bool) -> None:
    page.heading(f"{'Undone' if is_written else 'Would undo'}: run {undoing.run.number} of {_when(undoing.run)}")
    rows = [(_shown(path), "as it was, byte for byte") for path in undoing.restored]
    rows += [(_shown(path), "as it was, with what was edited elsewhere since") for path in undoing.merged]
    rows += [(_shown(path), "removed") for path in undoing.removed]
    page.table(rows)
    if undoing.changed:
        page.heading("Kept")
        for path in undoing.changed:
            page.sentence(
                f"{_shown(path)} has changed since: what goes back into the files is the former value",
                indent="    ",
                first="  ",
            )
    for path in undoing.used:
        page.sentence(f"{_shown(path)} is kept: a later run uses it", indent="    ", first="  ")


def _forget(folders: Iterable[Path], task: Task) -> bool:
    is_told = False
    for folder in folders:
        originals = transaction.remaining_originals(folder)
        if not originals:
            continue
        is_told = True
        task.page.heading("Deleted" if task.write else "Would delete, for ever")
        task.page.table([(_shown(kept), f"the former {_shown(path)}") for path, kept in originals])
        if task.write:
            transaction.forget(folder)
    if not is_told:
        task.page.sentence("no former files are kept: there is nothing to forget")
    return is_told


def _when(run: transaction.Run) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(run.seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _shown(path: Path) -> str:
    """As seen from here, where it is below."""
    here = os.getcwd()  # noqa: PTH109
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else str(path)
