"""``undo``: reverts the latest run of each project or, with ``--forget``, deletes what an undo needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from dsec_migrate import transaction
from dsec_migrate.cli.parameters import option, switch
from dsec_migrate.cli.verbs.task import ALLOW, ENV_FILES, FILES, LAYERS, SECRETS_DIR, WRITE, ProjectCall, Result, Task
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.interpolation import interpolated
from dsec_migrate.lifecycle.secret_values import masks
from dsec_migrate.migrate.interruptions import each_once, files_read, run_folders
from dsec_migrate.migrate.load import load
from dsec_migrate.planning.naming import Style
from dsec_migrate.planning.secret_files import journals_below
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.page import Page
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError, told
from dsec_migrate.text.records import dataclass


class Call(ProjectCall):
    """Undo the latest migration of a project: restore every file, byte for byte.

    Edits made since elsewhere in these files are kept. If a line that the migration changed was edited since, that is
    an error and nothing is changed.
    """

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    project_directory: Path | None = option("--project-directory", "DIR", Path, "As in docker compose.")
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    forget: bool = switch("--forget", "Instead, delete the original files, which contain the values in plaintext.")
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    return perform(Task.of(call), forget=call.forget).tell()


@dataclass(frozen=True, eq=False)
class _Known:
    """One project: the folders in which its runs may have left a journal, and the files it reads.
    ``hide`` masks its values."""

    files: ProjectFiles
    boundary: Boundary
    folders: Sequence[Path]
    read: Sequence[Path]
    hide: Callable[[str], str] = str

    def runs(self, folder: Path) -> list[transaction.Run]:
        return transaction.runs_of(folder, self.boundary, self.files.paths, self.read)

    @property
    def own(self) -> set[Path]:
        return {Path(os.path.realpath(path)) for path in self.files.paths}


@dataclass(frozen=True, eq=False)
class _Found:
    """The latest run of a project."""

    known: _Known
    folder: Path
    run: transaction.Run


def perform(task: Task, *, forget: bool = False) -> Result:
    """Each project independently: one that cannot be undone is reported, the others continue."""
    errors: list[UserError] = []
    projects: list[_Known] = []
    for files in task.projects:
        try:
            projects.append(_known(files, task))
        except Exception as error:
            errors.append(told(error, files.name))
    is_told = (_forget if forget else _undo)(projects, task, errors)
    if is_told and not task.write:
        task.page.blank()
        task.page.sentence("nothing written: add --write", paint=task.page.style.bold)
    return Result(task.page, errors)


def _known(files: ProjectFiles, task: Task) -> _Known:
    """Finds the projects, also if their files have become invalid since. Raises UserError."""
    try:
        root = load(files, task.options, task.shell)
    except UserError:
        if not any(path.exists() for path in files.paths):
            raise
        boundary = Boundary.around(
            files.folder, (*files.named, *task.options.allow), interpolated(task.options.secrets_dir or "", task.shell)
        )
        named = files.directory / (task.options.secrets_dir or Style().directory)
        return _Known(files, boundary, each_once([named, *journals_below(files.directory)]), ())
    folders = run_folders(files, root, task.options)
    return _Known(files, root.boundary, folders, list(files_read(root)), hider(masks(root, task.options)))


# --- back ---


def _undo(projects: Sequence[_Known], task: Task, errors: list[UserError]) -> bool:
    """The runs of one command, the latest first: a later run may use what an earlier one made."""
    page = task.page
    found: list[_Found] = []
    named = {path for known in projects for path in known.own}
    for known in projects:
        try:
            if task.write:
                for ended in (ended for folder in known.folders for ended in _recovered(known, folder)):
                    page.sentence(str(ended))
            latest = _latest(known, named)
        except Exception as error:
            errors.append(told(error, known.files.name))
            continue
        if latest is None:
            page.sentence(f"{known.files.name}: there is nothing to undo")
        else:
            found.append(latest)
    before: dict[str, list[int]] = {}
    for one in sorted(found, key=lambda one: (one.run.seconds, str(one.folder), one.run.number), reverse=True):
        done = before.setdefault(os.path.realpath(one.folder), [])
        if one.run.number in done:
            continue
        if len(task.projects) > 1:
            page.rule(one.known.files.name)
        try:
            undoing = transaction.plan_undo(one.folder, one.run, one.known.boundary, done)
            if task.write:
                transaction.undo(undoing)
            page.hide = one.known.hide
            _tell(page, undoing, is_written=task.write)
            done.append(one.run.number)
        except Exception as error:
            errors.append(told(error, one.known.files.name))
    return bool(found)


def _recovered(known: _Known, folder: Path) -> Sequence[transaction.Recovered]:
    """Finishes what an interrupted run left, if it is the project's own: other projects may be below its folder."""
    try:
        is_own = bool(transaction.interrupted_of(folder, known.boundary, known.files.paths, known.read))
    except UserError:
        # reported if nothing else is found
        return ()
    return transaction.recover(folder, known.boundary) if is_own else ()


