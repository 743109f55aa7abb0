"""Single steps on disk, each atomic and flushed.

Every step names a file in a folder that was opened from the root without following a link. So paths are real ones
(:func:`place`), and a link planted between a check and a step cannot redirect the step: it fails.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import read_bytes

FOLDER_MODE = 0o700
# not available on Windows
_KNOWS_FOLDERS = os.open in os.supports_dir_fd
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# a folder that can be traversed but not listed is good enough (Linux)
_PASSING = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)


class Spot(NamedTuple):
    """A ``name`` in an open ``folder``, for the ``dir_fd`` of a call; None where the system does not support it, and
    then the name is the whole path."""

    folder: int | None
    name: str


@contextmanager
def spot(path: Path) -> Iterator[Spot]:
    """Raises OSError where a folder on the way is missing, or is a link."""
    if not _KNOWS_FOLDERS:
        yield Spot(None, str(path))
        return
    descriptor = _entered(path.parent)
    try:
        yield Spot(descriptor, path.name)
    finally:
        os.close(descriptor)


def _entered(folder: Path) -> int:
    root, *names = Path(os.path.abspath(folder)).parts  # noqa: PTH100
    descriptor = os.open(root, _PASSING)
    for name in names:
        try:
            inner = os.open(name, _PASSING, dir_fd=descriptor)
        except OSError as error:
            error.filename = str(folder)
            raise
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def staged(path: Path, number: int) -> Path:
    """Where the bytes for ``path`` are staged by run ``number``: beside it, so that a rename puts them in place."""
    return path.with_name(f".{path.name}.dsec-{number}")


def stage(path: Path, content: bytes, mode: int, like: os.stat_result | None = None) -> None:
    """Writes a new file that only its owner can read until its ``mode`` (octal permissions) is set at the end.

    ``like`` is the file to copy owner and group from. Raises OSError; then nothing of it remains.
    """
    with spot(path) as here:
        descriptor = _made(here)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                adjust(stream.fileno(), mode, like)
                os.fsync(stream.fileno())
        except BaseException:
            with suppress(OSError):
                os.unlink(here.name, dir_fd=here.folder)
            raise


def _made(here: Spot) -> int:
    """The descriptor of a file that did not exist."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
    try:
        return os.open(here.name, flags, 0o600, dir_fd=here.folder)
    except FileExistsError:
        # left by a run that was killed
        os.unlink(here.name, dir_fd=here.folder)
        return os.open(here.name, flags, 0o600, dir_fd=here.folder)


def open_lock(path: Path, like: os.stat_result | None = None) -> BinaryIO:
    """A file to lock, created where it is missing. Raises OSError, also for a link."""
    with spot(path) as here:
        flags = os.O_WRONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(here.name, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=here.folder)
            if like is not None:
                _keep_owner(descriptor, like)
        except FileExistsError:
            descriptor = os.open(here.name, flags, dir_fd=here.folder)
    return os.fdopen(descriptor, "wb")


def put(path: Path, content: bytes, mode: int, like: os.stat_result | None = None) -> None:
    """Replaces a small file of this program atomically. Raises OSError."""
    temporary = path.with_name(f".{path.name}.new")
    stage(temporary, content, mode, like)
    rename(temporary, path)
    sync_folder(path.parent)


def keep_out_of_git(folder: Path, like: os.stat_result | None = None) -> None:
    """Makes a folder of this program ignore itself, whatever the repository has put there. Raises OSError."""
    path = folder / ".gitignore"
    if path.is_symlink() or not path.is_file() or read_bytes(path) != b"*\n":
        put(path, b"*\n", 0o600, like)


def rename(path: Path, to: Path) -> None:
    """Renames a file within its folder, replacing any file of that name. Raises OSError."""
    with spot(path) as here:
        os.replace(here.name, _beside(here, to), src_dir_fd=here.folder, dst_dir_fd=here.folder)


