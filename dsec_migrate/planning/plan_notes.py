"""What a plan says beside its changes: secrets that several variables share, or that hold one another's value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.detectors.finding import Confidence, Exposure
from dsec_migrate.detectors.names import Kind, meaning
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.detectors.vocabulary import is_name_of_project
from dsec_migrate.planning import service_secrets
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.decision import Decision
from dsec_migrate.planning.needs import Need
from dsec_migrate.planning.passes import obstacles
from dsec_migrate.text.secret import Secret


def of_secrets(
    project: Project,
    options: Options,
    secrets: Sequence[PlannedSecret],
    groups: Sequence[list[Need]],
    layers: Mapping[int, service_secrets.Need],
) -> Iterator[str]:
    for secret, group in zip(secrets, groups, strict=True):
        # separate lines were joined; services that share one line share its secret anyway
        if len(group) > 1 and secret.source is not SourceKind.ENVIRONMENT:
            names, uses = " and ".join(secret.variables), ", ".join(secret.services)
            paths = ", ".join(dict.fromkeys(need.declaration.place.rpartition(":")[0] for need in group))
            where = uses if len(secret.services) > 1 or len(secret.variables) > 1 else f"{uses} of {paths}"
            yield f"{secret.name}: one secret for {names} in {where}, which have the same value"
    yield from _passwords_within(secrets, groups)
    has_files = any(secret.source is SourceKind.FILE for secret in secrets)
    if has_files and options.needs_long_syntax and options.target is Target.COMPOSE:
        yield "Compose ignores uid, gid and mode of a secret that comes from a file; Swarm honors them"
    for name, service in project.services.items():
        mounted = service.layers[:-1] if not obstacles.replaces_mounts(service) else ()
        inherited = [layers[id(layer.service)] for layer in mounted if id(layer.service) in layers]
        for secret in secrets if inherited else ():
            services = {user for need in inherited if secret.name in need.names for user in need.services}
            base = next((user for user in secret.services if user in services), None)
            if base is not None and name not in secret.services:
                yield f"{name} also receives {secret.name}, because it extends {base}: Compose appends the lists"


def _passwords_within(secrets: Sequence[PlannedSecret], groups: Sequence[list[Need]]) -> Iterator[str]:
    """Secrets that contain the value of another one, such as a URL its password: both must change together."""
    whole = {secret.value.reveal(): secret.name for secret in secrets if secret.value is not None}
    for secret, group in zip(secrets, groups, strict=True):
        need = group[0]
        text = need.finding.variable.effective.value or ""
        if need.finding.case.verdict.exposure is not Exposure.EMBEDDED or secret.value != Secret(text):
            continue
        for start, end in need.finding.case.verdict.parts:
            part = (need.declaration.text or "")[start:end]
            plain = unquote(part)
            name = whole.get(part) or whole.get(plain)
            if name is not None and name != secret.name and is_distinctive(plain):
                how = "" if part == plain else ", percent-encoded"
                yield f"{secret.name} contains the value of {name}{how}: change both together"


def named_after_project(found: Iterable[Decision]) -> Iterator[str]:
    """Passwords that equal the project's name, the first guess of any attacker."""
    told: dict[tuple[str, str], dict[str, None]] = {}
    for finding in found:
        case, variable = finding.case, finding.variable
        value = variable.effective.value
        if not value or variable.effective.is_named or case.verdict.confidence is Confidence.POSSIBLE:
            continue
        if is_name_of_project(case.project, case.service.name, value):
            what = "the password" if meaning(variable.name).kind is Kind.PASSWORD else variable.name
            told.setdefault((what, value), {})[case.service.name] = None
    for (what, _), services in told.items():
        yield f"{what} of {' and '.join(services)} is the project's name, which attackers try first: change it"
