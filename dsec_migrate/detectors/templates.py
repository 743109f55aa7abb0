"""A value before interpolation: which of its characters are text of the file, and which are references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dsec_migrate.detectors.values import is_nothing, is_store_reference, is_switch
from dsec_migrate.finding import Candidate, Exposure
from dsec_migrate.interpolation import InterpolationError, Reference, references

HIDDEN = "\x01"
"""Stands in a view for a character of a reference's own syntax; no separator, no letter."""

_BRANCH_IS_VALUE = frozenset({":-", "-", ":+", "+"})
_LEAD_IN = re.compile(r"(?:bearer|basic|token|apikey|base64:|[\w.-]{0,32}[:=/])?[\W_]*\Z", re.IGNORECASE)

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Template:
    """``view`` is ``text`` with the syntax of references (names, operators, braces, error messages) hidden.

    Defaults stay readable, and every offset in ``view`` is the same in ``text``.
    """

    text: str
    view: str
    references: tuple[Reference, ...] = ()

    def expose(self, start: int, end: int) -> tuple[Exposure, tuple[Range, ...]]:
        """How the characters ``start`` to ``end``, taken as one secret, are exposed, and which of them are secret."""
        is_whole = (start, end) == (0, len(self.text))
        inside = [r for r in self.references if start <= r.start and r.end <= end]
        if not inside:
            return (Exposure.LITERAL if is_whole else Exposure.EMBEDDED), ((start, end),)
        own = [piece for piece in self._between(start, end, inside) if _is_text(self.view[slice(*piece)])]
        defaults = [piece for r in inside for piece in self._defaults(r) if _is_text(self.view[slice(*piece)])]
        if is_whole and not _is_much(self.view, own):
            own = []
        parts = tuple(sorted({*own, *defaults}))
        if own:
            return (Exposure.LITERAL if is_whole else Exposure.EMBEDDED), parts
        if defaults and not all(_is_no_value(self.view[slice(*piece)]) for piece in defaults):
            return Exposure.DEFAULT, parts
        return Exposure.INTERPOLATED, ()

    def _between(self, start: int, end: int, inside: list[Reference]) -> Iterator[Range]:
        position = start
        for reference in inside:
            if reference.start >= position:
                yield position, reference.start
                position = reference.end
        yield position, end

    def _defaults(self, reference: Reference) -> Iterator[Range]:
        """The pieces of a reference's branch that are not themselves references."""
        branch = _branch(reference)
        if branch is None or reference.operator not in _BRANCH_IS_VALUE:
            return
        start, end = branch
        nested = [r for r in self.references if start <= r.start and r.end <= end]
        yield from self._between(start, end, nested)


def _branch(reference: Reference) -> Range | None:
    if not reference.operator:
        return None
    return reference.start + len("${") + len(reference.name) + len(reference.operator), reference.end - 1


def _is_text(piece: str) -> bool:
    return any(character.isalnum() for character in piece)


def _is_no_value(piece: str) -> bool:
    return is_nothing(piece) or is_switch(piece) or is_store_reference(piece)


def _is_much(view: str, pieces: list[Range]) -> bool:
    """Beside references, a word or two that introduce the secret (``Bearer ``, ``user:``) are no secret text."""
    return any(_LEAD_IN.match(view[start:end]) is None and end - start >= 6 for start, end in pieces)


@lru_cache(maxsize=256)
def template(text: str) -> Template:
    """Never raises: a text that Compose would refuse has no references."""
    if "$" not in text:
        return Template(text, text)
    try:
        found = tuple(references(text))
    except InterpolationError:
        return Template(text, text)
    if not found:
        return Template(text, text)
    view: list[str] = []
    position = 0
    for start, end in _hidden(found):
        if start > position:
            view.append(text[position:start])
            position = start
        if end > position:
            view.append(HIDDEN * (end - position))
            position = end
    view.append(text[position:])
    return Template(text, "".join(view), found)


def _hidden(found: tuple[Reference, ...]) -> list[Range]:
    ranges: list[Range] = []
    for reference in found:
        branch = _branch(reference)
        if branch is None or reference.operator not in _BRANCH_IS_VALUE:
            ranges.append((reference.start, reference.end))
        else:
            ranges += [(reference.start, branch[0]), (branch[1], reference.end)]
    return sorted(ranges)


def exposure_of(candidate: Candidate) -> tuple[Exposure, tuple[Range, ...]]:
    """The exposure of a variable that is secret as a whole."""
    if candidate.text is None:
        return Exposure.PASS_THROUGH, ()
    return template(candidate.text).expose(0, len(candidate.text))


def subject(candidate: Candidate) -> str | None:
    """The value to look at: today's, or else what the file says without its references; None when nothing is known."""
    text = candidate.text
    if text is None:
        return candidate.value or None
    if "$" not in text:
        return text
    if candidate.value:
        return candidate.value
    parsed = template(text)
    if not parsed.references:
        return text.replace("$$", "$")
    return parsed.view.replace(HIDDEN, "").replace("$$", "$") or None
