"""The commands of the program by verb: what each takes and does. Everything that lists commands or options (the help,
completion, the man page, the reference, suggestions for misspelt verbs) uses this module."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from dsec_migrate.cli.command import VERBS, Command


def command(verb: str) -> Command:
    """The command of a verb, which has to be one of ``VERBS``, or empty."""
    if not verb:
        from dsec_migrate.cli.perform import perform
        from dsec_migrate.cli.request import Request

        return Command("", Request, perform)
    module = import_module(f"dsec_migrate.cli.verbs.{verb}")
    return Command(verb, module.Call, module.run)


def every() -> Iterator[Command]:
    """Migrating first, then the verbs by name."""
    return map(command, ("", *VERBS))
