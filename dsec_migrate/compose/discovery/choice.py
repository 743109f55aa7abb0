"""Compose's choice among the files of one folder: ``COMPOSE_FILE``, or the default names with an override."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from dsec_migrate.compose import environment
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.sibling_files import DEFAULT_NAMES, OVERRIDE_NAMES
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import read_bytes

Warnings = tuple[UserError, ...]

_NAMES = frozenset({*DEFAULT_NAMES, *OVERRIDE_NAMES, ".env"})


@dataclass(frozen=True, eq=False, repr=False)
class Call:
    """The context of a call's arguments: the current ``directory``, the variables of the ``shell``, options."""

    directory: Path
    shell: Mapping[str, str] = field(repr=False)
    project_directory: Path | None = None
    env_files: tuple[Path, ...] = ()

    def absolute(self, path: Path) -> Path:
        """As Compose sees it: the current folder is what the shell calls it, symbolic links included."""
        here = self.shell.get("PWD", "")
        try:
            is_right = os.path.isabs(here) and os.path.samefile(here, os.curdir)  # noqa: PTH117, PTH121
        except OSError:
            is_right = False
        return Path(os.path.normpath(Path(here if is_right else os.getcwd()) / path))  # noqa: PTH109

    def is_here(self, folder: Path) -> bool:
        return self.absolute(folder) == self.absolute(self.directory)

    def checked(self, paths: Sequence[Path], origin: str) -> Sequence[Path]:
        """Raises UserError where a file of a project is missing, a folder, standard input, or named twice."""
        seen: set[str] = set()
        for path in paths:
            if path.name == "-":
                what = f"{origin} is standard input, and a project's files are edited in place"
                raise UserError(what, help="name the file")
            if not path.is_file():
                what = "there is a folder, not a file" if path.is_dir() else "there is no such file"
                raise UserError(f"{what} ({origin} names it)", str(path), help="name Compose files that exist")
            real = os.path.realpath(path)
            if real in seen:
                raise UserError(f"{origin} lists this file twice", str(path), help="name it once")
            seen.add(real)
        return paths

    def project(
        self, paths: Sequence[Path], name: str = "", warnings: Warnings = (), read_first: Path | None = None
    ) -> ProjectFiles:
        """``read_first``: the folder whose ``.env`` Compose read when it looked for the files."""
        directory = self.project_directory or paths[0].parent
        first = None
        if read_first is not None and not self.env_files and self.absolute(read_first) != self.absolute(directory):
            first = read_first / ".env"
        home = None
        if first is not None and read_first is not None and "COMPOSE_FILE" not in self.shell:
            # a folder above, in which Compose looks by itself, is what the call means; where `.env` leads is not
            is_found = self.absolute(read_first).is_relative_to(self.absolute(directory))
            home = None if is_found and list(paths) == default_files(directory)[0] else read_first
        return ProjectFiles(tuple(paths), directory, self.env_files, first, name or str(paths[0]), warnings, home=home)


def default_files(folder: Path, names: AbstractSet[str] = _NAMES) -> tuple[list[Path], Warnings]:
    """The first default name with the first override, and Compose's warnings about the others.

    ``names`` are those that may be there.
    """
    candidates = [name for name in DEFAULT_NAMES if name in names and (folder / name).exists()]
    if not candidates:
        return [], ()
    overrides = [name for name in OVERRIDE_NAMES if name in names and (folder / name).exists()]
    warnings = [
        UserError(
            f"found several {kind} here; Compose uses {found[0]} and ignores {' and '.join(found[1:])}",
            str(folder / found[0]),
            help="remove or rename those that are not used",
        )
        for kind, found in (("Compose files with default names", candidates), ("override files", overrides))
        if len(found) > 1
    ]
    return [folder / name for name in (*candidates[:1], *overrides[:1])], tuple(warnings)


def named_by_variable(folder: Path, variables: Mapping[str, str]) -> list[Path] | None:
    """The files in ``COMPOSE_FILE``; None where it is not set. Set but empty, it means ``folder`` itself, as in
    Compose."""
    value = variables.get("COMPOSE_FILE")
    if value is None:
        return None
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    return [folder / part for part in value.split(separator)]


def alternatives(folder: Path, call: Call, names: AbstractSet[str] = _NAMES) -> Iterator[tuple[list[Path], Warnings]]:
    """What ``docker compose`` loads in a named ``folder``, and what it would load there without ``COMPOSE_FILE``.

    ``COMPOSE_FILE`` of the shell and of ``--env-file`` applies to the current folder only.
    """
    warnings: Warnings = ()
    paths = _listed(folder, call, names)
    if paths is not None:
        try:
            yield list(call.checked(paths, "COMPOSE_FILE")), ()
        except UserError as error:
            # not used as written: Compose refuses it
            warnings = (error,)
    paths, found = default_files(folder, names)
    if paths:
        yield paths, (*warnings, *found)


def _listed(folder: Path, call: Call, names: AbstractSet[str]) -> list[Path] | None:
    if call.project_directory is not None:
        return None
    shell = call.shell
    is_here = call.is_here(folder)
    if not is_here:
        shell = {name: value for name, value in shell.items() if name != "COMPOSE_FILE"}
    if not (is_here and ("COMPOSE_FILE" in shell or call.env_files)):
        is_dotenv_read = not call.env_files and ".env" in names
        if not is_dotenv_read or not _speaks_of_files(folder / ".env"):
            return None
    try:
        return named_by_variable(folder, environment.load(folder, shell, call.env_files).variables)
    except UserError:
        # reported with its location when the project is loaded
        return None


def _speaks_of_files(dotenv: Path) -> bool:
    try:
        return dotenv.is_file() and b"COMPOSE_FILE" in read_bytes(dotenv)
    except OSError:
        return False
