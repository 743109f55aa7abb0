"""Values that are not secrets under any name."""

from __future__ import annotations

from dsec_migrate.detectors.finding import Candidate
from dsec_migrate.detectors.literal_parts import subject
from dsec_migrate.detectors.value_shapes import (
    LONGEST_WORD,
    NOTHING,
    SWITCHES,
    is_empty,
    is_file_reference,
    is_public_key,
    unquoted,
)


def is_vetoed(candidate: Candidate) -> bool:
    """Empty, a switch, a public key, or a reference to the file that holds the secret (``/run/secrets/…``)."""
    text = candidate.text
    if text is not None and (not text or text.isspace()):
        return True
    value = subject(candidate)
    if value is None:
        return False
    if len(value) <= LONGEST_WORD:
        word = unquoted(value).lower()
        # the default of `${X:-none}` is no evidence of the value that X will have
        if word in SWITCHES or (word in NOTHING and text is not None and "$" not in text):
            return True
    bare = unquoted(value)
    return is_file_reference(value) or is_empty(bare) or is_public_key(bare)
