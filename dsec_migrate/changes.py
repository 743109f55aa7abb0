"""What is to be done, before any text is touched: operations on structure, changes, secrets, and what is left."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from enum import Enum
from pathlib import Path

from dsec_migrate.building import AddSyntax, DropWord, MountInRun, NameInRun
from dsec_migrate.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence
from dsec_migrate.dotenv import Entry as EnvFileEntry
from dsec_migrate.finding import Finding
from dsec_migrate.isolation import Hardened, IsolationOperation
from dsec_migrate.options import SourceKind
from dsec_migrate.project import Argument, EnvFileText, Slot, Variable
from dsec_migrate.project.mounted import SECRETS_MOUNT
from dsec_migrate.records import dataclass, field
from dsec_migrate.secret import Secret
from dsec_migrate.source import Span
from dsec_migrate.wrapping import Supply


@dataclass(frozen=True, repr=False)
class MountOptions:
    """The long syntax of a service's secret. ``mode`` is an octal permission as an int; ``target`` the file's name in
    /run/secrets, the secret's own where it is None."""

    uid: str | None = None
    gid: str | None = None
    mode: int | None = None
    target: str | None = None

    def as_data(self) -> dict[str, object]:
        options = {"target": self.target, "uid": self.uid, "gid": self.gid, "mode": self.mode}
        return {key: value for key, value in options.items() if value is not None}


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


# --- operations: each speaks of the structure of the original document ---


@dataclass(frozen=True, eq=False, repr=False)
class MoveVariable:
    """The slot declares ``new_name`` with ``value``, which names the file of ``secret``; it may be an env file's line.

    Where the slot is an alias, the text that it names is edited, once for all its users; ``replaces_alias`` says that
    others need that text, so that the path takes the alias's place.
    """

    slot: Slot
    new_name: str
    value: str
    secret: str
    replaces_alias: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class AddVariables:
    """Lines of plain variables, names and values, stand before that of the slot, in its style."""

    slot: Slot
    pairs: tuple[tuple[str, str], ...]

    @property
    def document(self) -> Document:
        return self.slot.document


@dataclass(frozen=True, eq=False, repr=False)
class RenameReset:
    """A line ``X: !reset``, which takes away what a moved line declares, takes away ``new_name``."""

    slot: Slot
    new_name: str

    @property
    def document(self) -> Document:
        return self.slot.document


@dataclass(frozen=True, eq=False, repr=False)
class RemoveVariable:
    """The slot's line goes: a wrapper supplies the value of ``secret``, or a line that stands there already.

    ``holder`` is the ``environment:`` whose block it is, which goes with its last line; None where others take the
    block through an anchor: it stays, empty. ``keeps_comment``: what stands behind the value stays in its place.
    """

    slot: Slot
    secret: str
    holder: Entry | None
    keeps_comment: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class MoveArgument:
    """The part of a command says ``path``, which a wrapper replaces by what the file holds when the container starts;
    in a script (``is_read``) it is ``$$(cat PATH)``."""

    slot: Argument
    secret: str
    path: str
    is_read: bool

    @property
    def node(self) -> Scalar:
        node = self.slot.content
        assert isinstance(node, Scalar)
        return node

    @property
    def spans(self) -> tuple[Span, ...]:
        return (self.slot.part,)


@dataclass(frozen=True, eq=False, repr=False)
class LengthenBuild:
    """A service's ``build: PATH`` becomes a mapping with that ``context:`` and these lists: build secrets, and keys for
    the agent (``ssh``)."""

    document: Document
    holder: Mapping
    entry: Entry
    lists: MappingType[str, tuple[tuple[str, MountOptions], ...]]

    @property
    def context(self) -> Scalar:
        assert isinstance(self.entry.value, Scalar)
        return self.entry.value


@dataclass(frozen=True, eq=False, repr=False)
class NameOption:
    """The part of a command's word, an option that takes a secret, is called ``name``, which takes the path of a
    file."""

    document: Document
    node: Scalar
    part: Span
    name: str

    @property
    def spans(self) -> tuple[Span, ...]:
        return (self.part,)


@dataclass(frozen=True, eq=False, repr=False)
class WrapProgram:
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


