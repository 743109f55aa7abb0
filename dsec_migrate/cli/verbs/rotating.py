"""A rotation in progress: the request, the secret, and where its values are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dsec_migrate.cli.verbs.task import Task
from dsec_migrate.compose import dotenv
from dsec_migrate.compose.project import Project
from dsec_migrate.lifecycle.filling import overwrite_in_place, put_whole
from dsec_migrate.lifecycle.rotation.steps import Strategy
from dsec_migrate.lifecycle.secret_values import Held
from dsec_migrate.lifecycle.state_file import Entry, StateFile
from dsec_migrate.reports.page import Page
from dsec_migrate.rewrite.env_file import move
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Source, splice


@dataclass(frozen=True, repr=False, eq=False)
class Request:
    """``phase`` is start, finish, abort, rollback, prune or forget. ``value`` makes the new value, once. ``is_proved``:
    the user confirms that the new value works; ``applies``: run the commands in between; ``is_from_file``: the new
    value is the content of a file."""

    name: str
    phase: str
    value: Callable[[], Secret] | None
    strategy: Strategy | None
    is_proved: bool
    applies: bool
    is_from_file: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class Rotation:
    """What the phases work on."""

    request: Request
    task: Task
    project: Project
    held: Held
    state_file: StateFile

    @property
    def page(self) -> Page:
        return self.task.page

    @property
    def entry(self) -> Entry:
        return self.state_file.entry(self.held.name)

    @property
    def new_name(self) -> str:
        return f"{self.held.name}_new"

    @property
    def file(self) -> Path:
        """Where the value is, or was before it moved to another store."""
        assert self.held.file is not None
        return self.held.file

    @property
    def new_file(self) -> Path:
        base = self.file if self.held.file is not None else self.state_file.folder / f"{self.held.name}.txt"
        return base.with_name(f"{self.new_name}{''.join(base.suffixes[-1:])}")

    def error(self, what: str, help: str = "") -> UserError:  # noqa: A002
        return UserError(what, str(self.project.source.path), help=help)


# the mode of an existing file is kept
_OWN = 0o600


def file_of(rotation: Rotation) -> Path:
    """The file with the current value. Raises UserError where it comes from the shell."""
    return _env_file(rotation) if rotation.held.variable else rotation.file


def place_of(rotation: Rotation) -> str:
    """The location of the current value."""
    file = file_of(rotation)
    return f"{rotation.held.variable} in {file}" if rotation.held.variable else str(file)


def put(rotation: Rotation, value: Secret) -> None:
    """Replaces the current value with the new one. Raises UserError, and VerificationError before anything is
    written."""
    if not rotation.held.variable:
        overwrite_in_place(rotation.file, value.content(), rotation.project.boundary)
        return
    path = _env_file(rotation)
    source = Source.read(path, is_env_file=True)
    entries = [one for one in dotenv.parse(source.text, {}) if one.name == rotation.held.variable]
    try:
        own = [edit for one in entries[-1:] for edit in move(source.text, one, one.name, value.reveal())]
    except ValueError as error:
        raise rotation.error(f"{path} cannot store the new value: {error}") from None
    text = splice(source.text, own)
    after = [one.value for one in dotenv.parse(text, {}) if one.name == rotation.held.variable]
    if after[-1:] != [value.reveal()]:
        raise VerificationError(f"{path} would not set {rotation.held.variable} to the new value")
    put_whole(path, source.encode(text), _OWN, rotation.project.boundary)


def _env_file(rotation: Rotation) -> Path:
    """The file that sets the variable of a secret. Raises UserError where the shell sets it."""
    variable, environment = rotation.held.variable, rotation.project.environment
    if environment.is_from_shell(variable):
        services = " ".join(rotation.held.services)
        raise rotation.error(
            f"{variable} is set in the shell, where only you can change it",
            f"set it there, then run: docker compose up -d --force-recreate {services}",
        )
    for path in reversed(environment.paths):
        entries = dotenv.parse(Source.read(path, is_env_file=True).text, {})
        if any(one.name == variable and one.value is not None for one in entries):
            rotation.project.boundary.inside(path)
            return path
    raise rotation.error(f"no file sets {variable}")
