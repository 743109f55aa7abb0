"""Secret managers outside a project: their common interface, and the registry of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.secret import Secret


class Store(NamedTuple):
    """A module of this folder. It has OPTIONS, those of ``push`` that it supports, and ``connect``, which takes a
    :class:`Reach`; one that ``takes_files`` is not called. ``gives_back``: ``pull`` can have the values from there."""

    gives_back: bool = False
    takes_files: bool = False


STORES = {
    "swarm": Store(),
    "vault": Store(gives_back=True),
    "aws": Store(gives_back=True),
    "kubernetes": Store(takes_files=True),
}
"""By name, as in ``--to`` and ``--from``, which is the name of the module."""


class Found(Enum):
    """What exists under a name. ``UNKNOWN``: an entry that cannot be compared from here."""

    ABSENT = "absent"
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, repr=False, eq=False)
class Item:
    """A secret on its way: ``name`` is that of the project, ``place`` its name in the manager. ``services`` use
    it."""

    name: str
    place: str
    services: tuple[str, ...]
    value: Secret


@dataclass(frozen=True, repr=False, eq=False)
class Reach:
    """What is needed to connect to a manager.

    ``project`` is the project's name; ``labels`` are set by the user. ``prefix`` precedes each name, ``entry``
    names one entry that holds all values as its keys. ``mount`` is the path of a KV engine. ``fingerprint`` is a keyed
    hash, which reveals nothing without the key. ``shell`` are the variables of the caller, with the credentials.
    """

    project: str
    labels: Mapping[str, str] = field(default_factory=dict)
    prefix: str | None = None
    entry: str | None = None
    mount: str = "secret"
    fingerprint: Callable[[bytes], str] | None = None
    shell: Mapping[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """The name of the secret ``name`` in the manager."""
        return f"{self.project if self.prefix is None else self.prefix}/{name}".lstrip("/")


class SecretManager(Protocol):
    """Raises UserError if it cannot be reached, refuses the credential, or refuses a request. Each call takes effect as
    a whole or not at all, so an interrupted command can be run again."""

    title: str
    has_names_of_its_own: bool
    """Whether the project's file sets the name of a secret in the manager (``name:``)."""

    def check(self, items: Sequence[Item]) -> None:
        """Refuses, before anything is sent, what the manager would refuse later."""

    def find(self, items: Sequence[Item]) -> Mapping[str, Found]:
        """What exists under the name of each item, by the item's name."""

    def put(self, item: Item) -> None:
        """Stores the value if no entry exists yet."""

    def fetch(self, places: Mapping[str, str]) -> Mapping[str, Secret]:
        """The values by name, for names in the manager by name; missing ones are left out."""


def module_of(name: str) -> Any:
    return import_module(f"dsec_migrate.stores.{name}")


def connect(name: str, reach: Reach) -> SecretManager:
    """Raises UserError if there is no such manager, or its library is not installed."""
    store = STORES.get(name)
    if store is None or store.takes_files:
        raise _no_store(name)
    return cast("SecretManager", module_of(name).connect(reach))


def check_options(name: str, given: AbstractSet[str]) -> None:
    """Raises UserError if the store ``name`` does not support an option, or does not exist."""
    if name not in STORES:
        raise _no_store(name)
    odd = sorted(given - module_of(name).OPTIONS)
    if odd:
        raise UserError(f"{', '.join(odd)}: not supported by {name}", help="remove it")


def _no_store(name: str) -> UserError:
    return UserError(f"unknown store {name}", help=f"use one of {', '.join(STORES)}")


def compare(items: Sequence[Item], known: Mapping[str, Secret]) -> Mapping[str, Found]:
    """What exists under each item's name, for a manager that returns its values: ``known`` are those, by name."""

    def found(item: Item) -> Found:
        value = known.get(item.name)
        return Found.ABSENT if value is None else Found.SAME if value == item.value else Found.OTHER

    return {item.name: found(item) for item in items}


def need_library(name: str, extra: str) -> UserError:
    return UserError(f"the library {name} is not installed", help=f"run `pip install 'dsec-migrate[{extra}]'`")


def need_text(item: Item) -> str:
    """The value as text. Raises UserError if it is not UTF-8."""
    text = item.value.reveal()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(
            f"the content of {item.name} is not UTF-8 text", help="store it with the store's own command-line tool"
        ) from None
    return text