@dataclass(frozen=True, eq=False, repr=False)
class AddMounts:
    """The mapping (a service, or a block that services inherit) gets these secrets, in its ``secrets:`` list. Of a
    build it may be the list ``ssh``, whose items name keys.

    ``inherited`` are items that a merge key or an alias supplied so far and that an own list has to repeat.
    ``own_options`` are those of single secrets, by name; with several, the secret is mounted as often.
    """

    document: Document
    holder: Mapping
    names: tuple[str, ...]
    options: MountOptions = field(default_factory=MountOptions)
    inherited: tuple[ParsedNode, ...] = ()
    own_options: MappingType[str, tuple[MountOptions, ...]] = field(default_factory=dict)
    key: str = "secrets"

    @property
    def items(self) -> tuple[tuple[str, MountOptions], ...]:
        """What is mounted, in order."""
        return tuple((name, one) for name in self.names for one in self.own_options.get(name, (self.options,)))


@dataclass(frozen=True, eq=False, repr=False)
class DefineSecret:
    """The top-level ``secrets:`` of the document's ``root`` gets this entry. ``file`` is the path as that file needs
    it: a file that services of another folder extend is seen from a folder of its own."""

    document: Document
    root: Mapping
    secret: PlannedSecret
    file: str = ""

    def as_data(self) -> dict[str, object]:
        data = self.secret.as_data()
        return {**data, "file": self.file} if self.file and "file" in data else data


@dataclass(frozen=True, eq=False, repr=False)
class MaskComment:
    """The text at ``span``, which stands in a comment, repeats the value: it is replaced by the mask."""

    document: Document
    span: Span


@dataclass(frozen=True, eq=False, repr=False)
class RemoveLine:
    """A line of an env file that nothing in the project reads any more goes away (``--prune-env``)."""

    document: EnvFileText
    line: EnvFileEntry


@dataclass(frozen=True, eq=False, repr=False)
class NamePath:
    """A text of an ``x-`` block that tells ``value`` in passing (a description, say) names ``path`` instead."""

    document: Document
    node: Scalar
    value: Secret
    path: str


@dataclass(frozen=True, eq=False, repr=False)
class ReadInScript:
    """Parts of a script's value say ``$$(cat PATH)``; with ``variable`` the script sets that before ``spans[0]``, and
    stays as it is."""

    document: Document
    node: Scalar
    spans: tuple[Span, ...]
    path: str = ""
    variable: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class ReadInTest:
    """A healthcheck of words becomes one that a shell runs; there, parts of the word ``node`` are what a file
    holds, or ``variable`` is set before."""

    document: Document
    test: Sequence
    node: Scalar
    spans: tuple[Span, ...]
    path: str = ""
    variable: str = ""


MOVES = (MoveVariable, RemoveVariable, MoveArgument)
Move = MoveVariable | RemoveVariable | MoveArgument
"""The operations that take a value out of its place."""
Read = ReadInScript | ReadInTest
InText = ReadInScript | MoveArgument | NameOption
"""The operations that change parts of a text."""
Operation = (
    Move
    | AddVariables
    | AddSyntax
    | DropWord
    | LengthenBuild
    | MountInRun
    | NameInRun
    | NameOption
    | WrapProgram
    | AddMounts
    | DefineSecret
    | MaskComment
    | NamePath
    | RemoveLine
    | RenameReset
    | Read
    | IsolationOperation
)


def document_of(operation: Operation) -> Document:
    """The file whose text the operation changes."""
    return operation.slot.document if isinstance(operation, MOVES) else operation.document


class Applicability(str, Enum):
    """``safe``: known to work; ``review``: the report says what to check; ``manual``: never applied."""

    SAFE = "safe"
    REVIEW = "review"
    MANUAL = "manual"


@dataclass(frozen=True, eq=False, repr=False)
class Change:
    """Operations that are applied together or not at all, and the findings that they settle."""

    operations: tuple[Move, ...]
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

    ``arguments`` are the secrets of commands, labels and builds, as variables that no container has; ``hardened`` is
    what passes beyond secrets do.
    """

    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    secrets: tuple[PlannedSecret, ...] = ()
    operations: tuple[Operation, ...] = ()
    files: tuple[NewFile, ...] = ()
    notes: tuple[str, ...] = ()
    arguments: tuple[Variable, ...] = ()
    hardened: tuple[Hardened, ...] = ()

    def __add__(self, other: Plan) -> Plan:
        return Plan(
            (*self.findings, *other.findings),
            (*self.changes, *other.changes),
            (*self.secrets, *other.secrets),
            (*self.operations, *other.operations),
            (*self.files, *other.files),
            (*self.notes, *other.notes),
            (*self.arguments, *other.arguments),
            (*self.hardened, *other.hardened),
        )
