"""Assignments inside a longer text: ``password=…``, ``"token": "…"``."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from dsec_migrate.detectors.names import Kind, meaning
from dsec_migrate.detectors.value_shapes import (
    is_filler,
    is_measure,
    is_nothing,
    is_path,
    is_reference,
    is_rooted_path,
    is_switch,
    is_url,
    looks_random,
)
from dsec_migrate.text.patterns import Pattern

_TAIL = Pattern(
    r"""(?:pass(?:word|wd|phrase|code)?|pwd|secrets?|tokens?|keys?|credentials?|salt|psk)[0-9]{0,3}
    (?P<mark>\\{0,3}["']?\]?) [ \t]{0,3} (?P<sign>=>|=(?!=)|:) (?P<blank>[ \t]{0,3})
    (?: (?P<quote>\\{0,3}["']) (?P<quoted>(?:(?!(?P=quote))[^\n]){1,4096}) (?P=quote)
      | (?P<bare>[^\s"',;&|<>()\[\]{}\\]+) )""",
    re.VERBOSE | re.IGNORECASE,
)
# PHP's `define('NAME', 'value')`
_DEFINED = Pattern(
    r"""\bdefine\( \s{0,3} (?P<mark>["']) (?P<name>[A-Za-z0-9_]{1,80}) (?P=mark) \s{0,3} , \s{0,3}
    (?P<quote>["']) (?P<quoted>(?:(?!(?P=quote))[^\n]){1,4096}) (?P=quote)""",
    re.VERBOSE,
)
# what a program reads from its environment
_READ_FROM = Pattern(
    r"(?:process\.env|import\.meta\.env|os\.(?:environ|getenv)|System\.getenv|ENV\.fetch|getenv)(?!\w)"
)
_NAME = Pattern(r"[A-Za-z0-9_.-]*\Z")
_LONGEST_NAME = 80
# `$X`, `${X}`, `$(command)` and the same with doubled dollar signs
# a value that Compose removes is no evidence
_COMPOSE_TAGS = ("!reset", "!override")
_SHELL = Pattern(r"\$\$?(?:[A-Za-z_]\w*(?=\s|\Z)|[{(@*#?!0-9]|\Z)|`")


class Assignment(NamedTuple):
    """``name`` is assigned the characters ``start`` to ``end`` of the text.

    ``is_prose``: it may also be a sentence (``the password: ask for it``).
    """

    name: str
    start: int
    end: int
    is_prose: bool


@lru_cache(maxsize=256)
def assignments(view: str) -> tuple[Assignment, ...]:
    """The assignments of secret values in ``view``, in order. Linear in its length."""
    if ("=" not in view and ":" not in view and "define(" not in view) or not _has_stem(view.lower()):
        return ()
    found = [one for match in _TAIL.finditer(view) if (one := _read(view, match)) is not None]
    if "define(" in view:
        found += [
            Assignment(match["name"], *match.span("quoted"), False)
            for match in _DEFINED.finditer(view)
            if _is_telling(match["name"], match["quoted"])
        ]
        found.sort(key=itemgetter(1))
    return tuple(found)


def _has_stem(text: str) -> bool:
    return (
        "pass" in text
        or "key" in text
        or "token" in text
        or "secret" in text
        or "pwd" in text
        or "credential" in text
        or "salt" in text
        or "psk" in text
    )


def _read(view: str, match: re.Match[str]) -> Assignment | None:
    group = "bare" if match["bare"] is not None else "quoted"
    value = match[group]
    start, end = match.span(group)
    name = _whole_name(view, match.start(), match.end("mark"))
    if match["sign"] == ":" and view[max(0, match.end("mark") - len(name) - 2) :].startswith("${"):
        # `${X:?}`, `${X:-default}`: an expansion of a shell
        return None
    told = meaning(name)
    if value in _COMPOSE_TAGS or _READ_FROM.match(value) or not _is_telling(name, value):
        return None
    if match["sign"] == ":" and not match["mark"] and match["quote"] and view[match.start("sign") - 1] == " ":
        # `PASSWORD :'name'`: a variable of psql
        return None
    is_bare = match["sign"] == ":" and group == "bare" and not match["mark"]
    if is_bare and not match["blank"] and (told.kind is not Kind.PASSWORD or value[0] in "/:"):
        # `TOKEN://host`, `TOKEN:PLAINTEXT`, `./password:/etc/password`: a list of something else
        return None
    if group == "bare" and view[end : end + 1] in {"(", "<", "["}:
        # a call, or `ENV['X']`, in some program
        return None
    is_prose = is_bare and value.isalpha() and view[end : end + 1] in {" ", "\t"} and view[end : end + 2].strip() != ""
    return Assignment(name, start, end, is_prose)


def _is_telling(name: str, value: str) -> bool:
    told = meaning(name)
    if told.is_switch or is_shell(value) or is_plain(value, told.kind):
        return False
    return told.is_telling or (told.kind is Kind.WEAK and looks_random(value))


def _whole_name(view: str, start: int, end: int) -> str:
    """The whole name, whose telling end is at ``start`` to ``end``."""
    head = _NAME.search(view[max(0, start - _LONGEST_NAME) : start])
    return ((head.group() if head else "") + view[start:end]).strip("-.\\\"']")


def is_shell(value: str) -> bool:
    """A shell variable or a command substitution: the value is elsewhere."""
    # `\\$$X` in a text within quotes
    return _SHELL.match(value.lstrip("\\")) is not None


def is_plain(value: str, kind: Kind) -> bool:
    """Whether the value is clearly something other than a name of ``kind`` suggests."""
    if is_nothing(value) or is_switch(value) or is_reference(value) or is_filler(value):
        return True
    if kind is Kind.PASSWORD:
        return is_rooted_path(value) or is_url(value)
    return is_measure(value) or is_path(value) or is_url(value)
