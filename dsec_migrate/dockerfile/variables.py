"""What ARG and ENV declare, and what a string refers to, with offsets in the text of an instruction.

BuildKit's word rules (its parser and shell lexer, checked with ``docker buildx build``): quoted parts join, the escape
character makes the next character literal; ``ENV X a b`` without ``=`` in its first word is one variable whose value
is the rest of the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.dockerfile.heredocs import WHITE
from dsec_migrate.dockerfile.reader import Instruction
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_REFERENCE = Pattern(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?=[}:+\-#%/?]))")
_LEGACY = Pattern(r"(\S+)[\t\v\f\r ]+(?=\S)")


class Declared(NamedTuple):
    """``text`` is the value as written, None for an ``ARG X`` without one; ``word`` and ``value`` are parts of the
    instruction's text."""

    name: str
    text: str | None
    word: Span
    value: Span


def declared(instruction: Instruction, escape: str = "\\") -> list[Declared]:
    """What an ARG or an ENV declares; nothing for any other instruction."""
    if instruction.keyword not in {"ARG", "ENV"}:
        return []
    parts = list(words(instruction.text, escape))
    is_legacy = instruction.keyword == "ENV" and parts and "=" not in instruction.text[slice(*parts[0])]
    legacy = _LEGACY.match(instruction.text) if is_legacy else None
    if legacy is not None:
        rest = Span(legacy.end(), len(instruction.text))
        return [Declared(legacy[1], instruction.text[rest.start :], Span(0, rest.end), rest)]
    found: list[Declared] = []
    for word in parts:
        name, sign, value = instruction.text[word.start : word.end].partition("=")
        start = word.start + len(name) + len(sign)
        found.append(Declared(name, value if sign else None, word, Span(start, word.end)))
    return found


def words(text: str, escape: str = "\\") -> Iterator[Span]:
    """The words of a string, quotes and escapes included."""
    position = 0
    while position < len(text):
        if text[position] in WHITE:
            position += 1
            continue
        start = position
        quote = ""
        while position < len(text) and (quote or text[position] not in WHITE):
            character = text[position]
            if character == escape and quote != "'" and position + 1 < len(text):
                position += 1
            elif quote:
                quote = "" if character == quote else quote
            elif character in "'\"":
                quote = character
            position += 1
        yield Span(start, position)


def unquoted(text: str, escape: str = "\\") -> str | None:
    """The value without quotes and escapes; None where it refers to a variable."""
    if references(text, escape):
        return None
    value, quote, position = "", "", 0
    while position < len(text):
        character = text[position]
        if character == escape and quote != "'" and position + 1 < len(text):
            following = text[position + 1]
            # in double quotes the escape character only counts before what it can escape
            value += following if not quote or following in {'"', "$", escape} else character + following
            position += 1
        elif quote and character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            value += character
        position += 1
    return value


def references(text: str, escape: str = "\\") -> set[str]:
    """The names that ``$X`` and ``${X…}`` in a string refer to."""
    found: set[str] = set()
    for match in _REFERENCE.finditer(text):
        before = text[: match.start()]
        if (len(before) - len(before.rstrip(escape))) % 2 == 0:
            found.add(match[1] or match[2])
    return found
