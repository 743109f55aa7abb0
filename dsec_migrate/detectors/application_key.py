"""The value is a key as Laravel and similar frameworks write them: ``base64:`` and 16 or 32 random bytes."""

from __future__ import annotations

from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "application key"
NEEDS = Needs.MARKS
IN_TEXT = True
WHY = "an application key in Base64"
CONFIDENCE = Confidence.CERTAIN

_KEY = Pattern(r"base64:(?P<key>[A-Za-z0-9+/]{22,86}={0,2})(?![A-Za-z0-9+/=])")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of such keys in ``text``, ``base64:`` included: it belongs to the value."""
    if "base64:" not in text:
        return []
    return [match.span() for match in _KEY.finditer(text)]


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a key as Laravel and similar frameworks write them: ``base64:`` and 16 or 32 random bytes."""
    return scan(candidate, find, CONFIDENCE, WHY, NAME)
