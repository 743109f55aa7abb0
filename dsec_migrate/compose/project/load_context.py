"""What all services of a project share while they are merged."""

from __future__ import annotations

from pathlib import Path

from dsec_migrate.compose.document import Document, Mapping
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project.file_cache import Texts
from dsec_migrate.compose.project.file_texts import EnvFileText
from dsec_migrate.compose.project.tally import Tally
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field


@dataclass(frozen=True, repr=False, eq=False)
class Body:
    """One mapping of a service, and the file whose services its ``extends`` can name."""

    document: Document
    service: Mapping


@dataclass(frozen=True, repr=False, eq=False)
class LoadContext:
    """What all services of a project share while they are merged.

    ``bodies`` are those of the services of each file that was read, by the identity of its document.
    """

    texts: Texts
    environment: Environment
    directory: Path
    extended: dict[str, Document] = field(default_factory=dict)
    env_texts: dict[int, EnvFileText] = field(default_factory=dict)
    missing: dict[str, UserError] = field(default_factory=dict)
    warnings: dict[str, UserError] = field(default_factory=dict)
    duplicate_services: set[str] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    bodies: dict[int, dict[str, list[Body]]] = field(default_factory=dict)

    def lacks(self, error: UserError) -> None:
        """Compose refuses the project for it; the files can still be analyzed."""
        self.missing.setdefault(str(error), error)

    def warn(self, error: UserError) -> None:
        self.warnings.setdefault(str(error), error)
