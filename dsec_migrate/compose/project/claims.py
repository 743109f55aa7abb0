"""Files of a project that other projects may read: what they contain is reviewed, or skipped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.compose.project.model import Project


class Claim(NamedTuple):
    """Why a file is not used only by this project. Where it ``is_final``, the file is not changed."""

    reason: str
    is_final: bool


def claim_on(project: Project, path: Path, real: str) -> Claim | None:
    """The claim that others have on a file of the project; None on one that is its own, or that the call names itself.

    ``real`` is where links lead ``path``.
    """
    kept = project.kept.get(real)
    if kept is not None:
        return Claim(kept, is_final=True)
    boundary = project.boundary
    if not boundary.own or boundary.is_at_home(real) or real in boundary.own:
        return None
    shown = os.path.normpath(path)
    if boundary.surrounds(Path(real)):
        return Claim(f"other projects may read {shown}, which is outside the project's folder", is_final=False)
    folder = os.path.dirname(shown) or os.curdir  # noqa: PTH120
    if os.path.realpath(folder) != os.path.dirname(real):  # noqa: PTH120
        folder = os.path.dirname(real)  # noqa: PTH120
    return Claim(
        f"{shown} is outside the project, where others may read it: --allow {folder} lets the call change it",
        is_final=True,
    )
