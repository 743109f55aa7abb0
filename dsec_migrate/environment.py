"""The variables that `${…}` sees: the shell's, then those of `.env` or `--env-file`."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsec_migrate import dotenv
from dsec_migrate.errors import UserError
from dsec_migrate.records import dataclass, field
from dsec_migrate.source import Source

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})


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
    directory: Path,
    shell: Mapping[str, str],
    env_files: Sequence[Path] = (),
    first_dotenv: Path | None = None,
    parent: Environment | None = None,
    *,
    is_call: bool = True,
) -> Environment:
    """Reads ``env_files`` (or those of ``COMPOSE_ENV_FILES``; later wins), or else the ``.env`` of the project
    ``directory`` when there is one. ``first_dotenv`` is read before that, and wins.

    ``parent`` is the environment of a project that includes this one; its variables win (observed with Compose 2.40).
    ``is_call``: the user names ``env_files``, and no file of the repository does.
    Raises UserError when a named file is missing or when a file cannot be read as Compose reads it.
    """
    if parent is not None:
        # where files are was said to Compose, not to what it includes
        known = {name: value for name, value in parent.variables.items() if not name.startswith("COMPOSE_")}
        own = load(directory, known, env_files, is_call=False)
        return Environment(
            parent.shell,
            {**own.files, **parent.files},
            (*own.paths, *parent.paths),
            {**own.places, **parent.places},
        )
    paths = named_files(env_files, shell)
    if not paths:
        return _of_dotenv([path for path in (first_dotenv, directory / ".env") if path is not None], shell)
    merged: dict[str, str] = {}
    places: dict[str, tuple[Path, int]] = {}
    for path in paths:
        # /dev/null is fine
        if not path.exists() or path.is_dir():
            raise UserError("there is no such env file", str(path), help="name an existing file with --env-file")
        source = Source.read(path, is_named_by_call=is_call)
        entries = read_entries(source, shell, earlier=merged)
        merged.update(dotenv.variables(entries))
        places.update((entry.name, (path, entry.line)) for entry in entries)
    return Environment(shell, merged, paths, places)


def named_files(env_files: Sequence[Path], shell: Mapping[str, str]) -> tuple[Path, ...]:
    """``env_files`` (from ``--env-file``), or else those of ``COMPOSE_ENV_FILES``, separated by commas."""
    named = env_files or [Path(name) for name in shell.get("COMPOSE_ENV_FILES", "").split(",") if name]
    return tuple(path.expanduser() if str(path).startswith("~") else path for path in named)


def _of_dotenv(paths: Sequence[Path], shell: Mapping[str, str]) -> Environment:
    """The first file wins. With ``COMPOSE_DISABLE_ENV_FILE`` there is none; where the first one itself says so, only
    its variables ``COMPOSE_…`` count (observed with Compose 2.40)."""
    if _is_disabled(shell):
        return Environment(shell)
    merged: dict[str, str] = {}
    places: dict[str, tuple[Path, int]] = {}
    read: list[Path] = []
    for number, path in enumerate(paths):
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116
        except (OSError, ValueError):
            continue
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            # Compose reads it; without its values the project would be misunderstood
            raise UserError("the env file is a pipe, not a file", str(path), help="name a file with --env-file")
        # a directory of that name is ignored (observed with Compose 2.40)
        if not stat.S_ISREG(mode):
            continue
        entries = read_entries(Source.read(path), {**merged, **shell})
        variables = dotenv.variables(entries)
        is_disabled = number == 0 and _is_disabled({**variables, **shell})
        if is_disabled:
            variables = {name: value for name, value in variables.items() if name.startswith("COMPOSE_")}
        merged = {**variables, **merged}
        places = {**{entry.name: (path, entry.line) for entry in entries if entry.name in variables}, **places}
        read.append(path)
        if is_disabled:
            break
    return Environment(shell, merged, tuple(reversed(read)), places)


def _is_disabled(variables: Mapping[str, str]) -> bool:
    value = variables.get("COMPOSE_DISABLE_ENV_FILE")
    if value is None or value in _FALSE:
        return False
    if value in _TRUE:
        return True
    raise UserError("COMPOSE_DISABLE_ENV_FILE takes true or false", help="Compose refuses anything else, or nothing")


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
    if source.encoding != "utf-8":
        # a Compose file may be UTF-16, an env file may not (observed with Compose 2.40)
        raise UserError(
            "the env file cannot be read: it is UTF-16 text", str(source.path), 1, 1, help="save it as UTF-8"
        )
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
