"""Where the programs are that this one starts: git, docker, the credential helper of the user's Docker settings."""

from __future__ import annotations

import os


def find(name: str) -> str | None:
    """The absolute path of a program, None where it is not installed. A part of PATH that is relative leads into the
    folder that is looked at, so it does not count."""
    import shutil

    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]  # noqa: PTH117
    found = shutil.which(name, path=os.pathsep.join(folders)) if folders else None
    # Windows looks into the current folder first
    return found if found is not None and os.path.isabs(found) else None  # noqa: PTH117
