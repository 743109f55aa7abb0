"""Changes to files: patches of YAML nodes, lines of env files and words of Dockerfiles.

Each refers to the original document, never to text that another patch creates, so their order does not matter. Only
``rewrite`` knows how they are written, and ``interpreter`` what the file means afterwards, each with its own code.
New values are plain data; if the spelling matters, a subclass of ``str`` or ``int`` specifies it.
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
    """A string in double quotes, even if YAML does not need them."""

    __slots__ = ()


class Bare(str):
    """A string without quotes, known not to need them in YAML."""

    __slots__ = ()


class Kept(NamedTuple):
    """A scalar of the document whose text is kept verbatim as part of a new value."""

    node: Scalar


Value = object
"""None, bool, int, str, :class:`Kept`; a ``list`` is written in block style and a ``tuple`` in flow style; the keys of
a ``dict`` are ``str``."""


class Word(NamedTuple):
    """The characters ``span`` of an instruction's text."""

    instruction: Instruction
    span: Span


@dataclass(frozen=True, eq=False, repr=False)
class Patch:
    """``origin`` is the reason for the patch, for error messages: it contains no value."""

    document: Document

    @property
    def place(self) -> Hashable:
        """What it changes: two patches of one place are equal, or contradict each other."""
        raise NotImplementedError

    @property
    def said(self) -> object:
        """The new content of the place."""
        return None

    @property
    def line(self) -> Line | None:
        """The line of an env file that it changes, if any."""
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
    """A node, or the value of a line of an env file, becomes ``value``. An alias is changed only there."""

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
        """Equal for all insertions that are written together in one place."""
        raise NotImplementedError

    @property
    def block(self) -> ParsedNode | None:
        """The mapping or the list that is extended; None if it is created."""
        raise NotImplementedError

    @property
    def new_key_of(self) -> Mapping | None:
        """The mapping that receives a new key, if any."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class InsertEntry(Insertion):
    """An entry is added to the mapping ``holder``: ``("restart",)``, or ``("secrets", "token")`` in the mapping below
    its own key, which is created if missing. It is inserted before ``before``, otherwise in the usual place."""

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
    """An item is added to the list ``key`` of the mapping ``holder``; the list is created if missing. With an empty
    ``key`` the holder is the list itself.

    ``inherited`` are items that a merge key or an alias has provided so far: a new list repeats them. The item is
    inserted before ``before``, an item; a new list before ``before``, an entry; otherwise at the end.
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
    """An entry, an item of a list, a line of an env file, an instruction or a word of one is removed.

    Without its last element a block is removed as well, except one with an anchor: others use it, so it is kept, empty.
    An instruction is removed with its last word. ``keeps_comment``: the comment after the line is kept.
    """

    target: Entry | ParsedNode | Line | Instruction | Word
    keeps_comment: bool = False
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "removed", _identity(self.document, self.target)


@dataclass(frozen=True, eq=False, repr=False)
class Repeat(Patch):
    """A copy of an entry or an item, right after it, with some scalars changed."""

    target: Entry | ParsedNode
    texts: tuple[tuple[Scalar, str], ...]
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "again", id(self.target), tuple((id(node), text) for node, text in self.texts)


@dataclass(frozen=True, eq=False, repr=False)
class ReplacePart(Patch):
    """The characters ``span`` of a scalar's value, or of an instruction's text, become ``text``. An empty span is an
    insertion point."""

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
    """The characters ``span`` of the file, which are not data, become ``text``."""

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
    """A flag is inserted right after the keyword of an instruction; without an instruction, ``text`` is a comment that
    becomes the first line of the file."""

    instruction: Instruction | None
    text: str
    origin: str = ""

    @property
    def place(self) -> Hashable:
        return "word", id(self.document), id(self.instruction), self.text


def without(document: Document, entry: Entry, parts: SequenceType[Entry | ParsedNode], origin: str) -> Iterator[Remove]:
    """Removes these parts of the block that is the value of ``entry``; if these are all parts, the whole block."""
    block = entry.value
    known: SequenceType[object] = block.entries if isinstance(block, Mapping) else getattr(block, "items", ())
    for part in [entry] if len(parts) == len(known) else parts:
        yield Remove(document, part, origin=origin)


Kind = TypeVar("Kind", bound=Patch)


class Patches:
    """Patches by kind, equal patches only once.

    Raises VerificationError, which names both origins, if two patches of one place differ.
    """

    def __init__(self, patches: Iterable[Patch]) -> None:
        known: dict[Hashable, Patch] = {}
        for patch in patches:
            other = known.setdefault(patch.place, patch)
            if other.said != patch.said:
                raise contradiction(other, patch)
        self.all = tuple(known.values())

    def only(self, *kinds: type[Patch]) -> None:
        """Raises VerificationError if one is of another kind: a patch without a writer must not be lost silently."""
        other = next((patch for patch in self.all if not isinstance(patch, kinds)), None)
        if other is not None:
            raise VerificationError(f"{other.origin or 'a change'} cannot be written into {other.document.source.path}")

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Those of one kind, in order."""
        return [patch for patch in self.all if isinstance(patch, kind)]


def contradiction(one: Patch, other: Patch) -> VerificationError:
    origins = " and ".join(dict.fromkeys((one.origin or "a change", other.origin or "another change")))
    return VerificationError(f"the changes to {one.document.source.path} contradict each other: {origins}")


def _identity(document: Document, target: object) -> Hashable:
    """A line of an env file has one object for each service that reads it."""
    if isinstance(target, Line):
        return id(document), target.span
    return (id(target.instruction), target.span) if isinstance(target, Word) else id(target)


def _frozen(value: Value) -> Hashable:
    if isinstance(value, dict):
        return tuple((key, _frozen(one)) for key, one in value.items())
    if isinstance(value, list | tuple) and not isinstance(value, Kept):
        return tuple(map(_frozen, value))
    return id(value.node) if isinstance(value, Kept) else str(value)
