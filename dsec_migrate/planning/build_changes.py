"""The changes to a Dockerfile that give a build its secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import Span

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Instruction


AGENT = "type=ssh"
"""The mount that gives a RUN access to SSH keys: the builder's agent signs for it."""


@dataclass(frozen=True, eq=False, repr=False)
class DockerfileChange:
    """What a build secret changes in a Dockerfile: words that are removed, RUN instructions with ``how`` the secret is
    mounted, and parts of their text."""

    dropped: tuple[tuple[Instruction, Span], ...] = ()
    mounted: tuple[tuple[Instruction, str], ...] = ()
    named: tuple[tuple[Instruction, Span, str], ...] = ()

    @property
    def is_of_agent(self) -> bool:
        return any(how.startswith(AGENT) for _, how in self.mounted)
