"""What the page shows of a project besides its outcome: plain data that may leave the process. No value is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dsec_migrate.outcome import Masks, ProjectOutcome, Rewritten
from dsec_migrate.project.mounted import Member
from dsec_migrate.reports.hiding import covered, hider
from dsec_migrate.reports.hunks import Hunk, hunks

# of a change so long, less is shown of what stands around it: a browser has to take it in at once
MANY_LINES = 2000


class Sheet(NamedTuple):
    """``hunks`` are those of each rewritten file, in their order. ``veils`` are names (of services, files, variables)
    that hold a value, each with the masked name that stands for it: hardly ever is there one."""

    services: tuple[Member, ...] = ()
    hunks: tuple[tuple[Hunk, ...], ...] = ()
    veils: Mapping[str, str] = {}


def of(project: ProjectOutcome) -> Sheet:
    """The sheet of a project whose texts and values are still at hand."""
    services = tuple(member._replace(image=_without_secrets(member.image)) for member in project.services)
    names = dict.fromkeys(
        (*_names(project), *(text for one in services for text in (one.name, one.image, *one.mounts)))
    )
    hide = hider(project, names)
    veils = {} if hide is str else {name: hide(name) for name in names if hide(name) != name}
    shown = tuple(_hunks(rewritten, project.masks) for rewritten in project.rewritten)
    return Sheet(services, shown, veils)


def _hunks(rewritten: Rewritten, masks: Masks) -> tuple[Hunk, ...]:
    found = hunks(rewritten, masks)
    if sum(len(hunk.lines) for hunk in found) <= MANY_LINES:
        return found
    return hunks(rewritten, masks, context=1)


def _names(project: ProjectOutcome) -> Iterator[str]:
    yield project.path
    for finding in project.findings:
        yield from (finding.site.file, finding.service, finding.variable, *finding.variables, finding.secret or "")
    for secret in project.plan.secrets:
        yield from (secret.name, secret.file, str(secret.path or ""), secret.variable, *secret.services)
    for file in project.plan.files:
        yield str(file.path)
        # what an ignore file gets
        yield file.content.reveal() if file.append and not file.is_secret else ""
    for remaining in project.remaining:
        yield from (remaining.file, remaining.where)
    yield from (rewritten.path for rewritten in project.rewritten)
    yield from (problem.file for problem in (*project.warnings, *project.errors))


def _without_secrets(image: str) -> str:
    if "@" not in image and "$" not in image:
        return image
    from dsec_migrate.detectors import secret_parts

    # the digest of an image is no secret, however random it looks
    name, at, digest = image.partition("@sha256:")
    return covered(name, secret_parts(name)) + at + digest
