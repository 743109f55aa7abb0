"""The ``.env`` and ``env_file:`` syntax of Compose, with the position of every entry.

Both are read by one parser; ``format: raw`` is a second, much simpler syntax. Observed with Compose 2.40
(docs/architecture.md). What surprises: behind a closing quote the rest of the line is read as a further entry
(``A="1" B=2``); a last line ``NAME`` without a line break is the value of a variable without name; backslashes count
in double quotes only; values are interpolated except in single quotes; ``:`` separates like ``=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from dsec_migrate.compose.interpolation import InterpolationError, escape, interpolate, references
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import Span, is_text

_BYTE_ORDER_MARK = "\ufeff"
# Go's white space, which applies to env files; Python's str.strip() would also strip the separators U+001C to U+001F
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# the part of it that may stand around names and before values
_BLANKS = "\t\v\f\r \x85\xa0"

_BETWEEN = Pattern(rf"(?:[{SPACES}]+|#[^\n]*)*")
_EXPORT = Pattern(rf"export(?=[\t\n\f\r ])[{_BLANKS}]*")
_NAME = Pattern(rf"[\w.\-\[\]{_BLANKS}]*")
_BLANK_RUN = Pattern(rf"[{_BLANKS}]*")
_QUOTED = {
    "'": re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL),
    '"': re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL),
}
_PAIR = r"(?s)\\(.)"
_ESCAPE = r'\\(?:([abcfnrtv$"\\])|0([0-9]{0,3}))'
_ESCAPED = {"a": "\a", "b": "\b", "c": r"\c", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}
_OCTAL_BYTE = "[0-3][0-7]{2}"

_RAW_LINE_BYTES = 65_535

_NEEDS_NO_QUOTES = r"[A-Za-z0-9_./:@%+,=-]*"
# an odd number of backslashes: the last one would pair with the quote that follows
_OPEN_PAIR = r"(?<!\\)(?:\\\\)*\\(?:'|\Z)"
_IN_DOUBLE_QUOTES = str.maketrans(
    {"\\": r"\\", '"': r"\"", "$": r"\$", "\n": r"\n", "\r": r"\r", "\t": r"\t"},
)


class DotenvError(Exception):
    """A file that Compose refuses. ``line`` and ``column`` count from 1; ``reason`` holds no value of the file."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        self.line = line
        self.column = column
        self.reason = reason
        super().__init__(line, column, reason)

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.reason}"


@dataclass(frozen=True, repr=False)
class Entry:
    """One assignment, or a bare ``NAME``, which passes a variable through.

    ``value`` is the file's value, interpolated; None for a pass-through. What that one receives is ``passed``:
    None when the environment does not set the variable, then Compose ignores the entry. ``span`` runs from the first
    character of the entry (``export`` included) through the last of its value (the closing quote included);
    ``name_span`` holds the name alone; ``value_span`` holds the value with its quotes and is empty for a pass-through.
    ``quote`` is ``""``, ``"'"`` or ``'"'``. ``line`` counts from 1. ``references`` are the names that the value
    refers to, each once. ``template`` is the value before interpolation, quotes and escapes undone: interpolated at
    the entry it gives ``value``. Where Compose reads a value literally, every ``$`` is therefore doubled in it.
    """

    name: str
    value: str | None = field(repr=False)
    span: Span
    value_span: Span
    quote: str = ""
    exported: bool = False
    line: int = 1
    references: tuple[str, ...] = ()
    passed: str | None = field(default=None, repr=False)
    name_span: Span = Span(0, 0)
    template: str | None = field(default=None, repr=False)


def parse(
    text: str,
    lookup: Mapping[str, str],
    *,
    service: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    raw: bool = False,
) -> list[Entry]:
    """The entries of one file, in order. Spans are offsets in ``text``, a byte order mark counted if there is one.

    A reference in a value is looked up in ``lookup`` (for ``.env``: the shell; for an ``env_file``: the project's
    environment, which is shell and ``.env``), then in ``service`` (the service's own ``environment:`` values, nulls
    left out), then in the lines above, then in ``earlier`` (the variables of the files read before this one). A
    pass-through only sees the first two. ``raw`` reads ``format: raw``. Raises DotenvError where Compose refuses
    the file.
    """
    surroundings = {**(service or {}), **lookup}
    start = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
    if raw:
        return list(_raw_entries(text, start, surroundings))
    return list(_entries(text, start, surroundings, {**(earlier or {}), **surroundings}))


def variables(entries: Iterable[Entry]) -> dict[str, str]:
    """The final variables of a file: of several entries with one name the last counts."""
    result: dict[str, str] = {}
    for entry in entries:
        value = entry.passed if entry.value is None else entry.value
        if value is not None:
            result[entry.name] = value
    return result


def quote(value: str, mark: str = "") -> str:
    """A spelling that both ``.env`` and ``env_file:`` read back as exactly ``value``, on a single line.

    Plain where that is unambiguous, else in single quotes, else in double quotes. ``mark`` asks for one of the
    quotes ``"'"`` and ``'"'``; single ones are not possible for every value. Raises ValueError for a NUL, which no
    environment variable can hold, and for lone surrogates, which are not text. Not for ``format: raw``.
    """
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("an environment variable cannot contain NUL characters or invalid text")
    if not mark and re.fullmatch(_NEEDS_NO_QUOTES, value):
        return value
    if mark == '"' or "\n" in value or "\r" in value or re.search(_OPEN_PAIR, value):
        return f'"{value.translate(_IN_DOUBLE_QUOTES)}"'
    escaped = value.replace("'", r"\'")
    return f"'{escaped}'"


