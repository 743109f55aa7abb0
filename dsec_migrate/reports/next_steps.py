"""What to do after a change: recreate the services, rotate the secrets, and how to undo."""

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

# local contexts, as `docker context ls` names them; any other may be remote
_LOCAL_CONTEXTS = {"", "default", "desktop-linux", "rootless", "orbstack", "colima"}
_LOCAL_HOSTS = ("unix://", "npipe://")


def tell_next_steps(page: Page, written: Sequence[ProjectOutcome], outcome: Outcome) -> None:
    """Writes the next steps for the projects that were written."""
    page.heading("Next")
    for step in next_steps(written, outcome.projects, outcome.options.target is Target.SWARM):
        page.sentence(step, indent="    ", first="  - ")


def next_steps(
    written: Sequence[ProjectOutcome], everyone: Sequence[ProjectOutcome], target_is_swarm: bool
) -> Iterator[str]:
    """The next steps after projects of a run were written, one sentence each, with commands in backticks."""
    for project in written:
        moved = [finding for finding in project.findings if finding.action is Action.MIGRATE]
        services = dict.fromkeys(finding.service for finding in moved)
        services.update(dict.fromkeys(name for one in project.plan.hardened for name in _changed(one)))
        if not services or target_is_swarm or is_dockerfile(Path(project.path)):
            continue
        place = f" ({project.path})" if len(written) > 1 else ""
        is_built = any(finding.delivery == Delivery.BUILD_SECRET.value for finding in moved)
        how = "docker compose up -d --build" if is_built else "docker compose up -d"
        yield f"Run `{how}` to recreate {', '.join(services)}{place}; until then they keep running as before."
    has_moved = any(finding.action is Action.MIGRATE for project in written for finding in project.findings)
    if has_moved:
        yield from _of_moved(target_is_swarm)
    holds = ", with the values in plaintext," if has_moved else ""
    for way in ways_back(written, everyone):
        *others, last = (str(folder / UNDO) for folder in way.journals)
        folders = f"{', '.join(others)} and {last}" if others else last
        keep = "keeps" if len(way.journals) == 1 else "keep"
        yield (
            f"To undo, run `{way.command()}`. {folders} {keep} the original files{holds} until you run "
            f"`{way.command('--forget')}`."
        )


def _changed(one: Hardened) -> tuple[str, ...]:
    """The services that a hardening pass changes."""
    return (one.service, *one.users) if one.action is Action.MIGRATE else ()


def _of_moved(target_is_swarm: bool) -> Iterator[str]:
    yield (
        "Rotate the moved secrets soon: the plaintext values are still in the git history, in backups and in "
        "existing containers."
    )
    if not target_is_swarm:
        yield (
            "The values are no longer in the Compose files, in `docker inspect` or in the environment of processes. "
            "Root on this host, and anyone with access to Docker, can still read them."
        )


def manager_scripts(projects: Iterable[ProjectOutcome]) -> Iterator[str]:
    """A sentence for each script to run before a stack is deployed."""
    for project in projects:
        for file in files_of(project):
            if file.mode & 0o100 and not file.is_secret:
                yield f"Before `docker stack deploy`, run {file.path} once on a manager node of the swarm."


def remote_engine(projects: Sequence[ProjectOutcome], environment: Mapping[str, str]) -> str:
    """A warning where the engine is remote and would look for secret files on its own host; otherwise empty."""
    has_files = any(
        secret.source is SourceKind.FILE for project in projects if project.rewritten for secret in project.plan.secrets
    )
    where = _remote(environment) if has_files else ""
    if not where:
        return ""
    return (
        f"{where}, and a remote engine does not see the secret files of this machine: use --source environment, "
        "with which Compose sends it the values"
    )


def _remote(environment: Mapping[str, str]) -> str:
    host = environment.get("DOCKER_HOST", "")
    if host:
        return "" if host.startswith(_LOCAL_HOSTS) else "DOCKER_HOST points to another machine"
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
