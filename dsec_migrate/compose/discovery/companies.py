"""Which projects share files: one reads what another changes, so one process handles them in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.text.groups import Groups
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import read_bytes

# a path that leads out of its folder, alone behind its key or in its list
_PATH = Pattern(
    r"(?m)(?:^|[\s\"'\[,])((?:\.\.|~|/)[^\s\"',:\[\]]*|\.?[\w-]+/[^\s\"',:\[\]]*)(?=[\"']?[ \t\r]*(?:[,\]#]|$))"
)
_UNKNOWN = Pattern(r"(?m)^[ \t]*(?:-[ \t]+)?(?:(?:env_file|file|path):[ \t]*)?[\"']?(\$\S+)")
_SHARED = Pattern(r"(?i)(?:.*\.(?:ya?ml|env|dockerfile)|.*env.*|(?:docker|container)file.*)")
_ENDINGS = (".env", ".yml", ".yaml")
LONGEST_PATH = 1_000
_EVERYWHERE = "?"


def companies(projects: Sequence[ProjectFiles], secrets_dir: str | None = None) -> list[list[int]]:
    """The numbers of the projects, grouped where they are in one folder or name the same files; all in one group where
    ``secrets_dir`` may be the same folder for all."""
    if secrets_dir is not None and not (secrets_dir.startswith("./") and ".." not in secrets_dir):
        return [list(range(len(projects)))]
    groups = Groups[str]()
    folders = [os.path.realpath(files.directory) for files in projects]
    for files, folder in zip(projects, folders, strict=True):
        for other in _folders_of(files, folder):
            groups.join(folder, other)
    found: dict[str, list[int]] = {}
    for number, folder in enumerate(folders):
        found.setdefault(groups.leader(folder), []).append(number)
    return list(found.values())


def _folders_of(files: ProjectFiles, folder: str) -> Iterator[str]:
    """The folders, besides its own, whose files a project may read."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from (os.path.dirname(os.path.realpath(e.path)) for e in entries if e.is_symlink())  # noqa: PTH120
    for path in files.paths:
        yield os.path.dirname(os.path.realpath(path))  # noqa: PTH120
        try:
            text = read_bytes(path).decode("utf-8", "replace")
        except OSError:
            continue
        if any("/" in name and name.rstrip("\"'").endswith(_ENDINGS) for name in _UNKNOWN.findall(text)):
            # only the variables say where that is
            yield _EVERYWHERE
        for name in {name for name in _PATH.findall(text) if len(name) <= LONGEST_PATH}:
            target = Path(os.path.normpath(os.path.join(folder, os.path.expanduser(name))))  # noqa: PTH111, PTH118
            # a name may be too long for a file, which Path does not take for an answer
            if os.path.isdir(target):  # noqa: PTH112
                # a folder that is built; what is mounted is no text that a run changes
                if name.rstrip("/").endswith("..") or os.path.isfile(target / "Dockerfile"):  # noqa: PTH113
                    yield os.path.realpath(target)
            elif (name.startswith("..") or _SHARED.fullmatch(target.name)) and os.path.isfile(target):  # noqa: PTH113
                yield os.path.dirname(os.path.realpath(target))  # noqa: PTH120
