"""A password is assigned inside the value."""

from __future__ import annotations

from dsec_migrate.detectors.assignments import assignments
from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "embedded assignment"
NEEDS = Needs.MARKS
# free_text looks for assignments itself, but not those of prose
IN_TEXT = False

# Kafka's PlainLoginModule lists its users as user_NAME="password"
_KAFKA_USER = Pattern(r"\buser_[\w.-]{1,128}\s{0,3}=\s{0,3}\\{0,3}\"(?P<password>[^\"\\\n]{1,512})")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of secret values that are assigned in ``text``, a view."""
    ranges = [(assignment.start, assignment.end) for assignment in assignments(text)]
    if "LoginModule" in text:
        ranges += [match.span("password") for match in _KAFKA_USER.finditer(text)]
    return ranges


def detect(candidate: Candidate) -> Verdict | None:
    """A password is assigned inside the value."""
    return scan(candidate, find, Confidence.LIKELY, "a credential is assigned inside the value", NAME)
