"""Text -> instructions. Nothing is lost: every instruction knows which characters of the file it is made of.

As BuildKit does it (dockerfile-parser of its release 0.12, checked with ``docker buildx build --check``): a line that
ends in the escape character goes on in the next one, white space behind it does not matter; comment lines and empty
lines between the two are left out; a directive (``# escape=``) counts only above everything else; ``<<NAME`` begins a
here-document in RUN, COPY and ADD.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.patterns import Pattern
from dsec_migrate.records import dataclass, field
from dsec_migrate.source import Source, Span
from dsec_migrate.structured import json_of

_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_WITH_FLAGS = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})

_DIRECTIVE = Pattern(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t\r]*\Z")
_FLAG = Pattern(r"[ \t]*--([a-z][a-z-]*)(?:=((?:[^\s\"']|\"[^\"]*\"|'[^']*')*))?(?=\s|\Z)")
_HEREDOC = Pattern(r"(?<![<\w])\d*<<(-?)(?:\"([^\"\s]+)\"|'([^'\s]+)'|([A-Za-z_][\w.-]*))")
_KEYWORD = Pattern(r"[ \t]*([A-Za-z]+)")


@dataclass(frozen=True, repr=False)
class Flag:
    """``--name=value``; ``span`` is all of it in the file's text (from the first to the last character)."""

    name: str
    value: str | None
    span: Span


@dataclass(frozen=True, repr=False)
class Heredoc:
    """``content`` is the place of the lines between ``<<NAME`` and ``NAME``; ``expands``: variables in it are."""

    name: str
    content: Span
    expands: bool


@dataclass(frozen=True, repr=False, eq=False)
class Instruction:
    """One instruction.

    ``keyword`` is in upper case. ``text`` is what follows it, flags left out, continued lines joined and comments taken
    away; ``offsets`` gives for each of its characters (and for its end) the place in the file. ``span`` is the whole
    instruction with its here-documents, without the last line end. ``trigger`` is what ONBUILD keeps for later.
    """

    keyword: str
    text: str = field(repr=False)
    offsets: tuple[int, ...]
    span: Span
    line: int
    flags: tuple[Flag, ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    trigger: Instruction | None = None

    def flag(self, name: str) -> str | None:
        return next((flag.value for flag in self.flags if flag.name == name), None)

    def words(self) -> list[str] | None:
        """The words of the exec form (a JSON list), None of any other form."""
        if not self.text.lstrip().startswith("["):
            return None
        try:
            found = json_of(self.text)
        except ValueError:
            return None
        return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None

    def place(self, start: int, end: int) -> Span:
        """Where the characters ``start`` to ``end`` of the text stand in the file."""
        return Span(self.offsets[start], self.offsets[end - 1] + 1 if end > start else self.offsets[start])


@dataclass(frozen=True, repr=False, eq=False)
class Dockerfile:
    """``escape`` is the escape character, ``syntax`` what ``# syntax=`` names."""

    source: Source
    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    syntax: str | None = None


def read(source: Source) -> Dockerfile:
    """Never raises: what is no instruction has the keyword that stands there."""
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
        found.append(Span(start, end - 1 if end > start and text[end - 1] == "\r" else end))
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
            stripped = self.text[span.start : span.end].strip()
            if not stripped or stripped.startswith("#"):
                self.number += 1
                continue
            yield self._instruction()

    def _instruction(self) -> Instruction:
        first = self.number
        text, offsets, end = self._joined()
        keyword = _KEYWORD.match(text)
        begin = offsets[len(text) - len(text.lstrip())] if text.strip() else offsets[0]
        found = self._read(text, offsets, keyword.end() if keyword else 0, keyword[1].upper() if keyword else "")
        heredocs, end = self._heredocs(found, end)
        return self._finished(found, Span(begin, end), first + 1, heredocs)

    def _joined(self) -> tuple[str, list[int], int]:
        """One logical line: its text, the place of each character and of its end, and where the file goes on."""
        pieces: list[str] = []
        offsets: list[int] = []
        end = self.lines[self.number].end
        is_first = True
        while self.number < len(self.lines):
            span = self.lines[self.number]
            line = self.text[span.start : span.end]
            stripped = line.strip()
            if not is_first and (not stripped or stripped.startswith("#")):
                self.number += 1
                continue
            self.number += 1
            is_first = False
            end = span.end
            body = line.rstrip(" \t")
            if body.endswith(self.escape):
                pieces.append(body[:-1])
                offsets += range(span.start, span.start + len(body) - 1)
                continue
            pieces.append(line)
            offsets += range(span.start, span.start + len(line))
            break
        return "".join(pieces), [*offsets, end], end

    def _read(self, text: str, offsets: list[int], position: int, keyword: str) -> Instruction:
        flags: list[Flag] = []
        if keyword in _WITH_FLAGS:
            while (match := _FLAG.match(text, position)) is not None:
                start = match.start() + len(match.group()) - len(match.group().lstrip())
                flags.append(Flag(match[1], match[2], Span(offsets[start], offsets[match.end() - 1] + 1)))
                position = match.end()
        while position < len(text) and text[position] in " \t":
            position += 1
        trigger = None
        if keyword == "ONBUILD":
            inner = _KEYWORD.match(text, position)
            if inner is not None:
                trigger = self._read(text, offsets, inner.end(), inner[1].upper())
        rest = text[position:].rstrip()
        own = tuple(offsets[position : position + len(rest)])
        stop = own[-1] + 1 if own else offsets[position]
        return Instruction(keyword, rest, (*own, stop), Span(stop, stop), 0, tuple(flags), (), trigger)

    def _heredocs(self, found: Instruction, end: int) -> tuple[tuple[Heredoc, ...], int]:
        owner = found.trigger or found
        if owner.keyword not in _WITH_HEREDOCS or "<<" not in owner.text:
            return (), end
        heredocs: list[Heredoc] = []
        for match in _HEREDOC.finditer(owner.text):
            strips, double, single, bare = match.groups()
            name = double or single or bare
            start = self.lines[self.number].start if self.number < len(self.lines) else len(self.text)
            stop = start
            while self.number < len(self.lines):
                span = self.lines[self.number]
                line = self.text[span.start : span.end]
                self.number += 1
                end = span.end
                if (line.lstrip("\t") if strips else line) == name:
                    break
                stop = min(span.end + (2 if self.text.startswith("\r\n", span.end) else 1), len(self.text))
            heredocs.append(Heredoc(name, Span(start, stop), expands=bare is not None))
        return tuple(heredocs), end

    @staticmethod
    def _finished(found: Instruction, span: Span, line: int, heredocs: tuple[Heredoc, ...]) -> Instruction:
        trigger = found.trigger
        if trigger is not None:
            trigger = _Reader._finished(trigger, span, line, heredocs)
        return Instruction(
            found.keyword,
            found.text,
            found.offsets,
            span,
            line,
            found.flags,
            () if trigger is not None else heredocs,
            trigger,
        )
