"""The options of all commands as plain data, for completion and for the manual: as Typer has them, so never stale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dsec_migrate.checks import IDS
from dsec_migrate.cli import commands
from dsec_migrate.reports import REPORTS
from dsec_migrate.rotation import Strategy


class OptionRow(NamedTuple):
    """``spellings`` such as ``-f`` and ``--file``; ``metavar`` is empty for a switch; ``values`` are all that it takes,
    empty where that is open. ``group`` is its heading in the help."""

    spellings: tuple[str, ...]
    metavar: str
    help: str
    values: tuple[str, ...]
    group: str


class CommandRow(NamedTuple):
    """``verb`` is empty for migrating. ``text`` is its help, the first sentence first; ``arguments`` are the metavars
    of its words."""

    verb: str
    text: str
    arguments: tuple[str, ...]
    options: tuple[OptionRow, ...]


# what a text takes whose values only its help names
_VALUES = {
    "--format": tuple(REPORTS),
    "--strategy": tuple(strategy.value for strategy in Strategy),
    "--to": ("swarm", "vault", "aws", "kubernetes"),
    "--from": ("vault", "aws"),
    "--completion": ("bash", "zsh", "fish"),
    "--explain": IDS,
}


def rows() -> Iterator[CommandRow]:
    """Migrating first, then the verbs by name."""
    for verb in commands.COMMANDS:
        command = commands.command(verb)
        arguments: list[str] = []
        options: list[OptionRow] = []
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                arguments.append(str(getattr(parameter, "metavar", None) or parameter.name or ""))
            else:
                options.append(_option(parameter, verb))
        help_row = OptionRow(("-h", "--help"), "", "Tell all options.", (), "Other")
        yield CommandRow(verb, command.help or "", tuple(arguments), (*options, help_row))


def _option(parameter: Any, verb: str) -> OptionRow:
    is_switch = bool(parameter.is_flag)
    choices = tuple(map(str, getattr(parameter.type, "choices", ())))
    spellings = tuple(sorted(parameter.opts, key=len))
    values = () if is_switch else choices or next((_VALUES[word] for word in spellings if word in _VALUES), ())
    if verb == "audit" and "--format" in spellings:
        from dsec_migrate.verbs.audit import FORMATS

        values = FORMATS
    metavar = "" if is_switch else str(parameter.metavar or parameter.name or "").upper()
    group = getattr(parameter, "rich_help_panel", None) or "Other"
    return OptionRow(spellings, metavar, " ".join((parameter.help or "").split()), values, str(group))
