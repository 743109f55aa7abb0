"""The detectors: one module of this package each, and the one list that makes them known."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict

DETECTORS = (
    # what the value is, most specific first
    "private_key",
    "known_token",
    "application_key",
    "connection_string",
    "url_credential",
    "credential_pair",
    # what the name says
    "telling_name",
    # weaker evidence
    "embedded_assignment",
    "command_option",
    "program_word",
    "password_hash",
    "telling_reference",
    "random_value",
)
"""Names of modules; of two verdicts of equal confidence the earlier one counts."""


class Detector(Protocol):
    """``NAME`` is what a verdict calls it. ``IN_TEXT``: it also finds secrets in any text, such as a command line or a
    comment (:class:`TextDetector`)."""

    NAME: str
    NEEDS: Needs
    IN_TEXT: bool

    def detect(self, candidate: Candidate, /) -> Verdict | None:
        """The verdict on its kind of evidence, None without any. Never raises."""


class TextDetector(Detector, Protocol):
    """``WHY`` is a sentence for a user, never a value."""

    WHY: str
    CONFIDENCE: Confidence

    def find(self, text: str, /) -> Sequence[tuple[int, int]]:
        """The ranges of secrets in ``text``, whose references are hidden. Linear in its length; never raises."""


def _load(name: str) -> Detector:
    return cast("Detector", import_module(f"dsec_migrate.detectors.{name}"))


EVERY: tuple[Detector, ...] = tuple(map(_load, DETECTORS))
# a detector without NEEDS sees every value
OF_TEXTS: tuple[TextDetector, ...] = tuple(cast("TextDetector", one) for one in EVERY if getattr(one, "IN_TEXT", False))
OF_WORDS = tuple(one for one in OF_TEXTS if getattr(one, "NEEDS", Needs.NOTHING) in {Needs.NOTHING, Needs.LENGTH})
"""Those of ``OF_TEXTS`` that can find something in a text without marks."""


def needing(*met: Needs) -> tuple[Detector, ...]:
    """The detectors that a value which has all of ``met`` is shown to."""
    return tuple(one for one in EVERY if getattr(one, "NEEDS", Needs.NOTHING) in met)
