"""Text -> instructions. Lossless: every instruction knows which characters of the file it consists of.

As BuildKit does it (frontend/dockerfile/parser of its release 0.25, checked with ``docker buildx build --call=outline``
and ``--call=check``): a line that ends in one escape character, not in two, continues on the next one, ignoring white
space after it; comment lines and empty lines in between are dropped; a directive (``# escape=``) counts only at the top
of the file; words that start with ``--`` right after the keyword are flags, up to a bare ``--``; a here-document
(``heredocs``) may follow RUN, COPY and ADD that are not a JSON list.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.dockerfile.heredocs import WHITE, signs
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field, replace
from dsec_migrate.text.source import Source, Span
from dsec_migrate.text.structured import json_of

_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})

_DIRECTIVE = Pattern(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t\r]*\Z")


@dataclass(frozen=True, repr=False)
class Flag:
    """``--name=value``, unquoted; ``span`` is all of it in the file's text (from the first to the last character)."""

    name: str
    value: str | None
    span: Span


@dataclass(frozen=True, repr=False)
class Heredoc:
    """``content`` is the span of the lines between ``<<NAME`` and ``NAME``; ``expands``: variables in it are replaced.
    ``ends`` is False where no line ``NAME`` follows, which BuildKit refuses."""

    name: str
    content: Span
    expands: bool
    ends: bool = True


