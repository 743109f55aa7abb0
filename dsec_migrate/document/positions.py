"""Where a part of a scalar's value stands in the file's text."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.document.nodes import Document, Scalar
from dsec_migrate.source import Span


def text_span(document: Document, node: Scalar, part: Span) -> Span | None:
    """The place of the characters ``part`` of the value; None where escapes, folds or markup leave it open.

    The part's text has to stand in the file as often as in the value: then the n-th means the n-th.
    """
    text = node.value[part.start : part.end]
    raw = document.source.text[node.start : node.end]
    if not text or "\n" in text or raw.count(text) != node.value.count(text):
        return None
    starts = list(_starts(node.value, text))
    if part.start not in starts:
        return None
    start = node.start + list(_starts(raw, text))[starts.index(part.start)]
    return Span(start, start + len(text))


def _starts(text: str, part: str) -> Iterator[int]:
    """Occurrences that do not overlap, as ``str.count`` counts them."""
    position = text.find(part)
    while position >= 0:
        yield position
        position = text.find(part, position + len(part))
