"""Queries git for tracked and ignored files and for the history. Nothing here changes a repository.

A repository is untrusted data: its configuration, attributes and objects can make git start programs. So git is started
in one place (:func:`_start`), which disables all of these, and git never searches for a repository itself: it is found
by its ``.git`` and passed explicitly, so that a bare repository among the files of another one is treated as plain
files. Passing it disables git's own check of the owner (``setup.c``, ``setup_explicit_git_dir``); :func:`_check_owner`
replaces it.

A failure of git is never treated as a negative answer: :class:`NoAnswerError`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dsec_migrate.text import programs
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import read_bytes

if TYPE_CHECKING:
    import subprocess

TIMEOUT_SECONDS = 5
SEARCH_TIMEOUT_SECONDS = 2
HISTORY_TIMEOUT_SECONDS = 20
# the tops of repositories in which a plain question went unanswered: whoever waits there once waits each time
_SILENT: set[Path] = set()

# settings of a repository that make git run a program or access the network
_SETTINGS = (
    "safe.bareRepository=explicit",
    # empty: git before 2.36 reads "false" as the name of a program
    "core.fsmonitor=",
    f"core.hooksPath={os.devnull}",
    "core.pager=",
    "core.askPass=",
    "core.sshCommand=",
    "core.gitProxy=",
    "credential.helper=",
    "gpg.program=",
    "protocol.allow=never",
)
_VARIABLES = {
    # do not fetch objects that a partial clone lacks; an older git ignores this variable, but all protocols are
    # disabled
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
# --submodule: with any other value, git starts itself in the submodule, without the options before it
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--submodule=short", f"-O{os.devnull}", "--no-color", "--no-renames")


# not frozen: Python sets the traceback of a raised exception
class NoAnswerError(UserError):
    """There is a repository, but git fails: what it tracks or ignores is unknown."""


class Repository(NamedTuple):
    """``top`` is the folder with the ``.git``, ``git_dir`` what that is or points to; both are real, absolute paths."""

    top: Path
    git_dir: Path


def find(folder: Path) -> Repository | None:
    """The repository that contains ``folder`` (which need not exist); None where there is none.

    Raises NoAnswerError where a ``.git`` is not a repository, or belongs to another user who is not trusted.
    """
    start = Path(os.path.realpath(folder))
    damaged: Path | None = None
    for top in (start, *start.parents):
        mark = top / ".git"
        try:
            mode = os.stat(mark).st_mode  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _no_answer(
                mark, error.strerror or type(error).__name__, "run it as a user with permission to read it"
            ) from None
        is_link = not stat.S_ISDIR(mode)
        git_dir = _named_in(mark) if is_link else Path(os.path.realpath(mark))
        if git_dir is not None and _is_repository(git_dir):
            _check_owner(top, [mark] if is_link else [], git_dir)
            return Repository(top, git_dir)
        damaged = damaged or mark
        if is_link:
            # git stops here, too
            break
    if damaged is not None:
        raise _no_answer(
            damaged, "it is not a repository", "repair it, mount the folder that it points to as well, or move it away"
        )
    return None


def _named_in(mark: Path) -> Path | None:
    """What a ``.git`` file points to, as in worktrees and submodules."""
    try:
        text = os.fsdecode(read_bytes(mark))
    except OSError:
        return None
    key, _, name = text.rstrip("\r\n").partition(": ")
    return Path(os.path.realpath(mark.parent / name)) if key == "gitdir" and name and "\0" not in name else None


def _is_repository(git_dir: Path) -> bool:
    """What git requires of a repository's own folder (``setup.c``, ``is_git_directory``)."""
    try:
        if not os.path.lexists(git_dir / "HEAD"):
            return False
        common = git_dir / "commondir"
        shared = git_dir / os.fsdecode(read_bytes(common)).strip() if common.exists() else git_dir
        return (shared / "objects").is_dir() and (shared / "refs").is_dir()
    except (OSError, ValueError):
        return False


