"""Where a part of a scalar's value is in the file's text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from dsec_migrate.compose.document.nodes import Document, Scalar
from dsec_migrate.text.source import Span


def text_span(document: Document, node: Scalar, part: Span) -> Span | None:
    """The span of the characters ``part`` of the value; None where escapes, folds or markup make it ambiguous.

    The part must occur as many times in the file as in the value: then the n-th corresponds to the n-th.
    """
    text = node.value[part.start : part.end]
    start = _places(document, node, text).get(part.start) if text and "\n" not in text else None
    return None if start is None else Span(start, start + len(text))


# a scalar that repeats one string is queried for each occurrence
@lru_cache(maxsize=64)
def _places(document: Document, node: Scalar, text: str) -> dict[int, int]:
    """Where each occurrence of ``text`` in the value is in the file."""
    raw = document.source.text[node.start : node.end]
    if raw.count(text) != node.value.count(text):
        return {}
    return {
        start: node.start + place for start, place in zip(_starts(node.value, text), _starts(raw, text), strict=True)
    }


def _starts(text: str, part: str) -> Iterator[int]:
    """Occurrences that do not overlap, as ``str.count`` counts them."""
    position = text.find(part)
    while position >= 0:
        yield position
        position = text.find(part, position + len(part))
