"""Exceptions from checks, with a reason: ``# dsec: ignore[ID] reason`` in a file, ``[[ignore]]`` in
``dsec-migrate.toml``. Without a reason, an exception does not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Source

MARK = "dsec:"
ALL = "*"
_COMMENT = Pattern(r"#[ \t]*dsec:[ \t]*ignore(?:\[([^\]\n]*)\])?[ \t]*:?[ \t]*([^\r\n]*)")


class Ignored(NamedTuple):
    """One exception in a file. ``checks`` are IDs, ``line`` (from 1) is the line that it applies to, ``place`` and
    ``column`` are its own location."""

    checks: tuple[str, ...]
    reason: str
    line: int
    place: int
    column: int

    def covers(self, check: str, line: int) -> bool:
        return line == self.line and (check in self.checks or ALL in self.checks)


class Rule(NamedTuple):
    """One exception in ``dsec-migrate.toml``. ``match`` is a pattern for ``service.VARIABLE``, a variable's or a
    secret's name, or a file."""

    check: str
    match: str
    reason: str

    def covers(self, check: str, names: Iterable[str]) -> bool:
        return self.check in {check, ALL} and any(fnmatchcase(name, self.match) for name in names)


class Exclusions(NamedTuple):
    """All exceptions that are honored: rules and, unless the command trusts no file of the project, comments in its
    files."""

    rules: tuple[Rule, ...] = ()
    has_comments: bool = True

    def may_speak_of(self, source: Source) -> bool:
        """Whether some exception may apply to a location in the text."""
        return bool(self.rules) or (self.has_comments and _has_mark(source.text))


# called for each finding of a text
@lru_cache(maxsize=16)
def _has_mark(text: str) -> bool:
    return MARK in text


def inline(source: Source) -> tuple[Ignored, ...]:
    """The exceptions in one text; one on a line of its own applies to the next line that is not a comment."""
    return tuple(_inline(source)) if MARK in source.text else ()


def _inline(source: Source) -> Iterator[Ignored]:
    lines = source.text.splitlines()
    for number, text in enumerate(lines, 1):
        match = _COMMENT.search(text)
        if match is None:
            continue
        line = number
        if not text[: match.start()].strip():
            behind = range(number + 1, len(lines) + 1)
            line = next((n for n in behind if not _says_nothing(lines[n - 1])), number)
        checks = tuple(name.strip() for name in (match[1] or "").split(",") if name.strip())
        yield Ignored(checks, match[2].strip(), line, number, match.start() + 1)


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def problems(source: Source, known: Iterable[str]) -> Iterator[UserError]:
    """The errors in the exceptions of a text: no check, a check that is not ``known``, no reason."""
    names = {*known, ALL}
    for one in inline(source):
        where = (str(source.path), one.place, one.column)
        unknown = [name for name in one.checks if name not in names]
        if not one.checks:
            yield UserError("the exception names no check", *where, help="write # dsec: ignore[ID] and a reason")
        elif unknown:
            yield UserError(
                f"unknown check {unknown[0]}", *where, help="run `dsec-migrate audit --list` to list all checks"
            )
        elif not one.reason:
            yield UserError(
                f"the exception from {', '.join(one.checks)} has no reason",
                *where,
                help="write it after the bracket: # dsec: ignore[ID] reason",
            )


def reason_for(check: str, source: Source, line: int, names: Iterable[str], heeded: Exclusions) -> str | None:
    """The reason why a location is excepted from a check; None where it is not."""
    for one in inline(source) if heeded.has_comments else ():
        if one.reason and one.covers(check, line):
            return one.reason
    names = tuple(names)
    return next((rule.reason for rule in heeded.rules if rule.covers(check, names)), None)