def _check_owner(top: Path, links: Sequence[Path], git_dir: Path) -> None:
    """As git since 2.35.2: a repository of another user is not read unless the user's own configuration lists it in
    ``safe.directory``. Windows has a different notion of owners, and is not checked."""
    if not hasattr(os, "geteuid"):
        return
    own = {os.geteuid()}
    by_sudo = os.environ.get("SUDO_UID", "")
    if 0 in own and by_sudo.isascii() and by_sudo.isdigit():
        own.add(int(by_sudo))
    try:
        if all(os.lstat(path).st_uid in own for path in (*links, top, git_dir)) or _is_trusted(top):
            return
    except FileNotFoundError:
        pass
    raise _no_answer(
        top,
        "it belongs to another user",
        f"if you trust it, run: git config --global --add safe.directory {_quoted(top)}",
    )


def _is_trusted(top: Path) -> bool:
    """Whether ``safe.directory`` of the user's or the system's configuration lists the repository."""
    words = ["--git-dir", os.devnull, "config", "--get-all", "-z", "--type=path", "safe.directory"]
    process = _start(words, cwd=Path(top.anchor))
    if process is None:
        raise _no_program(top)
    is_trusted = False
    for value in map(os.fsdecode, _talk(process, b"", TIMEOUT_SECONDS, top)[1]):
        folder = value.removesuffix("/*")
        if not value:
            # an empty value resets the list
            is_trusted = False
        elif value == "*" or Path(os.path.realpath(folder)) in ((top,) if folder == value else (top, *top.parents)):
            is_trusted = True
    return is_trusted


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


# --- what git tracks and ignores ---


def is_tracked(path: Path) -> bool:
    """Whether git tracks ``path``; False where there is no repository. Raises NoAnswerError."""
    return path in tracked([path])


def tracked(paths: Iterable[Path]) -> frozenset[Path]:
    """Those of ``paths`` that git tracks, or whose link target it tracks. Raises NoAnswerError."""
    found: set[Path] = set()
    for repository, names in _by_repository(paths):
        listed = _ask(repository, ["--literal-pathspecs", "ls-files", "-z", "--", *names], {0})
        found.update(path for name in listed for path in names.get(name, ()))
    return frozenset(found)


def ignored(paths: Iterable[Path]) -> Mapping[Path, bool]:
    """Whether git ignores each of ``paths`` (a tracked file never counts as ignored), existing or not; paths outside of
    any repository are not in the answer. Raises NoAnswerError."""
    found: dict[Path, bool] = {}
    for repository, names in _by_repository(paths):
        # git repeats each path as given; after ./, no name starts with git's own `:`
        text = "".join(f"./{name}\0" for name in names)
        # 1 means that none is ignored
        listed = _ask(repository, ["check-ignore", "-z", "--stdin"], {0, 1}, text)
        for name, same in names.items():
            found.update(dict.fromkeys(same, f"./{name}" in listed))
    return found


def _by_repository(paths: Iterable[Path]) -> Iterator[tuple[Repository, dict[str, list[Path]]]]:
    """The repositories of ``paths``, each with its paths by their names in it, with links resolved."""
    folders: dict[Path, Repository | None] = {}
    found: dict[Repository, dict[str, list[Path]]] = {}
    for path in paths:
        real = Path(os.path.realpath(path))
        if real.parent not in folders:
            folders[real.parent] = find(real.parent)
        repository = folders[real.parent]
        if repository is not None:
            name = real.relative_to(repository.top).as_posix()
            found.setdefault(repository, {}).setdefault(name, []).append(path)
    yield from found.items()


def ignored_below(folder: Path) -> set[str]:
    """Files and folders below ``folder`` that git ignores and does not track; nothing below an ignored folder.

    Each starts with ``folder`` as given. Empty where there is no repository, where git does not answer (a search then
    finds more, not less), and where ``folder`` itself is ignored: it was named explicitly.
    """
    listing = ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"]
    try:
        repository = find(folder)
        if repository is None:
            return set()
        listed = _ask(repository, listing, {0}, cwd=Path(os.path.realpath(folder)), timeout=SEARCH_TIMEOUT_SECONDS)
    except NoAnswerError:
        return set()
    names = [name.rstrip("/") for name in listed]
    return set() if "." in names else {os.path.join(folder, name) for name in names}  # noqa: PTH118


