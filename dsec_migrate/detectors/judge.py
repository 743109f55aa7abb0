"""Is the value of an environment variable a secret? Each detector knows one kind of evidence and explains itself."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from dsec_migrate.detectors import telling_name
from dsec_migrate.detectors.all_detectors import EVERY, Detector, needing
from dsec_migrate.detectors.finding import LONG, MARKS, Candidate, Confidence, Exposure, Needs, Verdict
from dsec_migrate.detectors.literal_parts import subject, template
from dsec_migrate.detectors.names import meaning
from dsec_migrate.detectors.resolvers import default_of, resolver_of
from dsec_migrate.detectors.scanning import merge
from dsec_migrate.detectors.vetoes import is_vetoed
from dsec_migrate.text.records import replace

if TYPE_CHECKING:
    from dsec_migrate.detectors.free_text import Passage

__all__ = ["credential_parts", "judge", "passages", "secret_parts"]

_RANK = {Confidence.CERTAIN: 2, Confidence.LIKELY: 1, Confidence.POSSIBLE: 0}


_OF_SHORT_WORDS = needing(Needs.NOTHING)
_OF_LONG_WORDS = needing(Needs.NOTHING, Needs.LENGTH)
_OF_REFERENCES = needing(Needs.NOTHING, Needs.LENGTH, Needs.DOLLAR)


def _those_for(text: str | None, value: str | None) -> tuple[Detector, ...]:
    """The detectors that can find something in such a value, in the order of all."""
    if text is None:
        return EVERY
    if "$" not in text:
        if MARKS.search(text):
            return EVERY
        return _OF_SHORT_WORDS if len(text) < LONG else _OF_LONG_WORDS
    if MARKS.search(template(text).view) or (value and MARKS.search(value)):
        return EVERY
    return _OF_REFERENCES


def judge(candidate: Candidate) -> Verdict | None:
    """The best verdict on one variable, or None without evidence of a secret. Never raises."""
    return _judge(candidate.name, candidate.text, candidate.value, candidate.image)


# the files of a project repeat each other, and unchanged values are judged again when a new text is verified
@lru_cache(maxsize=16384)
def _judge(name: str, text: str | None, value: str | None, image: str) -> Verdict | None:
    candidate = Candidate("", name, text, value, image)
    if is_vetoed(candidate):
        return None
    whole = subject(candidate)
    if whole is not None and resolver_of(whole) is not None:
        return _of_reference(candidate)
    best: Verdict | None = None
    for one in _those_for(candidate.text, candidate.value):
        verdict = _without_references(candidate, one.detect(candidate))
        if verdict is not None and (best is None or _RANK[verdict.confidence] > _RANK[best.confidence]):
            if verdict.confidence is Confidence.CERTAIN:
                return verdict
            best = verdict
    return best


def _of_reference(candidate: Candidate) -> Verdict | None:
    """What another tool resolves is a secret if its name suggests one, but then only a default in its text is
    secret."""
    told = meaning(candidate.name)
    if not told.is_telling or told.is_switch:
        return None
    default = default_of(candidate.text or "")
    if default is not None:
        return Verdict(Confidence.LIKELY, Exposure.DEFAULT, told.why, telling_name.NAME, (default,))
    return Verdict(Confidence.LIKELY, Exposure.INTERPOLATED, told.why, telling_name.NAME)


def _without_references(candidate: Candidate, verdict: Verdict | None) -> Verdict | None:
    """The verdict without the parts that another tool fills in (the password of ``x://u:{{ password }}@host``)."""
    text = candidate.text
    if verdict is None or not verdict.parts or text is None:
        return verdict
    parts = tuple(part for part in verdict.parts if resolver_of(text[slice(*part)].replace("$$", "$")) is None)
    if len(parts) == len(verdict.parts):
        return verdict
    if parts:
        return replace(verdict, parts=parts)
    return replace(verdict, confidence=Confidence.LIKELY, exposure=Exposure.INTERPOLATED, parts=())


def credential_parts(text: str) -> tuple[tuple[int, int], ...]:
    """As :func:`secret_parts`, without the whole value that a line assigns to a variable: for lines whose variables
    have already been judged."""
    from dsec_migrate.detectors import free_text

    return merge((one.start, one.end) for one in free_text.find(text))


def passages(text: str) -> tuple[Passage, ...]:
    """The secrets in any ``text``, by position; they may overlap.

    For command lines, labels, comments and whole lines of YAML. References (``${X}``), paths below /run/secrets and
    ordinary words are not secrets. Never raises.
    """
    # only output and text outside variables need it
    from dsec_migrate.detectors import free_text

    found = free_text.find(text)
    for name, start, end in free_text.variables(text):
        verdict = judge(Candidate("", name, text[start:end], None))
        if verdict is not None:
            found += [
                free_text.Passage(start + first, start + last, verdict.confidence, verdict.why)
                for first, last in verdict.parts
            ]
    return tuple(sorted(found, key=itemgetter(0, 1)))


# called for each secret of a text
@lru_cache(maxsize=256)
def secret_parts(text: str) -> tuple[tuple[int, int], ...]:
    """The ranges of any ``text`` that are or may be secret, in order and not overlapping, to mask in output. Never
    raises."""
    return merge((one.start, one.end) for one in passages(text))
