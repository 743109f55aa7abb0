"""The value holds a private key."""

from __future__ import annotations

from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "private key"
NEEDS = Needs.LENGTH
IN_TEXT = True
WHY = "a private key"
CONFIDENCE = Confidence.CERTAIN

_KEY = Pattern(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{1,48}-----)?"
    r"|AGE-SECRET-KEY-1[0-9A-Za-z]{20,80}"
    # the same first line in Base64: `-----BEGIN PRIVATE`, `… RSA PRIVA`, `… EC PRIVATE`, `… OPENSSH`, `… ENCRYPTED`
    r"|LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0EgUFJJVkFU|FQyBQUklWQVRF|PUEVOU1NI|FTkNSWVBURU)[A-Za-z0-9+/=\s]*"
    r"|PuTTY-User-Key-File-\d[\s\S]*"
)


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of private keys in ``text``."""
    if "-----BEGIN " not in text and "LS0tLS1CRUdJTi" not in text and "AGE-SECRET" not in text and "PuTTY-" not in text:
        return []
    return [match.span() for match in _KEY.finditer(text)]


def detect(candidate: Candidate) -> Verdict | None:
    """The value holds a private key."""
    return scan(candidate, find, CONFIDENCE, WHY, NAME)
