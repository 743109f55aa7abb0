"""What is to be done, before any text is touched: changes, secrets, patches, and what is left."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from dsec_migrate.compose.document import Document, Mapping, Scalar, Sequence
from dsec_migrate.compose.project import Argument, Declaration, EnvFileDeclaration, Variable
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.finding import Finding
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.planning.patches import Octal, Patch, Quoted, Remove, RenameKey, ReplacePart, SetValue
from dsec_migrate.planning.wrapper_script import Supply
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Span


@dataclass(frozen=True, repr=False)
class MountOptions:
    """The long syntax of a service's secret. ``mode`` is an octal permission as an int; ``target`` the file's name in
    /run/secrets, the secret's own where it is None."""

    uid: str | None = None
    gid: str | None = None
    mode: int | None = None
    target: str | None = None

    def item(self, name: str) -> object:
        """The item of a list that mounts the secret ``name`` so. Compose and Swarm both read ``mode: 0400`` unquoted,
        and uid and gid as strings (observed with Compose 2.40)."""
        options = {
            "target": self.target,
            "uid": None if self.uid is None else Quoted(self.uid),
            "gid": None if self.gid is None else Quoted(self.gid),
            "mode": None if self.mode is None else Octal(self.mode),
        }
        given = {key: value for key, value in options.items() if value is not None}
        return {"source": name, **given} if given else name


@dataclass(frozen=True, eq=False, repr=False)
class PlannedSecret:
    """One Docker secret: its name in the file, where its value comes from and who gets it.

    ``file`` is the path as it stands in the Compose file and ``path`` the file on disk with ``mode`` (octal permission
    as an int); ``variable`` is the name of an ``environment:`` source. ``is_new`` is False for one that the project
    already defines, ``has_file`` True where its file is there already,
    ``is_in_place`` where that is a file of the project's own, not of the secrets folder. ``services`` and ``variables``
    will use it.
    """

    name: str
    source: SourceKind
    value: Secret | None
    services: tuple[str, ...]
    variables: tuple[str, ...]
    file: str = ""
    path: Path | None = None
    mode: int = 0o444
    variable: str = ""
    is_new: bool = True
    has_file: bool = False
    is_in_place: bool = False

    @property
    def mount_path(self) -> str:
        return f"{SECRETS_MOUNT}/{self.name}"

    def as_data(self) -> dict[str, object]:
        """The entry of the top-level ``secrets:`` block."""
        if self.source is SourceKind.FILE:
            return {"file": self.file}
        if self.source is SourceKind.ENVIRONMENT:
            return {"environment": self.variable}
        return {"external": True}


@dataclass(frozen=True, eq=False, repr=False)
class Move:
    """The value of the declaration is in ``secret`` from now on, and the declaration declares ``name`` with ``value``,
    which names its file; it may be an env file's line. Without a name the line goes: a wrapper supplies the value, or a
    line that stands there already.

    Where the declaration is an alias, the text that it names is edited, once for all its users; ``replaces_alias`` says
    that others need that text, so that the path takes the alias's place. ``keeps_comment``: what stands behind a line
    that goes stays. Of a part of a text, ``value`` is what stands in its place; nothing where the text is written anew.
    """

    declaration: Declaration
    secret: str
    name: str = ""
    value: str = ""
    replaces_alias: bool = False
    keeps_comment: bool = False

    def patches(self) -> Iterator[Patch]:
        declaration, document, origin = self.declaration, self.declaration.document, f"the move to {self.secret}"
        line = declaration.line if isinstance(declaration, EnvFileDeclaration) else None
        content = declaration.node if self.replaces_alias else declaration.content
        if isinstance(declaration, Argument):
            if self.value:
                assert isinstance(content, Scalar)
                yield ReplacePart(document, content, declaration.part, self.value, origin)
        elif not self.name:
            yield Remove(document, line or declaration.entry or declaration.node, self.keeps_comment, origin)
        elif line is None and declaration.entry is None:
            yield SetValue(document, content, f"{self.name}={self.value}", origin)
        else:
            if self.name != declaration.name:
                target = line or declaration.entry
                assert target is not None
                yield RenameKey(document, target, self.name, origin)
            yield SetValue(document, line or content, self.value, origin)


@dataclass(frozen=True, eq=False, repr=False)
class Read:
    """Parts of a text are what the file at ``path`` holds; with ``variable`` the text sets that before ``spans[0]``,
    and stays as it is. ``test`` is the healthcheck of words that ``node`` is one of: a shell runs it from now on."""

    document: Document
    node: Scalar
    spans: tuple[Span, ...]
    path: str = ""
    variable: str = ""
    test: Sequence | None = None


@dataclass(frozen=True, eq=False, repr=False)
class WrappedStart:
    """The service starts its program through a shell that reads files into variables.

    ``variables`` are what is read from files; ``arguments`` are paths that stand in the command for
    what the file holds. ``entrypoint`` are the words behind the shell's own, as
    a Compose file has them (``$`` doubled); ``command`` those of a new ``command:``, None where there is none to write.
    ``comment`` tells where these words come from. ``script`` is that of an earlier wrapper, which gets further lines.
    """

    document: Document
    holder: Mapping
    variables: tuple[Supply, ...]
    shell: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] | None = None
    comment: str = ""
    script: Scalar | None = None
    arguments: tuple[str, ...] = ()


class Applicability(str, Enum):
    """``safe``: known to work; ``review``: the report says what to check; ``manual``: never applied."""

    SAFE = "safe"
    REVIEW = "review"
    MANUAL = "manual"


@dataclass(frozen=True, eq=False, repr=False)
class Change:
    """Moves that are done together or not at all, and the findings that they settle."""

    moves: tuple[Move, ...]
    findings: tuple[Finding, ...]
    applicability: Applicability


@dataclass(frozen=True, repr=False, eq=False)
class NewFile:
    """A file to be written beside the project. ``mode`` is an octal permission as an int, ``folder_mode`` that of its
    folder where it is new.

    ``append`` adds to a text file (or begins it); ``is_secret`` is False for what may be shown. ``replaces`` is what a
    file of our own holds now.
    """

    path: Path
    content: Secret
    mode: int
    append: bool = False
    is_secret: bool = True
    replaces: Secret | None = None
    folder_mode: int = 0o700


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Everything that a run would do to one project, and what it leaves, with the reasons in the findings' notes.

    ``patches`` are what changes in the files. What they do not tell by themselves: ``moves`` take a value out of its
    place, ``reads`` let a text read a file; ``arguments`` are the secrets of commands, labels and builds, as variables
    that no container has; ``agent_keys`` are names of secrets that a build gets through an agent of SSH; ``hardened``
    is what passes beyond secrets do.
    """

    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    secrets: tuple[PlannedSecret, ...] = ()
    patches: tuple[Patch, ...] = ()
    files: tuple[NewFile, ...] = ()
    notes: tuple[str, ...] = ()
    arguments: tuple[Variable, ...] = ()
    hardened: tuple[Hardened, ...] = ()
    moves: tuple[Move, ...] = ()
    reads: tuple[Read, ...] = ()
    agent_keys: frozenset[str] = frozenset()

    def __add__(self, other: Plan) -> Plan:
        return Plan(
            (*self.findings, *other.findings),
            (*self.changes, *other.changes),
            (*self.secrets, *other.secrets),
            (*self.patches, *other.patches),
            (*self.files, *other.files),
            (*self.notes, *other.notes),
            (*self.arguments, *other.arguments),
            (*self.hardened, *other.hardened),
            (*self.moves, *other.moves),
            (*self.reads, *other.reads),
            self.agent_keys | other.agent_keys,
        )
