"""The files of one project, before any of them is read."""

from __future__ import annotations

from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.records import dataclass


@dataclass(frozen=True)
class Said:
    """How the projects of a call were named: ``words`` are files and folders (or ``-f`` with each), ``options`` those
    that say where to look."""

    words: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectFiles:
    """``paths`` (one at least) are in Compose's merge order. ``directory`` is the project directory: relative paths
    mean it, and its ``.env`` is read unless there are ``env_files`` (from ``--env-file`` or ``COMPOSE_ENV_FILES``).

    ``first_dotenv`` is the ``.env`` of the folder in which Compose looked for the files, where that is another one (it
    need not exist): its variables win. ``name`` is what the user called the project. ``warnings`` tell what was found
    and not taken. ``named`` are the folders and files that the call named, ``said`` the words that say the same again.
    ``home`` is the folder whose ``.env`` led to files elsewhere: what a repository names is not the call's word.
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
        """The folder that may be changed: the project's own, or the one whose `.env` leads to files elsewhere."""
        return self.home or self.directory

    @classmethod
    def of(cls, path: Path) -> ProjectFiles:
        """The project of one file."""
        return cls((path,), path.parent, name=str(path))
