"""No service loses what it needs: services that reached each other still do, except for pairs that the plan names and
that do not communicate; services with outside access keep it; services that mount a secret keep it, except for mounts
that the plan names."""

from __future__ import annotations

import re
from itertools import combinations

from dsec_migrate.compose.document import plain
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.project.mounted import by_path
from dsec_migrate.config.options import Harden
from dsec_migrate.detectors.finding import Action
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.hardening.reach import Reach
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.text.errors import VerificationError

# keys whose content does not refer to another service
_NO_ADDRESS = {"image", "build", "container_name", "hostname", "networks", "volumes", "secrets", "configs", "profiles"}


def check(before: Project, after: Project, plan: Plan) -> None:
    """Raises VerificationError."""
    done = [one for one in plan.hardened if one.action is Action.MIGRATE]
    _check_reach(before, after, [one for one in done if one.kind is Harden.NETWORKS])
    _check_mounts(before, after, plan, [one for one in done if one.kind is Harden.MOUNTS])


def _check_reach(before: Project, after: Project, moved: list[Hardened]) -> None:
    was, is_now = Reach(before), Reach(after)
    stores = {one.service: one for one in moved if one.service in before.services}
    planned = {frozenset((one.service, other)) for one in moved for other in one.cut}
    for name, other in combinations(before.services, 2):
        pair = frozenset((name, other))
        shared, shares = was.shares(name, other), is_now.shares(name, other)
        if shares and not shared:
            raise VerificationError(f"{name} and {other} would reach each other, which they do not today")
        if pair in planned and shares:
            raise VerificationError(f"{name} and {other} would still reach each other")
        if not shared or shares:
            continue
        if pair not in planned:
            raise VerificationError(f"{name} and {other} would no longer reach each other")
        if _calls(before.services[name], other) or _calls(before.services[other], name):
            raise VerificationError(f"{name} and {other} name each other, and would no longer reach each other")
    for name, service in before.services.items():
        if name in stores:
            if any(layer.service.get("ports") for layer in service.layers) and was.has_way_out(name):
                raise VerificationError(f"the published ports of {name} would be out of reach")
            if is_now.has_way_out(name):
                raise VerificationError(f"{name} would still have a way out")
        elif was.has_way_out(name) and not is_now.has_way_out(name):
            raise VerificationError(f"{name} would have no way out any more")
        elif name not in stores and not was.networks(name) <= is_now.networks(name):
            raise VerificationError(f"{name} would leave a network")


def _calls(service: Service, other: str) -> bool:
    """Whether plain data of a service contains the other's name as a host, or as a service."""
    host = re.compile(rf"(?:^|[\s@/=,\"'\[]){re.escape(other)}(?=$|[\s:/,;\"'?\]])")
    texts = [variable.effective.value or "" for variable in service.variables.values()]
    for layer in service.layers:
        data = plain(layer.service)
        assert isinstance(data, dict)
        texts += _leaves({key: value for key, value in data.items() if key not in _NO_ADDRESS})
    return any(host.search(text) is not None for text in texts)


def _leaves(data: object) -> list[str]:
    if isinstance(data, dict):
        return [text for key, value in data.items() for text in (str(key), *_leaves(value))]
    if isinstance(data, list):
        return [text for value in data for text in _leaves(value)]
    return [str(data)]


def _check_mounts(before: Project, after: Project, plan: Plan, dropped: list[Hardened]) -> None:
    gone = {(one.service, one.subject) for one in dropped}
    for name, service in before.services.items():
        now = by_path(after.services[name])
        for path, secret in by_path(service).items():
            if (name, secret) in gone:
                if now.get(path) == secret:
                    raise VerificationError(f"{name} would still mount {secret}")
            elif path not in now:
                raise VerificationError(f"{name} would no longer mount {secret}")
    names = set(after.secrets)
    if not set(before.secrets) <= names:
        raise VerificationError("a secret would no longer be defined")
