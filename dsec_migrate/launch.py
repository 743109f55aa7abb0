"""How the container of a service starts where the service itself does not say it: what a wrapper has to restate."""

from __future__ import annotations

from dsec_migrate import images
from dsec_migrate.project import Service
from dsec_migrate.records import dataclass


@dataclass(frozen=True, repr=False, eq=False)
class Launch:
    """ENTRYPOINT and CMD of the service's image as lists of words, each None where nobody told."""

    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None


@dataclass(frozen=True, repr=False, eq=False)
class Untold:
    """Why nobody knows how the container starts."""

    reason: str


def find(service: Service) -> Launch | Untold:
    """What the table says of the image of ``service``, of this version and variant."""
    row = None if service.is_built else images.find(service.image)
    variant = images.variant_of(images.tag_of(service.image))
    if row is not None and row.variant != variant:
        return Untold(f"nobody knows how the variant {variant} of the image of {service.name} starts")
    if row is None or (row.entrypoint is None and row.command is None):
        return Untold(f"nobody knows how the image of {service.name} starts")
    return Launch(row.entrypoint, row.command)
