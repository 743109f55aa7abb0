"""All files of a run change, or none; if the process is killed at any point, every value is still on disk.

Ignore files and secret files come first: they are harmless without the rest. New texts are then staged beside the files
that they replace. Only when all of them are on disk does the journal record ``committed``, and only renames remain. An
interrupted run is rolled back by the next one if it was not committed, and finished if it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field, replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Edit, Source, edits_between
from dsec_migrate.transaction.disk import (
    cannot_write,
    files_in,
    make_folder,
    missing_folders,
    permissions,
    place,
    read,
    remove,
    remove_empty,
    rename,
    settle,
    stage,
    staged,
    sync_folder,
)
from dsec_migrate.transaction.journal import COMMITTED, Appended, Created, Journal, Removed, Replaced, Run
from dsec_migrate.transaction.recovery import changed, discard, finish, forget_undone, recover


@dataclass(frozen=True, repr=False, eq=False)
class Addition:
    """A new file with ``mode`` (octal permissions), or lines appended to a new or existing ignore file."""

    path: Path
    content: Secret
    mode: int
    append: bool = False
    is_secret: bool = True
    folder_mode: int = 0o700


@dataclass(frozen=True, repr=False, eq=False)
class Replacement:
    """New bytes for a file that now holds ``before``. Symbolic links are followed; mode and owner are kept."""

    path: Path
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    edits: tuple[Edit, ...] = field(default=(), repr=False)
    encoding: str = "utf-8"
    mark: int = 0

    @classmethod
    def between(cls, path: Path, before: str, after: str) -> Replacement:
        """For UTF-8 text without a value, whose edits are unknown: the lines that differ."""
        return cls(path, before.encode(), after.encode(), tuple(edits_between(before, after)))

    @classmethod
    def of(cls, source: Source, text: str, edits: Sequence[Edit]) -> Replacement:
        mark = len(source.byte_order_mark)
        return cls(source.path, source.data, source.encode(text), tuple(edits), source.encoding, mark)


@dataclass(frozen=True, repr=False, eq=False)
class Use:
    """A secret file that already exists and holds ``content``: the new texts rely on it."""

    path: Path
    content: Secret


@dataclass(frozen=True, repr=False, eq=False)
class Work:
    """What one run does, each list in the order of writing. ``undoes`` is the number of the run that it undoes.
    ``is_forgotten``: the journal drops it once it is done, so it cannot be undone. ``project`` are the Compose files of
    its project. ``proof`` is called when the ignore files are in place and no value is on disk yet: if it raises
    UserError nothing is done."""

    additions: Sequence[Addition] = ()
    replacements: Sequence[Replacement] = ()
    removals: Sequence[Path] = ()
    uses: Sequence[Use] = ()
    undoes: int = 0
    is_forgotten: bool = False
    proof: Callable[[], None] | None = None
    project: Sequence[Path] = ()

    def places(self) -> list[Path]:
        """All paths that are created, changed or removed."""
        paths = [file.path for file in self.additions]
        return [*paths, *(file.path for file in self.replacements), *self.removals]

    def secret_folders(self) -> set[Path]:
        values = [file.path for file in self.additions if file.is_secret] + [file.path for file in self.uses]
        return {place(path).parent for path in values}


def commit(folder: Path, work: Work, boundary: Boundary) -> Run:
    """Does all of ``work``, with the journal in ``folder``, or none of it.

    Raises UserError when a file changed since it was read, a name is taken, something cannot be written or lies outside
    of ``boundary``, or another run holds the folder.
    """
    journal = Journal(folder, boundary)
    for path in work.places():
        boundary.inside(path)
    for other in {journal.folder, *work.secret_folders()}:
        recover(other, boundary)
    new_folders = missing_folders(journal.folder)
    try:
        with journal.locked():
            if journal.is_interrupted():
                raise UserError("another run was just interrupted", str(journal.folder), help="run the command again")
            run = _Transaction(journal, work, new_folders).perform()
            if run.undoes or work.is_forgotten:
                # what cannot be dropped now, the next run drops
                with suppress(OSError):
                    forget_undone(journal, run)
            return run
    except OSError as error:
        raise cannot_write(Path(error.filename or journal.folder), error) from None
    finally:
        # nothing was done, or all was rolled back
        remove_empty(new_folders)


class _Transaction:
    def __init__(self, journal: Journal, work: Work, new_folders: Sequence[Path]) -> None:
        self.journal = journal
        self.work = work
        self.targets = [journal.boundary.inside(file.path) for file in work.replacements]
        created, appended, folders = self._additions(new_folders)
        beside = {path for made in created for path in files_in(made.path.parent) if made.is_secret}
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
                Removed(place(path), journal.hash(content))
                for path in work.removals
                if (content := read(path)) is not None
            ),
            uses=tuple(place(file.path) for file in work.uses),
            undoes=work.undoes,
            project=tuple(Path(os.path.realpath(path)) for path in work.project),
            beside=tuple(sorted(beside)),
        )

    def _additions(
        self, new_folders: Sequence[Path]
    ) -> tuple[tuple[Created, ...], tuple[Appended, ...], tuple[Path, ...]]:
        """What the additions will create, as recorded in the journal."""
        created: list[Created] = []
        appended: list[Appended] = []
        folders = list(new_folders)
        for file in self.work.additions:
            path = place(file.path)
            present = read(path)
            if file.append:
                target = self.journal.boundary.inside(path)
                appended.append(Appended(target, file.content.reveal(), present is None))
            elif present is None:
                created.append(Created(path, self.journal.hash(_bytes(file)), file.is_secret))
            folders += [new for new in missing_folders(path.parent) if new not in folders]
        return tuple(created), tuple(appended), tuple(folders)

    def perform(self) -> Run:
        self._check_unchanged()
        try:
            self.journal.update(self.run)
            self._keep_originals()
            folders: set[Path] = set()
            proof = self.work.proof
            for addition in self.work.additions:
                if proof is not None and addition.is_secret:
                    proof()
                    proof = None
                folders.add(self._add(addition))
            for file, target in zip(self.work.replacements, self.targets, strict=True):
                mode, status = permissions(target)
                stage(staged(target, self.run.number), file.after, mode, status)
                folders.add(target.parent)
            for folder in folders:
                sync_folder(folder)
            self._check_values()
            self._check_unchanged()
            self.journal.update(replace(self.run, state=COMMITTED))
        except BaseException as error:
            self._give_up()
            if isinstance(error, OSError):
                raise cannot_write(Path(error.filename or self.journal.folder), error) from None
            raise
        return finish(self.journal, self.run)

    def _give_up(self) -> None:
        """As far as possible now; the next run does the rest."""
        with suppress(OSError, UserError):
            if any(run.state == COMMITTED for run in self.journal.runs()):
                self.journal.update(self.run)
            discard(self.journal, self.run)

    def _check_unchanged(self) -> None:
        for file, target in zip(self.work.replacements, self.targets, strict=True):
            if read(target) != file.before:
                raise changed(file.path)

    def _check_values(self) -> None:
        """Each value is in its secret file before it is removed from its old location."""
        values = [(file.path, file.content) for file in self.work.additions if not file.append]
        for path, content in (*values, *((file.path, file.content) for file in self.work.uses)):
            if read(path) != content.content():
                raise UserError(
                    "the secret file was changed in the meantime; nothing was migrated",
                    str(path),
                    help="run the command again",
                )

    def _keep_originals(self) -> None:
        """The original bytes, before anything is changed."""
        folder = self.journal.originals(self.run.number)
        make_folder(folder, self.owner)
        for number, file in enumerate(self.work.replacements):
            stage(folder / str(number), file.before, 0o600, self.owner)
        sync_folder(folder)

    @property
    def owner(self) -> os.stat_result | None:
        return self.journal.boundary.owner

    def _add(self, file: Addition) -> Path:
        """Returns the folder of the name. Raises OSError; UserError where a file of that name has different content."""
        path = place(file.path)
        self.journal.boundary.inside(path)
        make_folder(path.parent, self.owner, file.folder_mode)
        if file.append:
            return self._append(path, file)
        temporary = staged(path, self.run.number)
        stage(temporary, _bytes(file), file.mode, self.owner)
        try:
            settle(temporary, path)
        except FileExistsError:
            remove(temporary)
            if path.is_symlink() or not path.is_file() or read(path) != _bytes(file):
                raise UserError(
                    "a file of that name was created in the meantime; it is unchanged",
                    str(file.path),
                    help="run the command again",
                ) from None
        return path.parent

    def _append(self, path: Path, file: Addition) -> Path:
        target = self.journal.boundary.inside(path)
        present = read(target)
        mode, status = permissions(target) if present is not None else (file.mode, self.owner)
        temporary = staged(target, self.run.number)
        stage(temporary, (present or b"") + _bytes(file), mode, status)
        rename(temporary, target)
        sync_folder(target.parent)
        return target.parent


def _bytes(file: Addition) -> bytes:
    return file.content.content()


__all__ = ["Addition", "Replacement", "Use", "Work", "commit"]
