"""Asks git which files it tracks and which it ignores, and what its history has. Nothing here changes a repository.

A repository is data of whoever made it, and its configuration, its attributes and its objects can make git start
programs. So there is one way to start git (:func:`_start`), which takes all of these roads away, and git never looks
for a repository itself: it is found by its ``.git`` and named, so that a bare repository that stands among the files
of another one is nothing but files. Naming it switches git's own look at the owner off (``setup.c``,
``setup_explicit_git_dir``); :func:`_check_owner` does it in its place.

That git does not answer is never taken for a no: :class:`NoAnswerError`.
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

# what a repository may name, and git would run or ask over the network
_SETTINGS = (
    "safe.bareRepository=explicit",
    # empty: a git before 2.36 takes "false" for the name of a program
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
    # objects that a partial clone lacks stay away; an older git knows no such variable, but may use no protocol
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
# --submodule: in any other form git starts itself in the submodule, without the options before it
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--submodule=short", f"-O{os.devnull}", "--no-color", "--no-renames")


# not frozen: an exception in flight gets a traceback
class NoAnswerError(UserError):
    """A repository is there, and git does not tell: nobody knows what it tracks or ignores."""


class Repository(NamedTuple):
    """``top`` is the folder with the ``.git``, ``git_dir`` what that is or names; both are real and absolute."""

    top: Path
    git_dir: Path


def find(folder: Path) -> Repository | None:
    """The repository that ``folder`` (which need not be there) lies in; None where there is none.

    Raises NoAnswerError where a ``.git`` is no repository, or belongs to somebody else whom the user does not trust.
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
            raise _no_answer(mark, error.strerror or type(error).__name__, "run it as a user who may read it") from None
        is_link = not stat.S_ISDIR(mode)
        git_dir = _named_in(mark) if is_link else Path(os.path.realpath(mark))
        if git_dir is not None and _is_repository(git_dir):
            _check_owner(top, [mark] if is_link else [], git_dir)
            return Repository(top, git_dir)
        damaged = damaged or mark
        if is_link:
            # git looks no further either
            break
    if damaged is not None:
        raise _no_answer(damaged, "it is no repository", "mend it, mount what it names as well, or move it away")
    return None


def _named_in(mark: Path) -> Path | None:
    """What a ``.git`` that is a file names, as those of worktrees and submodules do."""
    try:
        text = os.fsdecode(read_bytes(mark))
    except OSError:
        return None
    key, _, name = text.rstrip("\r\n").partition(": ")
    return Path(os.path.realpath(mark.parent / name)) if key == "gitdir" and name and "\0" not in name else None


def _is_repository(git_dir: Path) -> bool:
    """What git asks of a repository's own folder (``setup.c``, ``is_git_directory``)."""
    try:
        if not os.path.lexists(git_dir / "HEAD"):
            return False
        common = git_dir / "commondir"
        shared = git_dir / os.fsdecode(read_bytes(common)).strip() if common.exists() else git_dir
        return (shared / "objects").is_dir() and (shared / "refs").is_dir()
    except (OSError, ValueError):
        return False


def _check_owner(top: Path, links: Sequence[Path], git_dir: Path) -> None:
    """As git does since 2.35.2: a repository of somebody else is not read, unless the user's own configuration names it
    in ``safe.directory``. Windows keeps owners in another way, and nothing is asked there."""
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
        top, "it belongs to another user", f"if you trust it: git config --global --add safe.directory {_quoted(top)}"
    )


def _is_trusted(top: Path) -> bool:
    """Whether ``safe.directory`` of the user's or the system's configuration names the repository."""
    words = ["--git-dir", os.devnull, "config", "--get-all", "-z", "--type=path", "safe.directory"]
    process = _start(words, cwd=Path(top.anchor))
    if process is None:
        raise _no_program(top)
    is_trusted = False
    for value in map(os.fsdecode, _talk(process, b"", TIMEOUT_SECONDS, top)[1]):
        folder = value.removesuffix("/*")
        if not value:
            # an empty value takes back all that came before
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
    """Those of ``paths`` that git tracks, or whose content it does, where one is a link. Raises NoAnswerError."""
    found: set[Path] = set()
    for repository, names in _by_repository(paths):
        listed = _ask(repository, ["--literal-pathspecs", "ls-files", "-z", "--", *names], {0})
        found.update(path for name in listed for path in names.get(name, ()))
    return frozenset(found)


