"""Which Compose files a call refers to, project by project.

Surprises of Compose (2.40 observed): ``COMPOSE_FILE`` may be set in ``.env``; default names are looked for in the
folders above too, but only the folder that has one gives the override; with several files of a kind the others are
ignored with a warning; ``.env`` of the current folder is read as well as the project's, and wins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsec_migrate.compose import environment
from dsec_migrate.compose.discovery.choice import Call, alternatives, default_files, named_by_variable
from dsec_migrate.compose.discovery.project_files import ProjectFiles, Said
from dsec_migrate.compose.sibling_files import DEFAULT_NAMES
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import real_path

__all__ = ["ProjectFiles", "Said", "discover"]


def discover(
    words: Sequence[Path],
    layers: Sequence[Path] = (),
    *,
    directory: Path = Path(),
    shell: Mapping[str, str],
    project_directory: Path | None = None,
    env_files: Sequence[Path] = (),
) -> list[ProjectFiles]:
    """The projects of a call, each once: those that the ``words`` name (files and folders), or the one of ``layers``
    (``-f``), or else what ``docker compose`` would use in ``directory``.

    A missing file stays in the list where it was a project by itself: the others are processed. Raises UserError for
    bad usage, and when there is no project.
    """
    if words and layers:
        raise UserError(
            "FILE and -f cannot be combined: each FILE is its own project, all -f files are one project",
            help="use -f for all files of one project, or name separate projects without -f",
        )
    for path in (*words, *layers):
        if str(path) == "-":
            raise UserError(
                "a project cannot be read from standard input: its files are edited in place", help="name the file"
            )
    words, layers = ([_direct(path, directory) for path in paths] for paths in (words, layers))
    if project_directory is not None and not (directory / project_directory).is_dir():
        raise UserError("there is no such folder", str(project_directory), help="name one with --project-directory")
    named = tuple(directory / path for path in environment.named_files(env_files, shell))
    call = Call(directory, shell, None if project_directory is None else directory / project_directory, named)
    if layers:
        project = call.project(call.checked([directory / path for path in layers], "-f"), str(layers[0]))
        projects = [replace(project, said=Said(tuple(map(str, layers)), are_layers=True))]
    else:
        projects = _without_repetitions(_named(words, call)) if words else [_used_here(call)]
    named = tuple(directory / path for path in (*words, *layers, *env_files))
    options = [("--project-directory", str(project_directory))] if project_directory is not None else []
    options += [("--env-file", str(path)) for path in env_files]
    return [replace(one, named=named, said=replace(one.said, options=tuple(options))) for one in projects]


def _direct(path: Path, directory: Path) -> Path:
    """``b/../a`` as ``a``, where b is not a link to elsewhere."""
    if ".." not in path.parts:
        return path
    direct = Path(os.path.normpath(path))
    return direct if os.path.realpath(directory / direct) == os.path.realpath(directory / path) else path


def _used_here(call: Call) -> ProjectFiles:
    """What ``docker compose`` without ``-f`` loads. Raises UserError where it finds nothing, or a missing file."""
    folder = call.project_directory or call.directory
    variables = environment.load(folder, call.shell, call.env_files).variables
    paths = named_by_variable(call.directory, variables)
    if paths is not None:
        return call.project(call.checked(paths, "COMPOSE_FILE"), read_first=folder)
    for candidate in (folder, *call.absolute(folder).parents):
        paths, warnings = default_files(candidate)
        if paths:
            return call.project(paths, warnings=warnings, read_first=folder)
    raise UserError("there is no Compose file here", help=f"name one, or make one of {', '.join(DEFAULT_NAMES)}")


def _named(words: Sequence[Path], call: Call) -> list[ProjectFiles]:
    projects: list[ProjectFiles] = []
    below: set[int] = set()
    for word in words:
        path = call.directory / word
        if not path.is_dir():
            projects.append(replace(_of_file(path, word, call), said=Said((str(word),))))
            continue
        if call.project_directory is not None:
            raise UserError(
                "--project-directory cannot be combined with a folder, which means every project under it",
                str(word),
                help="name the Compose file",
            )
        from dsec_migrate.compose.discovery.below import projects_below

        found = [replace(one, said=Said.below(word, one.paths)) for one in projects_below(path, call)]
        below.update(range(len(projects), len(projects) + len(found)))
        projects += found
    if below:
        from dsec_migrate.compose.discovery.included import parts_of_others

        parts, notes = parts_of_others([projects[number] for number in sorted(below)], call)
        numbers = sorted(below)
        dropped = {numbers[part] for part in parts}
        for part, warnings in notes.items():
            project = projects[numbers[part]]
            projects[numbers[part]] = replace(project, warnings=(*project.warnings, *warnings))
        projects = [project for number, project in enumerate(projects) if number not in dropped]
    return projects


def _of_file(path: Path, word: Path, call: Call) -> ProjectFiles:
    """A file with a default name means what Compose loads in its folder, if it is that file; others mean themselves."""
    if path.name in DEFAULT_NAMES and path.exists():
        for paths, warnings in alternatives(path.parent, call):
            if any(call.absolute(path) == call.absolute(other) for other in paths):
                return call.project(paths, str(word), warnings, read_first=path.parent)
    return call.project([path], str(word))


def _without_repetitions(projects: Sequence[ProjectFiles]) -> list[ProjectFiles]:
    """Drops a project whose files are all in another one; symbolic links count as their targets."""
    sets = [frozenset(map(real_path, project.paths)) for project in projects]
    holders: dict[str, list[int]] = {}
    for number, files in enumerate(sets):
        for file in files:
            holders.setdefault(file, []).append(number)

    def is_repeated(number: int) -> bool:
        others = holders[next(iter(sets[number]))]
        return any(
            sets[number] < sets[other] or (sets[number] == sets[other] and other < number)
            for other in others
            if other != number
        )

    return [project for number, project in enumerate(projects) if not is_repeated(number)]
