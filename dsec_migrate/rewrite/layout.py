"""The layout of a file: its lines, indentation and lists, and which block a comment belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence as SequenceType
from functools import cached_property
from typing import NamedTuple

from dsec_migrate.compose.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence, follow, walk
from dsec_migrate.planning.patches import Patch
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import Edit, Source

_BLOCK_HEADER = Pattern(r"[|>][0-9+-]*")
_ONLY_COMMENT = Pattern(r"([ \t]*)#")


@dataclass(frozen=True, repr=False, eq=False)
class Habits:
    """The style of the file. Columns are counted in characters."""

    first_step: int
    second_step: int
    item_offset: int
    item_gap: str


@dataclass(frozen=True, repr=False, eq=False)
class Block:
    """The columns of a key and of its content, to decide which comments after the block belong to it."""

    key: int
    content: int

    def owns(self, line: str) -> bool:
        """Whether ``line`` is a comment that belongs to the block: deeper than its key, one of its items commented out,
        or a line commented out at the margin (as editors do) whose text is indented below the key."""
        text = line.lstrip(" ")
        if not text.startswith("#"):
            return False
        column = len(line) - len(text)
        if column > self.key:
            return True
        inner = text.lstrip("#")
        words = inner.lstrip(" ")
        if self.content == self.key:
            return column == self.key and words.startswith("- ")
        text_column = column + len(text) - len(words)
        return bool(words.strip()) and text_column - 1 >= self.content


def _most_common(counter: Counter[int], default: int) -> int:
    positive = [(count, -step) for step, count in counter.items() if step > 0]
    return -max(positive)[1] if positive else default


def newline_at(text: str, offset: int) -> str:
    """The line end of the line that holds ``offset``, so that a file with mixed line ends keeps them."""
    end = text.find("\n", offset)
    if end < 0:
        end = text.rfind("\n", 0, offset)
    if end < 0:
        return "\n"
    return "\r\n" if text[end - 1 : end] == "\r" else "\n"


class Made(NamedTuple):
    """An edit, and its patch."""

    edit: Edit
    patch: Patch


class Layout:
    """The text of a document, and the edits made to it. ``patch`` is the one being written."""

    patch: Patch

    def __init__(self, document: Document) -> None:
        self.document = document
        self.source: Source = document.source
        self.text = document.source.text
        self.made: list[Made] = []

    def replace(self, start: int, end: int, text: str) -> None:
        self.made.append(Made(Edit(start, end, text), self.patch))

    def insert(self, offset: int, text: str) -> None:
        self.replace(offset, offset, text)

    def insert_lines_before(self, offset: int, lines: SequenceType[str]) -> None:
        """Inserts whole lines before the line that starts at ``offset``, with its line end."""
        newline = self.newline_at(offset)
        self.insert(offset, "".join(line + newline for line in lines))

    def insert_lines_after(self, offset: int, lines: SequenceType[str], block_of_comments: Block | None = None) -> None:
        """Inserts whole lines after the line that holds ``offset``, and after the comments that belong to it."""
        is_behind_line = offset > 0 and self.text[offset - 1] == "\n"
        end = self.source.line_end(offset - 1 if is_behind_line else offset)
        while block_of_comments is not None and end < len(self.text):
            stop = self.source.line_end(end)
            line = self.text[end:stop]
            if not line.endswith("\n") or not block_of_comments.owns(line):
                break
            end = stop
        newline = self.newline_at(max(end - 1, 0))
        if end == len(self.text) and not self.text.endswith("\n"):
            self.insert(end, "".join(newline + line for line in lines))
        else:
            self.insert(end, "".join(line + newline for line in lines))

    # --- offsets in the text ---

    def newline_at(self, offset: int) -> str:
        return newline_at(self.text, offset)

    def column(self, offset: int) -> int:
        return offset - self.source.line_start(offset)

    def indentation(self, offset: int) -> str:
        """Spaces up to the column of ``offset`` (what precedes it, such as a dash, counts as space)."""
        return " " * self.column(offset)

    def dash(self, item: ParsedNode) -> int:
        return self.text.rfind("-", 0, item.outer_start if item.end > item.outer_start else item.outer_start + 1)

    def gap(self, dash: int) -> str:
        match = re.compile(r" +").match(self.text, dash + 1)
        return match.group() if match else " "

    def end_of_lines(self, start: int, end: int) -> int:
        """The end of the last line of a node; a block mapping ends where the next line starts."""
        return self.source.line_end(max(end - 1, start))

    def after_colon(self, node: ParsedNode) -> int:
        """Where a missing value is inserted: right after its `:` or, where it has an anchor, after that."""
        if node.outer_start < node.start:
            return node.start
        before = self.text.rfind(":", 0, node.start + 1)
        return before + 1 if before >= 0 else node.start

    def start_of(self, entry: Entry) -> int:
        """The line where an entry starts, with the comments right above it."""
        start = self.source.line_start(entry.key.outer_start)
        while start > 0:
            above = self.source.line_start(start - 1)
            if not self.text[above:start].lstrip(" ").startswith("#"):
                break
            start = above
        return start

    def above_comments(self, position: int, column: str) -> int:
        """The start of the comment lines right above a line, in the same column: they describe it."""
        while position > 0:
            above = self.source.line_start(position - 1)
            comment = _ONLY_COMMENT.match(self.text, above, position)
            if comment is None or comment.group(1) != column:
                break
            position = above
        return position

    def end_of_document(self, root: Mapping) -> int:
        """After the comments that follow the last entry, before `...` or the next document."""
        marker = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE).search(self.text, root.end)
        return marker.start() if marker else len(self.text)

    def ends_open(self, node: ParsedNode) -> bool:
        """Whether a block scalar ends with the file, without a final newline: text added after it would give it one."""
        last = last_leaf(node)
        if not isinstance(last, Scalar) or last.style not in {"|", ">"} or self.text.endswith("\n"):
            return False
        if self.text[last.end :].strip():
            return False
        header = _BLOCK_HEADER.match(self.text, last.start)
        is_stripped = header is not None and "-" in header.group()
        return not is_stripped and all(edit.start != last.start for edit, _ in self.made)

    def block_of(self, entry: Entry) -> Block:
        """The columns that decide which comments after ``entry`` belong to it."""
        key = self.column(entry.key.outer_start)
        value = follow(entry.value)
        if isinstance(value, Sequence) and not value.flow and value.items:
            return Block(key, self.column(self.dash(value.items[0])))
        if isinstance(value, Mapping) and not value.flow and value.entries:
            return Block(key, self.column(value.entries[0].key.outer_start))
        return Block(key, key + self.habits.first_step)

    def item_offset(self, holder: Mapping) -> int:
        """The indentation of list items relative to their key in this service, else in the file."""
        for entry in holder.entries:
            if isinstance(entry.value, Sequence) and not entry.value.flow and entry.value.items:
                return self.column(self.dash(entry.value.items[0])) - self.column(entry.key.outer_start)
        return self.habits.item_offset

    @cached_property
    def parents(self) -> dict[int, Entry | Sequence]:
        """The parent of each node, by its identity: an entry of a mapping, or a list."""
        found: dict[int, Entry | Sequence] = {}
        for root in self.document.roots:
            for node in walk(root):
                if isinstance(node, Mapping):
                    found.update((id(entry.value), entry) for entry in node.entries)
                elif isinstance(node, Sequence):
                    found.update((id(item), node) for item in node.items)
        return found

    def is_in_flow(self, node: ParsedNode) -> bool:
        """Whether a node is in brackets or braces."""
        parent = self.parents.get(id(node))
        while parent is not None:
            holder = parent.owner if isinstance(parent, Entry) else parent
            if holder.flow:
                return True
            parent = self.parents.get(id(holder))
        return False

    @cached_property
    def habits(self) -> Habits:
        first: Counter[int] = Counter()
        second: Counter[int] = Counter()
        offsets: Counter[int] = Counter()
        gaps: Counter[str] = Counter()
        for root in self.document.roots:
            for entry in root.entries if isinstance(root, Mapping) else ():
                if not isinstance(entry.value, Mapping) or entry.value.flow:
                    continue
                for child in entry.value.entries:
                    first[self.column(child.key.outer_start) - self.column(entry.key.outer_start)] += 1
                    if isinstance(child.value, Mapping) and not child.value.flow and child.value.entries:
                        grandchild = child.value.entries[0].key
                        second[self.column(grandchild.outer_start) - self.column(child.key.outer_start)] += 1
            for node in walk(root):
                if isinstance(node, Mapping):
                    for entry in node.entries:
                        value = entry.value
                        if isinstance(value, Sequence) and not value.flow and value.items:
                            dash = self.dash(value.items[0])
                            offsets[self.column(dash) - self.column(entry.key.outer_start)] += 1
                            gaps[self.gap(dash)] += 1
        return Habits(
            _most_common(first, 2),
            _most_common(second, _most_common(first, 2)),
            max(gap[0] for gap in offsets.most_common(1)) if offsets else 2,
            gaps.most_common(1)[0][0] if gaps else " ",
        )


def last_leaf(node: ParsedNode) -> ParsedNode:
    while True:
        if isinstance(node, Mapping) and node.entries:
            node = node.entries[-1].value
        elif isinstance(node, Sequence) and node.items:
            node = node.items[-1]
        else:
            return node
