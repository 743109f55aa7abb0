"""The name of the variable indicates that its value is a secret."""

from __future__ import annotations

from dsec_migrate.detectors import name_words
from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Needs, Verdict
from dsec_migrate.detectors.literal_parts import exposure_of, subject
from dsec_migrate.detectors.names import Kind, Meaning, meaning
from dsec_migrate.detectors.value_shapes import (
    is_address,
    is_class_name,
    is_local_address,
    is_measure,
    is_number,
    is_path,
    is_rooted_path,
    is_url,
    unquoted,
)

NAME = "telling name"
NEEDS = Needs.NOTHING
IN_TEXT = False
# the shell's
_WORKING_DIRECTORY = frozenset({"$PWD", "${PWD}", "$OLDPWD", "${OLDPWD}"})
# bits and bytes of a key
_SIZES = frozenset({"16", "24", "32", "64", "128", "192", "256", "384", "512", "1024", "2048", "3072", "4096"})


def detect(candidate: Candidate) -> Verdict | None:
    """The name of the variable indicates that its value is a secret."""
    told = meaning(candidate.name)
    if not told.is_telling:
        return None
    if told.noun == "PWD" and candidate.text in _WORKING_DIRECTORY:
        return None
    value = subject(candidate)
    if value is not None and _is_plain(unquoted(value), told):
        return None
    exposure, parts = exposure_of(candidate)
    if exposure in (Exposure.INTERPOLATED, Exposure.PASS_THROUGH):
        confidence = Confidence.POSSIBLE if told.is_switch else Confidence.LIKELY
    else:
        confidence = Confidence.CERTAIN if told.kind >= Kind.SECRET and not told.is_switch else Confidence.LIKELY
    return Verdict(confidence, exposure, told.why, NAME, parts)


def _is_plain(value: str, told: Meaning) -> bool:
    """Whether the value is clearly something other than the name suggests."""
    if told.is_switch and (is_number(value) or (value.isalpha() and len(value) < 8)):
        return True
    if is_measure(value) and told.noun in name_words.PLURALS:
        # so many of them
        return True
    if told.kind is Kind.PASSWORD:
        return is_rooted_path(value) or is_url(value) or is_local_address(value)
    if value.isdigit() and told.noun not in name_words.COUNTED and value not in _SIZES:
        return False
    return is_measure(value) or is_path(value) or is_address(value) or is_class_name(value)