def ignored(paths: Iterable[Path]) -> Mapping[Path, bool]:
    """Whether git ignores each of ``paths`` (a tracked file never counts as ignored), be it there or not; what lies in
    no repository is not in the answer. Raises NoAnswerError."""
    found: dict[Path, bool] = {}
    for repository, names in _by_repository(paths):
        # git repeats each path as it was given; behind ./ no name begins with git's own `:`
        text = "".join(f"./{name}\0" for name in names)
        # 1 says that none is ignored
        listed = _ask(repository, ["check-ignore", "-z", "--stdin"], {0, 1}, text)
        for name, same in names.items():
            found.update(dict.fromkeys(same, f"./{name}" in listed))
    return found


def _by_repository(paths: Iterable[Path]) -> Iterator[tuple[Repository, dict[str, list[Path]]]]:
    """The repositories of ``paths``, each with its paths by their names in it: those of what links lead to."""
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

    Each begins with ``folder`` as it was given. Empty where there is no repository, where git does not answer (a search
    then finds more, not less), and where ``folder`` itself is ignored: who names it wants it.
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
    """The names that git tells, each with NUL behind it; ``fine`` are the exit statuses of an answer.

    Raises NoAnswerError.
    """
    process = _start(words, repository, cwd)
    if process is None:
        raise _no_program(repository.top)
    status, parts = _talk(process, os.fsencode(text), timeout or TIMEOUT_SECONDS, repository.top)
    if status not in fine:
        raise _no_answer(
            repository.top, f"it ends with status {status}", f"see what `git -C {_quoted(repository.top)} fsck` says"
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
    """The lines (from 1) with one of the texts, of the files that the repository of ``folder`` tracks: as they are now,
    and as they are staged where the next commit would take that, or the file is not checked out (a sparse checkout).
    Nothing where there is no repository. git gets the texts over its standard input. Raises NoAnswerError."""
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

    # a binary file holds a value like any other
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
    """What git says where it ends with one of ``statuses``. Raises NoAnswerError."""
    process = _start(words, repository)
    if process is None:
        raise _no_program(repository.top)
    status, output = _converse(process, text, HISTORY_TIMEOUT_SECONDS, repository.top)
    if status not in statuses:
        raise _no_answer(repository.top, f"it ends with status {status}", f"{advice} to see why")
    return output


# --- the history ---


class Commit(NamedTuple):
    """``day`` is an ISO date."""

    name: str
    day: str


def committed(folder: Path, texts: Mapping[str, Sequence[bytes]]) -> tuple[Mapping[str, Commit], bool]:
    """The latest commit of any branch that added a line with one of the texts of a name, to a file below ``folder``;
    and whether all of the history was looked at within the time. Nothing of a text goes to git: its output is searched
    here. Raises NoAnswerError."""
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
    # what git could not read, a partial clone's say, it did not show
    is_whole = is_whole and process.returncode == 0
    return found, is_whole or len(found) == len(texts)


# --- the program ---


def _start(
    words: Sequence[str], repository: Repository | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes] | None:
    """The one way to start git, in ``cwd`` or the top of the repository; None where there is no such program.

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
    """Without the variables that lead git elsewhere, or to programs: those of a hook say. Where the user keeps the
    configuration (``GIT_CONFIG_…``) stays."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("GIT_") or name.upper().startswith("GIT_CONFIG_")
    }


def _no_program(top: Path) -> NoAnswerError:
    return _no_answer(top, "the program git is not installed, or not in PATH", "install git")


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
    return _no_answer(top, f"it takes more than {seconds} seconds", "run it again once git is quicker")


def _no_answer(path: Path, why: str, advice: str) -> NoAnswerError:
    return NoAnswerError(f"git does not answer here: {why}", str(path), help=advice)
