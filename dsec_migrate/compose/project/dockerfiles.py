"""Dockerfiles that services are built from, and where they and `build:` contain secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsec_migrate.compose.document import Mapping
from dsec_migrate.compose.project.file_texts import DockerfileText
from dsec_migrate.compose.project.model import Declaration, Layer
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import Span

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Instruction


@dataclass(frozen=True, eq=False, repr=False)
class BuildArgument(Declaration):
    """An argument of a build: a line under ``args:`` of the mapping ``build``, or a default in the Dockerfile.
    ``name`` is the argument's."""

    dockerfile: DockerfileText | None = None
    build: Mapping | None = None
    layer: Layer | None = None


@dataclass(frozen=True, eq=False, repr=False)
class BuildPart(BuildArgument):
    """A part of a Dockerfile instruction that contains a secret: the characters ``part`` of its text. ``variable`` is
    one that the file does not have yet."""

    instruction: Instruction | None = None
    part: Span = Span(0, 0)
    variable: str = ""

    @property
    def lead(self) -> str:
        return ""


@dataclass(frozen=True, eq=False, repr=False)
class BuildFile(BuildPart):
    """A file at ``path`` with credentials, which a COPY (``part`` is its word) adds to the image, with all of its
    folder where that ``is_broad``."""

    path: Path = Path()
    is_broad: bool = False
