"""Paths of the programs that this one runs: git, docker, the credential helper of the user's Docker settings."""

from __future__ import annotations

import os


def find(name: str) -> str | None:
    """The absolute path of a program, None where it is not installed. Relative entries of PATH are skipped: they lead
    into the scanned folder."""
    import shutil

    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]  # noqa: PTH117
    found = shutil.which(name, path=os.pathsep.join(folders)) if folders else None
    # Windows searches the current folder first
    return found if found is not None and os.path.isabs(found) else None  # noqa: PTH117
