"""The undo command that a run prints: it names the projects that were written, and no others.

A folder of the call covers everything below it, so it is named only where an undo would find nothing else there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dsec_migrate.compose.discovery.project_files import Said
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.records import dataclass

# the options whose files and folders a call may change
_NAMING = {"--allow", "--env-file"}


@dataclass(frozen=True)
class WayBack:
    """``words`` of an undo for some projects; ``journals`` are the folders with the record of the run."""

    words: tuple[str, ...]
    journals: tuple[Path, ...]

    def command(self, *more: str) -> str:
        return shlex.join(("dsec-migrate", "undo", *self.words, *more, "--write"))


def ways_back(written: Sequence[ProjectOutcome], everyone: Sequence[ProjectOutcome]) -> Iterator[WayBack]:
    """The commands for the projects of a run that were written, among all that it named: one, plus one for each project
    that only ``-f`` can name."""
    known = {id(project) for project in written}
    shared = {project.said.folder for project in everyone if id(project) not in known and not project.is_untouched}
    groups: dict[tuple[str, ...], list[ProjectOutcome]] = {}
    for project in written:
        if project.journal is not None:
            is_apart = project.said.are_layers and not _is_below(project.said, shared)
            groups.setdefault(project.said.words if is_apart else (), []).append(project)
    for projects in groups.values():
        words = [
            word for words in dict.fromkeys(_words(project.said, shared) for project in projects) for word in words
        ]
        options = dict.fromkeys(option for project in projects for option in project.said.options)
        named = [Path(word) for word in words]
        named += [Path(value) for option, value in options if option in _NAMING]
        words += [word for option in options for word in option]
        journals = dict.fromkeys(project.journal for project in projects if project.journal is not None)
        yield WayBack((*words, *_allowances(projects, named)), tuple(journals))


def _is_below(said: Said, shared: Iterable[str]) -> bool:
    """Whether the folder of the call identifies the project."""
    return bool(said.folder) and said.folder not in shared


def _words(said: Said, shared: Iterable[str]) -> tuple[str, ...]:
    return (said.folder,) if _is_below(said, shared) else said.words


def _allowances(projects: Iterable[ProjectOutcome], named: Sequence[Path]) -> Iterator[str]:
    """``--allow`` for each folder outside its own that a project changed, and that no word names."""
    folders: dict[str, None] = {}
    for project in projects:
        boundary = Boundary.around(Path(project.boundary.own[0]), named)
        folders.update(dict.fromkeys(folder for folder in project.elsewhere if not boundary.holds(Path(folder))))
    for folder in folders:
        if not any(other != folder and Path(folder).is_relative_to(other) for other in folders):
            yield from ("--allow", os.path.relpath(folder))


__all__ = ["WayBack", "ways_back"]
