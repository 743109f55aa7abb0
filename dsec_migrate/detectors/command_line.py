"""Secrets in the words of a command: values of options, assignments, URLs and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.detectors import command_option, known_token, program_word, url_credential
from dsec_migrate.detectors.assignments import assignments
from dsec_migrate.detectors.finding import Confidence
from dsec_migrate.detectors.literal_parts import template
from dsec_migrate.detectors.names import Kind, meaning


class Found(NamedTuple):
    """The characters ``start`` to ``end`` are a secret, or a reference that supplies one. ``label`` is what reveals it,
    as written in the text, and ``why`` a short sentence. ``is_last``: the secret ends with its word, also in words that
    no shell has split."""

    label: str
    start: int
    end: int
    confidence: Confidence
    why: str
    is_last: bool = False


def find(text: str) -> list[Found]:
    """The secrets of a command line, in order and not overlapping. Linear in its length."""
    if not any(mark in text for mark in ("-", "://", "=", "_", ":", " ")):
        return []
    found: list[Found] = []
    # of those that begin at the same position, knowledge of a program is the most reliable
    for one in sorted(_candidates(template(text).view), key=lambda each: each.start):
        if not found or one.start >= found[-1].end:
            found.append(one)
    return found


def noun(label: str) -> str:
    """The noun for a secret found by ``label``: derived from it if it suggests a secret."""
    return label.strip("-./") if meaning(label).kind is not Kind.PLAIN else "password"


def _candidates(view: str) -> Iterator[Found]:
    for word in program_word.words(view):
        yield Found(word.label, word.start, word.end, Confidence.LIKELY, program_word.WHY, word.is_last)
    option = command_option.WHY
    for name, start, end in command_option.options(view):
        yield Found(f"--{name}", start, end, Confidence.LIKELY, option, True)
    for assigned in assignments(view):
        if not assigned.is_prose:
            why = "a credential is assigned in a command"
            yield Found(assigned.name, assigned.start, assigned.end, Confidence.LIKELY, why)
    for start, end in url_credential.find(view):
        yield Found("URL", start, end, Confidence.CERTAIN, "a URL with a credential in it")
    for start, end in known_token.find(view):
        yield Found("token", start, end, Confidence.CERTAIN, "a token of a known format")
