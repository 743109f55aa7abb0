"""The data of a project's picture: its services, and what each holds or mounts, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.finding import Action, Confidence, Exposure, Finding
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.passes.fix import Delivery
from dsec_migrate.reports.html_page.sheet import Sheet


class Kind(str, Enum):
    """What a service holds or mounts; the value is the class of its mark in the picture."""

    PLAIN = "plain"
    REFERENCE = "reference"
    POSSIBLE = "possible"
    SECRET = "secret"


LEGEND = {
    Kind.PLAIN: "in plaintext in a file of the project",
    Kind.REFERENCE: "comes from ${…}, not from this file",
    Kind.POSSIBLE: "possibly a secret",
    Kind.SECRET: "Docker secret",
}
SHORT = {Kind.PLAIN: "plaintext", Kind.REFERENCE: "reference", Kind.POSSIBLE: "possibly", Kind.SECRET: "secret"}


class Thing(NamedTuple):
    """An item on the right; equal ones are merged. ``is_built_in``: it exists only while the image is built."""

    kind: Kind
    label: str
    detail: str
    is_built_in: bool = False


Links = Mapping[str, Sequence[Thing]]
"""What each service holds or mounts."""


class Scene(NamedTuple):
    """``others`` counts the services without any secret."""

    images: Mapping[str, str]
    before: Links
    after: Links
    others: int


def scene(project: ProjectOutcome, sheet: Sheet) -> Scene:
    """The project before, and after the change (whether planned or written)."""
    images = {member.name: member.image for member in sheet.services}
    secrets = {secret.name: secret for secret in project.plan.secrets}
    before: dict[str, dict[Thing, None]] = {}
    after: dict[str, dict[Thing, None]] = {}
    for finding in project.findings:
        if not finding.service:
            # the picture shows services only
            continue
        before.setdefault(finding.service, {})[_plaintext(finding)] = None
        is_moved = finding.action is Action.MIGRATE and finding.secret is not None
        thing = _secret(finding.secret or "", secrets, finding) if is_moved else _plaintext(finding)
        after.setdefault(finding.service, {})[thing] = None
    for member in sheet.services:
        for name in member.mounts:
            before.setdefault(member.name, {})[_secret(name, secrets)] = None
            after.setdefault(member.name, {})[_secret(name, secrets)] = None
    order = [name for name in dict.fromkeys((*images, *before)) if name in before]
    return Scene(
        images,
        {name: tuple(before[name]) for name in order},
        {name: tuple(after[name]) for name in order},
        sum(name not in before for name in images),
    )


def _plaintext(finding: Finding) -> Thing:
    kind = Kind.PLAIN
    if finding.verdict.confidence is Confidence.POSSIBLE:
        kind = Kind.POSSIBLE
    elif finding.verdict.exposure in {Exposure.INTERPOLATED, Exposure.PASS_THROUGH}:
        kind = Kind.REFERENCE
    return Thing(kind, finding.variable, f"{finding.site.file}:{finding.site.line}")


def _secret(name: str, secrets: Mapping[str, PlannedSecret], finding: Finding | None = None) -> Thing:
    secret = secrets.get(name)
    is_built_in = finding is not None and finding.delivery == Delivery.BUILD_SECRET.value
    if secret is None:
        detail = "mounted already"
    elif secret.source is SourceKind.FILE:
        detail = secret.file
    else:
        detail = f"variable {secret.variable}" if secret.variable else "external"
    return Thing(Kind.SECRET, name, f"while building, {detail}" if is_built_in else detail, is_built_in)
