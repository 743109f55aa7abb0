"""Steps of a RUN's script that handle only one file, where the rest works the same without them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_OPERATOR = Pattern(r"[ \t]*(?P<sign>&&|\|\||[;&|\n])[ \t]*")
_BEFORE = {"", "&&", ";", "\n"}
_BEHIND = {"", ";", "\n"}


class _Piece(NamedTuple):
    """A command between two operators; an operator is an offset and a sign, empty at both ends of the text."""

    left: tuple[Span, str]
    span: Span
    right: tuple[Span, str]


def handling(text: str, names: Collection[str]) -> Iterator[Span]:
    """The parts of ``text`` that set the mode of a file, or remove it, under one of ``names``. Both succeed while the
    file exists, and have no effect that outlasts the file."""
    paths = "|".join(map(re.escape, names))
    step = re.compile(
        rf"(?:chmod[ \t]+[0-7ugoa=+,rwx-]+|rm(?:[ \t]+-[a-z]+)*)[ \t]+(?P<quote>[\"']?)(?:{paths})(?P=quote)"
    )
    group: list[_Piece] = []
    for piece in (*_pieces(text), None):
        is_step = piece is not None and step.fullmatch(text, *piece.span) is not None
        if is_step and piece is not None and (not group or piece.left[1] == "&&"):
            group.append(piece)
            continue
        if group:
            yield from _part(text, group)
        group = [piece] if is_step and piece is not None else []


def _pieces(text: str) -> Iterator[_Piece]:
    left = (Span(0, 0), "")
    start = 0
    for operator in _OPERATOR.finditer(text):
        right = (Span(*operator.span()), operator["sign"])
        yield _Piece(left, Span(start, operator.start()), right)
        left, start = right, operator.end()
    yield _Piece(left, Span(start, len(text)), (Span(len(text), len(text)), ""))


def _part(text: str, group: list[_Piece]) -> Iterator[Span]:
    first, last = group[0], group[-1]
    if not first.left[1] and not last.right[1]:
        yield Span(0, len(text))
    elif last.right[1] == "&&" and first.left[1] in _BEFORE:
        yield Span(first.span.start, last.right[0].end)
    elif first.left[1] == "&&" and last.right[1] in _BEHIND:
        yield Span(first.left[0].start, last.span.end)
