"""The content of files after the patches of a plan, as plain data, without reading any edited text.

It shares nothing with ``rewrite`` but the patches: a misunderstanding in one of them shows in the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Sequence as SequenceType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.document import Alias, Content, Entry, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.compose.dotenv import Entry as Line
from dsec_migrate.planning.patches import (
    InsertEntry,
    InsertItem,
    InsertWord,
    Kept,
    Patch,
    Patches,
    Remove,
    RenameKey,
    Repeat,
    ReplacePart,
    SetValue,
    Value,
    Word,
)
from dsec_migrate.text.source import Span

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Instruction

_Merged = dict[str, object]


class Part(NamedTuple):
    """The characters ``span`` of a string are replaced by ``text``."""

    span: Span
    text: str


class Interpreter:
    """``patches`` may target any document of a project; :meth:`data` returns a node as plain data."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        known = Patches(patches)
        # by the identity of their targets
        self.replaced: list[tuple[Scalar, Part]] = []
        self.parts: dict[int, list[Part]] = {}
        for part in known.of(ReplacePart):
            if isinstance(part.target, Scalar):
                self.replaced.append((part.target, Part(part.span, part.text)))
            self.parts.setdefault(id(part.target), []).append(Part(part.span, part.text))
        self._names = {_place(one): one.name for one in known.of(RenameKey)}
        self._values = {_place(one): one.value for one in known.of(SetValue)}
        self._removed: set[object] = set()
        for removed in known.of(Remove):
            if isinstance(removed.target, Word):
                instruction, span = removed.target
                self.parts.setdefault(id(instruction), []).append(Part(span, ""))
            else:
                self._removed.add(_place(removed))
        self._entries = _grouped((id(one.holder), one) for one in known.of(InsertEntry))
        self._items = _grouped((id(one.holder), one) for one in known.of(InsertItem))
        self._repeated = _grouped((id(one.target), one) for one in known.of(Repeat))
        self._words = _grouped((id(one.instruction), one.text) for one in known.of(InsertWord) if one.instruction)
        self._first_lines = _grouped(
            (id(one.document), one.text) for one in known.of(InsertWord) if not one.instruction
        )
        self._data: dict[int, object] = {}

    # --- YAML ---

    def data(self, node: ParsedNode) -> object:
        if id(node) in self._values:
            return self._plain(self._values[id(node)])
        if isinstance(node, Alias):
            return self.data(node.target)
        if id(node) not in self._data:
            self._data[id(node)] = self._build(node)
        return self._data[id(node)]

    def _build(self, node: Content) -> object:
        if isinstance(node, Scalar):
            return self.text(node) if id(node) in self.parts else node.resolved()
        if isinstance(node, Sequence):
            return list(self._listed(node))
        return self._merge(node)

    def text(self, node: Scalar) -> str:
        """The value of a scalar, with its replaced parts."""
        return said(node.value, self.parts.get(id(node), ()))

    def _listed(self, node: Sequence) -> Iterator[object]:
        added = self._items.get(id(node), ())
        for item in node.items:
            yield from (self._plain(one.item) for one in added if one.before is item)
            if self._stays(item):
                yield self.data(item)
            yield from (_again(item, repeat) for repeat in self._repeated.get(id(item), ()))
        yield from (self._plain(one.item) for one in added if one.before is None)

    def _stays(self, item: ParsedNode) -> bool:
        return id(item) not in self._removed and item.tag != yaml.RESET_TAG

    def _merge(self, node: Mapping) -> _Merged:
        """The entries of a mapping with those that merge keys bring."""
        merged: _Merged = {}
        sources: list[Mapping] = []
        for entry in node.entries:
            if yaml.is_merge_key(entry.key):
                sources.extend(yaml.merge_sources(entry.value))
            elif entry.name and entry.value.tag != yaml.RESET_TAG and not self._is_gone(entry):
                merged[self._name(entry)] = self.data(entry.value)
            for repeat in self._repeated.get(id(entry), ()):
                merged[_text_of(entry.key, repeat, entry.name)] = _again(entry.value, repeat)
        for source in sources:
            inherited = self.data(source)
            for name, value in inherited.items() if isinstance(inherited, dict) else ():
                merged.setdefault(name, value)
        for key, patches in _grouped((one.key, one) for one in self._items.get(id(node), ())).items():
            merged[key] = [*self._listed_before(node, key, patches[0]), *(self._plain(one.item) for one in patches)]
        for one in self._entries.get(id(node), ()):
            _put(merged, one.path, self._plain(one.value))
        return merged

    def _listed_before(self, node: Mapping, key: str, patch: InsertItem) -> Iterator[object]:
        """The items of a list that precede what is added."""
        own = node.own(key)
        listed = follow(own.value) if own is not None and not patch.inherited else None
        items = listed.items if isinstance(listed, Sequence) else patch.inherited
        if own is None or id(own) not in self._removed:
            yield from (self.data(item) for item in items if self._stays(item))

    def _name(self, entry: Entry) -> str:
        if id(entry.key) in self.parts and isinstance(entry.key, Scalar):
            return self.text(entry.key)
        return self._names.get(id(entry), entry.name)

    def _is_gone(self, entry: Entry) -> bool:
        """Whether the entry is removed, or all of a block that is the value of this entry only."""
        if not self._removed:
            return False
        block = entry.value
        parts = block.entries if isinstance(block, Mapping) else block.items if isinstance(block, Sequence) else ()
        is_empty = bool(parts) and all(id(part) in self._removed for part in parts)
        is_extended = id(block) in self._entries or id(block) in self._items
        return id(entry) in self._removed or (is_empty and block.anchor is None and not is_extended)

    def _plain(self, value: Value) -> object:
        """A new value as YAML would load it: its spelling does not matter."""
        if isinstance(value, Kept):
            # it may be a part of its own replacement
            return self._build(value.node)
        if isinstance(value, dict):
            return {key: self._plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(one) for one in value]
        if isinstance(value, bool) or value is None:
            return value
        return int(value) if isinstance(value, int) else str(value)

    # --- env files ---

    def lines(self, real_path: str, lines: Iterable[Line]) -> list[tuple[str, str | None]]:
        """The names and values of the lines of an env file, by the path of the file itself."""
        found: list[tuple[str, str | None]] = []
        for line in lines:
            place = (real_path, line.span)
            if place not in self._removed:
                value = self._values.get(place, line.template)
                found.append((self._names.get(place, line.name), None if value is None else str(value)))
        return found

    # --- Dockerfiles ---

    def is_removed(self, instruction: Instruction) -> bool:
        return id(instruction) in self._removed

    def flags(self, instruction: Instruction) -> list[str]:
        """The words right after the keyword."""
        return self._words.get(id(instruction), [])

    def first_lines(self, document: yaml.Document) -> list[str]:
        return self._first_lines.get(id(document), [])


