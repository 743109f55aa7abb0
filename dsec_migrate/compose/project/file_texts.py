"""Files of a project other than YAML: env files and Dockerfiles, each with its text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsec_migrate.compose.document import Document
from dsec_migrate.text.records import dataclass

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Dockerfile


@dataclass(frozen=True, eq=False, repr=False)
class EnvFileText(Document):
    """The text of one env file. ``is_raw``: a service reads it with ``format: raw``."""

    is_raw: bool = False

    @property
    def path(self) -> Path:
        return self.source.path


@dataclass(frozen=True, eq=False, repr=False)
class DockerfileText(Document):
    """The text of a Dockerfile from which services are built."""

    dockerfile: Dockerfile | None = None

    @property
    def content(self) -> Dockerfile:
        assert self.dockerfile is not None
        return self.dockerfile
