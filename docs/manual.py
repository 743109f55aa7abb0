"""The man page, from the same tables as the help: ``python docs/manual.py`` prints it."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator

from dsec_migrate.cli.command import Command
from dsec_migrate.cli.commands import every
from dsec_migrate.cli.parameters import Parameter
from dsec_migrate.outcome import BAD_INPUT, DONE, REFUSED_BY_CHECK, UNPROVED

_STATUS = {
    DONE: "Done, or shown (even if there are secrets to move).",
    REFUSED_BY_CHECK: "Only with --check: there is a secret in plaintext, or an audit has open items.",
    BAD_INPUT: "Bad usage, or a file that is unreadable or invalid.",
    UNPROVED: "A change could not be verified; nothing was written.",
}
_FILES = {
    "dsec-migrate.toml": "Beside a project: [[image]] rows for your own images, [[ignore]] exceptions from checks "
    "with reasons, [audit] max-age-days.",
    "secrets/": "The secret files, mode 0700; with .undo, the original files until `undo --forget --write`, and "
    ".ledger, a keyed hash of each value.",
}
_EXAMPLES = {
    "dsec-migrate": "Show what would change in the project of this folder.",
    "dsec-migrate compose.yml --write": "Do it.",
    "dsec-migrate undo --write": "Undo the latest run, byte for byte.",
    "dsec-migrate --check stacks/": "Exit with 1 if there are secrets in plaintext below a folder.",
    "dsec-migrate audit --explain weak-value": "Describe a check of the audit.",
}


def page() -> str:
    """The page in roff, with man's own macros."""
    return "".join(f"{line}\n" for line in _lines() if line)


def _lines() -> Iterator[str]:
    plain, *verbs = every()
    yield '.\\" Made by `python docs/manual.py`.'
    yield '.TH DSEC-MIGRATE 1 "" "dsec-migrate" "User Commands"'
    yield ".SH NAME"
    yield "dsec\\-migrate \\- move plaintext secrets of Compose projects into Docker secrets"
    yield ".SH SYNOPSIS"
    yield from _synopsis(plain)
    for verb in verbs:
        yield ".br"
        yield from _synopsis(verb)
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(_paragraphs(plain.text)):
        if not paragraph.startswith(("Other commands", "Exit status")):
            yield from ([".PP"] if number else [])
            yield from _prose(paragraph)
    yield ".SH OPTIONS"
    groups = dict.fromkeys(option.panel for option in plain.options)
    for group in groups:
        yield f".SS {_escaped(group)}"
        for option in plain.options:
            if option.panel == group:
                yield from _option(option)
    yield ".SH COMMANDS"
    for verb in verbs:
        yield f".SS {_escaped(f'dsec-migrate {verb.verb}')}"
        for number, paragraph in enumerate(_paragraphs(verb.text)):
            yield from ([".PP"] if number else [])
            yield from _prose(paragraph)
        for option in verb.options:
            yield from _option(option)
    yield ".SH EXIT STATUS"
    for status, text in _STATUS.items():
        yield from (".TP", f".B {status}", *_prose(text))
    yield ".SH FILES"
    for name, text in _FILES.items():
        yield from (".TP", f".I {_escaped(name)}", *_prose(text))
    yield ".SH EXAMPLES"
    for words, text in _EXAMPLES.items():
        yield from (".TP", f".B {_escaped(words)}", *_prose(text))
    yield ".SH SEE ALSO"
    yield ".BR docker (1),"
    yield ".BR docker\\-compose (1)"


def _synopsis(command: Command) -> Iterator[str]:
    verb = f" {command.verb}" if command.verb else ""
    words = " ".join(["[OPTIONS]", *(argument.metavar for argument in command.arguments)])
    yield f".B {_escaped(f'dsec-migrate{verb}')}"
    yield _escaped(words)


def _option(option: Parameter) -> Iterator[str]:
    spellings = ", ".join(f"\\fB{_escaped(one)}\\fR" for one in option.spellings)
    value = f" \\fI{_escaped(option.metavar)}\\fR" if option.metavar else ""
    yield from (".TP", f"{spellings}{value}", *_prose(option.help))


def _prose(text: str) -> list[str]:
    """Wraps lines, for a readable source."""
    return [_escaped(line) for line in textwrap.wrap(" ".join(text.split()), 72, break_on_hyphens=False)]


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _escaped(text: str) -> str:
    """``text`` escaped for roff: no character starts a request, and hyphens are ASCII."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text)


if __name__ == "__main__":
    sys.stdout.write(page())
