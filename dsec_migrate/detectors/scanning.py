"""Searches a variable's text, and the value that its references have now, for secrets of a known format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Verdict
from dsec_migrate.detectors.literal_parts import Range, template

_ORDER = (Exposure.LITERAL, Exposure.EMBEDDED, Exposure.DEFAULT, Exposure.INTERPOLATED)


def scan(
    candidate: Candidate, find: Callable[[str], Sequence[Range]], confidence: Confidence, why: str, name: str
) -> Verdict | None:
    """The verdict on what ``find`` returns; a secret set only by references is at most likely."""
    text = candidate.text
    if text is None:
        if candidate.value and find(candidate.value):
            return Verdict(confidence, Exposure.PASS_THROUGH, why, name)
        return None
    if "$" not in text:
        ranges = find(text)
        if not ranges:
            return None
        exposure = Exposure.LITERAL if (0, len(text)) in ranges else Exposure.EMBEDDED
        return Verdict(confidence, exposure, why, name, merge(ranges))
    parsed = template(text)
    ranges = find(parsed.view)
    if not ranges:
        if parsed.references and candidate.value and find(candidate.value):
            return Verdict(confidence, Exposure.INTERPOLATED, why, name)
        return None
    exposed = [parsed.expose(start, end) for start, end in ranges]
    exposure = min((exposure for exposure, _ in exposed), key=_ORDER.index)
    parts = merge(part for _, found in exposed for part in found)
    if exposure is Exposure.INTERPOLATED and confidence is Confidence.CERTAIN:
        confidence = Confidence.LIKELY
    return Verdict(confidence, exposure, why, name, parts)


def merge(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The ranges in order, overlapping ones joined."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return tuple(merged)
