"""How hard a value is to guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsec_migrate.checks.subject import Known
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.detectors.value_shapes import NOTHING

_SHORTEST = 12
_SHORTEST_NUMBER = 20


def is_common(value: str) -> bool:
    """Whether it is made of the words that lists of passwords and documentations are made of."""
    text = value.strip()
    if not text or text.lower() in NOTHING:
        return False
    # alone it may be called common for its length
    return not is_distinctive(text) and not is_distinctive(f"{text}-password-secret")


def is_guessable(value: str) -> bool:
    """Whether somebody who tries finds it: too short, digits alone, few different characters."""
    text = value.strip()
    if len(text.splitlines()) > 1:
        return False
    return len(text) < _SHORTEST or len(set(text)) < 5 or (text.isdigit() and len(text) < _SHORTEST_NUMBER)


def once(known: Iterable[Known]) -> Iterator[Known]:
    """Each value of a place once, whoever reads it. How hard a file of a form of its own is to guess, nobody asks."""
    told: set[tuple[object, object]] = set()
    for one in known:
        key = (one.site, one.value)
        if one.is_value and key not in told:
            told.add(key)
            yield one
