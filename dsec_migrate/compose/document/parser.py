"""YAML text -> nodes, from the events of a parser. The only module that imports ruamel.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsec_migrate.compose.document.nodes import (
    OVERRIDE_TAG,
    RESET_TAG,
    Alias,
    Content,
    Document,
    Entry,
    Mapping,
    ParsedNode,
    Scalar,
    Sequence,
    follow,
    is_merge_key,
)
from dsec_migrate.compose.document.yaml_errors import syntax_error
from dsec_migrate.compose.scalars import ScalarError, resolve
from dsec_migrate.text import limits
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Source

_COLON = Pattern(r"[ \t]*:")


_STARTS = frozenset(("MappingStartEvent", "SequenceStartEvent"))
_ENDS = frozenset(("MappingEndEvent", "SequenceEndEvent"))
_BLOCK_STYLES = frozenset("|>")
_TEXT_TAG = "tag:yaml.org,2002:str"
_TAG_BEFORE = Pattern(r"(?<=\s)!\S*[ \t]+$")


def parse(source: Source) -> Document:
    """Reads every document of ``source``.

    Raises UserError where the text is not YAML, an alias is undefined or contains itself, or aliases expand too far.
    """
    try:
        builder = _build(source)
    except UserError:
        raise
    except Exception as error:
        problem = syntax_error(source, error)
        if problem is None:
            raise
        raise problem from None
    problems = (*builder.problems, *_key_problems(source, builder.mappings))
    if builder.aliases:
        _check_unfolding(builder)
    return Document(source, tuple(builder.roots), tuple(builder.aliases), tuple(builder.templates), problems)


def _build(source: Source) -> _Builder:
    builder = _Builder(source)
    try:
        from _ruamel_yaml import CParser  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        builder.build(_pure_events(source.text))
        return builder
    try:
        # an iterator that ends with the stream
        builder.build(iter(CParser(source.text).get_event, None))
    except Exception as error:
        # the C parser is a scanner of an older YAML here; Compose uses `[a:b]`
        if getattr(error, "problem", "") != "found unexpected ':'":
            raise
        builder = _Builder(source)
        builder.build(_pure_events(source.text))
    return builder


def _pure_events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.scanner import ScannerError

    while True:
        try:
            return iter(list(YAML(typ="safe", pure=True).parse(text)))
        except ScannerError as error:
            # this parser refuses a tab after a value, which Compose accepts: a space instead moves nothing
            position = error.problem_mark.index if error.problem_mark is not None else len(text)
            if text[position : position + 1] != "\t" or text[position:].split("\n", 1)[0].strip():
                raise
            text = f"{text[:position]} {text[position + 1 :]}"


class _Builder:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.roots: list[Content] = []
        self.mappings: list[Mapping] = []
        self.problems: list[UserError] = []
        self.aliases: list[Alias] = []
        self.templates: list[Scalar] = []
        self.anchors: dict[str, ParsedNode] = {}

    def build(self, events: Iterator[Any]) -> None:
        stack: list[Mapping | Sequence] = []
        # the open collection and its pending key; those of the collections around it
        parent: Mapping | Sequence | None = None
        key: ParsedNode | None = None
        keys: list[ParsedNode | None] = []
        for event in events:
            kind = type(event).__name__
            node: ParsedNode
            if kind == "ScalarEvent":
                node = self._scalar(event)
                if node.tag == RESET_TAG and _is_overriding(stack):
                    node.tag = _TEXT_TAG
                if "$" in node.value and (key is not None or type(parent) is Sequence):
                    self.templates.append(node)
            elif kind == "AliasEvent":
                node = self._alias(event, stack)
            elif kind in _STARTS:
                if len(stack) >= limits.NODE_DEPTH:
                    what = f"the file is nested more than {limits.NODE_DEPTH} deep"
                    raise self.error(what, event.start_mark.index, "no Compose file needs that: reduce the nesting")
                parent = self._collection(event, kind == "MappingStartEvent")
                if parent.tag == RESET_TAG and _is_overriding(stack):
                    parent.tag = None
                stack.append(parent)
                keys.append(key)
                key = None
                continue
            elif kind in _ENDS:
                node = stack.pop()
                key = keys.pop()
                parent = stack[-1] if stack else None
                self._close(node, event)
            elif kind == "DocumentStartEvent":
                self.anchors = {}
                continue
            else:
                continue
            if parent is None:
                self.roots.append(node)  # type: ignore[arg-type]
            elif isinstance(parent, Sequence):
                parent.items.append(node)
            elif key is None:
                key = node
            else:
                if node.start == node.end == node.outer_start and isinstance(node, Scalar):
                    # the pure parser puts a missing value after the line break
                    colon = _COLON.match(self.text, key.end)
                    if colon is not None:
                        node.start = node.end = node.outer_start = colon.end()
                parent.entries.append(Entry(key, node, parent))
                key = None

    def error(self, what: str, offset: int, help: str = "") -> UserError:  # noqa: A002
        return UserError(what, str(self.source.path), *self.source.locate(offset), help=help)

    def _content_start(self, event: Any) -> int:
        """A mark includes the anchor and the tag: the content starts after them."""
        position: int = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return position
        text, end = self.text, event.end_mark.index
        # a block collection's event ends where its properties do
        limit = len(text) if end <= position else max(end, position)
        while position < limit and text[position] in "&!":
            while position < len(text) and text[position] not in " \t\r\n":
                position += 1
            while position < len(text) and text[position] in " \t\r\n":
                position += 1
        return min(position, len(text))

    def _scalar(self, event: Any) -> Scalar:
        outer, end = event.start_mark.index, event.end_mark.index
        if event.anchor is None and event.ctag is None and event.style not in _BLOCK_STYLES:
            # nine of ten
            return Scalar(outer, end, outer, None, None, event.value, event.style or "")
        start = outer
        if event.anchor is not None or event.tag is not None:
            start = min(self._content_start(event), end)
            # the pure parser omits a tag before the anchor
            before = _TAG_BEFORE.search(self.text, self.text.rfind("\n", 0, outer) + 1, outer)
            outer = before.start() if before else outer
        style = event.style or ""
        if style in _BLOCK_STYLES:
            end = self._block_scalar_end(start, end)
        node = Scalar(start, end, outer, event.anchor, event.tag, event.value, style)
        if node.tag is not None:
            self._check_tag(node)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _check_tag(self, node: Scalar) -> None:
        try:
            resolve(node.value, node.tag, plain=not node.style)
        except ScalarError:
            help_text = "correct the value or remove the tag; Compose refuses it, too"
            self.problems.append(self.error(f"the text does not fit its tag {node.tag}", node.start, help_text))

    def _block_scalar_end(self, start: int, end: int) -> int:
        """End of the last line with content: the mark extends over blank lines."""
        last = len(self.text[start:end].rstrip(" \t\r\n"))
        stop = self.text.find("\n", start + last, end)
        if stop < 0:
            stop = min(end, len(self.text))
        return stop - 1 if self.text[stop - 1 : stop] == "\r" else stop

    def _alias(self, event: Any, stack: list[Mapping | Sequence]) -> Alias:
        target = self.anchors.get(event.anchor)
        start, end = event.start_mark.index, event.end_mark.index
        if target is None:
            raise self.error(
                "the alias refers to an anchor that is not defined above it",
                start,
                "define it with `&name` on an earlier node, or correct the alias",
            )
        if any(node is target for node in stack):
            raise self.error("the alias is inside the node that it refers to", start, "an anchor cannot contain itself")
        alias = Alias(start, end, event.anchor, target)
        self.aliases.append(alias)
        return alias

    def _collection(self, event: Any, is_mapping: bool) -> Mapping | Sequence:
        outer, end = event.start_mark.index, event.end_mark.index
        start = outer if event.anchor is None and event.ctag is None else self._content_start(event)
        tag = event.tag
        node: Mapping | Sequence
        if is_mapping:
            node = Mapping(start, end, outer, event.anchor, tag, bool(event.flow_style))
            self.mappings.append(node)
        else:
            node = Sequence(start, end, outer, event.anchor, tag, bool(event.flow_style))
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _close(self, node: Mapping | Sequence, event: Any) -> None:
        if node.flow:
            node.end = event.end_mark.index
        elif isinstance(node, Mapping):
            if node.entries:
                node.start = node.entries[0].key.outer_start
                node.end = node.entries[-1].end
        elif node.items:
            node.end = max(node.items[-1].end, node.start)


def _is_overriding(stack: list[Mapping | Sequence]) -> bool:
    """Whether a key is below an ``!override``, where Compose does not know ``!reset``: ``!reset null`` is a string
    there (observed with Compose 2.40)."""
    return any(node.tag == OVERRIDE_TAG for node in stack)


def _key_problems(source: Source, mappings: list[Mapping]) -> Iterator[UserError]:
    file = str(source.path)
    for mapping in mappings:
        seen: dict[str, Entry] = {}
        for entry in mapping.entries:
            key = follow(entry.key)
            is_merge = entry.name == "<<" and is_merge_key(key)
            if not isinstance(key, Scalar) or not (is_merge or isinstance(key.resolved(), str)):
                yield UserError(
                    "a key that is not a string",
                    file,
                    *source.locate(entry.key.start),
                    help="put quotes around the key: Compose accepts only strings",
                )
                continue
            earlier = seen.setdefault(key.value, entry)
            if earlier is not entry:
                line = source.locate(earlier.key.start)[0]
                yield UserError(
                    f"the key {key.value} appears twice in one mapping (first on line {line})",
                    file,
                    *source.locate(entry.key.start),
                    help="remove one of the two; Compose refuses the file, too",
                )
            if is_merge and key is entry.key and not _can_be_merged(entry.value):
                yield UserError(
                    "a merge key `<<` whose value is neither a mapping nor a list of mappings",
                    file,
                    *source.locate(entry.value.start),
                    help="use an anchor that is on a mapping",
                )


def _can_be_merged(node: ParsedNode) -> bool:
    content = follow(node)
    items = content.items if isinstance(content, Sequence) else [content]
    return all(isinstance(follow(item), Mapping) for item in items)


def _check_unfolding(builder: _Builder) -> None:
    """The size and depth of the document with every alias expanded."""
    unfolded: dict[int, tuple[int, int]] = {}
    waiting: list[Content] = list(builder.roots)
    while waiting:
        node = waiting[-1]
        parts = _parts(node)
        # its content comes first, aliases included: none of them can refer back to it
        unknown = [part for part in parts if id(part) not in unfolded]
        if unknown and id(node) not in unfolded:
            waiting += unknown
            continue
        waiting.pop()
        sizes, depths = zip(*(unfolded[id(part)] for part in parts), strict=True) if parts else ((), ())
        size, depth = 1 + sum(sizes), 1 + max(depths, default=0)
        unfolded[id(node)] = size, depth
        if size > limits.UNFOLDED_NODES:
            raise _unfolds_too_far(builder, node)
        if depth > limits.NODE_DEPTH + 1:
            what = f"the file's aliases expand to more than {limits.NODE_DEPTH} levels"
            raise builder.error(what, node.start, "no Compose file needs that: reduce the nesting")
    if sum(unfolded[id(root)][0] for root in builder.roots) > limits.UNFOLDED_NODES:
        raise _unfolds_too_far(builder, builder.roots[-1])


def _unfolds_too_far(builder: _Builder, node: Content) -> UserError:
    what = f"the file's aliases expand to more than {limits.UNFOLDED_NODES:,} nodes"
    return builder.error(what, node.start, "Compose refuses such a file, too; write out the repeated parts")


def _parts(node: Content) -> list[Content]:
    if isinstance(node, Mapping):
        return [follow(part) for entry in node.entries for part in (entry.key, entry.value)]
    return [follow(item) for item in node.items] if isinstance(node, Sequence) else []
