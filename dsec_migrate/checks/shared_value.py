"""Each secret has a different value.

If a database, a cache and a session key share one password, anyone who finds one has all, and none can be changed
alone. A client and its server share a password for good reason: reported here are two accounts of one server, two
servers, or two keys of one program.

What to do: set a different value for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Known, Subject, Weight
from dsec_migrate.detectors.names import meaning
from dsec_migrate.images import datastores
from dsec_migrate.text.secret import Secret

_LONGEST = 200


def look(subject: Subject) -> Iterator[Item | Done]:
    by_value: dict[Secret, list[Known]] = defaultdict(list)
    for known in subject.known:
        if known.name and len(known.value.reveal()) <= _LONGEST:
            by_value[known.value].append(known)
    good = 0
    for group in by_value.values():
        pair = next(_pairs(subject, group), None)
        good += pair is None
        if pair is not None:
            first, second = pair
            yield Item(
                second.site,
                second.subject,
                f"it has the same value as {first.subject}, an unrelated secret",
                "set its own random value",
                Weight.MEDIUM,
            )
    if good > 1:
        yield Done(f"{good} values, each for one purpose")


def _pairs(subject: Subject, group: list[Known]) -> Iterator[tuple[Known, Known]]:
    """Two that are certainly not the same credential."""
    services = subject.project.services
    for number, second in enumerate(group):
        for first in group[:number]:
            if first.service == second.service:
                if _is_of_server(subject, first, second) or _is_two_keys(subject, first, second):
                    yield first, second
            elif all(_is_server(subject, one) for one in (first, second)):
                images = [services[one.service].image.rpartition(":")[0] for one in (first, second)]
                # replicas of one image share it for good reason
                if images[0] != images[1]:
                    yield first, second


def _is_of_server(subject: Subject, first: Known, second: Known) -> bool:
    """Two accounts of one data store."""
    return _is_server(subject, first) and _is_server(subject, second)


def _is_two_keys(subject: Subject, first: Known, second: Known) -> bool:
    """Two keys of one program."""
    names = (first.name, second.name)
    return not _is_of_server(subject, first, second) and all(map(_is_key, names)) and not _is_same(*names)


def _is_server(subject: Subject, known: Known) -> bool:
    service = subject.project.services[known.service]
    row = None if service.is_built else subject.project.images.find(service.image)
    return row is not None and datastores.find(service.image) is not None and known.name in row.supported


def _is_key(name: str) -> bool:
    """A key that a program signs or issues tokens with: no other program needs to know it."""
    phrase = meaning(name).phrase
    return any(word in phrase for word in ("SECRET_KEY", "JWT", "SALT", "ENCRYPTION", "SIGNING", "SESSION"))


def _is_same(first: str, second: str) -> bool:
    """Whether they are two names of one key: one ends with the other."""
    return first.endswith(second) or second.endswith(first)
