"""What changes in a file: patches of YAML nodes, of lines of env files and of words of Dockerfiles.

Each speaks of the document as it is, never of text that another patch makes, so that their order does not matter.
``rewrite`` alone knows how they are written, and ``interpreter`` what the file says afterwards, each by its own means.
New values are plain data; where the spelling matters, a subclass of ``str`` or ``int`` tells it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Sequence as SequenceType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dsec_migrate.compose.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence
from dsec_migrate.compose.dotenv import Entry as Line
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import Span

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Instruction


class Octal(int):
    """The mode of a file, written as ``0440`` (JSON has no octal numbers: there it is decimal)."""


class Quoted(str):
    """A text in double quotes, also where YAML needs none."""

    __slots__ = ()


class Bare(str):
    """A text without quotes, of which it is known that YAML needs none."""

    __slots__ = ()


class Kept(NamedTuple):
    """A scalar of the document whose text is kept as it stands, as a part of a new value."""

    node: Scalar


Value = object
"""None, bool, int, str, :class:`Kept`; a ``list`` stands line by line and a ``tuple`` between brackets; a ``dict`` has
keys of type ``str``."""


class Word(NamedTuple):
    """The characters ``span`` of an instruction's text."""

    instruction: Instruction
    span: Span


@dataclass(frozen=True, eq=False, repr=False)
class Patch:
    """``origin`` is who asked for it, for an error message: it holds no value."""

    document: Document

    @property
    def place(self) -> Hashable:
        """What it speaks of: two patches of one place are one, or contradict each other."""
        raise NotImplementedError

    @property
    def said(self) -> object:
        """What it says of the place."""
        return None

    @property
    def line(self) -> Line | None:
        """The line of an env file that it speaks of, if it does."""
        target = getattr(self, "target", None)
        return target if isinstance(target, Line) else None

    origin = ""


@dataclass(frozen=True, eq=False, repr=False)
class RenameKey(Patch):
    """A key, or the name in a line of an env file, becomes ``name``."""

    target: Entry | Line
    name: str
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "key", _identity(self.document, self.target)

    @property
    def said(self) -> object:
        return self.name


@dataclass(frozen=True, eq=False, repr=False)
class SetValue(Patch):
    """A node, or the value of a line of an env file, becomes ``value``. Where the node is an alias, that one place."""

    target: ParsedNode | Line
    value: Value
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "value", _identity(self.document, self.target)

    @property
    def said(self) -> object:
        return self.value


