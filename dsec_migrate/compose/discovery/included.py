"""Which of the projects found are included or extended by another one: they are migrated with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsec_migrate.compose import environment
from dsec_migrate.compose.discovery.choice import Call
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.interpolation import InterpolationError, interpolate
from dsec_migrate.compose.sibling_files import Neighbour, mentions
from dsec_migrate.text.errors import UserError


def parts_of_others(projects: Sequence[ProjectFiles], call: Call) -> tuple[set[int], dict[int, list[UserError]]]:
    """Numbers of the projects that are parts of others, and the notes on each other project by its number.

    Of projects that include each other in a cycle the first one is kept.
    """
    owners: dict[str, set[int]] = {}
    for number, project in enumerate(projects):
        for path in project.paths:
            owners.setdefault(os.path.realpath(path), set()).add(number)
    used = [_used_by(project, call) for project in projects]
    targets = [{other for file in files for other in owners.get(file, ())} - {n} for n, files in enumerate(used)]
    used_by_any = set().union(*targets) if targets else set()
    parts: set[int] = set()
    kept: list[int] = []
    for number in [*(n for n in range(len(projects)) if n not in used_by_any), *sorted(used_by_any)]:
        if number in parts or number in kept:
            continue
        kept.append(number)
        parts |= targets[number] - set(kept)
    notes: dict[int, list[UserError]] = {}
    for number in kept:
        for other in sorted(targets[number] & parts):
            notes.setdefault(number, []).extend(_told(projects[other], used[number]))
    return parts, notes


def _told(part: ProjectFiles, used: dict[str, str]) -> Iterator[UserError]:
    """The files of a part that the project using it does not load."""
    file = str(part.paths[0])
    kinds = {used[real] for real in map(os.path.realpath, part.paths) if real in used}
    unused = [str(path) for path in part.paths if os.path.realpath(path) not in used]
    if kinds == {"extends"}:
        what = "another project extends services from this file: its other services are skipped"
        yield UserError(what, file, help="name the file to migrate it as its own project")
    if unused:
        what = f"another project uses this file without {' and '.join(unused)}: skipped"
        yield UserError(what, file, help="name the file to migrate it as its own project")


def _used_by(project: ProjectFiles, call: Call) -> dict[str, str]:
    """Real paths that a project includes or extends, over any number of steps, each with how."""
    own = {os.path.realpath(path) for path in project.paths}
    found: dict[str, str] = {}
    waiting = list(project.paths)
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        neighbour = Neighbour(path)
        if not mentions(neighbour.text):
            continue
        for how, text in neighbour.references():
            target = _target(text, path, project, call)
            if target is None:
                continue
            file = os.path.realpath(target)
            if file not in own and found.get(file) != "include":
                found[file] = how
            waiting.append(target)
    return found


def _target(text: str, path: Path, project: ProjectFiles, call: Call) -> Path | None:
    if "$" in text:
        try:
            known = environment.load(project.directory, call.shell, project.env_files, project.first_dotenv)
            text = interpolate(text, known.variables).value
        except (InterpolationError, UserError):
            return None
    for folder in dict.fromkeys((path.parent, project.directory)):
        target = folder / Path(text).expanduser() if text.startswith("~") else folder / text
        if target.is_file():
            return target
    return None