def _latest(known: _Known, named: Set[Path]) -> _Found | None:
    """The project's latest run: its own, or one that changed its files for a project that the command does not name.

    Raises UserError where there is none, but a journal that may contain one cannot be used."""
    found: list[_Found] = []
    problem: UserError | None = None
    for folder in known.folders:
        try:
            runs = [run for run in known.runs(folder) if named.isdisjoint(run.project) or known.own & {*run.project}]
            found += [_Found(known, folder, run) for run in runs[-1:]]
        except UserError as error:
            problem = problem or error
    if not found and problem is not None:
        raise problem
    return max(found, key=lambda one: (one.run.seconds, one.run.number), default=None)


def _tell(page: Page, undoing: transaction.Undoing, *, is_written: bool) -> None:
    page.heading(f"{'Undone' if is_written else 'Would undo'}: run {undoing.run.number} of {_when(undoing.run)}")
    rows = [(_shown(path), "restored, byte for byte") for path in undoing.restored]
    rows += [(_shown(path), "restored, keeping edits made elsewhere since") for path in undoing.merged]
    rows += [(_shown(path), "removed") for path in undoing.removed]
    page.table(rows)
    if undoing.changed:
        page.heading("Kept")
        for path in undoing.changed:
            page.sentence(
                f"{_shown(path)} has changed since: the files get the original value back",
                indent="    ",
                first="  ",
            )
    for path in undoing.used:
        page.sentence(f"{_shown(path)} is kept: a later run uses it", indent="    ", first="  ")
    for path in undoing.ignoring:
        page.sentence(
            f"{_shown(path)} keeps its lines: it still covers values that git must ignore", indent="    ", first="  "
        )


# --- no way back ---


def _forget(projects: Sequence[_Known], task: Task, errors: list[UserError]) -> bool:
    is_told = False
    problems: list[UserError] = []
    done: set[str] = set()
    for known in projects:
        task.page.hide = known.hide
        for folder in known.folders:
            try:
                if os.path.realpath(folder) not in done and known.runs(folder):
                    done.add(os.path.realpath(folder))
                    is_told = _forget_in(folder, known.boundary, task) or is_told
            except Exception as error:
                problems.append(told(error, known.files.name))
    if not is_told:
        # a journal below that belongs to other projects does not matter here
        errors += problems
        task.page.sentence("nothing to forget: no original files are kept")
    return is_told


def _forget_in(folder: Path, boundary: Boundary, task: Task) -> bool:
    originals = transaction.remaining_originals(folder, boundary)
    if not originals:
        return False
    task.page.heading("Deleted" if task.write else "Would delete permanently")
    task.page.table([(_shown(kept), f"the original {_shown(path)}") for path, kept in originals])
    if task.write:
        transaction.forget(folder, boundary)
    return True


def _when(run: transaction.Run) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(run.seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _shown(path: Path) -> str:
    """The path relative to the current folder, if it is below it."""
    here = os.getcwd()  # noqa: PTH109
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else str(path)
