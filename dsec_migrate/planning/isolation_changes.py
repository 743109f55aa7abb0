"""What is reported about the hardening passes."""

from __future__ import annotations

from dsec_migrate.config.options import Harden
from dsec_migrate.detectors.finding import Action, Site
from dsec_migrate.text.records import dataclass


@dataclass(frozen=True, repr=False)
class Hardened:
    """What a hardening pass does with one service, or why it skips it (``action`` is ``keep``).

    ``subject`` is the new network, or the secret that is no longer mounted. For a network ``users`` are the services
    that share it and ``cut`` those that no longer reach the service. ``note`` are sentences, joined by ``; ``.
    """

    kind: Harden
    site: Site
    service: str
    action: Action
    subject: str = ""
    users: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    note: str = ""
