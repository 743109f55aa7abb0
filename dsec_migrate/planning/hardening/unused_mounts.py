"""A secret is mounted only where it is used.

The entry of the service's list is removed; the secret's definition and its file are kept, since other projects, scripts
and people may read them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose.document import Mapping, Scalar
from dsec_migrate.compose.project import Layer, Project, Service
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, mounts, sources
from dsec_migrate.compose.service_texts import setup
from dsec_migrate.config.options import Harden
from dsec_migrate.detectors.finding import Action, Finding, Site
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.hardening import editable
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.planning.patches import Patch, without
from dsec_migrate.planning.unused import UNUSED
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace

# anything that reads the whole folder reads each file
_FOLDER = Pattern(r"/run/secrets(?:/?(?:[\s\"'`;,)\]}*?$]|$)|/[\w.-]*[*?\[{$])")


def harden(project: Project, plan: Plan) -> tuple[Plan, Plan]:
    """``plan`` without the findings that the pass resolves, and what it adds."""
    planned = {secret.name for secret in plan.secrets}
    settled: list[Finding] = []
    told: list[Hardened] = []
    gone: dict[str, tuple[Layer, list[Scalar | Mapping]]] = {}
    for finding in plan.findings:
        kind, _, name = finding.variable.partition(":")
        if kind != "secrets" or finding.note != UNUSED or name in planned:
            continue
        service = project.services[finding.service]
        left = _obstacle(project, service, name)
        if left:
            told.append(Hardened(Harden.MOUNTS, finding.site, service.name, Action.KEEP, name, note=left))
            continue
        settled.append(finding)
        layer = service.layers[0]
        items = list(_items(service, name))
        gone.setdefault(service.name, (layer, []))[1].extend(items)
        told.append(Hardened(Harden.MOUNTS, _site(layer, items, finding), service.name, Action.MIGRATE, name))
    dropped = {(one.service, one.subject) for one in told if one.action is Action.MIGRATE}
    told = [replace(one, note=_note(project, one, dropped)) if not one.note else one for one in told]
    patches: list[Patch] = []
    for layer, items in gone.values():
        entry = layer.service.own("secrets")
        assert entry is not None
        patches += without(layer.document, entry, items, "unused mounts")
    kept = tuple(finding for finding in plan.findings if finding not in settled)
    return replace(plan, findings=kept), Plan(patches=tuple(patches), hardened=tuple(told))


def _obstacle(project: Project, service: Service, name: str) -> str:
    left = editable.obstacle(project, service, "secrets")
    if left:
        return left
    found = setup(project, service, is_store=True)
    if any(_FOLDER.search(text) is not None for text in found.texts):
        return "something in it reads the whole of /run/secrets"
    if any(name in text for text in found.texts):
        return f"a file that it mounts refers to {name}"
    if found.gap:
        return f"not all of its settings are known: {found.gap}"
    return "" if any(True for _ in _items(service, name)) else "another file mounts it"


def _items(service: Service, name: str) -> Iterator[Scalar | Mapping]:
    """The entries of the first layer's list that mount a secret."""
    for mount in mounts(service):
        if mount.layer is service.layers[0] and mount.source == name and isinstance(mount.item, (Scalar, Mapping)):
            yield mount.item


def _site(layer: Layer, items: list[Scalar | Mapping], finding: Finding) -> Site:
    return Site(*layer.document.place(items[0].start)) if items else finding.site


def _note(project: Project, one: Hardened, dropped: set[tuple[str, str]]) -> str:
    others = [
        name
        for name, service in project.services.items()
        if one.subject in sources(service) and (name, one.subject) not in dropped
    ]
    unused = f"nothing in it refers to {SECRETS_MOUNT}/{one.subject}"
    return unused if others else f"{unused}; no service mounts {one.subject} any more: its definition is kept"
