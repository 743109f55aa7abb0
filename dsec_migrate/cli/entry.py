"""The command line: arguments to a request, an outcome to reports and an exit status, and the one error boundary.

A command with files and switches only (``--check``, ``--write``) needs no option parser, which would be a third of its
time: ``option_parser`` is imported only for options that take a value, for help and for verbs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from dsec_migrate.cli.command import VERBS
from dsec_migrate.cli.perform import perform
from dsec_migrate.cli.request import Request
from dsec_migrate.text.errors import UserError, told

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command and exits. No exception and no traceback escapes: it could show a value."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_status(words))


def _status(words: list[str]) -> int:
    is_json = "--format=json" in words or ("--format", "json") in pairwise(words)
    try:
        request = _plain_request(words)
        if request is not None:
            return perform(request)
        from dsec_migrate.cli import option_parser

        return option_parser.run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        return _refuse(told(error), is_json)


SWITCHES = {row.spellings[0]: name for name, row in Request.parameters.items() if row.is_switch and row.instead is None}
"""The options that take no value, with their attributes."""


def _plain_request(words: Sequence[str]) -> Request | None:
    """The request of a command with files and switches only; None where the option parser is needed."""
    files = [word for word in words if word not in SWITCHES]
    if any(word.startswith("-") for word in files) or (files and files[0] in VERBS):
        return None
    said = {SWITCHES[word] for word in words if word in SWITCHES}
    request = Request(files=tuple(map(Path, files)), **{name: not Request.parameters[name].default for name in said})
    request.line = tuple(words)
    return request


def _refuse(error: UserError, is_json: bool) -> int:
    """Prints an error instead of a report and returns its exit status; with JSON requested, as a JSON object."""
    import os

    from dsec_migrate.config.options import Options
    from dsec_migrate.outcome import Outcome, ProjectOutcome
    from dsec_migrate.reports.formats import REPORTS
    from dsec_migrate.reports.look import View
    from dsec_migrate.reports.output import complain, say
    from dsec_migrate.reports.terminal import style_for

    outcome = Outcome((ProjectOutcome(error.file, errors=(error,)),), Options())
    # if the streams cannot be written to, the exit status still tells
    with suppress(UserError):
        if is_json:
            say(REPORTS["json"](outcome, View()), sys.stdout)
        else:
            complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    return outcome.status()
