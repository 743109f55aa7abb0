"""Swarm secrets: ``docker secret create``, with the value on standard input.

Facts of Docker Engine 28: a secret has more than 0 and less than 512,000 bytes; its name has at most 64 letters of
``[a-zA-Z0-9-_.]`` and begins and ends with a letter or digit; no API returns a value; one call creates it whole.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence

from dsec_migrate.stores.managers import Found, Item, Reach
from dsec_migrate.stores.swarm_limits import MAXIMUM_BYTES, SWARM_MAXIMUM_LENGTH
from dsec_migrate.text import programs
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.secret import Secret

OPTIONS = frozenset({"--label"})
TIMEOUT_SECONDS = 60
FINGERPRINT = "dsec.fingerprint"
"""The label with a keyed hash of the value: a stored value can be recognized, but not derived from it."""
_NAME = Pattern(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")


def connect(reach: Reach) -> Swarm:
    return Swarm(reach)


class Swarm:
    title = "Swarm"
    has_names_of_its_own = True

    def __init__(self, reach: Reach) -> None:
        self.reach = reach

    def check(self, items: Sequence[Item]) -> None:
        for item in items:
            check_name(item.place)
            length = len(item.value.content())
            if not length:
                raise UserError(f"{item.name} is empty, and Swarm accepts no empty secret", help="set a value first")
            if length >= MAXIMUM_BYTES:
                raise UserError(f"{item.name} is too large: Swarm accepts less than 512,000 bytes")

    def find(self, items: Sequence[Item]) -> Mapping[str, Found]:
        labels = self.labels([item.place for item in items])
        return {item.name: self._compare(item, labels.get(item.place)) for item in items}

    def _compare(self, item: Item, labels: Mapping[str, str] | None) -> Found:
        if labels is None:
            return Found.ABSENT
        known = labels.get(FINGERPRINT)
        if known is None or self.reach.fingerprint is None:
            return Found.UNKNOWN
        return Found.SAME if known == self.reach.fingerprint(item.value.content()) else Found.OTHER

    def put(self, item: Item) -> None:
        labels = {"dsec.project": self.reach.project, "dsec.service": ",".join(item.services)}
        if self.reach.fingerprint is not None:
            labels[FINGERPRINT] = self.reach.fingerprint(item.value.content())
        labels |= self.reach.labels
        words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        run("secret", "create", *words, item.place, "-", data=item.value.content())

    def fetch(self, places: Mapping[str, str]) -> Mapping[str, Secret]:
        raise UserError(
            "Swarm returns a value only to the services that mount it",
            help="get the values from their source: `dsec-migrate fill --write` prompts for them",
        )

    def labels(self, places: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The labels of the existing secrets, by name."""
        there = set(run("secret", "ls", "--format", "{{.Name}}").splitlines())
        wanted = [place for place in dict.fromkeys(places) if place in there]
        if not wanted:
            return {}
        found = json.loads(run("secret", "inspect", *wanted))
        return {one["Spec"]["Name"]: one["Spec"].get("Labels") or {} for one in found}


def check_name(name: str) -> None:
    """Raises UserError if Swarm would refuse the name."""
    if len(name) > SWARM_MAXIMUM_LENGTH or _NAME.fullmatch(name) is None:
        raise UserError(
            f"Swarm refuses the name {name}",
            help=f"use at most {SWARM_MAXIMUM_LENGTH} of the characters a-z A-Z 0-9 - _ . and begin and end with a "
            "letter or digit; set another name with `name:` in the secret's definition",
        )


def run(*words: str, data: bytes | None = None) -> str:
    """The output of ``docker``. Raises UserError with its own message: it repeats names, never its input."""
    program = programs.find("docker")
    if program is None:
        raise UserError("docker is not installed here")
    try:
        result = subprocess.run(
            [program, *words], input=data or b"", capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"docker did not answer within {TIMEOUT_SECONDS} seconds", help="run the command again"
        ) from None
    if result.returncode == 0:
        return result.stdout.decode("utf-8", "replace")
    said = result.stderr.decode("utf-8", "replace").strip().splitlines()
    what = said[-1].removeprefix("Error response from daemon: ").removeprefix("rpc error: ") if said else "it failed"
    advice = "fix this and run again: finished steps are kept"
    if "swarm manager" in what or "swarm init" in what:
        what, advice = "this engine is not a Swarm manager", "run it on a manager, or run `docker swarm init` first"
    elif "connect to the Docker daemon" in what:
        advice = "start Docker, or set DOCKER_HOST to another engine"
    raise UserError(f"docker {' '.join(words[:2])}: {what}", help=advice)
