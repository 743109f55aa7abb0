"""Assignments inside a longer text: ``password=…``, ``"token": "…"``, ``--api-key …``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.detectors.names import Kind, meaning
from dsec_migrate.detectors.values import (
    is_filler,
    is_measure,
    is_nothing,
    is_path,
    is_store_reference,
    is_switch,
)

_STEMS = ("pass", "pwd", "secret", "token", "key", "credential", "signature", "sig=", "auth")
_TAIL = re.compile(
    r"""(?:pass(?:word|wd|phrase|code)?|pwd|secrets?|tokens?|keys?|credentials?|signature|[?&;]sig|requirepass|masterauth)[0-9]{0,3}
    \\{0,3}["']?\s{0,3}(?:=>|[:=])\s{0,3}
    (?: (?P<quote>\\{0,3}["'])(?P<quoted>(?:(?!(?P=quote))[^\n]){1,4096})(?P=quote) | (?P<bare>[^\s"',;&|<>()\[\]{}\\]+) )""",
    re.VERBOSE | re.IGNORECASE,
)
_NAME_CHARACTER = re.compile(r"[A-Za-z0-9_.-]")
_LONGEST_NAME = 80


class Assignment(NamedTuple):
    """``name`` is assigned the characters ``start`` to ``end`` of the text."""

    name: str
    start: int
    end: int
    kind: Kind


@lru_cache(maxsize=64)
def assignments(view: str) -> tuple[Assignment, ...]:
    """The assignments of secret values in ``view``, in order. Linear in its length."""
    if "=" not in view and ":" not in view:
        return ()
    lowered = view.lower()
    if not any(stem in lowered for stem in _STEMS):
        return ()
    found: list[Assignment] = []
    for match in _TAIL.finditer(view):
        group = "bare" if match["bare"] is not None else "quoted"
        start, end = match.span(group)
        name = _name(view, match.start())
        told = meaning(name)
        if not told.is_telling or told.is_switch or _is_plain(view[start:end], told.kind):
            continue
        found.append(Assignment(name, start, end, told.kind))
    return tuple(found)


def _name(view: str, inside: int) -> str:
    """The whole name, of which the characters from ``inside`` on are the telling end."""
    start = inside
    while start and inside - start < _LONGEST_NAME and _NAME_CHARACTER.match(view, start - 1):
        start -= 1
    end = inside
    while end < len(view) and _NAME_CHARACTER.match(view, end):
        end += 1
    return view[start:end].lstrip("-.")


def _is_plain(value: str, kind: Kind) -> bool:
    if is_nothing(value) or is_switch(value) or is_store_reference(value) or is_filler(value) or value[0] == "$":
        return True
    if kind is Kind.PASSWORD:
        return False
    return is_measure(value) or is_path(value) or "://" in value
