"""Asks git which files it tracks. Nothing here changes a repository."""

from __future__ import annotations

from pathlib import Path

TIMEOUT_SECONDS = 5


def is_tracked(path: Path) -> bool:
    """Whether git tracks ``path``; False where there is no git or no repository."""
    import subprocess

    command = ["git", "-C", str(path.parent), "ls-files", "--error-unmatch", "--", path.name]
    try:
        result = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return result.returncode == 0
