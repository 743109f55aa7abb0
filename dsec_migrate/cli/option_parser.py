"""Parses arguments with options: the parser is Typer's, built from the rows of a command."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from dsec_migrate.cli.command import VERBS, Command
from dsec_migrate.cli.commands import command, every
from dsec_migrate.cli.parameters import OTHER, Parameter
from dsec_migrate.cli.request import NAME
from dsec_migrate.reports.output import say
from dsec_migrate.text.errors import UserError


def run(words: Sequence[str]) -> int:
    """Runs the command given by ``words`` and returns its exit status. Raises UserError on bad usage."""
    verb = words[0] if words and words[0] in VERBS else ""
    name = f"{NAME} {verb}".rstrip()
    try:
        parser = _parser(command(verb), name, words)
        status = parser.main(list(words[bool(verb) :]), name, standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        raise _usage_error(error) or error from None
    return status if isinstance(status, int) else 0


class _Parser(TyperCommand):
    """Help in groups, without importing a library that draws boxes."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None) or OTHER
                groups.setdefault(title, []).append(record)
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _parser(command: Command, name: str, words: Sequence[str]) -> TyperCommand:
    rows = command.call.parameters

    def perform(**said: Any) -> int:
        call = command.call(**{key: rows[key].read(value) for key, value in said.items()})
        call.line = tuple(words)
        return command.run(call)

    return _Parser(
        name,
        callback=perform,
        params=[_parameter(key, row) for key, row in rows.items()],
        help=command.text,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        rich_markup_mode=None,
    )


def _parameter(name: str, row: Parameter) -> Any:
    common: dict[str, Any] = {
        "type": None if row.is_switch else _type(row.kind),
        "required": row.is_required,
        "help": row.help,
        "metavar": row.metavar or None,
        "rich_help_panel": row.panel,
    }
    if not row.spellings:
        nargs = -1 if row.is_repeated else 1
        return TyperArgument(param_decls=[name], nargs=nargs, show_default=False, **common)
    if row.instead is not None:
        common |= {"callback": _instead(row), "is_eager": True, "expose_value": False}
    return TyperOption(
        param_decls=[name, *row.spellings],
        is_flag=row.is_switch or None,
        multiple=row.is_repeated,
        default=False if row.is_switch else None if row.is_repeated or row.is_required else row.default,
        show_default=True,
        **common,
    )


def _type(kind: Any) -> Any:
    """The type that Typer checks an argument against; where it has none, a string, which ``Parameter.read``
    converts."""
    known = kind if isinstance(kind, type) else str
    return typer.main.get_click_type(annotation=known, parameter_info=typer.models.OptionInfo())


def _instead(row: Parameter) -> Any:
    def show(_: Any, __: Any, value: Any) -> None:
        if value and row.instead is not None:
            say(row.instead(value, every()), sys.stdout)
            raise typer.Exit

    return show


def _usage_error(error: Exception) -> UserError | None:
    """A usage error of Typer in the form of all other errors."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    advice = f"run `{NAME} --help` to list all options"
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        similar = " or ".join(sorted(error.possibilities or ()))
        return UserError(f"no such option: {option}", help=f"did you mean {similar}?" if similar else advice)
    text = re.sub(r"^(?:Invalid value for|Option) '?([^':]+)'?(?=[: ])", r"\1", message()).rstrip(".")
    return UserError(text[:1].lower() + text[1:], help=advice)
