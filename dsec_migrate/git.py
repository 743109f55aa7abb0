"""Asks git which files it tracks and which it ignores. Nothing here changes a repository."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TIMEOUT_SECONDS = 5
SEARCH_TIMEOUT_SECONDS = 2
HISTORY_TIMEOUT_SECONDS = 20
# a repository may name a program there, which git would run
_HARMLESS = ("-c", "core.fsmonitor=false")


def is_tracked(path: Path) -> bool:
    """Whether git tracks ``path``; False where there is no git or no repository."""
    return path.name in tracked(path.parent, [path.name])


def tracked(folder: Path, names: Sequence[str]) -> frozenset[str]:
    """Those of ``names`` in ``folder`` that git tracks; none where there is no git or no repository."""
    status, listed = _ask(folder, ["--literal-pathspecs", "ls-files", "-z", "--", *names])
    return listed if status == 0 else frozenset()


def ignored(folder: Path, names: Sequence[str]) -> frozenset[str] | None:
    """Those of ``names`` in ``folder`` that git ignores (a tracked file never counts as ignored).

    None where there is nothing to be ignored: no git, no repository, no such folder.
    """
    # git repeats each path as it was given; behind ./ no name begins with git's own `:`
    status, listed = _ask(folder, ["check-ignore", "-z", "--stdin"], "".join(f"./{name}\0" for name in names))
    # 1 says that none is ignored
    return frozenset(name.removeprefix("./") for name in listed) if status in {0, 1} else None


def _ask(folder: Path, words: Sequence[str], text: str = "") -> tuple[int, frozenset[str]]:
    """The exit status, or -1 where git does not run, and the names that git tells."""
    import subprocess

    command = ["git", *_HARMLESS, "-C", str(folder), *words]
    try:
        result = subprocess.run(
            command, input=os.fsencode(text), capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return -1, frozenset()
    return result.returncode, frozenset(os.fsdecode(name) for name in result.stdout.split(b"\0") if name)


def ignored_below(folder: Path) -> set[str]:
    """Files and folders below ``folder`` that git ignores and does not track; nothing below an ignored folder.

    Each begins with ``folder`` as it was given. Empty where there is no git or no repository, where git takes too long,
    and where ``folder`` itself is ignored: who names it wants it.
    """
    top = Path(os.path.abspath(folder))  # noqa: PTH100
    if not any((parent / ".git").exists() for parent in (top, *top.parents)):
        return set()
    import subprocess

    listing = ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"]
    command = ["git", *_HARMLESS, "-C", str(folder), *listing]
    try:
        result = subprocess.run(command, capture_output=True, timeout=SEARCH_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return set()
    names = [os.fsdecode(name).rstrip("/") for name in result.stdout.split(b"\0") if name]
    if result.returncode or "." in names:
        return set()
    return {os.path.join(folder, name) for name in names}  # noqa: PTH118


class Commit(NamedTuple):
    """``day`` is an ISO date."""

    name: str
    day: str


def committed(folder: Path, texts: Mapping[str, Sequence[bytes]]) -> tuple[Mapping[str, Commit], bool]:
    """The latest commit of any branch that added a line with one of the texts of a name, to a file below ``folder``;
    and whether all of the history was looked at within the time. Nothing of a text goes to git: its output is searched
    here."""
    import subprocess
    import time

    listing = [
        "log",
        "--all",
        "--no-show-signature",
        "-m",
        "-p",
        "-U0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
    ]
    command = ["git", *_HARMLESS, "-C", str(folder), *listing, "--format=%x00%h %cs", "--", "."]
    found: dict[str, Commit] = {}
    current = Commit("", "")
    until = time.monotonic() + HISTORY_TIMEOUT_SECONDS
    try:
        # a partial clone would fetch what it lacks, over whatever the repository names
        known = {**os.environ, "GIT_NO_LAZY_FETCH": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=known)
    except OSError:
        return {}, True
    is_whole = True
    with process:
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
    return found, is_whole or len(found) == len(texts)
