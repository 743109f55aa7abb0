"""The state of a project's secrets on this host: their files, variables and names in Swarm.

Nothing is written, and no sentence contains a value or its length. Who can read a mounted file was observed with
Docker Engine 28 (docs/architecture.md): a file source is a bind mount, so the owner and mode on the host apply, even to
root without its capabilities; the mode of the folder does not matter inside a container.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from dsec_migrate import git
from dsec_migrate.stores.swarm_limits import MAXIMUM_BYTES
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import read_bytes

_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Kind(str, Enum):
    """What exists at a secret's path. ``unreadable``: no permission to read it; ``other``: a device, a pipe, a
    socket."""

    MISSING = "missing"
    FILE = "file"
    DIRECTORY = "directory"
    UNREADABLE = "unreadable"
    OTHER = "other"


@dataclass(frozen=True)
class Reader:
    """A service that reads secret files, and the user that its program runs as.

    ``uid`` None: unknown. ``groups`` are all of its group IDs: a ``user: "1000"`` that the image has no
    account for is in group 0. ``has_capabilities``: root with the capabilities that Docker gives by default, which
    reads everything.
    """

    service: str
    uid: int | None = None
    groups: frozenset[int] = frozenset()
    has_capabilities: bool = False


@dataclass(frozen=True)
class SecretFile:
    """The file of one secret, and who reads it. ``is_of_builds``: only builds do, as the user who starts them. Without
    ``is_value``, the file has its own format (a .npmrc, a key), in which line endings are not checked."""

    name: str
    path: Path
    readers: tuple[Reader, ...] = ()
    is_of_builds: bool = False
    is_value: bool = True


@dataclass(frozen=True)
class FileState:
    """One secret's file on disk.

    ``has_final_newline`` applies only to a value of one line: texts of several lines, such as keys, end with one.
    ``mode`` is an octal permission as an int; it, ``uid`` and ``gid`` are None where they mean nothing (Windows) or
    nothing exists. ``closed_folder`` is the nearest parent folder that only its owner can enter. ``is_ignored`` is
    None where no repository contains the path, or git does not answer (``unanswered``). ``is_too_large``: for Swarm;
    such content was not examined.
    """

    secret: SecretFile
    kind: Kind
    is_empty: bool = False
    is_too_large: bool = False
    has_final_newline: bool = False
    has_carriage_return: bool = False
    has_byte_order_mark: bool = False
    is_utf_16: bool = False
    has_nul: bool = False
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    closed_folder: Path | None = None
    is_tracked: bool = False
    is_ignored: bool | None = None
    unanswered: UserError | None = None

    @property
    def needs_value(self) -> bool:
        """Whether ``fill`` prompts for it."""
        return self.kind is Kind.MISSING or self.is_empty

    @property
    def is_error(self) -> bool:
        """Whether the value is already exposed."""
        return self.is_tracked


@dataclass(frozen=True)
class VariableState:
    """A secret that comes from the variable ``variable`` of the shell or ``.env``. ``value_is``: set, empty, unset."""

    name: str
    variable: str
    value_is: str


@dataclass(frozen=True)
class ExternalState:
    """A secret stored in Swarm as ``external_name``, or provided to each task by a Swarm ``driver``."""

    name: str
    external_name: str
    driver: str = ""


State = FileState | VariableState | ExternalState


def inspect(files: Sequence[SecretFile]) -> list[FileState]:
    """The state of each file, in the given order. Files that cannot be read are reported in their state, never
    raised."""
    folders: dict[Path, list[str]] = {}
    for file in files:
        folders.setdefault(file.path.parent, []).append(file.path.name)
    seen = {folder: _seen_by_git(folder, names) for folder, names in folders.items()}
    return [_state(file, seen[file.path.parent]) for file in files]


class _Seen(NamedTuple):
    """What git reports on the files of one folder; ``unanswered``: it does not answer."""

    tracked: frozenset[Path] = frozenset()
    ignored: Mapping[Path, bool] = {}
    unanswered: UserError | None = None


def _seen_by_git(folder: Path, names: Sequence[str]) -> _Seen:
    if not folder.is_dir():
        return _Seen()
    paths = [folder / name for name in names]
    try:
        return _Seen(git.tracked(paths), git.ignored(paths))
    except git.NoAnswerError as error:
        return _Seen(unanswered=error)


def variable_state(name: str, variable: str, value: str | None) -> VariableState:
    """The state of an ``environment:`` source; ``value`` None where the variable is not set."""
    return VariableState(name, variable, "unset" if value is None else "set" if value else "empty")


def can_read(mode: int, uid: int, gid: int, reader: Reader) -> bool | None:
    """Whether ``reader`` can read a mounted file of ``mode`` and owner; None where that is unknown.

    The first matching class decides, as in the kernel: a member of the group never falls back to the bits of others.
    """
    if reader.has_capabilities:
        return True
    if reader.uid is None:
        return True if mode & 0o444 == 0o444 else False if not mode & 0o444 else None
    if reader.uid == uid:
        return bool(mode & stat.S_IRUSR)
    return bool(mode & (stat.S_IRGRP if gid in reader.groups else stat.S_IROTH))


def describe(state: State) -> list[str]:
    """What is wrong and what to do, as sentences; empty if all is well."""
    if isinstance(state, FileState):
        return list(_file_problems(state))
    if isinstance(state, ExternalState):
        if state.driver:
            return [f"the driver {state.driver} provides it to each task in Swarm"]
        return [f"{state.external_name} must exist in Swarm: run `docker secret ls` to list its secrets"]
    if state.value_is == "unset":
        return [f"{state.variable} is set neither in the shell nor in .env: `docker compose up` refuses to start"]
    if state.value_is == "empty":
        return [f"{state.variable} is empty: Compose then silently creates no file"]
    return []


def describe_access(state: FileState) -> str:
    """Who can read the file on this host, in one sentence; empty where modes mean nothing."""
    if state.mode is None or state.kind is not Kind.FILE:
        return ""
    owner = f"mode {state.mode:04o}, owner {state.uid}:{state.gid}"
    if not state.mode & 0o044:
        return f"{owner}: readable by its owner and root"
    if state.closed_folder is not None:
        is_own = state.closed_folder == state.secret.path.resolve().parent
        folder = "its folder" if is_own else str(state.closed_folder)
        return f"{owner}: on this host, readable by root and the owner of {folder}, which other users cannot enter"
    return f"{owner}: readable by {'everyone' if state.mode & 0o004 else 'its group'} on this host"


def _state(file: SecretFile, seen: _Seen) -> FileState:
    is_tracked, is_ignored, unanswered = file.path in seen.tracked, seen.ignored.get(file.path), seen.unanswered
    try:
        status = file.path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return FileState(file, Kind.MISSING, is_tracked=is_tracked, is_ignored=is_ignored, unanswered=unanswered)
    except OSError:
        return FileState(file, Kind.UNREADABLE, is_tracked=is_tracked, is_ignored=is_ignored, unanswered=unanswered)
    has_modes = os.name != "nt"
    kind = Kind.FILE if stat.S_ISREG(status.st_mode) else Kind.OTHER
    if stat.S_ISDIR(status.st_mode):
        kind = Kind.DIRECTORY
    data = b""
    is_too_large = kind is Kind.FILE and status.st_size >= MAXIMUM_BYTES
    if kind is Kind.FILE and not is_too_large:
        try:
            data = read_bytes(file.path)
        except OSError:
            kind = Kind.UNREADABLE
    text = data.decode("utf-16", "replace").encode() if data.startswith(_UTF_16_MARKS) else data
    return FileState(
        file,
        kind,
        is_empty=kind is Kind.FILE and not status.st_size,
        is_too_large=is_too_large,
        has_final_newline=text.endswith(b"\n") and text.count(b"\n") == 1,
        has_carriage_return=b"\r" in text,
        has_byte_order_mark=data.startswith(_UTF_8_MARK),
        is_utf_16=data.startswith(_UTF_16_MARKS),
        has_nul=b"\0" in text,
        mode=stat.S_IMODE(status.st_mode) if has_modes else None,
        uid=status.st_uid if has_modes else None,
        gid=status.st_gid if has_modes else None,
        closed_folder=_closed_folder(file.path) if has_modes else None,
        is_tracked=is_tracked,
        is_ignored=is_ignored,
        unanswered=unanswered,
    )


def _closed_folder(path: Path) -> Path | None:
    for folder in path.resolve().parents:
        try:
            if not folder.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
                return folder
        except OSError:
            return None
    return None


def _file_problems(state: FileState) -> Iterator[str]:
    path = state.secret.path
    if state.is_tracked:
        yield (
            f"git tracks it: `git -C {shlex.quote(str(path.parent))} rm --cached -- {shlex.quote(path.name)}` removes "
            "it from the next commit, but the value stays in the history: rotate it where it is used"
        )
    if state.unanswered is not None:
        yield f"cannot tell whether git tracks it: {state.unanswered.what}; {state.unanswered.help}"
    yield from (problem.sentence for problem in place_problems(state))
    if not state.is_tracked and state.is_ignored is False and state.kind is not Kind.DIRECTORY:
        yield "git does not ignore it, so one `git add` would add it: add it or its folder to .gitignore"
    yield from (problem.sentence for problem in content_problems(state))
    yield from (problem.sentence for problem in access_problems(state))


class Problem(NamedTuple):
    """``sentence`` is the problem, ``fix`` what to do about it, with commands in backticks."""

    sentence: str
    fix: str


def place_problems(state: FileState) -> Iterator[Problem]:
    """The problem with what exists at the file's path."""
    word, fill = shlex.quote(str(state.secret.path)), "`dsec-migrate fill --write`"
    if state.kind is Kind.MISSING:
        yield Problem(f"the file is missing, so `docker compose up` fails: run {fill} to enter the value", fill)
    elif state.kind is Kind.DIRECTORY:
        fix = f"`rmdir {word}`, then {fill}"
        yield Problem(f"it is a directory, and is mounted as one: run {fix}", fix)
    elif state.kind is Kind.UNREADABLE:
        yield Problem("its content was not checked: permission denied", f"check as its owner: `ls -l {word}`")
    elif state.kind is Kind.OTHER:
        yield Problem("it is neither a file nor a directory", f"check what it is: `ls -l {word}`")


