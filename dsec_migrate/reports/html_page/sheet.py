"""What the page shows of a project besides its outcome: plain data that may leave the process, without values."""

from __future__ import annotations

from typing import NamedTuple

from dsec_migrate.compose.project.mounted import Member
from dsec_migrate.outcome import Masks, ProjectOutcome
from dsec_migrate.reports.hiding import covered
from dsec_migrate.reports.hunks import Hunk, hunks
from dsec_migrate.text.source import Rewritten

# above this number of changed lines, less context is shown: a browser renders it all at once
MANY_LINES = 2000


class Sheet(NamedTuple):
    """``hunks`` are those of each rewritten file, in order."""

    services: tuple[Member, ...] = ()
    hunks: tuple[tuple[Hunk, ...], ...] = ()


def of(project: ProjectOutcome) -> Sheet:
    """The sheet of a project (as reports show it) whose texts and values are still available."""
    services = tuple(member._replace(image=_without_secrets(member.image)) for member in project.services)
    return Sheet(services, tuple(_hunks(rewritten, project.masks) for rewritten in project.rewritten))


def _hunks(rewritten: Rewritten, masks: Masks) -> tuple[Hunk, ...]:
    found = hunks(rewritten, masks)
    if sum(len(hunk.lines) for hunk in found) <= MANY_LINES:
        return found
    return hunks(rewritten, masks, context=1)


def _without_secrets(image: str) -> str:
    if "@" not in image and "$" not in image:
        return image
    from dsec_migrate.detectors.judge import secret_parts

    # the digest of an image is not a secret, however random it looks
    name, at, digest = image.partition("@sha256:")
    return covered(name, secret_parts(name)) + at + digest
