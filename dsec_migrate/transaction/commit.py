"""All files of a run change, or none; whatever ends the process, every value stays on disk.

Ignore files and secret files come first: alone they harm nobody. New texts then wait beside the files whose place they
take. Only when all of them are on disk the journal says ``committed``, and what is left are renames. A run that ended
before that is taken back by the next one, a later one is finished.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.records import dataclass
from dsec_migrate.secret import Secret
from dsec_migrate.source import Edit, Source
from dsec_migrate.transaction.disk import (
    cannot_write,
    make_folder,
    permissions,
    read,
    settle,
    stage,
    staged,
    sync_folder,
)
from dsec_migrate.transaction.journal import COMMITTED, DONE, Appended, Created, Journal, Removed, Replaced, Run


@dataclass(frozen=True, repr=False, eq=False)
class Addition:
    """A new file with ``mode`` (octal permissions), or text for the end of an ignore file, old or new."""

    path: Path
    content: Secret
    mode: int
    append: bool = False
    is_secret: bool = True


@dataclass(frozen=True, repr=False, eq=False)
class Replacement:
    """New bytes for a file that holds ``before`` now. Symbolic links are followed; mode and owner stay."""

    path: Path
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    edits: tuple[Edit, ...] = field(default=(), repr=False)
    encoding: str = "utf-8"
    mark: int = 0

    @classmethod
    def of(cls, source: Source, text: str, edits: Sequence[Edit]) -> Replacement:
        mark = len(source.byte_order_mark)
        return cls(source.path, source.data, source.encode(text), tuple(edits), source.encoding, mark)


@dataclass(frozen=True, repr=False, eq=False)
class Work:
    """What one run does, each list in its order on disk. ``uses`` are secret files that it found and relies on."""

    additions: Sequence[Addition] = ()
    replacements: Sequence[Replacement] = ()
    removals: Sequence[Path] = ()
    uses: Sequence[Path] = ()
    undoes: int = 0


def commit(folder: Path, work: Work) -> Run:
    """Does all of ``work``, with the journal in ``folder``, or nothing of it.

    Raises UserError when a file changed since it was read, a name is taken, something cannot be written, or another
    run holds the folder.
    """
    journal = Journal(folder)
    new_folders = _missing(journal.folder)
    try:
        with journal.locked():
            recover_locked(journal)
            return _Transaction(journal, work, new_folders).perform()
    except BaseException:
        _remove_empty(journal, new_folders)
        raise


class _Transaction:
    def __init__(self, journal: Journal, work: Work, new_folders: Sequence[Path]) -> None:
        self.journal = journal
        self.work = work
        self.targets = [Path(os.path.realpath(file.path)) for file in work.replacements]
        created, appended, folders = self._additions(new_folders)
        self.run = replace(
            journal.new_run(),
            created=created,
            appended=appended,
            folders=folders,
            replaced=tuple(
                Replaced(
                    target,
                    journal.hash(file.before),
                    journal.hash(file.after),
                    tuple((edit.start, edit.end, edit.text) for edit in file.edits),
                    file.encoding,
                    file.mark,
                )
                for file, target in zip(work.replacements, self.targets, strict=True)
            ),
            removed=tuple(
                Removed(path, journal.hash(content)) for path in work.removals if (content := read(path)) is not None
            ),
            uses=tuple(Path(os.path.abspath(path)) for path in work.uses),  # noqa: PTH100
            undoes=work.undoes,
        )

    def _additions(
        self, new_folders: Sequence[Path]
    ) -> tuple[tuple[Created, ...], tuple[Appended, ...], tuple[Path, ...]]:
        """What the additions are going to make, as the journal tells it."""
        created: list[Created] = []
        appended: list[Appended] = []
        folders = list(new_folders)
        for file in self.work.additions:
            path = Path(os.path.abspath(file.path))  # noqa: PTH100
            present = read(path)
            if file.append:
                appended.append(Appended(path, file.content.reveal(), present is None))
            elif present is None:
                created.append(Created(path, self.journal.hash(_bytes(file)), file.is_secret))
            folders += [new for new in _missing(path.parent) if new not in folders]
        return tuple(created), tuple(appended), tuple(folders)

    def perform(self) -> Run:
        try:
            self._check_unchanged()
            self._keep_originals()
            self.journal.update(self.run)
            for addition in self.work.additions:
                _add(addition, self.run.number)
            for file, target in zip(self.work.replacements, self.targets, strict=True):
                mode, status = permissions(target)
                stage(staged(target, self.run.number), file.after, mode, status)
            self._check_unchanged()
            self.journal.update(replace(self.run, state=COMMITTED))
        except BaseException as error:
            with suppress(OSError, UserError):
                _discard(self.journal, self.run)
            if isinstance(error, OSError):
                raise cannot_write(Path(error.filename or self.journal.folder), error) from None
            raise
        return _finish(self.journal, self.run)

    def _check_unchanged(self) -> None:
        for file, target in zip(self.work.replacements, self.targets, strict=True):
            if read(target) != file.before:
                raise _changed(file.path)

    def _keep_originals(self) -> None:
        """The former bytes, before anything is touched."""
        folder = self.journal.originals(self.run.number)
        # of a run that ended before it was recorded
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        for number, file in enumerate(self.work.replacements):
            stage(folder / str(number), file.before, 0o600)
        sync_folder(folder)


def _bytes(file: Addition) -> bytes:
    return file.content.reveal().encode()


def _add(file: Addition, number: int) -> None:
    """Raises OSError; UserError where a file of that name holds something else."""
    path = Path(os.path.abspath(file.path))  # noqa: PTH100
    make_folder(path.parent)
    temporary = staged(path, number)
    if file.append:
        _append(path, temporary, file)
        return
    stage(temporary, _bytes(file), file.mode)
    try:
        settle(temporary, path)
    except FileExistsError:
        temporary.unlink()
        if not path.is_file() or path.read_bytes() != _bytes(file):
            raise UserError(
                "a file of that name appeared meanwhile; it was left as it is",
                str(file.path),
                help="run the command again",
            ) from None
    sync_folder(path.parent)


def _append(path: Path, temporary: Path, file: Addition) -> None:
    target = Path(os.path.realpath(path))
    present = read(target)
    mode, status = permissions(target) if present is not None else (file.mode, None)
    stage(temporary, (present or b"") + _bytes(file), mode, status)
    os.replace(temporary, target)  # noqa: PTH105
    sync_folder(target.parent)


def _finish(journal: Journal, run: Run) -> Run:
    """What is left of a committed run: renames, and what goes away. Raises UserError and takes all back where a file
    was changed by somebody else meanwhile."""
    try:
        for file in run.replaced:
            current = read(file.path)
            found = "" if current is None else journal.hash(current)
            if found == file.after:
                continue
            temporary = staged(file.path, run.number)
            waiting = read(temporary)
            if found != file.before or waiting is None or journal.hash(waiting) != file.after:
                raise _changed(file.path)
            os.replace(temporary, file.path)  # noqa: PTH105
            sync_folder(file.path.parent)
    except (OSError, UserError) as error:
        _take_back(journal, run)
        raise cannot_write(run.replaced[0].path, error) if isinstance(error, OSError) else error from None
    for gone in run.removed:
        content = read(gone.path)
        if content is not None and journal.hash(content) == gone.content:
            with suppress(OSError):
                gone.path.unlink()
                sync_folder(gone.path.parent)
    _remove_staged(run)
    done = replace(run, state=DONE)
    journal.update(done)
    return done


def _take_back(journal: Journal, run: Run) -> None:
    """Puts the former bytes back where the new ones are. Raises UserError where that cannot be done: the journal still
    knows, and the next run tries again."""
    for number, file in enumerate(run.replaced):
        current = read(file.path)
        if current is None or journal.hash(current) != file.after:
            continue
        try:
            mode, status = permissions(file.path)
            temporary = staged(file.path, run.number)
            stage(temporary, (journal.originals(run.number) / str(number)).read_bytes(), mode, status)
            os.replace(temporary, file.path)  # noqa: PTH105
            sync_folder(file.path.parent)
        except OSError as error:
            raise cannot_write(file.path, error) from None
    _discard(journal, run)


def _discard(journal: Journal, run: Run) -> None:
    """Nothing was replaced: what the run made goes away again. Lines in ignore files stay, they harm nobody."""
    _remove_staged(run)
    for file in run.created:
        content = read(file.path)
        if content is not None and journal.hash(content) == file.content:
            file.path.unlink()
    shutil.rmtree(journal.originals(run.number), ignore_errors=True)
    journal.drop(run.number)
    for folder in reversed(run.folders):
        with suppress(OSError):
            folder.rmdir()


def _remove_staged(run: Run) -> None:
    for path in (*(f.path for f in run.replaced), *(f.path for f in run.created), *(f.path for f in run.appended)):
        with suppress(OSError):
            staged(path, run.number).unlink()


def recover(folder: Path) -> list[Run]:
    """Finishes or takes back what an interrupted run left; returns the runs that were finished.

    Raises UserError where a file that such a run touched was changed since: then it is taken back.
    """
    journal = Journal(folder)
    if not needs_recovery(folder):
        return []
    with journal.locked():
        return recover_locked(journal)


def needs_recovery(folder: Path) -> bool:
    journal = Journal(folder)
    return journal.record.is_file() and any(run.state != DONE or run.undoes for run in journal.runs())


def recover_locked(journal: Journal) -> list[Run]:
    finished: list[Run] = []
    for run in journal.runs():
        if run.state == COMMITTED:
            finished.append(_finish(journal, run))
        elif run.state != DONE:
            _discard(journal, run)
    for run in journal.runs():
        if run.undoes and run.state == DONE:
            forget_undone(journal, run)
    return finished


def forget_undone(journal: Journal, run: Run) -> None:
    """An undo that is done takes itself and what it undid out of the journal, with the folders that are empty then."""
    undone = [other for other in journal.runs() if other.number in {run.number, run.undoes}]
    for other in undone:
        shutil.rmtree(journal.originals(other.number), ignore_errors=True)
    journal.drop(*(other.number for other in undone))
    for folder in sorted({path for other in undone for path in other.folders}, key=str, reverse=True):
        with suppress(OSError):
            folder.rmdir()


def _missing(folder: Path) -> list[Path]:
    """The folders that are to be made for ``folder``, the outermost first."""
    return list(_missing_above(Path(os.path.abspath(folder))))[::-1]  # noqa: PTH100


def _missing_above(folder: Path) -> Iterator[Path]:
    while not folder.is_dir() and folder != folder.parent:
        yield folder
        folder = folder.parent


def _remove_empty(journal: Journal, folders: Iterable[Path]) -> None:
    """A first run that did nothing leaves nothing."""
    with suppress(OSError, UserError):
        if folders and not journal.runs():
            journal.write(())
    for folder in reversed(list(folders)):
        with suppress(OSError):
            folder.rmdir()


def _changed(path: Path) -> UserError:
    return UserError(
        "the file changed while it was being migrated; it was left as it is",
        str(path),
        help="run the command again",
    )
