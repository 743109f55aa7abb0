"""The variables that `${…}` sees: the shell's, then those of `.env` or `--env-file`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from dsec_migrate import dotenv
from dsec_migrate.errors import UserError
from dsec_migrate.records import dataclass
from dsec_migrate.source import Source


@dataclass(frozen=True, repr=False, eq=False)
class Environment:
    """``shell`` beats ``files``, also with an empty value (observed with Compose 2.40).

    ``places`` are file and line (from 1) of the variables of ``files``.
    """

    shell: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    paths: tuple[Path, ...] = ()
    places: Mapping[str, tuple[Path, int]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        merged = {**self.files, **self.shell} if self.files else self.shell
        object.__setattr__(self, "variables", merged)

    def is_from_shell(self, name: str) -> bool:
        """Whether the value in effect stands in no file."""
        return name in self.shell and self.files.get(name) != self.shell[name]


def load(
    directory: Path, shell: Mapping[str, str], env_files: Sequence[Path] = (), parent: Environment | None = None
) -> Environment:
    """Reads ``env_files`` (later wins), or else the ``.env`` of the project ``directory`` when there is one.

    ``parent`` is the environment of a project that includes this one; its variables win (observed with Compose 2.40).
    Raises UserError when a named file is missing or when a file cannot be read as Compose reads it.
    """
    if parent is not None:
        own = load(directory, parent.variables, env_files)
        return Environment(
            parent.shell,
            {**own.files, **parent.files},
            (*own.paths, *parent.paths),
            {**own.places, **parent.places},
        )
    paths = tuple(env_files)
    if not paths:
        default = directory / ".env"
        # a directory of that name is ignored (observed with Compose 2.40)
        if not default.is_file():
            return Environment(shell)
        paths = (default,)
    merged: dict[str, str] = {}
    places: dict[str, tuple[Path, int]] = {}
    for path in paths:
        if not path.is_file():
            raise UserError("there is no such env file", str(path), help="name an existing file with --env-file")
        entries = read_entries(Source.read(path), shell, earlier=merged)
        merged.update(dotenv.variables(entries))
        places.update((entry.name, (path, entry.line)) for entry in entries)
    return Environment(shell, merged, paths, places)


def read_entries(
    source: Source,
    lookup: Mapping[str, str],
    service: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    raw: bool = False,
) -> list[dotenv.Entry]:
    """The entries of one env file (``earlier``: the variables of the files before it).

    Raises UserError with the place where Compose would refuse it.
    """
    try:
        return dotenv.parse(source.text, lookup, service=service, earlier=earlier, raw=raw)
    except dotenv.DotenvError as error:
        raise UserError(
            f"the env file cannot be read: {error.reason}",
            str(source.path),
            error.line,
            error.column,
            help="correct the line; Compose refuses the file as it is",
        ) from None
