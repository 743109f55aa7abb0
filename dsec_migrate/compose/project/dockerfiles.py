"""Dockerfiles that services are built from, and the places in them and in `build:` that hold secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsec_migrate.document import Document, Mapping
from dsec_migrate.project.model import Layer, Slot
from dsec_migrate.records import dataclass
from dsec_migrate.source import Span

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Dockerfile, Instruction


@dataclass(frozen=True, eq=False, repr=False)
class DockerfileText(Document):
    """The text of a Dockerfile from which services are built."""

    dockerfile: Dockerfile | None = None

    @property
    def content(self) -> Dockerfile:
        assert self.dockerfile is not None
        return self.dockerfile


@dataclass(frozen=True, eq=False, repr=False)
class BuildArgument(Slot):
    """An argument of a build: a line below ``args:`` of the mapping ``build``, or a default in the Dockerfile itself.
    ``name`` is the argument's."""

    recipe: DockerfileText | None = None
    build: Mapping | None = None
    layer: Layer | None = None


@dataclass(frozen=True, eq=False, repr=False)
class BuildPart(BuildArgument):
    """A part of an instruction of a Dockerfile that says a secret: the characters ``part`` of its text. ``variable`` is
    one that the file does not have yet."""

    instruction: Instruction | None = None
    part: Span = Span(0, 0)
    variable: str = ""

    @property
    def lead(self) -> str:
        return ""


@dataclass(frozen=True, eq=False, repr=False)
class BuildFile(BuildPart):
    """A file at ``path`` with credentials, which a COPY (``part`` is its word) brings into the image, with all of
    its folder where that ``is_broad``."""

    path: Path = Path()
    is_broad: bool = False
