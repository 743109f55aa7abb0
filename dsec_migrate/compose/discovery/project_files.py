"""The files of one project, before any of them is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.compose.sibling_files import DEFAULT_NAMES
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass


@dataclass(frozen=True)
class Said:
    """How a call named a project: ``files`` name only it, ``are_layers`` with ``-f`` before each; none where it is
    what Compose would use. ``folder`` is the argument below which it was found, empty where it was named itself.
    ``options`` set where to look, each with its value.
    """

    files: tuple[str, ...] = ()
    are_layers: bool = False
    folder: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def below(cls, folder: Path, paths: Sequence[Path]) -> Said:
        """Of the project of ``paths``, found below ``folder``. A default name includes its override files."""
        is_one = len(paths) == 1 or paths[0].name in DEFAULT_NAMES
        return cls(tuple(map(str, paths[:1] if is_one else paths)), not is_one, str(folder))

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments that name only this project."""
        # an argument that starts like an option would be parsed as one
        files = [f"./{file}" if file.startswith("-") else file for file in self.files]
        return tuple(word for file in files for word in (("-f", file) if self.are_layers else (file,)))

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self.words, *(word for option in self.options for word in option))


@dataclass(frozen=True)
class ProjectFiles:
    """``paths`` (one at least) are in Compose's merge order. ``directory`` is the project directory: the base
    of relative paths; its ``.env`` is read unless there are ``env_files`` (``--env-file`` or ``COMPOSE_ENV_FILES``).

    ``first_dotenv`` is the ``.env`` of the folder in which Compose looked for the files, where that is another one (it
    need not exist): its variables win. ``name`` is the user's name for the project. ``warnings`` report files found but
    not used. ``named`` are the folders and files that the call named, ``said`` the arguments for only this project.
    ``home`` is the folder whose ``.env`` names files elsewhere: what a repository names is not named by the call.
    """

    paths: tuple[Path, ...]
    directory: Path
    env_files: tuple[Path, ...] = ()
    first_dotenv: Path | None = None
    name: str = ""
    warnings: tuple[UserError, ...] = ()
    named: tuple[Path, ...] = ()
    said: Said = Said()
    home: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder that may be changed: the project's own, or the one whose `.env` names files elsewhere."""
        return self.home or self.directory

    @classmethod
    def of(cls, path: Path) -> ProjectFiles:
        """The project of one file."""
        return cls((path,), path.parent, name=str(path), said=Said((str(path),)))
