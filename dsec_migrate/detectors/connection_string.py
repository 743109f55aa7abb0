"""The value is a connection string with a password or a key in it."""

from __future__ import annotations

import re

from dsec_migrate.detectors.assignments import assignments
from dsec_migrate.detectors.finding import Candidate, Confidence, Verdict
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "connection string"

# `Server=…;Password=…`, `AccountName=…;AccountKey=…`, `jdbc:…?user=…&password=…`, `host=… password=…`
_SHAPE = Pattern(
    r"\bjdbc:|(?:^|[;\s\"'\x01])(?:server|data source|host|hostname|account ?name|endpoint|user id|uid|user|dbname|"
    r"defaultendpointsprotocol|initial catalog|database|sharedaccesskeyname)\s{0,3}=",
    re.IGNORECASE,
)


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of passwords and keys of a connection string, when ``text``, a view, is one."""
    found = assignments(text)
    if not found or _SHAPE.search(text) is None:
        return []
    return [(assignment.start, assignment.end) for assignment in found]


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a connection string with a password or a key in it."""
    return scan(candidate, find, Confidence.CERTAIN, "a connection string with a credential in it", NAME)
