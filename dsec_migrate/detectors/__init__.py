"""Is the value of an environment variable a secret? Each detector knows one kind of evidence and explains itself."""

from __future__ import annotations

from collections.abc import Callable

from dsec_migrate.detectors import (
    application_key,
    command_option,
    connection_string,
    credential_pair,
    embedded_assignment,
    known_token,
    password_hash,
    private_key,
    random_value,
    telling_name,
    telling_reference,
    url_credential,
)
from dsec_migrate.detectors.masking import secret_parts
from dsec_migrate.detectors.vetoes import is_vetoed
from dsec_migrate.finding import Candidate, Confidence, Verdict

__all__ = ["DETECTORS", "Detector", "judge", "secret_parts"]

Detector = Callable[[Candidate], "Verdict | None"]

DETECTORS: tuple[Detector, ...] = (
    # what the value is, most specific first
    private_key.detect,
    known_token.detect,
    application_key.detect,
    connection_string.detect,
    url_credential.detect,
    credential_pair.detect,
    # what the name says
    telling_name.detect,
    # weaker evidence
    embedded_assignment.detect,
    command_option.detect,
    password_hash.detect,
    telling_reference.detect,
    random_value.detect,
)
"""All detectors; of two verdicts of equal confidence the earlier one stands."""

_RANK = {Confidence.CERTAIN: 2, Confidence.LIKELY: 1, Confidence.POSSIBLE: 0}


_BY_NAME: tuple[Detector, ...] = (telling_name.detect, random_value.detect)


def judge(candidate: Candidate) -> Verdict | None:
    """The best verdict on one variable, or None when nothing speaks for a secret. Never raises."""
    if is_vetoed(candidate):
        return None
    text = candidate.text
    # most values are a word or a number: nothing can stand inside them
    is_word = text is not None and len(text) < known_token.SHORTEST and text.isalnum()
    best: Verdict | None = None
    for detect in _BY_NAME if is_word else DETECTORS:
        verdict = detect(candidate)
        if verdict is not None and (best is None or _RANK[verdict.confidence] > _RANK[best.confidence]):
            if verdict.confidence is Confidence.CERTAIN:
                return verdict
            best = verdict
    return best
