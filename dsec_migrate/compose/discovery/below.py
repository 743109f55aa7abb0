"""Every project below a folder, by the names of its files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dsec_migrate import git
from dsec_migrate.compose.discovery.choice import Call, alternatives
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.sibling_files import DEFAULT_NAMES, OVERRIDE_NAMES, continues
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, replace
from dsec_migrate.text.source import read_bytes

_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv"})
_COMPOSE_NAME = re.compile(r"(?:docker-|podman-)?compose(?![a-z]).*\.ya?ml")
# names that other programs also use
_POSSIBLE_NAME = re.compile(r"(?!\.|rancher-).*[._-]compose\.ya?ml|(?:docker-)?stack(?:[._-].*)?\.ya?ml")
_SERVICES = re.compile(rb"""^["']?(?:services|include)["']?[ \t]*:""", re.MULTILINE)


@dataclass(frozen=True)
class _Folder:
    """``names`` are the files in it, ``ignored`` those of them that git ignores."""

    path: Path
    names: frozenset[str]
    ignored: frozenset[str]


def projects_below(top: Path, call: Call) -> list[ProjectFiles]:
    """In a stable order. Raises UserError when there is none."""
    found: list[ProjectFiles] = []
    ignored = 0
    for folder in _folders(top):
        found += _projects_in(folder, call)
        ignored += sum(map(_is_compose_name, folder.ignored))
    if not found:
        advice = f"git ignores {ignored} that would be: name them" if ignored else "name a Compose file"
        raise UserError("there is no Compose file under this folder", str(top), help=advice)
    return found


def _folders(top: Path) -> Iterator[_Folder]:
    """``top`` and its subfolders; links to folders are not followed: their targets are elsewhere, or form a loop."""
    ignored = git.ignored_below(top)
    waiting = [os.fspath(top)]
    while waiting:
        folder = waiting.pop()
        names, folders = [], []
        is_repository = False
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = entry.name
                    is_repository = is_repository or name == ".git"
                    if entry.is_dir(follow_symlinks=False):
                        if not name.startswith(".") and name not in _SKIPPED_FOLDERS:
                            folders.append(entry.path)
                    elif (name == ".env" or name.endswith((".yml", ".yaml"))) and entry.is_file():
                        names.append(name)
        except OSError as error:
            if folder == os.fspath(top):
                what = f"cannot read the folder: {error.strerror}"
                raise UserError(what, folder, help="check its permissions") from None
            continue
        if is_repository and folder != os.fspath(top):
            ignored |= git.ignored_below(Path(folder))
        hidden = frozenset(name for name in names if os.path.join(folder, name) in ignored)  # noqa: PTH118
        if names:
            yield _Folder(Path(folder), frozenset(names), hidden)
        waiting += sorted((path for path in folders if path not in ignored), reverse=True)


def _is_compose_name(name: str) -> bool:
    return _COMPOSE_NAME.fullmatch(name) is not None or _POSSIBLE_NAME.fullmatch(name) is not None


def _projects_in(folder: _Folder, call: Call) -> list[ProjectFiles]:
    """What Compose loads here, then the other files, without override files of one beside them: they are only reported.

    A file that git ignores is not a project, but can be an override file of one: Compose loads it.
    """
    found: list[ProjectFiles] = []
    taken: set[str] = set()
    for paths, warnings in alternatives(folder.path, call, folder.names):
        if paths[0].name in folder.ignored or any(path.parent == folder.path and path.name in taken for path in paths):
            continue
        found.append(call.project(paths, warnings=warnings, read_first=folder.path))
        taken.update(path.name for path in paths if path.parent == folder.path)
    is_default_known = bool(taken & set(DEFAULT_NAMES))
    candidates = sorted(
        name for name in folder.names - folder.ignored if name in taken or _is_compose_file(folder.path, name)
    )
    layers: dict[str, str] = {}
    for name in candidates:
        if name in taken:
            continue
        base = next((other for other in candidates if continues(name, other)), None)
        if base is not None:
            layers[name] = base
        elif not (name in DEFAULT_NAMES and is_default_known):
            found.append(call.project([folder.path / name]))
    return [_with_layers(project, layers) for project in found]


def _is_compose_file(folder: Path, name: str) -> bool:
    if name in OVERRIDE_NAMES or _COMPOSE_NAME.fullmatch(name):
        return True
    if not _POSSIBLE_NAME.fullmatch(name):
        return False
    try:
        return _SERVICES.search(read_bytes(folder / name)) is not None
    except OSError:
        return False


def _with_layers(project: ProjectFiles, layers: dict[str, str]) -> ProjectFiles:
    names = [path.name for path in project.paths]
    left_out = [name for name, base in layers.items() if base in names]
    if not left_out:
        return project
    is_one = len(left_out) == 1
    warning = UserError(
        f"{' and '.join(left_out)} {'continues' if is_one else 'continue'} this file by name, but Compose does not "
        f"load {'it' if is_one else 'them'} by default: skipped",
        str(project.paths[0]),
        help=f"name the files of the project: {' '.join(f'-f {name}' for name in (*names, left_out[0]))}",
    )
    return replace(project, warnings=(*project.warnings, warning))
