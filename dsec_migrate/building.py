"""What gives a build its secrets: operations on the instructions of Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsec_migrate.project import DockerfileText
from dsec_migrate.records import dataclass
from dsec_migrate.source import Span

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Instruction


@dataclass(frozen=True, eq=False, repr=False)
class DropWord:
    """A word of an ARG, a COPY or an ADD goes: an argument that is not declared any more, a file that is not copied.
    With the last one the instruction goes."""

    document: DockerfileText
    instruction: Instruction
    word: Span


AGENT = "type=ssh"
"""How a RUN gets keys of SSH: the builder's agent signs for it."""


@dataclass(frozen=True, eq=False, repr=False)
class MountInRun:
    """A RUN gets the build secret ``secret_id``; ``how`` says as what (``env=NAME``, ``target=/path``), or that it is a
    key which stays outside, with an agent (``type=ssh``). It fails where the secret ``is_required`` and not there."""

    document: DockerfileText
    instruction: Instruction
    secret_id: str
    how: str
    is_required: bool

    @property
    def flag(self) -> str:
        required = ",required=true" if self.is_required else ""
        mount = self.how if self.is_of_agent else f"type=secret,id={self.secret_id},{self.how}"
        return f"--mount={mount}{required}"

    @property
    def is_of_agent(self) -> bool:
        return self.how.startswith(AGENT)


@dataclass(frozen=True, eq=False, repr=False)
class AddSyntax:
    """A Dockerfile begins with a line that names its frontend (``--syntax-line``)."""

    document: DockerfileText


@dataclass(frozen=True, eq=False, repr=False)
class NameInRun:
    """A part of a RUN's text, which says a secret, says ``text`` instead: the variable that a mount sets. A part that
    handles a file which is not copied any more goes, and the RUN with its last part."""

    document: DockerfileText
    instruction: Instruction
    part: Span
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class RecipeChange:
    """What a build secret changes in a Dockerfile: words that go, RUN instructions with ``how`` they get it, and parts
    of their texts."""

    dropped: tuple[tuple[Instruction, Span], ...] = ()
    mounted: tuple[tuple[Instruction, str], ...] = ()
    named: tuple[tuple[Instruction, Span, str], ...] = ()

    @property
    def is_of_agent(self) -> bool:
        return any(how.startswith(AGENT) for _, how in self.mounted)