def settle(temporary: Path, path: Path) -> None:
    """Gives a staged file its name, if that name is free. Raises FileExistsError, or another OSError."""
    with spot(temporary) as here:
        name = _beside(here, path)
        try:
            os.link(here.name, name, src_dir_fd=here.folder, dst_dir_fd=here.folder, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError(str(path)) from None
            os.rename(here.name, name, src_dir_fd=here.folder, dst_dir_fd=here.folder)
            return
        os.unlink(here.name, dir_fd=here.folder)


def _beside(here: Spot, path: Path) -> str:
    return str(path) if here.folder is None else path.name


def overwrite(path: Path, number: int, content: bytes) -> None:
    """Replaces a file's bytes atomically; mode and owner are kept. Raises OSError."""
    mode, status = permissions(path)
    temporary = staged(path, number)
    stage(temporary, content, mode, status)
    rename(temporary, path)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Raises OSError."""
    with spot(path) as here:
        os.unlink(here.name, dir_fd=here.folder)


def remove_folder(path: Path, but: str = "") -> None:
    """Removes a folder with its files, or only the files, all but one. Raises OSError, also for a subfolder."""
    for entry in sorted(os.listdir(path)):  # noqa: PTH208
        if entry != but:
            remove(path / entry)
    if not but:
        with spot(path) as here:
            os.rmdir(here.name, dir_fd=here.folder)


def missing_folders(folder: Path) -> list[Path]:
    """The folders to create so that ``folder`` exists, the outermost first."""
    missing = []
    while not folder.is_dir() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    return missing[::-1]


def make_folder(path: Path, like: os.stat_result | None = None, mode: int = FOLDER_MODE) -> None:
    """Creates a folder that only its owner can enter, and its parents; ``mode`` is that of the innermost, owner and
    group are copied from ``like``. Raises OSError."""
    for new in missing_folders(path):
        with spot(new) as here:
            try:
                os.mkdir(here.name, mode if new == path else FOLDER_MODE, dir_fd=here.folder)
            except FileExistsError:
                # another run may create it at the same time
                continue
            if like is not None or (mode != FOLDER_MODE and new == path):
                _adjust_folder(here, like, mode if new == path else FOLDER_MODE)
        sync_folder(new.parent)


def _adjust_folder(here: Spot, like: os.stat_result | None, mode: int) -> None:
    if here.folder is None:
        return
    descriptor = os.open(here.name, os.O_RDONLY | _NO_LINK | os.O_DIRECTORY, dir_fd=here.folder)
    try:
        adjust(descriptor, mode, like)
    finally:
        os.close(descriptor)


def adjust(descriptor: int, mode: int, like: os.stat_result | None = None) -> None:
    """Sets mode (octal permissions) and owner of a new file, regardless of the umask."""
    if like is not None:
        _keep_owner(descriptor, like)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)


def remove_empty(folders: Iterable[Path]) -> None:
    """Removes those folders that are empty, inner ones first."""
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError), spot(folder) as here:
            os.rmdir(here.name, dir_fd=here.folder)


def files_in(folder: Path) -> list[Path]:
    """The entries of a folder; none where it does not exist."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def place(path: Path) -> Path:
    """One spelling for each path, with the links to its folder resolved. The last part itself may be a link."""
    return Path(os.path.realpath(path.parent)) / path.name


def sync_folder(path: Path) -> None:
    """Flushes names so that they survive a power cut; a no-op where folders cannot be opened (Windows) or flushed.

    Raises OSError where the disk fails.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in {errno.EIO, errno.ENOSPC, errno.EDQUOT}:
            raise


def read(path: Path) -> bytes | None:
    """None where there is no such file. Raises UserError where it cannot be read, or is not a regular file."""
    try:
        return read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(
            f"cannot read the file: {error.strerror or type(error).__name__}",
            str(path),
            help="make it readable, then run the command again",
        ) from None


def permissions(path: Path) -> tuple[int, os.stat_result]:
    """The octal permissions of a file as an int, and its stat result. Raises OSError."""
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status


def _keep_owner(descriptor: int, status: os.stat_result) -> None:
    """Gives the new file the owner and group of the old one; the group only where the owner may not be changed."""
    if not hasattr(os, "fchown"):
        return
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) == (status.st_uid, status.st_gid):
        return
    try:
        os.fchown(descriptor, status.st_uid, status.st_gid)
    except PermissionError:
        with suppress(PermissionError):
            os.fchown(descriptor, -1, status.st_gid)


def cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write: {error.strerror or type(error).__name__}",
        str(path),
        help="check the folder's permissions and free space, then run the command again",
    )
