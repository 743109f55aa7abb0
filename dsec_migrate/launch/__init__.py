"""How the container of a service starts: what a wrapper has to restate."""

from __future__ import annotations

from dsec_migrate import images
from dsec_migrate.options import Options
from dsec_migrate.project import Project, Service
from dsec_migrate.records import dataclass


@dataclass(frozen=True, repr=False, eq=False)
class Launch:
    """What the config of a service's image says.

    ``entrypoint`` and ``command`` are ENTRYPOINT and CMD as lists of words, ``user`` is USER (empty: root), each None
    where nobody told. ``variables`` are the names that the image itself sets. ``shell`` is ``bash``, ``sh`` or
    ``none``, None where nobody told. ``source`` says who told it.
    """

    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    shell: str | None
    source: str
    user: str | None = None
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, repr=False, eq=False)
class Untold:
    """Why nobody knows how the container starts."""

    reason: str


def find(project: Project, service: Service, options: Options) -> Launch | Untold:
    """How the container of ``service`` starts, apart from its own ``entrypoint:`` and ``command:``."""
    row = None if service.is_built else images.find(service.image)
    variant = images.variant_of(images.tag_of(service.image))
    if row is not None and row.variant != variant:
        return Untold(f"nobody knows how the variant {variant} of the image of {service.name} starts")
    if row is None or (row.entrypoint is None and row.command is None):
        return Untold(f"nobody knows how the image of {service.name} starts")
    return Launch(row.entrypoint, row.command, row.shell, "the table")