def said(text: str, parts: Iterable[Part]) -> str:
    """A string with parts replaced; insertions at one offset keep their order."""
    result, position = "", 0
    for (start, end), new in sorted(parts, key=lambda part: part.span):
        result += text[position:start] + new
        position = end
    return result + text[position:]


_Key = TypeVar("_Key", bound=Hashable)
_One = TypeVar("_One")


def _grouped(pairs: Iterable[tuple[_Key, _One]]) -> dict[_Key, list[_One]]:
    found: dict[_Key, list[_One]] = {}
    for key, one in pairs:
        found.setdefault(key, []).append(one)
    return found


def _place(patch: RenameKey | SetValue | Remove) -> object:
    target = patch.target
    return (patch.document.source.real_path, target.span) if isinstance(target, Line) else id(target)


def _put(merged: _Merged, path: SequenceType[str], value: object) -> None:
    """An entry at the end of a path; mappings on the way are created where they are missing."""
    key, *below = path
    if not below:
        merged[key] = value
        return
    known = merged.get(key)
    inner = dict(known) if isinstance(known, dict) else {}
    _put(inner, below, value)
    merged[key] = inner


def _again(node: ParsedNode, repeat: Repeat) -> object:
    """A copy of the existing value, with other strings."""
    content = follow(node)
    if isinstance(content, Mapping):
        return {_text_of(one.key, repeat, one.name): _again(one.value, repeat) for one in content.entries}
    if isinstance(content, Sequence):
        return [_again(item, repeat) for item in content.items]
    return next((text for other, text in repeat.texts if other is content), content.resolved())


def _text_of(node: ParsedNode, repeat: Repeat, text: str) -> str:
    return next((new for other, new in repeat.texts if other is node), text)
