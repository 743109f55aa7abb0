"""The record of runs, in the secrets folder: no value in it, only keyed hashes of the contents before and after.

``FOLDER/.journal/`` holds the random key, the record and the lock; ``FOLDER/.undo/N/`` the original bytes of the files
that run N replaced. Both are ignored by git and inaccessible to other users.

A record lists files to overwrite and to delete. One that came with a repository is untrusted input, so no record is
followed before :meth:`Journal.check` has verified where it comes from.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from dsec_migrate.text.boundary import Boundary, outside
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, replace
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.text.source import read_bytes
from dsec_migrate.text.structured import json_of
from dsec_migrate.transaction import git_index
from dsec_migrate.transaction.disk import (
    cannot_write,
    keep_out_of_git,
    make_folder,
    open_lock,
    put,
    remove,
    remove_empty,
    remove_folder,
    sync_folder,
)

LOCK_SECONDS = 10.0
_FORMAT = 1
_KEY_BYTES = 32
_FILES = ("lock", "key", "runs.json")

PREPARED, COMMITTED, DONE = "prepared", "committed", "done"


@dataclass(frozen=True)
class Replaced:
    """A file that receives new text: keyed hashes of its bytes before and after, and the edits between them.

    ``edits`` are (start, end, new text) in characters of the original text; what they insert is not secret.
    ``encoding`` decodes both; ``mark`` is the length of its byte order mark in bytes.
    """

    path: Path
    before: str
    after: str
    edits: tuple[tuple[int, int, str], ...] = ()
    encoding: str = "utf-8"
    mark: int = 0


@dataclass(frozen=True)
class Created:
    """A file that did not exist. ``content`` is the keyed hash of its bytes."""

    path: Path
    content: str
    is_secret: bool = False


@dataclass(frozen=True)
class Appended:
    """Lines appended to a world-readable text file, which ``is_new`` or existed before."""

    path: Path
    text: str
    is_new: bool


@dataclass(frozen=True)
class Removed:
    """A file that is removed when all else is done, if it still has the content of the keyed hash."""

    path: Path
    content: str


@dataclass(frozen=True)
class Run:
    """``uses`` are existing secret files that the run relies on. ``has_originals``: the original bytes are kept.

    ``undoes`` is the number of the run that this one undoes, 0 for a migration. ``seconds`` count from 1970.
    ``project`` are the Compose files of the run's project, ``beside`` what was in the folders of its secret files
    before; both are empty in the record of an older version.
    """

    number: int
    state: str
    seconds: float
    replaced: tuple[Replaced, ...] = ()
    created: tuple[Created, ...] = ()
    appended: tuple[Appended, ...] = ()
    removed: tuple[Removed, ...] = ()
    folders: tuple[Path, ...] = ()
    uses: tuple[Path, ...] = ()
    has_originals: bool = True
    undoes: int = 0
    project: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """The files that it affects."""
        paths = [file.path for file in self.replaced]
        paths += [file.path for file in self.created]
        paths += [lines.path for lines in self.appended]
        paths += [file.path for file in self.removed]
        return list(dict.fromkeys(paths))


class Journal:
    """The journal of one secrets folder. Nothing is created on disk before the first run is recorded."""

    def __init__(self, folder: Path, boundary: Boundary) -> None:
        # the same journal, with links resolved
        self.folder = Path(os.path.realpath(folder))
        self._named = folder
        self.boundary = boundary
        self._key = b""
        self._is_trusted = False
        # folders that a run created and that may be empty when the lock is released
        self.abandoned: set[Path] = set()

    @property
    def home(self) -> Path:
        return self.folder / JOURNAL

    @property
    def record(self) -> Path:
        return self.home / "runs.json"

    def originals(self, number: int) -> Path:
        """The folder with the original bytes of the files that a run replaced, named ``0``, ``1``, … in its order."""
        return self.folder / UNDO / str(number)

    def check(self) -> None:
        """Raises UserError where the journal is not this user's own: it is outside what the call may change, a part of
        it is a link or not a regular file, has another owner, or came with the repository."""
        if self._is_trusted:
            return
        if not self.boundary.surrounds(self.folder):
            raise outside(self._named)
        parts = (self.home, self.folder / UNDO, *(self.home / name for name in _FILES))
        reason = next((found for path in parts if (found := self._reason_against(path))), "")
        if reason:
            raise UserError(
                f"the journal of earlier runs is not used: {reason}",
                str(self.home),
                help=f"inspect it; to continue without it, move {self.home} and {self.folder / UNDO} away",
            )
        self._is_trusted = True

    def _reason_against(self, path: Path) -> str:
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        is_folder = path in {self.home, self.folder / UNDO}
        name = path.relative_to(self.folder).as_posix()
        if not (stat.S_ISDIR if is_folder else stat.S_ISREG)(status.st_mode):
            return f"{name} is no {'folder' if is_folder else 'plain file'} of its own"
        if not is_folder and status.st_nlink > 1:
            return f"{name} is hard-linked from elsewhere"
        if not self.boundary.is_of_caller(status):
            return f"{name} belongs to another user"
        if not is_folder and path.name != "lock" and git_index.is_tracked(path):
            return f"git tracks {name}: it came with the repository"
        return ""

    def check_places(self, run: Run) -> None:
        """Raises UserError where a run to finish or undo lists a file that the call may not change."""
        for path in (*run.paths, *run.folders):
            is_beside = Path(os.path.realpath(path)).is_relative_to(self.folder) and self.boundary.surrounds(path)
            # a folder created for the journal is removed when it is empty
            is_beside = is_beside or (path in run.folders and self.folder.is_relative_to(path))
            if not is_beside and not self.boundary.holds(path):
                raise UserError(
                    f"the journal mentions {path}, which is outside the project: nothing was done",
                    str(self.record),
                    help=f"if a run of yours changed it: --allow {path.parent}",
                )

    def runs(self) -> list[Run]:
        """All runs in their order. Raises UserError where the record cannot be read."""
        self.check()
        if not os.path.lexists(self.record):
            return []
        try:
            data = json_of(read_bytes(self.record))
            if data["version"] == _FORMAT:
                return [self._run(entry) for entry in data["runs"]]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
        raise UserError(
            "the journal of earlier runs cannot be read",
            str(self.record),
            help="it may be from a newer version of dsec-migrate; to continue without it, move its folder away",
        )

    def is_interrupted(self) -> bool:
        """Whether a run was interrupted. Raises UserError where the record cannot be read."""
        return any(run.state != DONE or run.undoes for run in self.runs())

    def write(self, runs: Sequence[Run]) -> None:
        """Replaces the record atomically; removes it when there are no runs. Raises OSError."""
        if not runs:
            with suppress(FileNotFoundError):
                remove(self.record)
            return
        data = {"version": _FORMAT, "runs": [self._data(run) for run in runs]}
        self._put(self.record, json.dumps(data, indent=1).encode())

    def update(self, run: Run) -> None:
        """Replaces the run of the same number, or adds it. Raises OSError."""
        runs = [other for other in self.runs() if other.number != run.number]
        self.write(sorted([*runs, run], key=lambda other: other.number))

    def drop(self, number: int) -> None:
        """Drops a run from the record. Raises OSError."""
        self.write([run for run in self.runs() if run.number != number])

    def hash(self, content: bytes) -> str:
        """A keyed hash, which reveals nothing about ``content`` without the key. Raises UserError without the key."""
        if not self._key:
            with suppress(OSError):
                self._key = read_bytes(self._key_file)
            if len(self._key) != _KEY_BYTES:
                self._key = b""
                raise UserError(
                    "the journal's key is gone: earlier runs cannot be compared",
                    str(self._key_file),
                    help=f"without it: move its folder away; the original files are in {self.folder / UNDO}",
                )
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    def new_run(self) -> Run:
        """The number of the next run. Folders with original bytes that are in no record keep their numbers."""
        numbers = [run.number for run in self.runs()]
        with suppress(OSError):
            numbers += [int(entry.name) for entry in (self.folder / UNDO).iterdir() if entry.name.isdecimal()]
        return Run(max(numbers, default=0) + 1, PREPARED, time.time())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time works on the folder; the next one waits for up to ten seconds.

        Raises UserError then. The lock ends with its process in any case. A journal without a run is removed.
        """
        with self._lock():
            try:
                self._prepare()
                yield
            finally:
                if not self.record.exists():
                    self._remove()
                remove_empty(self.abandoned)

    def _lock(self) -> BinaryIO:
        """The lock's file, held by this process until it is closed."""
        path = self.home / "lock"
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                self.check()
                make_folder(self.home, self.boundary.owner)
                stream = open_lock(path, self.boundary.owner)
            except FileNotFoundError:
                # the run before removed the journal
                stream = None
            except OSError as error:
                raise cannot_write(self.home, error) from None
            if stream is not None:
                if _take(stream) and _is_at(path, stream):
                    return stream
                stream.close()
            if time.monotonic() > until:
                raise UserError(
                    "another run is working on this folder",
                    str(path),
                    help="wait until it is done, then run the command again",
                )
            time.sleep(0.05)

    def _prepare(self) -> None:
        """Creates what the journal needs besides its record. Raises UserError."""
        try:
            for folder in (self.home, self.folder / UNDO):
                make_folder(folder, self.boundary.owner)
                keep_out_of_git(folder, self.boundary.owner)
            # a new key would invalidate all hashes of the record
            if not self._key_file.exists() and not self.record.exists():
                self._put(self._key_file, os.urandom(_KEY_BYTES))
        except OSError as error:
            raise cannot_write(self.home, error) from None

    def _put(self, path: Path, content: bytes) -> None:
        put(path, content, 0o600, self.boundary.owner)

    @property
    def _key_file(self) -> Path:
        return self.home / "key"

    def _remove(self) -> None:
        """Removes a journal without a record. Original bytes that may still be needed are kept. The lock is removed
        last: from then on the next run may be at work here."""
        undo = self.folder / UNDO
        with suppress(OSError):
            if {entry.name for entry in undo.iterdir()} <= {".gitignore", "..gitignore.new"}:
                remove_folder(undo)
        with suppress(OSError):
            remove_folder(self.home, but="lock")
            remove_folder(self.home)
            sync_folder(self.folder)

    # --- the record as JSON; paths are relative to the folder, so that a project can be moved ---

    def _relative(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path, self.folder)).as_posix()
        except ValueError:
            # another drive
            return path.as_posix()

    def _absolute(self, text: str) -> Path:
        return Path(os.path.normpath(self.folder / text))

    def _data(self, run: Run) -> dict[str, Any]:
        return {
            "number": run.number,
            "state": run.state,
            "seconds": run.seconds,
            "undoes": run.undoes,
            "originals": run.has_originals,
            "replaced": [
                {
                    "path": self._relative(file.path),
                    "before": file.before,
                    "after": file.after,
                    "edits": file.edits,
                    "encoding": file.encoding,
                    "mark": file.mark,
                }
                for file in run.replaced
            ],
            "created": [
                {"path": self._relative(file.path), "content": file.content, "secret": file.is_secret}
                for file in run.created
            ],
            "appended": [
                {"path": self._relative(file.path), "text": file.text, "new": file.is_new} for file in run.appended
            ],
            "removed": [{"path": self._relative(file.path), "content": file.content} for file in run.removed],
            "folders": [self._relative(path) for path in run.folders],
            "uses": [self._relative(path) for path in run.uses],
            "project": [self._relative(path) for path in run.project],
            "beside": [self._relative(path) for path in run.beside],
        }

    def _run(self, data: dict[str, Any]) -> Run:
        return Run(
            data["number"],
            data["state"],
            data["seconds"],
            tuple(
                Replaced(
                    self._absolute(file["path"]),
                    file["before"],
                    file["after"],
                    tuple((start, end, text) for start, end, text in file["edits"]),
                    file["encoding"],
                    file["mark"],
                )
                for file in data["replaced"]
            ),
            tuple(Created(self._absolute(f["path"]), f["content"], f["secret"]) for f in data["created"]),
            tuple(Appended(self._absolute(f["path"]), f["text"], f["new"]) for f in data["appended"]),
            tuple(Removed(self._absolute(f["path"]), f["content"]) for f in data["removed"]),
            tuple(map(self._absolute, data["folders"])),
            tuple(map(self._absolute, data["uses"])),
            data["originals"],
            data["undoes"],
            tuple(map(self._absolute, data.get("project", ()))),
            tuple(map(self._absolute, data.get("beside", ()))),
        )


def without_originals(run: Run) -> Run:
    return replace(run, has_originals=False)


def _take(stream: BinaryIO) -> bool:
    """Whether this process has the lock now."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(path: Path, stream: BinaryIO) -> bool:
    """Whether the open file is still the one at its path: a run that removes the journal removes its lock too."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.lstat())
    except OSError:
        return False


__all__ = [
    "COMMITTED",
    "DONE",
    "PREPARED",
    "Appended",
    "Created",
    "Journal",
    "Removed",
    "Replaced",
    "Run",
    "without_originals",
]
