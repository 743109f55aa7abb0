"""Nodes that keep what an edit needs: positions, aliases as aliases, styles, and true ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from weakref import ref

from dsec_migrate.compose.scalars import ScalarError, Value, resolve
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import Source


class Node:
    """Common base of scalars, mappings, sequences and aliases.

    ``start`` and ``end`` are offsets of the content; ``outer_start`` is where its anchor or tag begins.
    """

    __slots__ = ("anchor", "end", "outer_start", "start", "tag")

    def __init__(self, start: int, end: int, outer_start: int, anchor: str | None, tag: str | None) -> None:
        self.start = start
        self.end = end
        self.outer_start = outer_start
        self.anchor = anchor
        self.tag = tag


class Scalar(Node):
    """``style`` is ``""`` (plain), ``'``, ``"``, ``|`` or ``>``. A missing value is plain, empty and has no width."""

    __slots__ = ("style", "value")

    def __init__(
        self, start: int, end: int, outer_start: int, anchor: str | None, tag: str | None, value: str, style: str
    ) -> None:
        # not through the base: half of all nodes are scalars
        self.start = start
        self.end = end
        self.outer_start = outer_start
        self.anchor = anchor
        self.tag = tag
        self.value = value
        self.style = style

    def resolved(self) -> Value:
        """None, bool, int, float, str or Timestamp, as Compose reads this scalar.

        A string that does not fit its tag (``!!int x``), which the document's problems name, stays a string.
        """
        if self.tag is None:
            return self.value if self.style else resolve(self.value)
        try:
            return resolve(self.value, self.tag, plain=not self.style)
        except ScalarError:
            return self.value

    @property
    def is_null(self) -> bool:
        return not self.style and self.resolved() is None


class Entry:
    """One ``key: value`` line of a mapping. ``name`` is the key as a string, empty where the key is not a scalar."""

    __slots__ = ("_owner", "key", "name", "value")

    def __init__(self, key: ParsedNode, value: ParsedNode, owner: Mapping) -> None:
        self.key = key
        self.value = value
        content = follow(key)
        self.name = content.value if isinstance(content, Scalar) else ""
        # weak: a document without cycles is freed by reference counting, without garbage collection
        self._owner = ref(owner)

    @property
    def owner(self) -> Mapping:
        """The mapping that contains it in the text, for as long as its document exists."""
        owner = self._owner()
        assert owner is not None
        return owner

    @property
    def end(self) -> int:
        return max(self.value.end, self.key.end)


class Mapping(Node):
    __slots__ = ("__weakref__", "_effective", "_shadowed", "entries", "flow")

    def __init__(self, start: int, end: int, outer_start: int, anchor: str | None, tag: str | None, flow: bool) -> None:
        super().__init__(start, end, outer_start, anchor, tag)
        self.entries: list[Entry] = []
        self.flow = flow
        self._effective: dict[str, Entry] | None = None
        self._shadowed: dict[str, list[Entry]] = {}

    def effective(self) -> dict[str, Entry]:
        """Entry by key with merge keys applied: explicit keys win wherever ``<<`` is, the first of a list wins.

        An entry with ``!reset`` is absent in its own file: an entry of that name from a merge key becomes visible, and
        aliases do not copy the ``!reset``. Observed with Compose 2.40. The entries' ``owner`` is the mapping that
        contains each of them in the text.
        """
        if self._effective is None:
            merged: dict[str, Entry] = {}
            sources: list[Mapping] = []
            resets: list[Entry] = []
            for entry in self.entries:
                name = entry.name
                if name == "<<" and is_merge_key(entry.key):
                    sources.extend(merge_sources(entry.value))
                elif name and entry.value.tag == RESET_TAG:
                    resets.append(entry)
                elif name:
                    merged[name] = entry
            for source in sources:
                for name, entry in source.effective().items():
                    if entry.value.tag == RESET_TAG:
                        # of a mapping that is written out behind the merge key it counts
                        resets += [entry] if self.start <= source.start < self.end else []
                    elif merged.setdefault(name, entry) is not entry:
                        self._shadowed.setdefault(name, []).append(entry)
                for name, entries in source.shadowed().items():
                    self._shadowed.setdefault(name, []).extend(entries)
            for entry in resets:
                merged.setdefault(entry.name, entry)
            self._effective = merged
        return self._effective

    def shadowed(self) -> dict[str, list[Entry]]:
        """Entries from merge keys that others of the same name hide."""
        self.effective()
        return self._shadowed

    def get(self, name: str) -> Content | None:
        """The effective value of ``name`` with aliases followed, or None when there is none."""
        entry = self.effective().get(name)
        return None if entry is None else follow(entry.value)

    def own(self, name: str) -> Entry | None:
        """The entry of this name in this mapping's own text."""
        return next((entry for entry in self.entries if entry.name == name), None)


class Sequence(Node):
    __slots__ = ("dashes", "flow", "items")

    def __init__(self, start: int, end: int, outer_start: int, anchor: str | None, tag: str | None, flow: bool) -> None:
        super().__init__(start, end, outer_start, anchor, tag)
        self.items: list[ParsedNode] = []
        self.flow = flow


