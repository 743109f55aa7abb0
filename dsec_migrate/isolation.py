"""What keeps the parts of a project apart: operations on networks and mounts, and what is told of them."""

from __future__ import annotations

from dsec_migrate.document import Document, Entry, Mapping, ParsedNode
from dsec_migrate.finding import Action, Site
from dsec_migrate.options import Harden
from dsec_migrate.records import dataclass


@dataclass(frozen=True, eq=False, repr=False)
class JoinNetworks:
    """A service is on the networks ``names`` as well; where ``is_instead``, on these alone.

    ``present`` are the networks that it has so far without a list of its own: such a list has to repeat them.
    """

    document: Document
    holder: Mapping
    names: tuple[str, ...]
    present: tuple[str, ...] = ()
    is_instead: bool = False

    @property
    def listed(self) -> tuple[str, ...]:
        """The items of a new list."""
        return self.names if self.is_instead else (*self.present, *self.names)


@dataclass(frozen=True, eq=False, repr=False)
class DefineNetwork:
    """The top-level ``networks:`` of ``root`` gets an internal network: nothing in it reaches what is outside."""

    document: Document
    root: Mapping
    name: str

    @staticmethod
    def as_data() -> dict[str, object]:
        return {"internal": True}


@dataclass(frozen=True, eq=False, repr=False)
class DropMounts:
    """These entries of a service's ``secrets:`` (or other list ``key``) go, with all of them the key."""

    document: Document
    holder: Mapping
    items: tuple[ParsedNode, ...]
    key: str = "secrets"


@dataclass(frozen=True, eq=False, repr=False)
class DropConfig:
    """The ``entry`` of the top-level ``configs:`` of the document's ``root`` goes, with the last one the key."""

    document: Document
    root: Mapping
    entry: Entry


IsolationOperation = JoinNetworks | DefineNetwork | DropMounts | DropConfig


@dataclass(frozen=True, repr=False)
class Hardened:
    """What a hardening pass does about one service, or why it leaves it (``action`` is ``keep``).

    ``subject`` is the new network, or the secret that is mounted no more. Of a network ``users`` are the services that
    share it and ``cut`` those that no longer reach the service. ``note`` are sentences, joined by ``; ``.
    """

    kind: Harden
    site: Site
    service: str
    action: Action
    subject: str = ""
    users: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    note: str = ""
