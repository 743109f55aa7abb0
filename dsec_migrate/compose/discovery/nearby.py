"""Nearby projects that may read a file: found by names in their texts and by links, before any of them is loaded.

Nearby is the git repository around a project, its own folder and its sibling folders, plus a few folders around these
and the file. Where there is too much to search, :meth:`Nearby.cut` reports it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dsec_migrate.compose.discovery.choice import default_files
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.sibling_files import DEFAULT_NAMES, OVERRIDE_NAMES
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import read_bytes

MOST_FOLDERS = 2_000
MOST_FOLDERS_AROUND = 200
_ENDINGS = (".yml", ".yaml")
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv"})
_SPEAKS_OF_SERVICES = Pattern(r"(?m)^[\"']?(?:services|include)[\"']?[ \t]*:")
# a run of letters is examined once, from its start
_WORD = Pattern(r"[\w.-]+")
# a path that leads out of its folder, by the name at its end
_ELSEWHERE = Pattern(r"(?:(?<=\.\.)|(?<=[\w}~-])|(?<=[\s\"'\[,:=]))/([\w.-]+)")
_BUILT = Pattern(r"(?:build|context):[ \t]*[\"']?([\w./~-]*)")


class Nearby:
    """``projects`` in the order in which they were found, each once. Numbers are indices into it."""

    def __init__(self) -> None:
        self.projects: list[ProjectFiles] = []
        self._known: set[tuple[str, ...]] = set()
        self._beside: dict[str, set[int]] = {}
        self._elsewhere: dict[str, set[int]] = {}
        self._by_target: dict[str, set[int]] = {}
        self._in_folder: dict[str, set[int]] = {}
        self._folders: set[str] = set()
        self._roots: set[str] = set()
        self._parents: set[str] = set()
        self._cut: set[str] = set()

    def candidates(self, real: str) -> set[int]:
        """The projects whose texts name the file, or a link to it."""
        folder, name = os.path.split(real)
        found = self._by_target.get(real, set()) | self._elsewhere.get(name, set())
        if not name.endswith((*_ENDINGS, ".env")):
            # a Dockerfile is often not named: the build context names its folder
            found = found.union(self._by_target.get(f"{folder}{os.sep}", ()))
            for one in (f"/{os.path.basename(folder)}", "/.."):  # noqa: PTH119
                found |= self._elsewhere.get(one, set())
        beside = self._beside.get(name, ())
        return found.union(n for n in beside if n in self._in_folder.get(folder, ()))

    def mounting(self, real: str) -> set[int]:
        """The projects that may mount the file, or a folder above it."""
        folder = os.path.dirname(real)  # noqa: PTH120
        above = self._in_folder.get(os.path.dirname(folder), set())  # noqa: PTH120
        named = self._elsewhere.get(os.path.basename(folder), set()) | self._beside.get("..", set())  # noqa: PTH119
        return self.candidates(real) | self._in_folder.get(folder, set()) | above | named

    def look_around(self, real: str, root: Project) -> None:
        """Adds what is near the project and the file."""
        if root.boundary.repository:
            self._below(root.boundary.repository, MOST_FOLDERS)
        home = os.path.realpath(root.directory)
        # its own folder is searched before its siblings
        self._below(home, MOST_FOLDERS)
        beside = os.path.dirname(home)  # noqa: PTH120
        if beside != home:
            self._right_below(beside)
        left = MOST_FOLDERS_AROUND
        for folder in dict.fromkeys((beside, os.path.dirname(real), os.path.dirname(beside))):  # noqa: PTH120
            if folder != os.path.dirname(folder) and left > 0:  # noqa: PTH120
                left -= self._below(folder, left, is_near=False)

    def cut(self, root: Project) -> str:
        """The searched folder near the project that has too many folders; empty if none."""
        home = os.path.realpath(root.directory)
        near = (root.boundary.repository or "", home, os.path.dirname(home))  # noqa: PTH120
        return next((folder for folder in near if folder in self._cut), "")

    def _below(self, top: str, most: int, *, is_near: bool = True) -> int:
        """Searches at most so many folders, the nearest first; returns how many."""
        if top in self._roots:
            return 0
        self._roots.add(top)
        waiting = [top]
        for folder in waiting:
            below = self._look_into(folder)
            if is_near and len(below) > most - len(waiting):
                self._cut.add(top)
            waiting += below[: most - len(waiting)]
        return len(waiting)

    def _right_below(self, folder: str) -> None:
        if folder not in self._parents:
            self._parents.add(folder)
            below = self._look_into(folder)
            if len(below) > MOST_FOLDERS:
                self._cut.add(folder)
            for one in below[:MOST_FOLDERS]:
                self._look_into(one)

    def _look_into(self, folder: str) -> list[str]:
        """Adds the content of a folder; returns its subfolders."""
        is_known = folder in self._folders
        self._folders.add(folder)
        names: set[str] = set()
        links: list[str] = []
        below: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        links.append(entry.name)
                    if entry.name.endswith(_ENDINGS) or entry.name == ".env":
                        names.add(entry.name)
                    elif (
                        not entry.name.startswith(".")
                        and entry.name not in _SKIPPED
                        and entry.is_dir(follow_symlinks=False)
                    ):
                        below.append(entry.path)
        except OSError:
            return []
        if not is_known and names:
            self._take_in(Path(folder), names, links)
        return sorted(below)

    def _take_in(self, folder: Path, names: set[str], links: Iterable[str]) -> None:
        default, _ = default_files(folder, names)
        if default:
            self.add(ProjectFiles(tuple(default), folder))
        for name in sorted(names):
            is_other = name.endswith(_ENDINGS) and name not in DEFAULT_NAMES and name not in OVERRIDE_NAMES
            if is_other and _SPEAKS_OF_SERVICES.search(_text(folder / name)):
                self.add(ProjectFiles.of(folder / name))
        for number in self._in_folder.get(str(folder), ()):
            for link in links:
                self._by_target.setdefault(os.path.realpath(folder / link), set()).add(number)

    def add(self, files: ProjectFiles) -> None:
        key = tuple(map(os.path.realpath, files.paths))
        if key in self._known:
            return
        self._known.add(key)
        number = len(self.projects)
        self.projects.append(files)
        folder = os.path.realpath(files.directory)
        self._in_folder.setdefault(folder, set()).add(number)
        for path in (*files.paths, files.directory / ".env"):
            text = _text(path)
            for name in {*_ELSEWHERE.findall(text), *(f"/{name}" for name in _names_of_contexts(text))}:
                self._elsewhere.setdefault(name, set()).add(number)
            for name in {word for word in _WORD.findall(text) if "." in word}:
                self._beside.setdefault(name, set()).add(number)
            self._by_target.setdefault(os.path.realpath(path), set()).add(number)
            if "build" in text:
                # the Dockerfile of its own folder needs no name
                self._by_target.setdefault(f"{folder}{os.sep}", set()).add(number)


def _names_of_contexts(text: str) -> Iterator[str]:
    """The build contexts, by the last component of their paths."""
    for path in _BUILT.findall(text):
        yield os.path.basename(path.rstrip("/"))  # noqa: PTH119


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""


@dataclass(frozen=True, eq=False, repr=False)
class Reader:
    """Another project, and how it uses each file (by real path) that it reads."""

    project: Project
    name: str
    uses: Mapping[str, str]
