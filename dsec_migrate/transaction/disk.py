"""Single steps on disk, each whole or not at all, and flushed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.source import read_bytes

FOLDER_MODE = 0o700


def staged(path: Path, number: int) -> Path:
    """Where the bytes for ``path`` wait for run ``number``: beside it, so that a rename puts them in place."""
    return path.with_name(f".{path.name}.dsec-{number}")


def stage(path: Path, content: bytes, mode: int, like: os.stat_result | None = None) -> None:
    """Writes a new file that only its owner can read until its ``mode`` (octal permissions) is set at the end.

    ``like`` gives owner and group. Raises OSError; then nothing of it stays.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        # of a run that was killed
        path.unlink()
        descriptor = os.open(path, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if like is not None:
                _keep_owner(stream.fileno(), like)
            if hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def put(path: Path, content: bytes, mode: int) -> None:
    """Puts a small file of our own in place in one step. Raises OSError."""
    temporary = path.with_name(f".{path.name}.new")
    stage(temporary, content, mode)
    os.replace(temporary, path)  # noqa: PTH105
    sync_folder(path.parent)


def settle(temporary: Path, path: Path) -> None:
    """Gives a staged file its name, if nothing has that name yet. Raises FileExistsError, or another OSError."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(str(path)) from None
        os.rename(temporary, path)  # noqa: PTH104
        return
    temporary.unlink()


def overwrite(path: Path, number: int, content: bytes) -> None:
    """Gives a file other bytes in one step; mode and owner stay. Raises OSError."""
    mode, status = permissions(path)
    temporary = staged(path, number)
    stage(temporary, content, mode, status)
    os.replace(temporary, path)  # noqa: PTH105
    sync_folder(path.parent)


def missing_folders(folder: Path) -> list[Path]:
    """What is to be made so that ``folder`` is there, the outermost first."""
    missing = []
    while not folder.is_dir() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    return missing[::-1]


def make_folder(path: Path) -> None:
    """Makes a folder that only its owner enters, with those above it. Raises OSError."""
    for new in missing_folders(path):
        # another run may make it at the same time
        new.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(new.parent)


def remove_empty(folders: Iterable[Path]) -> None:
    """Removes those folders that hold nothing, inner ones first."""
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):
            folder.rmdir()


def place(path: Path) -> Path:
    """One spelling for each place, whatever links lead to its folder. The last part itself may be a link."""
    return Path(os.path.realpath(path.parent)) / path.name


def sync_folder(path: Path) -> None:
    """So that names outlive a power cut; where folders cannot be opened (Windows) or flushed there is nothing to do.

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
    """None where there is no such file. Raises UserError where it cannot be read."""
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
    """The octal permissions of a file as an int, and all that is known of it. Raises OSError."""
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status


def _keep_owner(descriptor: int, status: os.stat_result) -> None:
    """Gives the new file the owner and group of the old one. Who may not give a file away keeps at least the group."""
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
