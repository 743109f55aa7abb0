"""How hard a value is to guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsec_migrate.checks.subject import Known
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.detectors.value_shapes import NOTHING

_SHORTEST = 12
_SHORTEST_NUMBER = 20


def is_common(value: str) -> bool:
    """Whether it consists of words that are common in password lists and documentation."""
    text = value.strip()
    if not text or text.lower() in NOTHING:
        return False
    # by itself, its length may make it count as common
    return not is_distinctive(text) and not is_distinctive(f"{text}-password-secret")


def is_guessable(value: str) -> bool:
    """Whether it can be guessed: too short, digits only, few different characters."""
    text = value.strip()
    if len(text.splitlines()) > 1:
        return False
    return len(text) < _SHORTEST or len(set(text)) < 5 or (text.isdigit() and len(text) < _SHORTEST_NUMBER)


def once(known: Iterable[Known]) -> Iterator[Known]:
    """Each value of a location once, regardless of its readers. Files with their own format are not rated."""
    told: set[tuple[object, object]] = set()
    for one in known:
        key = (one.site, one.value)
        if one.is_value and key not in told:
            told.add(key)
            yield one
