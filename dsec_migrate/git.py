"""Asks git what it tracks and ignores. Nothing here changes a repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

TIMEOUT_SECONDS = 5


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
    import os
    import subprocess

    command = ["git", "-C", str(folder), *words]
    try:
        result = subprocess.run(
            command, input=os.fsencode(text), capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return -1, frozenset()
    return result.returncode, frozenset(os.fsdecode(name) for name in result.stdout.split(b"\0") if name)
