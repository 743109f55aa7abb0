"""Versions of a Swarm secret: values are immutable, so a new name replaces the old one, service by service.

Facts of Docker Engine 28: ``docker service update --secret-rm OLD --secret-add source=NEW,target=…`` replaces one task
after the other, as the service's update order says; a secret in use cannot be removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from dsec_migrate.lifecycle.rotation.steps import Step
from dsec_migrate.stores.swarm import run
from dsec_migrate.text.patterns import Pattern

_VERSION = Pattern(r"(?P<base>.+?)(?:_v(?P<number>\d+))?")


def base_of(name: str) -> str:
    found = _VERSION.fullmatch(name)
    assert found is not None
    return str(found["base"])


def versions(base: str) -> dict[str, int]:
    """The versions in Swarm, by name; the one without a number is the first."""
    found: dict[str, int] = {}
    for name in run("secret", "ls", "--format", "{{.Name}}").splitlines():
        version = _VERSION.fullmatch(name)
        if version is not None and version["base"] == base:
            found[name] = int(version["number"] or 1)
    return found


def next_name(base: str, known: Iterable[int]) -> str:
    return f"{base}_v{max([1, *known]) + 1}"


def users(names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The services of this swarm that mount one of ``names``, each with those mounts as Swarm stores them."""
    wanted = set(names)
    ids = run("service", "ls", "--quiet").split()
    found: dict[str, list[dict[str, Any]]] = {}
    for service in json.loads(run("service", "inspect", *ids)) if ids else ():
        container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
        mounts = [mount for mount in container.get("Secrets") or () if mount["SecretName"] in wanted]
        if mounts:
            found[service["Spec"]["Name"]] = mounts
    return found


def updates(old: Iterable[str], new: str) -> Iterator[Step]:
    """One command for each service that has an old version: the new one at the same path, with its owner and mode."""
    for service, mounts in sorted(users(old).items()):
        words = ["docker", "service", "update", "--detach=false"]
        for mount in mounts:
            file = mount.get("File") or {}
            options = [f"source={new}", f"target={file.get('Name', new)}"]
            options += [f"uid={file['UID']}"] if file.get("UID", "0") != "0" else []
            options += [f"gid={file['GID']}"] if file.get("GID", "0") != "0" else []
            options += [f"mode=0{file['Mode']:o}"] if file.get("Mode", 0o444) != 0o444 else []
            words += ["--secret-rm", mount["SecretName"], "--secret-add", ",".join(options)]
        yield Step((*words, service), f"update {service}, one task after the other")
