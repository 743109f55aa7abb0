r"""Which here-documents a logical line of a Dockerfile starts.

BuildKit's rule (frontend/dockerfile/parser of its release 0.25, checked with ``docker buildx build --call=outline``):
the line is split as a shell splits it, quotes and escapes kept, and a here-document is a whole word of the form
``^\d*<<-?\s*[^<]*$``. So ``"<<EOF"``, ``$((1<<N))`` and ``a<<EOF`` start none, ``<< EOF``, ``3<<EOF`` and ``1<<2`` do;
a line with an unclosed quote or ``${…}`` starts none at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.text.patterns import Pattern

WHITE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""BuildKit's white space: Go's ``unicode.IsSpace``."""

_SIGN = Pattern(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]*)")
_ESCAPED = {'"', "$", "\\"}
# deeper than any real line
_DEPTH = 50


class Sign(NamedTuple):
    """``<<NAME``: a line ``name`` ends the here-document, after tabs where it ``strips`` them; ``expands``: variables
    in its content are replaced."""

    name: str
    strips: bool
    expands: bool


def signs(line: str) -> list[Sign]:
    """The here-documents that ``line`` starts, in order: their contents follow one after the other."""
    if "<<" not in line:
        return []
    try:
        words = list(_words(line))
    except _UnfinishedError:
        return []
    found = []
    for word in words:
        match = _SIGN.fullmatch(word)
        if match is not None:
            name, is_quoted = _unquoted(match[2])
            if name:
                found.append(Sign(name, bool(match[1]), not is_quoted))
    return found


class _UnfinishedError(Exception):
    """An unclosed quote or ``${``, or one with syntax unknown to BuildKit."""


def _words(line: str) -> Iterator[str]:
    position = start = 0
    while position < len(line):
        character = line[position]
        if character in WHITE:
            if start < position:
                yield line[start:position]
            position += 1
            start = position
        elif character in "'\"":
            end, is_cut = _behind_quote(line, position, 0)
            # BuildKit's lexer drops what precedes a `${X:-y}`, in quotes or not
            start = position if is_cut else start
            position = end
        elif character == "$":
            end, is_cut = _behind_expansion(line, position, 0)
            start = position if is_cut else start
            # no quote in it contains white space
            while position < end:
                if line[position] in WHITE:
                    if start < position:
                        yield line[start:position]
                    start = position + 1
                position += 1
        elif line.startswith("<<", position):
            position += 2
            while position < len(line) and line[position] in "\t\r ":
                position += 1
        else:
            position += 2 if character == "\\" else 1
    if start < len(line):
        yield line[start:]


def _behind_quote(line: str, position: int, depth: int) -> tuple[int, bool]:
    """Where the quoted string at ``position`` ends, and whether it contains a ``${X:-y}``."""
    quote = line[position]
    position += 1
    is_cut = False
    while position < len(line):
        if line[position] == quote:
            return position + 1, is_cut
        if quote == '"' and line[position] == "$":
            position, is_here = _behind_expansion(line, position, depth + 1)
            is_cut = is_cut or is_here
        else:
            is_escape = quote == '"' and line[position] == "\\" and line[position + 1 : position + 2] in _ESCAPED
            position += 2 if is_escape else 1
    raise _UnfinishedError


def _behind_expansion(line: str, position: int, depth: int) -> tuple[int, bool]:
    """Where the ``$X`` or ``${…}`` at ``position`` ends, and whether it is more than a name."""
    if line[position + 1 : position + 2] != "{":
        return _behind_name(line, position + 1), False
    position += 2
    if depth > _DEPTH or line[position : position + 1] in {"", "{", "}", ":"}:
        raise _UnfinishedError
    position = _behind_name(line, position)
    modifier = line[position : position + 1]
    if modifier == "}":
        return position + 1, False
    if modifier == ":":
        position += 1
        # for an argument without a value, BuildKit checks no more than this
        if line[position : position + 1] in {"#", "%"}:
            raise _UnfinishedError
    elif modifier == "/":
        position += 2 if line.startswith("//", position) else 1
        return _behind(line, _behind(line, position, "/", depth), "}", depth), True
    elif modifier not in {"+", "-", "?", "#", "%"}:
        raise _UnfinishedError
    return _behind(line, position + 1, "}", depth), True


def _behind_name(line: str, position: int) -> int:
    start = position
    while position < len(line):
        character = line[position]
        if position == start and character.isdigit():
            while position < len(line) and line[position].isdigit():
                position += 1
            return position
        if position == start and character in "@*#?-$!":
            return position + 1
        if not (character.isalnum() or character == "_"):
            break
        position += 1
    return position


def _behind(line: str, position: int, stop: str, depth: int) -> int:
    """The end of the word that ``stop`` terminates."""
    while position < len(line):
        character = line[position]
        if character == stop:
            return position + 1
        if character in "'\"":
            position = _behind_quote(line, position, depth + 1)[0]
        elif character == "$":
            position = _behind_expansion(line, position, depth + 1)[0]
        else:
            position += 2 if character == "\\" else 1
    raise _UnfinishedError


def _unquoted(word: str) -> tuple[str, bool]:
    """``word`` without its quotes and escapes, and whether it has quotes; an empty name where it is not one word."""
    found = ""
    quote = ""
    is_quoted = False
    position = 0
    while position < len(word):
        character = word[position]
        following = word[position + 1 : position + 2]
        if character == "\\" and (not quote or (quote == '"' and following in _ESCAPED)):
            found += following
            position += 1
        elif quote and character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote, is_quoted = character, True
        elif not quote and character in WHITE:
            return "", False
        else:
            found += character
        position += 1
    return found, is_quoted