def _entries(text: str, position: int, surroundings: Mapping[str, str], scope: dict[str, str]) -> Iterator[Entry]:
    """``scope`` is what references see; every entry is added to it."""
    line, counted = 1, 0
    while True:
        start = _end(_BETWEEN, text, position)
        if start == len(text):
            return
        line += text.count("\n", counted, start)
        counted = start
        export = _EXPORT.match(text, start)
        name_start = export.end() if export else start
        if export and name_start == len(text):
            raise _error(text, start, "a name is missing after export")
        name_end = _end(_NAME, text, name_start)
        separator = text[name_end : name_end + 1]
        if separator not in ("", "=", ":", "\n"):
            raise _error(text, name_end, "unexpected character in the name of a variable")
        # the last line without a line break: Compose reads NAME as a value that belongs to no name
        name = text[name_start:name_end].rstrip(SPACES) if separator else ""
        if " " in name:
            raise _error(text, name_start, "the name of a variable cannot contain a space")
        if separator == "\n":
            position = name_end + 1
            if name:
                end = name_start + len(name)
                yield Entry(
                    name,
                    None,
                    Span(start, end),
                    Span(end, end),
                    exported=export is not None,
                    line=line,
                    passed=surroundings.get(name),
                    name_span=Span(name_start, end),
                )
            continue
        value_start = _end(_BLANK_RUN, text, name_end + 1) if separator else name_start
        template, mark, value_end, position = _read_value(text, value_start)
        value = template
        mentioned: tuple[str, ...] = ()
        if "$" in template:
            if mark == "'":
                template = escape(template)
            else:
                try:
                    value = interpolate(template, scope).value
                    mentioned = tuple(dict.fromkeys(reference.name for reference in references(template)))
                except InterpolationError as error:
                    raise _error(text, value_start, str(error)) from None
        if name not in surroundings:
            scope[name] = value
        yield Entry(
            name,
            value,
            Span(start, value_end),
            Span(value_start, value_end),
            quote=mark,
            exported=export is not None,
            line=line,
            references=mentioned,
            name_span=Span(name_start, name_start + len(name)),
            template=template,
        )


def _read_value(text: str, start: int) -> tuple[str, str, int, int]:
    """The value at ``start`` before interpolation, its quote, where it ends, and where the next entry may begin."""
    mark = text[start : start + 1]
    if mark in _QUOTED:
        quoted = _QUOTED[mark].match(text, start)
        if quoted is None:
            raise _error(text, start, "this quote is never closed")
        return _unescape(quoted[1], mark), mark, quoted.end(), quoted.end()
    line_end = text.find("\n", start)
    if line_end < 0:
        line_end = len(text)
    value = text[start:line_end].partition(" #")[0].rstrip(SPACES)
    return value, "", start + len(value), line_end


def _end(pattern: Pattern, text: str, position: int) -> int:
    """The end of a match of ``pattern``, which also matches an empty string."""
    match = pattern.match(text, position)
    return match.end() if match else position


def _unescape(inner: str, mark: str) -> str:
    if "\\" not in inner:
        return inner
    inner = re.sub(_PAIR, lambda pair: mark if pair[1] == mark else pair[0], inner)
    return re.sub(_ESCAPE, _escaped, inner) if mark == '"' else inner


def _escaped(match: re.Match[str]) -> str:
    letter, octal = match.groups()
    if letter:
        return _ESCAPED.get(letter, letter)
    return chr(int(octal, 8)) if re.fullmatch(_OCTAL_BYTE, octal) else "\\" + octal


def _raw_entries(text: str, position: int, surroundings: Mapping[str, str]) -> Iterator[Entry]:
    for number, line in enumerate(text[position:].split("\n"), start=1):
        offset = position
        position += len(line) + 1
        if len(line) * 4 > _RAW_LINE_BYTES and len(line.encode("utf-8", "surrogatepass")) > _RAW_LINE_BYTES:
            raise _error(text, offset, f"a line with format: raw has at most {_RAW_LINE_BYTES:,} bytes")
        content = line.removesuffix("\r").lstrip(SPACES)
        if not is_text(line):
            raise _error(text, offset, "format: raw accepts only UTF-8")
        if not content or content.startswith("#"):
            continue
        start = offset + line.index(content)
        name, separator, value = content.partition("=")
        if not name:
            raise _error(text, start, "the name of a variable is missing")
        if " " in name or "\t" in name:
            raise _error(text, start, "the name of a variable cannot contain white space in format: raw")
        name_end, end = start + len(name), start + len(content)
        if separator:
            yield Entry(
                name,
                value,
                Span(start, end),
                Span(name_end + 1, end),
                line=number,
                name_span=Span(start, name_end),
                template=escape(value),
            )
        else:
            passed = surroundings.get(name)
            span = Span(start, end)
            yield Entry(name, None, span, Span(end, end), line=number, passed=passed, name_span=span)


def _error(text: str, offset: int, reason: str) -> DotenvError:
    line_start = text.rfind("\n", 0, offset) + 1
    return DotenvError(text.count("\n", 0, offset) + 1, offset - line_start + 1, reason)
