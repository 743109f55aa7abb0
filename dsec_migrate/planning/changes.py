"""What a run will do, before any text is touched: changes, secrets, patches, and skipped findings."""

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
    /run/secrets, None for the name of the secret."""

    uid: str | None = None
    gid: str | None = None
    mode: int | None = None
    target: str | None = None

    def item(self, name: str) -> object:
        """The list item that mounts the secret ``name`` with these options. Compose and Swarm both read ``mode: 0400``
        unquoted, and uid and gid as strings (observed with Compose 2.40)."""
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
    """One Docker secret: its name in the file, where its value comes from and which services receive it.

    ``file`` is the path as written in the Compose file and ``path`` the file on disk with ``mode`` (octal permission
    as an int); ``variable`` is the name of an ``environment:`` source. ``is_new`` is False for one that the project
    already defines, ``has_file`` True if its file already exists,
    ``is_in_place`` if that is a file of the project outside the secrets folder. ``services`` and ``variables`` will use
    it.
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
    """The value of the declaration moves into ``secret``, and the declaration sets ``name`` to ``value``, which names
    the secret's file; it may be a line of an env file. Without a name the line is removed: a wrapper script sets the
    value, or a line that exists already.

    If the declaration is an alias, the anchored text is edited, once for all its users; ``replaces_alias`` means that
    others need that text, so the path replaces the alias. ``keeps_comment``: the comment after a removed line is kept.
    For a part of a string, ``value`` is what replaces it; empty if the whole string is rewritten.
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
    """Parts of a string are read from the file at ``path``; with ``variable`` the string sets that before ``spans[0]``
    and is otherwise unchanged. ``test`` is the healthcheck in exec form that contains ``node``: a shell runs it from
    now on."""

    document: Document
    node: Scalar
    spans: tuple[Span, ...]
    path: str = ""
    variable: str = ""
    test: Sequence | None = None


@dataclass(frozen=True, eq=False, repr=False)
class WrappedStart:
    """The service starts its program through a shell that reads files into variables.

    ``variables`` are read from files; ``arguments`` are paths in the command that stand for the content of the file.
    ``entrypoint`` are the words after those of the shell, as written in a Compose file (``$`` doubled); ``command``
    those of a new ``command:``, None if there is none to write. ``comment`` says where these words come from.
    ``script`` is the script of an earlier wrapper, which is extended.
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
    """Moves that are applied together or not at all, and the findings that they resolve."""

    moves: tuple[Move, ...]
    findings: tuple[Finding, ...]
    applicability: Applicability


@dataclass(frozen=True, repr=False, eq=False)
class NewFile:
    """A file to write beside the project. ``mode`` is an octal permission as an int, ``folder_mode`` that of its folder
    if it is new.

    ``append`` adds to a text file (or creates it); ``is_secret`` is False if the content may be shown. ``replaces`` is
    the current content of a file that dsec-migrate wrote.
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
    """Everything that a run would do to one project, and what it skips, with the reasons in the findings' notes.

    ``patches`` are the changes to the files. What they do not show on their own: ``moves`` take a value out of its
    declaration, ``reads`` make a string read a file; ``arguments`` are the secrets of commands, labels and builds, as
    variables that no container receives; ``agent_keys`` are names of secrets that a build accesses through an SSH
    agent; ``hardened`` is what the hardening passes do.
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
