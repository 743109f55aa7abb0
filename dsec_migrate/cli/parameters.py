"""What a command takes, declared once: a class with one attribute for each option.

    class Call(parameters.Call):
        \"\"\"The help of the command.\"\"\"

        write: bool = switch("--write", "Change the files.")
        jobs: int | None = option("--jobs", "N", int, "How many files to work on at a time.")

The option parser, the help, shell completion, the man page and the reference are made from these rows, in their
order. An object of the class is one call: its attributes are the given values or the defaults. Nothing here needs the
parser, so a call without options starts without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar, cast, overload

from dsec_migrate.text.errors import UserError

T = TypeVar("T")

OTHER = "Other"
"""The heading, in the help, of options without one."""


class Parameter(NamedTuple):
    """``spellings`` are such as ``-f`` and ``--file``; a positional argument has none. ``metavar`` is empty for a
    switch. ``kind`` converts one argument and raises UserError where it cannot. ``values`` are the allowed
    values, empty where any is. What ``instead`` makes of the value, and of all commands, is printed, without a run."""

    spellings: tuple[str, ...]
    metavar: str
    kind: Callable[[str], Any]
    help: str
    panel: str = OTHER
    default: Any = None
    values: tuple[str, ...] = ()
    is_repeated: bool = False
    is_required: bool = False
    instead: Callable[[Any, Any], str] | None = None

    @property
    def is_switch(self) -> bool:
        return not self.metavar

    def read(self, said: Any) -> Any:
        """The value of the given arguments. Raises UserError."""
        if self.is_repeated:
            return tuple(map(self.kind, said or ()))
        if self.is_switch:
            return bool(said) != self.default
        return None if said is None else self.kind(said)

    def word(self, value: Any) -> str:
        """How one value of a repeated option is said: what ``kind`` reads."""
        if isinstance(value, tuple):
            return "=".join(map(self.word, value))
        return str(value.value) if isinstance(value, Enum) else str(value)


def switch(
    spelling: str,
    help: str,  # noqa: A002
    panel: str = OTHER,
    *,
    default: bool = False,
    instead: Callable[[Any, Any], str] | None = None,
) -> bool:
    """An option without a value. Passing it gives the opposite of ``default``."""
    return cast("bool", Parameter((spelling,), "", bool, help, panel, default, instead=instead))


@overload
def option(
    spelling: str,
    metavar: str,
    kind: Callable[[str], T],
    help: str,
    panel: str = ...,
    *,
    values: Sequence[str] = ...,
    instead: Callable[[Any, Any], str] | None = ...,
) -> T | None: ...
@overload
def option(
    spelling: str,
    metavar: str,
    kind: Callable[[str], T],
    help: str,
    panel: str = ...,
    *,
    default: T,
    values: Sequence[str] = ...,
) -> T: ...
def option(
    spelling: str,
    metavar: str,
    kind: Callable[[str], Any],
    help: str,  # noqa: A002
    panel: str = OTHER,
    *,
    default: Any = None,
    values: Sequence[str] = (),
    instead: Callable[[Any, Any], str] | None = None,
) -> Any:
    """An option with one value."""
    return Parameter((spelling,), metavar, kind, help, panel, default, _values(kind, values), instead=instead)


def required(spelling: str, metavar: str, kind: Callable[[str], T], help: str, values: Sequence[str] = ()) -> T:  # noqa: A002
    """A required option."""
    return cast("T", Parameter((spelling,), metavar, kind, help, values=_values(kind, values), is_required=True))


def repeated(
    spelling: str,
    metavar: str,
    kind: Callable[[str], T],
    help: str,  # noqa: A002
    panel: str = OTHER,
) -> Sequence[T]:
    """An option that may be repeated. ``spelling`` may be two, as the help shows them: ``-f, --file``."""
    spellings = tuple(spelling.split(", "))
    return cast("Sequence[T]", Parameter(spellings, metavar, kind, help, panel, (), _values(kind, ()), True))


def argument(metavar: str, kind: Callable[[str], T], help: str) -> T:  # noqa: A002
    """A required positional argument."""
    return cast("T", Parameter((), metavar, kind, help, is_required=True))


def optional_argument(metavar: str, kind: Callable[[str], T], help: str) -> T | None:  # noqa: A002
    return cast("T | None", Parameter((), metavar, kind, help))


def arguments(metavar: str, kind: Callable[[str], T], help: str, panel: str = OTHER) -> Sequence[T]:  # noqa: A002
    """All remaining positional arguments."""
    return cast("Sequence[T]", Parameter((), metavar, kind, help, panel, (), is_repeated=True))


def existing_folder(option_name: str, text: str) -> Path:
    """An existing folder. Raises UserError where there is none."""
    path = Path(text)
    if not path.is_dir():
        raise UserError(f"{option_name}: no such folder", text, help="pass a folder that exists")
    return path


def one_of(names: Sequence[str]) -> str:
    """``a, b or c``."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _values(kind: Callable[[str], Any], values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(one.value) for one in kind)
    return tuple(values)


class Call:
    """One call of a command: the given values or the defaults. The docstring of a subclass is its help, whose first
    sentence is shown in lists."""

    parameters: ClassVar[Mapping[str, Parameter]] = {}
    line: Sequence[str] = ()
    """The words of the command line, for messages that suggest an equivalent command."""

    def __init_subclass__(cls) -> None:
        cls.parameters = {name: row for name, row in vars(cls).items() if isinstance(row, Parameter)}

    def __init__(self, **said: Any) -> None:
        """``said`` are values by attribute name."""
        defaults = {name: row.default for name, row in self.parameters.items()}
        unknown = said.keys() - defaults.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no parameter {', '.join(sorted(unknown))}")
        vars(self).update(defaults | said)

    def said(self) -> Iterator[str]:
        """The attributes that differ from the defaults."""
        return (name for name, row in self.parameters.items() if getattr(self, name) != row.default)
