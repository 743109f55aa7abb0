"""The value contains the hash of a password, which can be cracked offline."""

from __future__ import annotations

from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Needs, Verdict
from dsec_migrate.detectors.literal_parts import exposure_of
from dsec_migrate.detectors.scanning import merge
from dsec_migrate.text.patterns import Pattern

NAME = "password hash"
NEEDS = Needs.DOLLAR
# free_text searches for it itself: hiding references also hides the dollar signs of a hash
IN_TEXT = False
_WHY = "the hash of a credential, which can be cracked offline"

# the formats of crypt(3), passlib, Django, Werkzeug, LDAP and PostgreSQL. Compose requires `$$`; with a
# single `$` the hash is broken now, but the file still contains it
_HASH = Pattern(
    "|".join(
        (
            r"$2[abxy]?$\d\d$[./A-Za-z0-9]{53}",
            r"$argon2(?:id|i|d)$(?:v=\d+$)?m=\d+,t=\d+,p=\d+$[A-Za-z0-9+/]{8,128}={0,2}$[A-Za-z0-9+/]{16,256}={0,2}",
            r"$(?:1|apr1)$[./A-Za-z0-9]{1,8}$[./A-Za-z0-9]{22}",
            r"$[56]$(?:rounds=\d{1,9}$)?[./A-Za-z0-9]{1,16}$[./A-Za-z0-9]{43,86}",
            r"$(?:y|7|gy)$[./A-Za-z0-9]{1,40}$[./A-Za-z0-9]{1,86}$[./A-Za-z0-9]{43}",
            r"pbkdf2_sha\d+$\d+$[./A-Za-z0-9+=]{1,64}$[./A-Za-z0-9+=]{20,128}",
            r"(?:pbkdf2:sha\d+(?::\d+)?|scrypt:\d+:\d+:\d+)$[./A-Za-z0-9]{8,32}$[0-9a-f]{40,128}",
            r"$(?:pbkdf2-sha\d+|scrypt)$(?:[./A-Za-z0-9+=,-]{1,128}$){1,3}[./A-Za-z0-9+=-]{20,128}",
            r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{26,120}={0,2}",
            r"SCRAM-SHA-256$\d+:[A-Za-z0-9+/=]{8,64}$[A-Za-z0-9+/=:]{40,120}",
        )
    ).replace("$", r"\$\$?")
)


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of password hashes in ``text``, which is not a view: a hash contains dollar signs."""
    if len(text) < 28 or ("$" not in text and "{S" not in text):
        return []
    return [match.span() for match in _HASH.finditer(text)]


def detect(candidate: Candidate) -> Verdict | None:
    """The value contains the hash of a password, which can be cracked offline."""
    text = candidate.text
    if text is not None and "$" not in text and "{S" not in text:
        return None
    ranges = find(text) if text else []
    if ranges:
        exposure = Exposure.LITERAL if ranges == [(0, len(text or ""))] else Exposure.EMBEDDED
        return Verdict(Confidence.LIKELY, exposure, _WHY, NAME, merge(ranges))
    if candidate.value and candidate.value != text and find(candidate.value):
        exposure, _ = exposure_of(candidate)
        return Verdict(Confidence.LIKELY, exposure, _WHY, NAME)
    return None