def content_problems(state: FileState) -> Iterator[Problem]:
    """The problems with the content of the file."""
    if state.kind is not Kind.FILE:
        return
    again = "save the file again, as UTF-8 and with nothing but the value"
    if state.is_empty:
        fill = "`dsec-migrate fill --write`"
        yield Problem(f"the file is empty: run {fill} to enter the value", fill)
    if state.is_too_large:
        yield Problem(
            f"it is too large for Swarm, which requires less than {MAXIMUM_BYTES:,} bytes",
            "split it, or mount it as a file",
        )
    if not state.secret.is_value:
        return
    if state.is_utf_16:
        yield Problem("it is UTF-16 text (as written by PowerShell's `>`): most programs need UTF-8", again)
    if state.has_byte_order_mark:
        yield Problem("it starts with a byte order mark, which programs read as part of the value", again)
    if state.has_nul:
        yield Problem("it contains NUL bytes, which environment variables cannot contain", again)
    if state.has_carriage_return:
        what = "it contains carriage returns (Windows line endings), which programs read as part of the value"
        yield Problem(what, again)
    if state.has_final_newline:
        what = "it ends with a newline, which some programs read as part of the value; `printf %s` writes none"
        path = shlex.quote(str(state.secret.path))
        yield Problem(what, f"run `truncate -s -1 {path}` to remove the newline")