@dataclass(frozen=True, repr=False, eq=False)
class Instruction:
    """One instruction.

    ``keyword`` is in upper case. ``text`` is what follows it, without flags and comments, continued lines joined;
    ``offsets`` gives for each of its characters (and for its end) the offset in the file. ``span`` is the whole
    instruction with its here-documents, without the last line end. ``behind_keyword`` is the offset in the file where a
    first flag is inserted. ``trigger`` is the instruction that ONBUILD defers.
    """

    keyword: str
    text: str = field(repr=False)
    offsets: tuple[int, ...]
    span: Span
    line: int
    behind_keyword: int = 0
    flags: tuple[Flag, ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    trigger: Instruction | None = None

    def flag(self, name: str) -> str | None:
        return next((flag.value for flag in self.flags if flag.name == name), None)

    def words(self) -> list[str] | None:
        """The words of the exec form (a JSON list), None for any other form."""
        if not self.text.lstrip().startswith("["):
            return None
        try:
            found = json_of(self.text)
        except ValueError:
            return None
        return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None

    def place(self, start: int, end: int) -> Span:
        """The span in the file of the characters ``start`` to ``end`` of the text."""
        return Span(self.offsets[start], self.offsets[end - 1] + 1 if end > start else self.offsets[start])


@dataclass(frozen=True, repr=False, eq=False)
class Dockerfile:
    """``escape`` is the escape character, ``syntax`` what ``# syntax=`` names."""

    source: Source
    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    syntax: str | None = None


def read(source: Source) -> Dockerfile:
    """Never raises: a line that is not an instruction has its first word as keyword."""
    lines = _lines(source.text)
    directives = dict(_directives(source.text, lines))
    escape = directives.get("escape", "\\")
    reader = _Reader(source.text, lines, escape if escape in {"\\", "`"} else "\\")
    return Dockerfile(source, tuple(reader.instructions()), reader.escape, directives.get("syntax"))


def _lines(text: str) -> list[Span]:
    """The lines, each without its end."""
    found: list[Span] = []
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        if end < 0:
            found.append(Span(start, len(text)))
            break
        stop = end
        while stop > start and text[stop - 1] == "\r":
            stop -= 1
        found.append(Span(start, stop))
        start = end + 1
    return found


def _directives(text: str, lines: list[Span]) -> Iterator[tuple[str, str]]:
    for span in lines:
        match = _DIRECTIVE.match(text[span.start : span.end])
        if match is None or match[1].lower() not in {"syntax", "escape", "check"}:
            return
        yield match[1].lower(), match[2]


class _Reader:
    def __init__(self, text: str, lines: list[Span], escape: str) -> None:
        self.text = text
        self.lines = lines
        self.escape = escape
        self.number = 0

    def instructions(self) -> Iterator[Instruction]:
        while self.number < len(self.lines):
            span = self.lines[self.number]
            stripped = self.text[span.start : span.end].strip(WHITE)
            if not stripped or stripped.startswith("#"):
                self.number += 1
                continue
            yield self._instruction()

    def _instruction(self) -> Instruction:
        first = self.number
        text, offsets, end = self._joined()
        begin = len(text) - len(text.lstrip(WHITE))
        found = self._read(text, offsets, begin)
        heredocs, end = self._heredocs(found, text, end)
        return _finished(found, Span(offsets[begin] if text.strip(WHITE) else offsets[0], end), first + 1, heredocs)

    def _joined(self) -> tuple[str, list[int], int]:
        """One logical line: its text, the offset of each character and of its end, and where the next line starts."""
        pieces: list[str] = []
        offsets: list[int] = []
        end = self.lines[self.number].end
        is_first = True
        while self.number < len(self.lines):
            span = self.lines[self.number]
            line = self.text[span.start : span.end]
            stripped = line.strip(WHITE)
            if not is_first and (not stripped or stripped.startswith("#")):
                self.number += 1
                continue
            self.number += 1
            is_first = False
            end = span.end
            body = line.rstrip(" \t")
            if body.endswith(self.escape) and not body.endswith(self.escape * 2):
                pieces.append(body[:-1])
                offsets += range(span.start, span.start + len(body) - 1)
                continue
            pieces.append(line)
            offsets += range(span.start, span.start + len(line))
            break
        return "".join(pieces), [*offsets, end], end

    def _read(self, text: str, offsets: list[int], start: int, *, is_trigger: bool = False) -> Instruction:
        """The instruction whose keyword is at ``start`` of a logical line. ONBUILD cannot be nested."""
        stop = start
        while stop < len(text) and text[stop] not in WHITE:
            stop += 1
        keyword = text[start:stop].upper()
        position = _behind_white(text, stop)
        behind_keyword = offsets[position]
        flags: list[Flag] = []
        while text.startswith("--", position):
            begin = position
            word, position = self._flag(text, position)
            if word == "--":
                position = _behind_white(text, position)
                break
            name, sign, value = word.removeprefix("--").partition("=")
            flags.append(Flag(name, value if sign else None, Span(offsets[begin], offsets[position - 1] + 1)))
            position = _behind_white(text, position)
        trigger = None
        if keyword == "ONBUILD" and not is_trigger and text[position:].strip(WHITE):
            trigger = self._read(text, offsets, position, is_trigger=True)
        rest = text[position:].rstrip(WHITE)
        own = tuple(offsets[position : position + len(rest)])
        end = own[-1] + 1 if own else offsets[position]
        return Instruction(keyword, rest, (*own, end), Span(end, end), 0, behind_keyword, tuple(flags), (), trigger)

    def _flag(self, text: str, position: int) -> tuple[str, int]:
        """A word without its quotes and escapes, and its end."""
        word = ""
        quote = ""
        while position < len(text) and (quote or text[position] not in WHITE):
            character = text[position]
            if character == quote:
                quote = ""
            elif not quote and character in "'\"":
                quote = character
            elif character == self.escape:
                position += 1
                word += text[position : position + 1]
            else:
                word += character
            position += 1
        return word, min(position, len(text))

    def _heredocs(self, found: Instruction, line: str, end: int) -> tuple[tuple[Heredoc, ...], int]:
        owner = found.trigger or found
        if owner.keyword not in _WITH_HEREDOCS or owner.words() is not None:
            return (), end
        heredocs: list[Heredoc] = []
        for sign in signs(line):
            start = self.lines[self.number].start if self.number < len(self.lines) else len(self.text)
            stop = start
            ends = False
            while self.number < len(self.lines) and not ends:
                span = self.lines[self.number]
                content = self.text[span.start : span.end]
                self.number += 1
                end = span.end
                ends = (content.lstrip("\t") if sign.strips else content) == sign.name
                if not ends:
                    stop = self.lines[self.number].start if self.number < len(self.lines) else len(self.text)
            heredocs.append(Heredoc(sign.name, Span(start, stop), sign.expands, ends))
        return tuple(heredocs), end


def _behind_white(text: str, position: int) -> int:
    while position < len(text) and text[position] in WHITE:
        position += 1
    return position


def _finished(found: Instruction, span: Span, line: int, heredocs: tuple[Heredoc, ...]) -> Instruction:
    """``found`` with the facts of its whole logical line; here-documents belong to the instruction inside ONBUILD."""
    trigger = _finished(found.trigger, span, line, heredocs) if found.trigger is not None else None
    return replace(found, span=span, line=line, heredocs=() if trigger is not None else heredocs, trigger=trigger)
