"""Asks git which files it tracks and which it ignores. Nothing here changes a repository."""

from __future__ import annotations

import os
from pathlib import Path

TIMEOUT_SECONDS = 5
SEARCH_TIMEOUT_SECONDS = 2
# a repository may name a program there, which git would run
_HARMLESS = ("-c", "core.fsmonitor=false")


def is_tracked(path: Path) -> bool:
    """Whether git tracks ``path``; False where there is no git or no repository."""
    import subprocess

    command = ["git", *_HARMLESS, "-C", str(path.parent), "ls-files", "--error-unmatch", "--", path.name]
    try:
        result = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return result.returncode == 0


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
