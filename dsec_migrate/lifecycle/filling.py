"""Prompts for the values of secrets whose files are missing or empty, as in a fresh clone, and writes their exact
bytes.

No value is shown, stored in an environment variable or passed as an argument. Input comes from a terminal without echo
or, if the caller chooses, as ``NAME=value`` lines.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from dsec_migrate.text import ignore_files
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.visible import harmless
from dsec_migrate.transaction import disk

# shows its argument and returns what was typed, without the line's end
Ask = Callable[[str], str]

# a terminal silently truncates longer lines (Linux: MAX_CANON and its newline)
_LONGEST_TYPED_LINE_BYTES = 4094


@dataclass(frozen=True)
class MissingValue:
    """A secret whose file lacks its value. ``mode`` of a new file is an octal permission as an int; ``boundary`` is
    what the call may change."""

    name: str
    path: Path
    mode: int = 0o444
    services: tuple[str, ...] = ()
    boundary: Boundary = Boundary()


def type_unseen(prompt: str) -> str:
    """Reads one line from the terminal without echo.

    Raises UserError where there is no terminal: a line that is typed visibly, or piped by accident, is never accepted.
    """
    import getpass
    import sys
    import warnings

    # getpass would open the terminal despite a pipe, and falls back to visible input
    if not sys.stdin.isatty():
        raise UserError(
            "no terminal to enter the values on",
            help="run it in a terminal, or pipe NAME=value lines to --stdin",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(harmless(prompt))
        except getpass.GetPassWarning:
            raise UserError("this terminal cannot hide the input", help="pipe NAME=value lines to --stdin") from None
        except UnicodeDecodeError:
            raise UserError("the input is not text in the terminal's encoding") from None


def fill_by_asking(missing_values: Iterable[MissingValue], ask: Ask = type_unseen) -> list[MissingValue]:
    """Prompts for one value after the other and writes each immediately; returns the vacancies that were filled.

    An empty input is asked for again, and a second one skips that secret. End of input ends the prompts; what was
    entered until then is written. Raises UserError for input that a terminal cannot pass unchanged (several lines, a
    very long line) and where a file cannot be written.
    """
    filled: list[MissingValue] = []
    for missing in missing_values:
        users = f" (read by {', '.join(missing.services)})" if missing.services else ""
        try:
            value = ask(f"{missing.name}{users}: ") or ask(f"{missing.name}: nothing entered; Enter again skips it: ")
        except EOFError:
            break
        if value:
            _check_typed(missing, value)
            write(missing, Secret(value))
            filled.append(missing)
    return filled


def fill_from_lines(missing_values: Sequence[MissingValue], data: bytes) -> list[MissingValue]:
    """Writes the values of ``NAME=value`` lines (bytes of UTF-8 text); returns those that got one.

    A value is everything between the first ``=`` and the line's end, literally. All lines are checked before anything
    is written. Raises UserError, naming the line but nothing of its value, for a line without ``=``, an unknown or
    repeated name, an empty value, a carriage return at the end; and where a file cannot be written.
    """
    values = _read_lines(data, {missing.name for missing in missing_values})
    filled = [missing for missing in missing_values if missing.name in values]
    for missing in filled:
        write(missing, values[missing.name])
    return filled


def write(missing: MissingValue, value: Secret) -> None:
    """Puts the value's bytes into the file: a new one in a folder of mode 0700 that git ignores, or the empty one that
    is there, which keeps its mode and owner.

    Raises UserError, with no part of the value on disk, when something else stands there by now or cannot be written,
    or where that is outside of what the call may change.
    """
    path, owner = disk.place(missing.path), missing.boundary.owner
    missing.boundary.inside(path)
    content = value.content()
    try:
        if not path.parent.is_dir():
            disk.make_folder(path.parent, owner)
            disk.put(path.parent / ignore_files.NAME, ignore_files.OWN.encode(), 0o644, owner)
        is_new, descriptor = _open(path)
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        # unbuffered: what fails, fails here and not when the stream is closed
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if status.st_size or not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise _appeared(path)
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[stream.write(rest) or 0 :]
                if is_new:
                    disk.adjust(stream.fileno(), missing.mode, owner)
                os.fsync(stream.fileno())
            except BaseException:
                # half a value is worse than none
                with suppress(OSError):
                    stream.truncate(0)
                if is_new:
                    with suppress(OSError):
                        disk.remove(path)
                raise
    except OSError as error:
        raise _cannot_write(path, error) from None


def _open(path: Path) -> tuple[bool, int]:
    """Whether the file is new, and its descriptor for writing; nothing is truncated, no link followed."""
    flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with disk.spot(path) as here:
        try:
            return True, os.open(here.name, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=here.folder)
        except FileExistsError:
            return False, os.open(here.name, flags, dir_fd=here.folder)


def _check_typed(missing: MissingValue, value: str) -> None:
    if value.startswith("-----BEGIN "):
        raise UserError(
            f"the value of {missing.name} has several lines, of which a terminal passes on the first",
            str(missing.path),
            help=f"put the file there itself: install -m {missing.mode:o} KEYFILE PATH",
        )
    if len(value.encode("utf-8", "surrogateescape")) > _LONGEST_TYPED_LINE_BYTES:
        raise UserError(
            f"the value of {missing.name} is too long for a terminal, which cuts such lines off",
            str(missing.path),
            help="feed the line NAME=value with --stdin",
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(
            f"the value of {missing.name} is not text", str(missing.path), help="put the file there itself"
        ) from None


def _read_lines(data: bytes, names: set[str]) -> Mapping[str, Secret]:
    values: dict[str, Secret] = {}
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else (), start=1):
        raw_name, separator, raw_value = line.partition(b"=")
        name = raw_name.decode("utf-8", "replace")
        if not separator:
            raise _bad_line(number, "it has no `=`")
        if name not in names:
            # the text may be part of another value
            raise _bad_line(number, f"no missing file has that name; missing: {', '.join(sorted(names)) or 'none'}")
        if name in values:
            raise _bad_line(number, f"{name} is there twice")
        if not raw_value:
            raise _bad_line(number, f"{name} has no value")
        if raw_value.endswith(b"\r"):
            raise _bad_line(number, f"the value of {name} ends with a carriage return (Windows line endings)")
        try:
            values[name] = Secret(raw_value.decode())
        except UnicodeDecodeError:
            raise _bad_line(number, f"the value of {name} is not UTF-8 text") from None
    return values


def _bad_line(number: int, reason: str) -> UserError:
    return UserError(
        f"line {number} of the standard input is invalid: {reason}",
        help="write one line NAME=value for each secret, with NAME as `dsec-migrate status` lists it; nothing was "
        "written",
    )


def _appeared(path: Path) -> UserError:
    return UserError(
        "the path has changed meanwhile; it was left as it is",
        str(path),
        help="check the file, then run the command again",
    )


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write: {error.strerror or type(error).__name__}",
        str(path),
        help="check the folder's permissions and free space, then run the command again",
    )


def put_whole(path: Path, content: bytes, mode: int, boundary: Boundary) -> None:
    """Writes a file atomically, whatever interrupts it. ``mode`` is an
    octal permission as an int; an existing file keeps its mode and owner. Raises UserError, also for a path
    outside ``boundary``."""
    real = boundary.inside(path)
    try:
        disk.make_folder(real.parent, boundary.owner)
        if real.exists():
            disk.overwrite(real, 0, content)
        else:
            disk.put(real, content, mode, boundary.owner)
    except OSError as error:
        raise _cannot_write(path, error) from None


def overwrite_in_place(path: Path, content: bytes, boundary: Boundary) -> None:
    """Overwrites a secret's file in place, so that containers that mount it see the new bytes at once; a rename would
    hide them (observed with Docker Engine 28). Owner and mode are kept.

    Raises UserError. The caller must have stored the former bytes elsewhere: the file may be left half written.
    """
    real = boundary.inside(path)
    try:
        with disk.spot(real) as here, _writable(here) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise UserError(
                    "it is a device or has hard links: another file would change with it",
                    str(path),
                    help="replace it with a copy, then run the command again",
                )
            with os.fdopen(os.dup(descriptor), "wb", buffering=0) as stream:
                rest = memoryview(content)
                while rest:
                    rest = rest[stream.write(rest) or 0 :]
                stream.truncate(len(content))
                os.fsync(stream.fileno())
    except OSError as error:
        raise _cannot_write(path, error) from None


@contextmanager
def _writable(here: disk.Spot) -> Iterator[int]:
    """The descriptor of a file, made writable for its owner meanwhile. Raises OSError."""
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(here.name, os.O_WRONLY | flags, dir_fd=here.folder)
        mode = None
    except PermissionError:
        reading = os.open(here.name, os.O_RDONLY | flags, dir_fd=here.folder)
        try:
            mode = stat.S_IMODE(os.fstat(reading).st_mode)
            os.chmod(reading, mode | stat.S_IWUSR)  # noqa: PTH101
            descriptor = os.open(here.name, os.O_WRONLY | flags, dir_fd=here.folder)
        finally:
            os.close(reading)
    try:
        yield descriptor
    finally:
        if mode is not None:
            os.chmod(descriptor, mode)  # noqa: PTH101
        os.close(descriptor)


def remove(path: Path, boundary: Boundary) -> None:
    """Deletes a file with a value, if it exists. Raises UserError."""
    real = disk.place(path)
    boundary.inside(real)
    try:
        disk.remove(real)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _cannot_write(path, error) from None