def _ask(
    repository: Repository,
    words: Sequence[str],
    fine: set[int],
    text: str = "",
    *,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> frozenset[str]:
    """The NUL-terminated names that git prints; ``fine`` are the exit statuses of an answer.

    Raises NoAnswerError.
    """
    process = _start(words, repository, cwd)
    if process is None:
        raise _no_program(repository.top)
    status, parts = _talk(process, os.fsencode(text), timeout or TIMEOUT_SECONDS, repository.top)
    if status not in fine:
        raise _no_answer(
            repository.top, f"it exits with status {status}", f"see what `git -C {_quoted(repository.top)} fsck` says"
        )
    return frozenset(map(os.fsdecode, parts))


def _talk(process: subprocess.Popen[bytes], text: bytes, timeout: float, top: Path) -> tuple[int, list[bytes]]:
    """The exit status, and the parts of the output before each NUL. Raises NoAnswerError."""
    status, output = _converse(process, text, timeout, top)
    return status, output.split(b"\0")[:-1]


def _converse(process: subprocess.Popen[bytes], text: bytes, timeout: float, top: Path) -> tuple[int, bytes]:
    """The exit status and the output for ``text``. Raises NoAnswerError."""
    import subprocess

    with process:
        try:
            output, _ = process.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            # a search, or the history, may take long where everything else is quick
            if timeout == TIMEOUT_SECONDS:
                _SILENT.add(top)
            raise _too_slow(top, timeout) from None
    return process.returncode, output


def lines_with(folder: Path, texts: Iterable[bytes]) -> Iterator[tuple[Path, int, bytes]]:
    """The lines (from 1) with one of the texts, in the files that the repository of ``folder`` tracks: in the work
    tree, and in the index where it differs or the file is not checked out (a sparse checkout). Empty where there is no
    repository. The texts are passed to git over its standard input. Raises NoAnswerError."""
    repository = find(folder)
    sought = sorted(text for text in texts if text and b"\n" not in text)
    if repository is None or not sought:
        return
    found = dict.fromkeys(_grep(repository, sought))
    yield from found
    here = {(path, text) for path, _, text in found}
    staged = [each for each in _grep(repository, sought, "--cached") if (each[0], each[2]) not in here]
    changed = _staged(repository) if staged else set()
    yield from (each for each in staged if each[0] in changed or not os.path.lexists(each[0]))


def _grep(repository: Repository, sought: Iterable[bytes], *options: str) -> Iterator[tuple[Path, int, bytes]]:
    import re

    # a binary file can contain a value like any other
    words = ["grep", "--text", "--fixed-strings", "--line-number", "--null", "--full-name", "--no-column", "--no-color"]
    words += ["--no-textconv", "--no-recurse-submodules", *options, "-f", "-"]
    output = _answer(repository, words, b"".join(text + b"\n" for text in sought), {0, 1}, "run `git grep x` there")
    for name, number, line in re.findall(rb"([^\0]+)\0(\d+)[:\0]([^\n]*)\n", output):
        yield repository.top / os.fsdecode(name), int(number), line


def _staged(repository: Repository) -> set[Path]:
    """The files that the next commit would change."""
    words = ["diff", "--cached", "--name-only", "-z", *_PLAIN_DIFF]
    output = _answer(repository, words, b"", {0}, "run `git diff --cached` there")
    return {repository.top / os.fsdecode(name) for name in output.split(b"\0") if name}


def _answer(repository: Repository, words: Sequence[str], text: bytes, statuses: Collection[int], advice: str) -> bytes:
    """The output of git if it exits with one of ``statuses``. Raises NoAnswerError."""
    process = _start(words, repository)
    if process is None:
        raise _no_program(repository.top)
    status, output = _converse(process, text, HISTORY_TIMEOUT_SECONDS, repository.top)
    if status not in statuses:
        raise _no_answer(repository.top, f"it exits with status {status}", f"{advice} to see why")
    return output


# --- the history ---


class Commit(NamedTuple):
    """``day`` is an ISO date."""

    name: str
    day: str


def committed(folder: Path, texts: Mapping[str, Sequence[bytes]]) -> tuple[Mapping[str, Commit], bool]:
    """The latest commit of any branch that added a line with one of the texts of a name, to a file below ``folder``;
    and whether the whole history was searched within the time limit. The texts are not passed to git: its output is
    searched here. Raises NoAnswerError."""
    import time

    repository = find(folder)
    if repository is None:
        return {}, True
    listing = ["log", "--all", "--no-show-signature", "--no-mailmap", "-m", "-p", "-U0", *_PLAIN_DIFF]
    process = _start([*listing, "--format=%x00%h %cs", "--", "."], repository, Path(os.path.realpath(folder)))
    if process is None:
        raise _no_program(repository.top)
    found: dict[str, Commit] = {}
    current = Commit("", "")
    until = time.monotonic() + HISTORY_TIMEOUT_SECONDS
    is_whole = True
    with process:
        if process.stdin is not None:
            process.stdin.close()
        for number, line in enumerate(process.stdout or ()):
            if line.startswith(b"\0"):
                name, _, day = line[1:].decode("ascii", "replace").strip().partition(" ")
                current = Commit(name, day)
            elif line.startswith(b"+"):
                for name, forms in texts.items():
                    if name not in found and any(form in line for form in forms):
                        found[name] = current
            is_whole = len(found) < len(texts) and (number % 512 != 0 or time.monotonic() < until)
            if not is_whole:
                process.kill()
                break
    # git does not show what it cannot read, such as in a partial clone
    is_whole = is_whole and process.returncode == 0
    return found, is_whole or len(found) == len(texts)


# --- the program ---


def _start(
    words: Sequence[str], repository: Repository | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes] | None:
    """Starts git, in ``cwd`` or the top of the repository; None where git is not installed. Nothing else starts git.

    Raises NoAnswerError where git was silent before.
    """
    import subprocess

    if repository is not None:
        if repository.top in _SILENT:
            raise _too_slow(repository.top, TIMEOUT_SECONDS)
        _check_files(repository)
    program = programs.find("git")
    if program is None:
        return None
    command = [program, "--no-pager", *(word for setting in _SETTINGS for word in ("-c", setting))]
    if repository is not None:
        command += ["--git-dir", str(repository.git_dir), "--work-tree", str(repository.top)]
        cwd = cwd or repository.top
    try:
        return subprocess.Popen(
            [*command, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=cwd,
            env={**_environment(), **_VARIABLES},
        )
    except OSError:
        return None


def _environment() -> dict[str, str]:
    """The environment without variables that redirect git or make it start programs, such as those of a hook. The
    location of the user's configuration (``GIT_CONFIG_…``) is kept."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("GIT_") or name.upper().startswith("GIT_CONFIG_")
    }


def _no_program(top: Path) -> NoAnswerError:
    return _no_answer(top, "git is not installed or not in PATH", "install git")


def _check_files(repository: Repository) -> None:
    """Raises NoAnswerError where git would wait for somebody to write: for a pipe in the place of a file."""
    for name in ("HEAD", "index", "config", "packed-refs"):
        try:
            mode = os.stat(repository.git_dir / name).st_mode  # noqa: PTH116
        except OSError:
            continue
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise _no_answer(repository.top, f"{name} is a pipe or a device, not a file", "see who made it")


def _too_slow(top: Path, seconds: float) -> NoAnswerError:
    return _no_answer(top, f"it takes more than {seconds} seconds", "run it again when git is faster")


def _no_answer(path: Path, why: str, advice: str) -> NoAnswerError:
    return NoAnswerError(f"git does not answer here: {why}", str(path), help=advice)