def access_problems(state: FileState) -> Iterator[Problem]:
    """Who should be able to read the file but cannot, and the reverse."""
    if state.kind is not Kind.FILE or state.mode is None or state.uid is None or state.gid is None:
        return
    verdicts = {reader: can_read(state.mode, state.uid, state.gid, reader) for reader in state.secret.readers}
    owner = f"mode {state.mode:04o}, owner {state.uid}:{state.gid}"
    word, folder = shlex.quote(str(state.secret.path)), shlex.quote(str(state.secret.path.parent))
    close = "" if state.closed_folder is not None else f"`chmod 700 {folder}` and "
    if state.secret.is_of_builds:
        # the folder is often one with sources
        if state.closed_folder is None and state.mode & 0o066:
            fix = f"`chmod 600 {word}`"
            yield Problem(f"accessible to other users on this host ({owner}): run {fix}; builds still work", fix)
        return
    for reader, verdict in verdicts.items():
        if verdict is False:
            who = "its user" if reader.uid is None else f"user {reader.uid}"
            yield Problem(f"{reader.service} ({who}) cannot read it: {owner}", f"{close}`chmod 0444 {word}`")
    unsure = [reader.service for reader, verdict in verdicts.items() if verdict is None]
    if unsure:
        yield Problem(
            f"whether {', '.join(unsure)} can read it depends on the user that its program runs as: {owner}",
            f"{close}`chmod 0444 {word}`",
        )
    if state.closed_folder is None and state.mode & 0o044:
        fix = f"`chmod 700 {folder}`"
        yield Problem(f"accessible to other users on this host ({owner}): run {fix}; containers can still read it", fix)
    if state.closed_folder is None and state.mode & 0o022:
        yield Problem(f"writable by others than its owner: {owner}", f"`chmod go-w {word}`")
