"""The name may be that of a secret, and the value looks random."""

from __future__ import annotations

from dsec_migrate.detectors import name_words
from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Needs, Verdict
from dsec_migrate.detectors.literal_parts import exposure_of, subject, template
from dsec_migrate.detectors.names import Kind, Meaning, is_property, meaning
from dsec_migrate.detectors.value_shapes import is_address, is_class_name, is_measure, is_path, looks_random, unquoted

NAME = "random value"
NEEDS = Needs.NOTHING
IN_TEXT = False
_LONG_ENOUGH = 8
_CREDENTIALS = frozenset({"CREDENTIAL", "CREDENTIALS", "CREDS", "CRED"})


def detect(candidate: Candidate) -> Verdict | None:
    """The name may be that of a secret, and the value looks random."""
    told = meaning(candidate.name)
    if told.kind is not Kind.WEAK:
        return None
    value = subject(candidate)
    exposure, parts = exposure_of(candidate)
    if value is None:
        if _comes_from_a_property(candidate.text):
            return None
        return _unknown(told, exposure, parts)
    value = unquoted(value)
    if is_path(value) or is_address(value) or is_class_name(value):
        return None
    if looks_random(value):
        return Verdict(Confidence.LIKELY, exposure, f"{told.why} and the value looks random", NAME, parts)
    # these are just as often the name of a file or an entry
    if told.noun in _CREDENTIALS and not (told.is_switch or value.lower() in name_words.ANSWERS or is_measure(value)):
        return Verdict(Confidence.POSSIBLE, exposure, told.why, NAME, parts)
    if told.is_key and len(value) >= _LONG_ENOUGH and any(map(str.isdigit, value)) and not value.isdigit():
        return Verdict(Confidence.POSSIBLE, exposure, told.why, NAME, parts)
    return None


def _unknown(told: Meaning, exposure: Exposure, parts: tuple[tuple[int, int], ...]) -> Verdict | None:
    if told.is_switch:
        return None
    # the URL of a webhook is itself a credential
    confidence = Confidence.LIKELY if told.is_key or told.phrase == "WEBHOOK" else Confidence.POSSIBLE
    return Verdict(confidence, exposure, told.why, NAME, parts)


def _comes_from_a_property(text: str | None) -> bool:
    """``KEY: ${MINIO_USER}`` is a user name."""
    names = [reference.name for reference in template(text).references] if text is not None else []
    return any(is_property(name) and meaning(name).kind is Kind.PLAIN for name in names)
