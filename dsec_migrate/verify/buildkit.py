"""A second reader of Dockerfiles, only for the proof: a reader that misreads a file must not prove itself.

It follows BuildKit's own steps (frontend/dockerfile/parser and shell/lex.go of its release 0.25): lines are joined,
then split, words are lexed rune by rune into buffers. It has no positions but line numbers, and shares nothing with
``dsec_migrate.dockerfile``.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_SPACE = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]*)")
_WHITE = frozenset(
    map(
        chr, (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
    )
)
_TRIMMED = "".join(_WHITE)
_MOST_LEVELS = 100


class Node(NamedTuple):
    """An instruction: ``keyword`` in upper case (for ONBUILD both), its flags unquoted, the rest of it, and the
    contents of its here-documents."""

    keyword: str
    flags: tuple[str, ...]
    arguments: str
    contents: tuple[str, ...]
    line: int


class Parsed(NamedTuple):
    nodes: tuple[Node, ...]
    escape: str
    syntax: str | None


def parse(text: str) -> Parsed:
    """Never raises."""
    lines = text.split("\n")
    directives: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.rstrip("\r").lstrip(_TRIMMED))
        if match is None or match[1].lower() not in {"syntax", "escape", "check"}:
            break
        directives[match[1].lower()] = match[2]
    escape = "`" if directives.get("escape") == "`" else "\\"
    token = re.escape(escape)
    goes_on = re.compile(rf"(?:(?<!{token})|\A){token}[ \t]*\Z")
    nodes: list[Node] = []
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r").lstrip(_TRIMMED)
        number += 1
        if not line or line.startswith("#"):
            continue
        start = number
        line, count = goes_on.subn("", line)
        while count and number < len(lines):
            more = lines[number].rstrip("\r")
            number += 1
            if more.strip(_TRIMMED) and not more.lstrip(_TRIMMED).startswith("#"):
                more, count = goes_on.subn("", more)
                line += more
        keyword, flags, arguments = _split(line, escape)
        contents: list[str] = []
        if keyword.rpartition(" ")[2] in {"ADD", "COPY", "RUN"} and not _is_list(arguments):
            for name, strips in _heredocs(line):
                content: list[str] = []
                while number < len(lines):
                    more = lines[number]
                    number += 1
                    end = more.rstrip("\r")
                    if (end.lstrip("\t") if strips else end) == name:
                        break
                    content.append(more)
                contents.append("\n".join(content))
        nodes.append(Node(keyword, flags, arguments, tuple(contents), start))
    return Parsed(tuple(nodes), escape, directives.get("syntax"))


def _split(line: str, escape: str, *, is_kept: bool = False) -> tuple[str, tuple[str, ...], str]:
    keyword, *rest = _SPACE.split(line.strip(_TRIMMED), maxsplit=1)
    keyword = keyword.upper()
    flags, arguments = _flags(rest[0], escape) if rest else ((), "")
    if keyword == "ONBUILD" and arguments and not is_kept:
        inner, flags, arguments = _split(arguments, escape, is_kept=True)
        keyword = f"ONBUILD {inner}"
    return keyword, flags, arguments


def _flags(line: str, escape: str) -> tuple[tuple[str, ...], str]:
    found: list[str] = []
    rest = line.lstrip(_TRIMMED)
    while rest.startswith("--"):
        word: list[str] = []
        quote = ""
        runes = iter(rest)
        size = 0
        for rune in runes:
            if not quote and rune in _WHITE:
                break
            size += 1
            if rune == escape:
                following = next(runes, "")
                size += len(following)
                word.append(following)
            elif rune == quote:
                quote = ""
            elif not quote and rune in {"'", '"'}:
                quote = rune
            else:
                word.append(rune)
        rest = rest[size:].lstrip(_TRIMMED)
        if word == ["-", "-"]:
            break
        found.append("".join(word)[2:])
    return tuple(found), rest.strip(_TRIMMED)


def _is_list(arguments: str) -> bool:
    if not arguments.startswith("["):
        return False
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _heredocs(line: str) -> list[tuple[str, bool]]:
    """Name of each, and whether leading tabs are stripped."""
    if "<<" not in line:
        return []
    found = []
    for word in _Lexer(line, keeps_quotes=True, keeps_escapes=True).words():
        match = _HEREDOC.fullmatch(word)
        names = _Lexer(match[2], keeps_quotes=False, keeps_escapes=False).words() if match is not None else []
        if match is not None and len(names) == 1:
            found.append((names[0], match[1] == "-"))
    return found


class _LexError(Exception):
    pass


class _Lexer:
    """``ProcessWords`` without any variables. As in BuildKit, all levels share one buffer: a ``${X:-y}`` empties it."""

    def __init__(self, text: str, *, keeps_quotes: bool, keeps_escapes: bool) -> None:
        self.runes = list(reversed(text))
        self.keeps_quotes = keeps_quotes
        self.keeps_escapes = keeps_escapes
        self.buffer: list[str] = []
        self.level = 0

    def words(self) -> list[str]:
        """None for an unclosed quote or ``${``."""
        try:
            return self._until("", self.keeps_escapes)[1]
        except _LexError:
            return []

    def _next(self) -> str:
        return self.runes.pop() if self.runes else ""

    def _peek(self) -> str:
        return self.runes[-1] if self.runes else ""

    def _until(self, stop: str, keeps_escapes: bool) -> tuple[str, list[str]]:
        self.level += 1
        if self.level > _MOST_LEVELS:
            raise _LexError
        kept, self.keeps_escapes = self.keeps_escapes, keeps_escapes
        self.buffer = []
        result: list[str] = []
        words: list[str] = []
        while self.runes:
            rune = self._peek()
            if rune == stop:
                break
            if rune == "$":
                piece = self._dollar()
                for each in piece:
                    self._put(each, words)
            elif rune in {"'", '"', "<"}:
                piece = {"'": self._single, '"': self._double, "<": self._angle}[rune]()
                self.buffer.append(piece)
            elif rune == "\\":
                escape = self._next()
                piece = (escape if keeps_escapes else "") + self._next()
                self.buffer.append(piece)
            else:
                piece = self._next()
                self._put(piece, words)
            result.append(piece)
        if stop and not self._next():
            raise _LexError
        self._flush(words)
        self.keeps_escapes = kept
        self.level -= 1
        return "".join(result), words

    def _put(self, rune: str, words: list[str]) -> None:
        if rune in _WHITE:
            self._flush(words)
        else:
            self.buffer.append(rune)

    def _flush(self, words: list[str]) -> None:
        word = "".join(self.buffer)
        if word:
            words.append(word)
        self.buffer = []

    def _quoted(self, text: list[str], quote: str) -> str:
        return f"{quote}{''.join(text)}{quote}" if self.keeps_quotes else "".join(text)

    def _single(self) -> str:
        quote = self._next()
        text: list[str] = []
        while (rune := self._next()) != quote:
            if not rune:
                raise _LexError
            text.append(rune)
        return self._quoted(text, quote)

    def _double(self) -> str:
        quote = self._next()
        text: list[str] = []
        while (rune := self._peek()) != quote:
            if not rune:
                raise _LexError
            if rune == "$":
                text.append(self._dollar())
                continue
            self._next()
            if rune == "\\":
                if self.keeps_escapes:
                    text.append(rune)
                if not self._peek():
                    continue
                if self._peek() in {'"', "$", "\\"}:
                    rune = self._next()
            text.append(rune)
        self._next()
        return self._quoted(text, quote)

    def _angle(self) -> str:
        self._next()
        if self._peek() != "<":
            return "<"
        self._next()
        space: list[str] = []
        while self._peek() in {"\t", "\r", " "} and self.runes:
            space.append(self._next())
        return f"<<{''.join(space)}"

    def _dollar(self) -> str:
        self._next()
        if self._peek() != "{":
            return f"${self._name()}"
        self._next()
        if self._peek() in {"", "{", "}", ":"}:
            raise _LexError
        name = self._name()
        sign = self._next()
        if sign == "}":
            return f"${{{name}}}"
        if sign == "/":
            if self._peek() == "/":
                self._next()
            pattern = self._until("/", keeps_escapes=True)[0]
            return f"${{{name}/{pattern}/{self._until('}', keeps_escapes=True)[0]}}}"
        if sign == ":":
            sign += self._next()
        if sign in {":#", ":%"} or (len(sign) < 2 and sign not in set("+-?#%")):
            raise _LexError
        return f"${{{name}{sign}{self._until('}', keeps_escapes=sign in {'#', '%'})[0]}}}"

    def _name(self) -> str:
        name: list[str] = []
        while rune := self._peek():
            if not name and rune in set("@*#?-$!"):
                return self._next()
            if not name and rune.isdigit():
                while self._peek().isdigit():
                    name.append(self._next())
                break
            if not (rune.isalpha() or rune.isdigit() or rune == "_"):
                break
            name.append(self._next())
        return "".join(name)
