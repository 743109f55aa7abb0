"""The value holds the hash of a password, which can be guessed at leisure."""

from __future__ import annotations

import re

from dsec_migrate.detectors.scanning import merge
from dsec_migrate.detectors.templates import exposure_of
from dsec_migrate.finding import Candidate, Confidence, Exposure, Verdict

NAME = "password hash"

# Compose wants each `$` doubled; where it is not, the hash is broken today, yet it stands in the file
_D = r"\$\$?"
_HASH = re.compile(
    rf"{_D}2[abxy]?{_D}\d\d{_D}[./A-Za-z0-9]{{53}}"
    rf"|{_D}argon2(?:id|i|d){_D}(?:v=\d+{_D})?m=\d+,t=\d+,p=\d+{_D}[A-Za-z0-9+/]{{8,128}}={{0,2}}{_D}[A-Za-z0-9+/]{{16,256}}={{0,2}}"
    rf"|{_D}(?:1|apr1){_D}[./A-Za-z0-9]{{1,8}}{_D}[./A-Za-z0-9]{{22}}"
    rf"|{_D}[56]{_D}(?:rounds=\d{{1,9}}{_D})?[./A-Za-z0-9]{{1,16}}{_D}[./A-Za-z0-9]{{43,86}}"
    rf"|{_D}(?:y|7|gy){_D}[./A-Za-z0-9]{{1,40}}{_D}[./A-Za-z0-9]{{1,86}}{_D}[./A-Za-z0-9]{{43}}"
    rf"|pbkdf2_sha\d+{_D}\d+{_D}[./A-Za-z0-9+=]{{1,64}}{_D}[./A-Za-z0-9+=]{{20,128}}"
    rf"|(?:pbkdf2:sha\d+(?::\d+)?|scrypt:\d+:\d+:\d+){_D}[./A-Za-z0-9]{{8,32}}{_D}[0-9a-f]{{40,128}}"
    rf"|{_D}(?:pbkdf2-sha\d+|scrypt){_D}[./A-Za-z0-9+=,$-]{{32,256}}"
    r"|\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{26,120}={0,2}|SCRAM-SHA-256" + rf"{_D}\d+:[A-Za-z0-9+/=]{{8,64}}{_D}[A-Za-z0-9+/=:]{{40,120}}"
)
_MARKS = ("$", "{S")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of password hashes in ``text``, which is not a view: a hash has dollar signs of its own."""
    if len(text) < 28 or not any(mark in text for mark in _MARKS):
        return []
    return [match.span() for match in _HASH.finditer(text)]


def detect(candidate: Candidate) -> Verdict | None:
    """The value holds the hash of a password, which can be guessed at leisure."""
    why = "the hash of a password, which can be guessed at leisure"
    text = candidate.text
    ranges = find(text) if text else []
    if ranges:
        exposure = Exposure.LITERAL if ranges == [(0, len(text or ""))] else Exposure.EMBEDDED
        return Verdict(Confidence.LIKELY, exposure, why, NAME, merge(ranges))
    if (text is None or "$" in text) and candidate.value and find(candidate.value):
        exposure, _ = exposure_of(candidate)
        return Verdict(Confidence.LIKELY, exposure, why, NAME)
    return None
