"""The value comes from another variable, whose name indicates a secret."""

from __future__ import annotations

import re

from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.literal_parts import template
from dsec_migrate.detectors.names import meaning
from dsec_migrate.text.patterns import Pattern

NAME = "telling reference"
NEEDS = Needs.DOLLAR
IN_TEXT = False

# Coolify fills SERVICE_<kind>_<name> with random text (https://coolify.io/docs/knowledge-base/docker/compose)
_GENERATED = Pattern(r"SERVICE_(?:PASSWORD|(?:REAL)?BASE64|HEX)(?:WITHSYMBOLS)?_", re.IGNORECASE)
_ALTERNATIVE = frozenset({":+", "+"})


def detect(candidate: Candidate) -> Verdict | None:
    """The value comes from another variable, whose name indicates a secret."""
    text = candidate.text
    if text is None or "$" not in text:
        return None
    if meaning(candidate.name).is_location:
        return None
    parsed = template(text)
    for reference in parsed.references:
        # of `${X:+text}` only the text reaches the container
        if reference.operator in _ALTERNATIVE:
            continue
        if _GENERATED.match(reference.name):
            why = "it is filled from a variable that is generated as a secret"
        else:
            told = meaning(reference.name)
            if not told.is_telling or told.is_switch:
                continue
            why = f"it is filled from a variable whose name {told.why.removeprefix('the name ')}"
        exposure, parts = parsed.expose(reference.start, reference.end)
        return Verdict(Confidence.LIKELY, exposure, why, NAME, parts)
    return None