class Alias(Node):
    __slots__ = ("name", "target")

    def __init__(self, start: int, end: int, name: str, target: ParsedNode) -> None:
        super().__init__(start, end, start, None, None)
        self.name = name
        self.target = target


ParsedNode = Scalar | Mapping | Sequence | Alias


Content = Scalar | Mapping | Sequence


def follow(node: ParsedNode) -> Content:
    """The node itself, or for an alias its target."""
    while isinstance(node, Alias):
        node = node.target
    return node


def is_given(node: Content | None) -> bool:
    """Whether a key is present and not null: Compose treats a null as a missing key."""
    return node is not None and not (isinstance(node, Scalar) and node.is_null)


def is_merge_key(key: ParsedNode) -> bool:
    return isinstance(key, Scalar) and key.value == "<<" and not key.style and key.tag in (None, "!", MERGE_TAG)


def merge_sources(node: ParsedNode) -> Iterator[Mapping]:
    """The mappings that a merge key refers to: one, or each of a list."""
    content = follow(node)
    if isinstance(content, Mapping):
        yield content
    elif isinstance(content, Sequence):
        for item in content.items:
            source = follow(item)
            if isinstance(source, Mapping):
                yield source


def inherited(node: Mapping) -> Iterator[Mapping]:
    """All mappings merged into this one, directly or through others."""
    for entry in node.entries:
        if is_merge_key(entry.key):
            for source in merge_sources(entry.value):
                yield source
                yield from inherited(source)


MERGE_TAG = "tag:yaml.org,2002:merge"


# Compose drops what `!reset` stands on before anything else looks at it; what `!override` stands on it takes as it is
RESET_TAG, OVERRIDE_TAG = "!reset", "!override"


@dataclass(frozen=True, repr=False, eq=False)
class Document:
    """The YAML documents of one file, in order. Compose merges several like several files.

    ``aliases`` and ``templates`` (values and items with a ``$``) are in text order. ``problems`` are what Compose
    refuses though the text can be read: keys that stand twice or are no strings, and
    merge keys of something that is no mapping.
    """

    source: Source
    roots: tuple[Content, ...]
    aliases: tuple[Alias, ...] = ()
    templates: tuple[Scalar, ...] = ()
    problems: tuple[UserError, ...] = ()

    @cached_property
    def _aliases_by_target(self) -> dict[int, list[Alias]]:
        found: dict[int, list[Alias]] = {}
        for alias in self.aliases:
            found.setdefault(id(alias.target), []).append(alias)
        return found

    def aliases_of(self, node: ParsedNode | None) -> list[Alias]:
        """The aliases that name ``node``, in text order."""
        return self._aliases_by_target.get(id(node), [])

    def place(self, offset: int) -> tuple[str, int, int]:
        return (str(self.source.path), *self.source.locate(offset))

    def path_at(self, offset: int) -> tuple[str, ...] | None:
        """The path of keys to the scalar that contains ``offset`` in the text; None in a comment."""
        for root in self.roots:
            if (path := _path_to(root, offset)) is not None:
                return path
        return None

    def error(self, what: str, offset: int, help: str = "") -> UserError:  # noqa: A002
        return UserError(what, *self.place(offset), help=help)


def _path_to(node: ParsedNode, offset: int) -> tuple[str, ...] | None:
    if isinstance(node, Mapping):
        for entry in node.entries:
            if entry.key.start <= offset < max(entry.end, entry.key.end):
                below = () if offset < entry.key.end else _path_to(entry.value, offset)
                return None if below is None else (entry.name, *below)
        return None
    if isinstance(node, Sequence):
        return next((path for item in node.items if (path := _path_to(item, offset)) is not None), None)
    return () if node.start <= offset < node.end else None


def walk(node: ParsedNode) -> Iterator[ParsedNode]:
    """``node`` and all below it, each as it stands in the text (aliases are not followed)."""
    stack: list[ParsedNode] = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Mapping):
            for entry in reversed(current.entries):
                stack.append(entry.value)
                stack.append(entry.key)
        elif isinstance(current, Sequence):
            stack.extend(reversed(current.items))


def plain(node: ParsedNode) -> object:
    """``node`` as plain data (dict, list, str, int, float, bool, None, Timestamp) the way Compose reads it.

    Merge keys and aliases are resolved; entries with ``!reset`` are left out.
    """
    return _plain(node, {})


def _plain(node: ParsedNode, known: dict[int, object]) -> object:
    content = node if isinstance(node, Scalar) else follow(node)
    if isinstance(content, Scalar):
        return content.resolved()
    key = id(content)
    if key in known:
        return known[key]
    data: object
    if isinstance(content, Mapping):
        data = {name: _plain(e.value, known) for name, e in content.effective().items() if e.value.tag != RESET_TAG}
    else:
        data = [_plain(item, known) for item in content.items if item.tag != RESET_TAG]
    known[key] = data
    return data
