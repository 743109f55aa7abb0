"""Which Compose files a call means."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.neighbours import DEFAULT_NAMES, OVERRIDE_NAMES, continues

_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv"})


def discover(paths: Sequence[Path], directory: Path) -> list[Path]:
    """The files to migrate, each once: those named, those below a named directory, or else what Compose uses here.

    Raises UserError when there is none.
    """
    if not paths:
        return [_default_file(directory)]
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        below = list(_below(path))
        if not below:
            raise UserError("there is no Compose file below this folder", str(path), help="name a Compose file")
        found.update(dict.fromkeys(below))
    return list(found)


def _default_file(directory: Path) -> Path:
    """The first default name in ``directory`` or in a folder above it (Compose 2.40 looks there too)."""
    for folder in (directory, *directory.resolve().parents):
        for name in DEFAULT_NAMES:
            if (folder / name).is_file():
                return folder / name
    raise UserError("there is no Compose file here", help=f"name one, or make one of {', '.join(DEFAULT_NAMES)}")


def _below(top: Path) -> Iterator[Path]:
    """Compose files of every folder, without the layers of another one beside them, in a stable order."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith("."))
        candidates = sorted(name for name in names if _is_compose_name(name))
        for name in candidates:
            is_layer = name in OVERRIDE_NAMES or any(continues(name, other) for other in candidates)
            is_shadowed = name in DEFAULT_NAMES and any(
                other in names for other in DEFAULT_NAMES[: DEFAULT_NAMES.index(name)]
            )
            if not is_layer and not is_shadowed:
                yield Path(folder) / name


def _is_compose_name(name: str) -> bool:
    return name.endswith((".yml", ".yaml")) and name.startswith(("compose", "docker-compose"))
