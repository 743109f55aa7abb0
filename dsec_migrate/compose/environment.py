"""The variables that `${…}` sees: the shell's, then those of `.env` or `--env-file`, and the project's name.

Compose sets ``COMPOSE_PROJECT_NAME`` itself, for `${…}` and for env files, but not while it reads `.env` (observed with
Compose 2.40).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsec_migrate.compose import dotenv
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import Source

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})
_WHERE_FILES_ARE = frozenset({"COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE"})


PROJECT_NAME = "COMPOSE_PROJECT_NAME"

_NOT_IN_A_NAME = Pattern(r"[^-_a-z0-9]+")


@dataclass(frozen=True, repr=False, eq=False)
class Environment:
    """``shell`` overrides ``files``, also with an empty value (observed with Compose 2.40).

    ``places`` are file and line (from 1) of the variables of ``files``, ``built_from`` the names that they refer to.
    ``project_name`` is Compose's name of the project, once that is known; for an included project
    (``is_included``) it is the name of the one that includes it, and ``named_after`` are the variables of ``files``
    that are built from it. ``outermost`` is the environment of the project that includes all others: env files see it,
    and so does a mapping's variable without a value (observed with Compose 2.40, which looks both up at the end).
    """

    shell: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    paths: tuple[Path, ...] = ()
    places: Mapping[str, tuple[Path, int]] = field(default_factory=dict)
    built_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    project_name: str = ""
    including: Environment | None = None
    named_after: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        merged = {**self.files, **self.shell} if self.files else self.shell
        if self.project_name:
            merged = {**merged, PROJECT_NAME: self.project_name}
        object.__setattr__(self, "variables", merged)

    @property
    def unexported(self) -> frozenset[str]:
        """Names that only Compose knows: those of its env files, and the project's name, which it sets itself."""
        own = {PROJECT_NAME} if self.project_name and not self.shell.get(PROJECT_NAME) else set()
        return frozenset(self.files.keys() | own)

    @property
    def is_included(self) -> bool:
        return self.including is not None

    @property
    def outermost(self) -> Environment:
        return self if self.including is None else self.including

    def is_from_shell(self, name: str) -> bool:
        """Whether the value in effect comes from no file."""
        if name == PROJECT_NAME and not self.shell.get(name):
            return False
        return name in self.shell and self.files.get(name) != self.shell[name]

    def origins(self, name: str) -> frozenset[str]:
        """The variables that ``name`` is ultimately built from; itself where it is built from none."""
        found: set[str] = set()
        seen: set[str] = set()
        names = [name]
        while names:
            one = names.pop()
            if one not in seen:
                seen.add(one)
                parts = () if self.is_from_shell(one) else self.built_from.get(one, ())
                names += parts
                found.update(() if parts else (one,))
        return frozenset(found or {name})

    def has_project_name(self, name: str) -> bool:
        """Whether the project's name is part of a variable's value."""
        return name in self.named_after or (name == PROJECT_NAME and bool(self.project_name))

    @property
    def given_name(self) -> str:
        """The project's name, where the shell or an env file sets one."""
        return {**self.files, **self.shell}.get(PROJECT_NAME, "")


def is_name(text: str) -> bool:
    """Whether Compose uses it as a name set by the shell or an env file, which it does not normalize."""
    return bool(text) and text == normalized_name(text)


def normalized_name(text: str) -> str:
    """The normalized form of a ``name:`` or of a folder's name; empty where Compose refuses it."""
    return _NOT_IN_A_NAME.sub("", text.lower()).lstrip("_-")


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
        # file locations given to Compose do not apply to what it includes
        known = {name: value for name, value in parent.variables.items() if name not in _WHERE_FILES_ARE}
        own = load(directory, known, env_files, is_call=False)
        return Environment(
            parent.shell,
            {**own.files, **parent.files},
            (*own.paths, *parent.paths),
            {**own.places, **parent.places},
            project_name=parent.project_name,
            including=parent.outermost,
            named_after=_named_after(own, parent),
        )
    paths = named_files(env_files, shell)
    if not paths:
        return _of_dotenv([path for path in (first_dotenv, directory / ".env") if path is not None], shell)
    merged: dict[str, str] = {}
    places: dict[str, tuple[Path, int]] = {}
    built_from: dict[str, tuple[str, ...]] = {}
    for path in paths:
        # /dev/null is fine
        if not path.exists() or path.is_dir():
            raise UserError("there is no such env file", str(path), help="name an existing file with --env-file")
        source = Source.read(path, is_env_file=True, is_named_by_call=is_call)
        entries = read_entries(source, shell, earlier=merged)
        merged.update(dotenv.variables(entries))
        places.update((entry.name, (path, entry.line)) for entry in entries)
        built_from.update((entry.name, entry.references) for entry in entries)
    return Environment(shell, merged, paths, places, built_from)


def _named_after(own: Environment, parent: Environment) -> frozenset[str]:
    """The variables of an included project's env files that are built from the project's name, and its parent's."""
    names = set(parent.named_after)
    for name, mentioned in own.built_from.items():
        if name not in parent.variables and any(parent.has_project_name(one) or one in names for one in mentioned):
            names.add(name)
    return frozenset(names)


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
    built_from: dict[str, tuple[str, ...]] = {}
    read: list[Path] = []
    for number, path in enumerate(paths):
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116
        except (OSError, ValueError):
            continue
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            # Compose reads it; without its values the project would be misread
            raise UserError("the env file is a pipe, not a file", str(path), help="name a file with --env-file")
        # a directory of that name is ignored (observed with Compose 2.40)
        if not stat.S_ISREG(mode):
            continue
        entries = read_entries(Source.read(path, is_env_file=True), {**merged, **shell})
        variables = dotenv.variables(entries)
        is_disabled = number == 0 and _is_disabled({**variables, **shell})
        if is_disabled:
            variables = {name: value for name, value in variables.items() if name.startswith("COMPOSE_")}
        merged = {**variables, **merged}
        places = {**{entry.name: (path, entry.line) for entry in entries if entry.name in variables}, **places}
        built_from = {**{entry.name: entry.references for entry in entries}, **built_from}
        read.append(path)
        if is_disabled:
            break
    return Environment(shell, merged, tuple(reversed(read)), places, built_from)


def _is_disabled(variables: Mapping[str, str]) -> bool:
    value = variables.get("COMPOSE_DISABLE_ENV_FILE")
    if value is None or value in _FALSE:
        return False
    if value in _TRUE:
        return True
    raise UserError(
        "COMPOSE_DISABLE_ENV_FILE must be true or false", help="Compose refuses any other value, and an empty one"
    )


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
            help="correct the line; Compose refuses the file, too",
        ) from None