class Insertion(Patch):
    """Something new in a mapping or a list."""

    @property
    def group(self) -> Hashable:
        """The same for all that are written together, at one place."""
        raise NotImplementedError

    @property
    def block(self) -> ParsedNode | None:
        """The mapping or the list that gets longer; None where it is made."""
        raise NotImplementedError

    @property
    def new_key_of(self) -> Mapping | None:
        """The mapping that gets a key which it has not, if one does."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class InsertEntry(Insertion):
    """The mapping ``holder`` gets an entry: ``("restart",)``, or ``("secrets", "token")`` in the mapping below its own
    key, which is made where it is missing. It stands right before ``before``, else where such entries usually do."""

    holder: Mapping
    path: tuple[str, ...]
    value: Value
    before: Entry | None = None
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "entry", id(self.holder), self.path

    @property
    def group(self) -> Hashable:
        return id(self.holder), self.path[:-1], id(self.before)

    @property
    def block(self) -> ParsedNode | None:
        entry = self.holder.own(self.path[0])
        return self.holder if len(self.path) == 1 else entry.value if entry is not None else None

    @property
    def new_key_of(self) -> Mapping | None:
        return self.holder if len(self.path) == 1 or self.block is None else None

    @property
    def said(self) -> object:
        return self.value


@dataclass(frozen=True, eq=False, repr=False)
class InsertItem(Insertion):
    """The list ``key`` of the mapping ``holder`` gets an item; it is made where it is missing. With an empty ``key``
    the holder is the list itself.

    ``inherited`` are items that a merge key or an alias supplied so far: a list of its own repeats them. The item
    stands before ``before``, an item; a list that is made stands before ``before``, an entry; else at the end.
    """

    holder: Mapping | Sequence
    key: str
    item: Value
    inherited: tuple[ParsedNode, ...] = ()
    before: ParsedNode | Entry | None = None
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "item", id(self.holder), self.key, _frozen(self.item)

    @property
    def group(self) -> Hashable:
        return id(self.holder), self.key, id(self.before)

    @property
    def block(self) -> ParsedNode | None:
        if isinstance(self.holder, Sequence):
            return self.holder
        entry = self.holder.own(self.key)
        return entry.value if entry is not None else None

    @property
    def new_key_of(self) -> Mapping | None:
        return self.holder if isinstance(self.holder, Mapping) and self.block is None else None


@dataclass(frozen=True, eq=False, repr=False)
class Remove(Patch):
    """An entry, an item of a list, a line of an env file, an instruction or a word of one goes.

    With the last one a block goes as well, but for one with an anchor: others take it, so it stays, empty. An
    instruction goes with its last word. ``keeps_comment``: what stands behind the line stays in its place.
    """

    target: Entry | ParsedNode | Line | Instruction | Word
    keeps_comment: bool = False
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "removed", _identity(self.document, self.target)


@dataclass(frozen=True, eq=False, repr=False)
class Repeat(Patch):
    """An entry or an item once more, right behind itself, in which some scalars say something else."""

    target: Entry | ParsedNode
    texts: tuple[tuple[Scalar, str], ...]
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "again", id(self.target), tuple((id(node), text) for node, text in self.texts)


@dataclass(frozen=True, eq=False, repr=False)
class ReplacePart(Patch):
    """The characters ``span`` of a scalar's value, or of an instruction's text, become ``text``. An empty span is a
    place where the text comes in."""

    target: Scalar | Instruction
    span: Span
    text: str
    origin: str = ""

    @property
    def place(self) -> Hashable:
        added = self.text if self.span.start == self.span.end else ""
        return "part", _identity(self.document, self.target), self.span, added

    @property
    def said(self) -> object:
        return self.text


@dataclass(frozen=True, eq=False, repr=False)
class ReplaceComment(Patch):
    """The characters ``span`` of the file, which are no data, become ``text``."""

    span: Span
    text: str
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "comment", id(self.document), self.span

    @property
    def said(self) -> object:
        return self.text


@dataclass(frozen=True, eq=False, repr=False)
class InsertWord(Patch):
    """A flag comes right behind the keyword of an instruction; without an instruction, ``text`` is a comment that
    becomes the first line of the file."""

    instruction: Instruction | None
    text: str
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "word", id(self.document), id(self.instruction), self.text


def without(document: Document, entry: Entry, parts: SequenceType[Entry | ParsedNode], origin: str) -> Iterator[Remove]:
    """These parts of the block that is the value of ``entry`` go; with all of them all that stands there."""
    block = entry.value
    known: SequenceType[object] = block.entries if isinstance(block, Mapping) else getattr(block, "items", ())
    for part in [entry] if len(parts) == len(known) else parts:
        yield Remove(document, part, origin=origin)


Kind = TypeVar("Kind", bound=Patch)


class Patches:
    """Patches by their kinds, those that say the same of one place only once.

    Raises VerificationError, which names both origins, where two say different things of one place.
    """

    def __init__(self, patches: Iterable[Patch]) -> None:
        known: dict[Hashable, Patch] = {}
        for patch in patches:
            other = known.setdefault(patch.place, patch)
            if other.said != patch.said:
                raise contradiction(other, patch)
        self.all = tuple(known.values())

    def only(self, *kinds: type[Patch]) -> None:
        """Raises VerificationError where one is of another kind: what nobody writes must not be lost silently."""
        other = next((patch for patch in self.all if not isinstance(patch, kinds)), None)
        if other is not None:
            raise VerificationError(f"{other.origin or 'a change'} cannot be written into {other.document.source.path}")

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Those of one kind, in their order."""
        return [patch for patch in self.all if isinstance(patch, kind)]


def contradiction(one: Patch, other: Patch) -> VerificationError:
    origins = " and ".join(dict.fromkeys((one.origin or "a change", other.origin or "another change")))
    return VerificationError(f"the changes to {one.document.source.path} contradict each other: {origins}")


def _identity(document: Document, target: object) -> Hashable:
    """One line of an env file has an object for each service that reads it."""
    if isinstance(target, Line):
        return id(document), target.span
    return (id(target.instruction), target.span) if isinstance(target, Word) else id(target)


def _frozen(value: Value) -> Hashable:
    if isinstance(value, dict):
        return tuple((key, _frozen(one)) for key, one in value.items())
    if isinstance(value, list | tuple) and not isinstance(value, Kept):
        return tuple(map(_frozen, value))
    return id(value.node) if isinstance(value, Kept) else str(value)
