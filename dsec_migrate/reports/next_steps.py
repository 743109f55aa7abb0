"""What to do after a change: start the services anew, change the secrets, and how to go back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dsec_migrate.config.options import SourceKind, Target
from dsec_migrate.detectors.finding import Action
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.planning.bare_dockerfile import is_dockerfile
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.planning.passes.fix import Delivery
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.parts import files_of
from dsec_migrate.reports.ways_back import ways_back
from dsec_migrate.text.reserved_names import UNDO

# as `docker context` shows them; others are where somebody put them
_LOCAL_CONTEXTS = {"", "default", "desktop-linux", "rootless", "orbstack", "colima"}
_LOCAL_HOSTS = ("unix://", "npipe://")


def tell_next_steps(page: Page, written: Sequence[ProjectOutcome], outcome: Outcome) -> None:
    """For projects that were written."""
    page.heading("Next")
    for step in next_steps(written, outcome.projects, outcome.options.target is Target.SWARM):
        page.sentence(step, indent="    ", first="  - ")


def next_steps(
    written: Sequence[ProjectOutcome], everyone: Sequence[ProjectOutcome], target_is_swarm: bool
) -> Iterator[str]:
    """Sentences, with backticks around what is typed: what is due once some projects of a run are written."""
    for project in written:
        moved = [finding for finding in project.findings if finding.action is Action.MIGRATE]
        services = dict.fromkeys(finding.service for finding in moved)
        services.update(dict.fromkeys(name for one in project.plan.hardened for name in _changed(one)))
        if not services or target_is_swarm or is_dockerfile(Path(project.path)):
            continue
        place = f" ({project.path})" if len(written) > 1 else ""
        is_built = any(finding.delivery == Delivery.BUILD_SECRET.value for finding in moved)
        how = "docker compose up -d --build" if is_built else "docker compose up -d"
        yield f"`{how}` starts {', '.join(services)} anew{place}; until then they run as before."
    has_moved = any(finding.action is Action.MIGRATE for project in written for finding in project.findings)
    if has_moved:
        yield from _of_moved(target_is_swarm)
    holds = ", which hold the values," if has_moved else ""
    for way in ways_back(written, everyone):
        *others, last = (str(folder / UNDO) for folder in way.journals)
        folders = f"{', '.join(others)} and {last}" if others else last
        keep = "keeps" if len(way.journals) == 1 else "keep"
        yield (
            f"`{way.command()}` takes it back. {folders} {keep} the former files{holds} until "
            f"`{way.command('--forget')}`."
        )


def _changed(one: Hardened) -> tuple[str, ...]:
    """The services that a hardening pass changes."""
    return (one.service, *one.users) if one.action is Action.MIGRATE else ()


def _of_moved(target_is_swarm: bool) -> Iterator[str]:
    yield (
        "Change the moved secrets themselves before long: what stood in a file in plaintext still stands in the "
        "history of git, in backups and in containers that were made before."
    )
    if not target_is_swarm:
        yield (
            "The values are out of the Compose files, of `docker inspect` and of the environment of processes. Root on "
            "this host, and whoever may talk to Docker, can still read them."
        )


def manager_scripts(projects: Iterable[ProjectOutcome]) -> Iterator[str]:
    """A sentence for each script that Swarm needs first."""
    for project in projects:
        for file in files_of(project):
            if file.mode & 0o100 and not file.is_secret:
                yield f"Before `docker stack deploy`, run {file.path} once on a manager of the swarm."


def remote_engine(projects: Sequence[ProjectOutcome], environment: Mapping[str, str]) -> str:
    """A sentence where Docker runs elsewhere and would look for secret files there; else nothing."""
    has_files = any(
        secret.source is SourceKind.FILE for project in projects if project.rewritten for secret in project.plan.secrets
    )
    where = _remote(environment) if has_files else ""
    if not where:
        return ""
    return (
        f"{where}, so that engine does not see the secret files of this machine: with --source environment Compose "
        "sends it the values instead"
    )


def _remote(environment: Mapping[str, str]) -> str:
    host = environment.get("DOCKER_HOST", "")
    if host:
        return "" if host.startswith(_LOCAL_HOSTS) else "DOCKER_HOST names another machine"
    context = environment.get("DOCKER_CONTEXT") or _current_context(environment)
    return "" if context in _LOCAL_CONTEXTS else f"the Docker context {context} may be another machine"


def _current_context(environment: Mapping[str, str]) -> str:
    home = environment.get("DOCKER_CONFIG") or os.path.join(environment.get("HOME", ""), ".docker")  # noqa: PTH118
    try:
        data = json.loads((Path(home) / "config.json").read_bytes())
    except (OSError, ValueError):
        return ""
    context = data.get("currentContext") if isinstance(data, dict) else None
    return context if isinstance(context, str) else ""
