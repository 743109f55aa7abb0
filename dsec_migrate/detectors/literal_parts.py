"""A value before interpolation: which of its characters are text of the file, and which are references."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.compose.interpolation import InterpolationError, Reference, references
from dsec_migrate.detectors.finding import Candidate, Exposure
from dsec_migrate.detectors.value_shapes import is_nothing, is_reference, is_switch
from dsec_migrate.text.patterns import Pattern

HIDDEN = "\x01"
"""Replaces in a view each character of a reference's syntax; neither a separator nor a letter."""

_BRANCH_IS_VALUE = frozenset({":-", "-", ":+", "+"})
_WHOLE_REFERENCE = Pattern(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))\Z")
_LEAD_IN = Pattern(r"(?i)(?:bearer|basic|token|apikey|base64:|[\w.-]{0,32}[:=/])?[\W_]*\Z")

Range = tuple[int, int]


class Template(NamedTuple):
    """``view`` is ``text`` with the syntax of references (names, operators, braces, error messages) hidden.

    Defaults stay readable, and every offset in ``view`` is the same in ``text``. ``pieces`` are the readable ranges in
    order; those of ``defaults`` are inside a reference.
    """

    text: str
    view: str
    references: tuple[Reference, ...] = ()
    pieces: tuple[Range, ...] = ()
    defaults: frozenset[Range] = frozenset()

    def expose(self, start: int, end: int) -> tuple[Exposure, tuple[Range, ...]]:
        """How the characters ``start`` to ``end``, taken as one secret, are exposed, and which of them are secret."""
        is_whole = (start, end) == (0, len(self.text))
        plain = Exposure.LITERAL if is_whole else Exposure.EMBEDDED
        if not self.references or HIDDEN not in self.view[start:end]:
            return plain, ((start, end),)
        own: list[Range] = []
        defaults: list[Range] = []
        for piece in self.pieces:
            part = max(piece[0], start), min(piece[1], end)
            if part[0] < part[1] and _is_text(self.view[slice(*part)]):
                (defaults if piece in self.defaults else own).append(part)
        own = [part for part in own if _is_secret_text(self.view[slice(*part)], is_whole)]
        if own:
            return plain, tuple(sorted(own + defaults))
        if defaults and not all(_is_no_value(self.view[slice(*part)]) for part in defaults):
            return Exposure.DEFAULT, tuple(defaults)
        return Exposure.INTERPOLATED, ()


def _is_text(piece: str) -> bool:
    return any(map(str.isalnum, piece))


def _is_no_value(piece: str) -> bool:
    return is_nothing(piece) or is_switch(piece) or is_reference(piece)


def _is_secret_text(piece: str, is_whole: bool) -> bool:
    """Next to references, the prefix of a secret (``Bearer ``, ``base64:``, ``user:``) is not secret text."""
    return _LEAD_IN.match(piece) is None and (len(piece) >= 6 or not is_whole)


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """Never raises: a text that Compose would refuse has no references."""
    if "$" not in text:
        return Template(text, text)
    whole = _WHOLE_REFERENCE.match(text)
    if whole:
        # by far the most common form; the general parser has the same result
        reference = Reference(whole[1] or whole[2], 0, len(text), "", "", 0)
        return Template(text, HIDDEN * len(text), (reference,))
    try:
        found = tuple(references(text))
    except InterpolationError:
        return Template(text, text)
    if not found:
        return Template(text, text)
    view: list[str] = []
    pieces: list[Range] = []
    defaults: list[Range] = []
    ends = {reference.start: reference.end for reference in found}
    position = outer_end = 0
    for start, end in _hidden(found):
        if start > position:
            pieces.append((position, start))
            if position < outer_end:
                defaults.append((position, start))
            view.append(text[position:start])
            position = start
        if end > position:
            view.append(HIDDEN * (end - position))
            position = end
        outer_end = max(outer_end, ends.get(start, 0))
    if position < len(text):
        pieces.append((position, len(text)))
        view.append(text[position:])
    return Template(text, "".join(view), found, tuple(pieces), frozenset(defaults))


def _hidden(found: Sequence[Reference]) -> list[Range]:
    """The ranges of syntax, by position: of ``${X:-default}`` what precedes and follows the default."""
    ranges: list[Range] = []
    for reference in found:
        if reference.operator in _BRANCH_IS_VALUE:
            branch = reference.start + len("${") + len(reference.name) + len(reference.operator)
            ranges += [(reference.start, branch), (reference.end - 1, reference.end)]
        else:
            ranges.append((reference.start, reference.end))
    return sorted(ranges)


def exposure_of(candidate: Candidate) -> tuple[Exposure, tuple[Range, ...]]:
    """The exposure of a variable that is secret as a whole."""
    text = candidate.text
    if text is None:
        return Exposure.PASS_THROUGH, ()
    if "$" not in text:
        return Exposure.LITERAL, ((0, len(text)),)
    return template(text).expose(0, len(text))


def subject(candidate: Candidate) -> str | None:
    """The value to judge: the current one, otherwise the text of the file without references; None if unknown."""
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
