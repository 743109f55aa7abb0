"""Operations -> edits of one file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence as SequenceType
from functools import cached_property

from dsec_migrate.changes import AddMounts, AddVariables, DefineSecret, MoveVariable, NamePath
from dsec_migrate.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence, follow, walk
from dsec_migrate.patterns import Pattern
from dsec_migrate.rewrite.habits import Block, Habits, most_common
from dsec_migrate.rewrite.spelling import (
    Definition,
    block_item,
    definition_lines,
    flow,
    flow_scalar,
    is_json,
    item_text,
    option_text,
    quote_of,
)
from dsec_migrate.source import Edit, Source

_BLOCK_HEADER = Pattern(r"[|>][0-9+-]*")
_BLOCK_HEADER_COMMENT = Pattern(r"[|>][^\s#]*([ \t]+#[^\r\n]*)")


class Writer:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.source: Source = document.source
        self.text = document.source.text
        self.edits: list[Edit] = []

    def replace(self, start: int, end: int, text: str) -> None:
        self.edits.append(Edit(start, end, text))

    def insert(self, offset: int, text: str) -> None:
        self.replace(offset, offset, text)

    def name_path(self, operation: NamePath) -> None:
        node, value = operation.node, operation.value.reveal()
        position = self.text.find(value, node.start, node.end)
        while position >= 0:
            self.replace(position, position + len(value), operation.path)
            position = self.text.find(value, position + len(value), node.end)

    # --- variables ---

    def move(self, operation: MoveVariable) -> None:
        slot = operation.slot
        node = slot.node if operation.replaces_alias else slot.content
        if slot.entry is None:
            self._set_text(node, f"{operation.new_name}={operation.value}")
            return
        self.name_key(slot.entry, slot.name, operation.new_name)
        self._set_text(node, operation.value)

    def name_key(self, entry: Entry, name: str, new_name: str) -> None:
        key = entry.key
        assert isinstance(key, Scalar)
        quote = 1 if key.style else 0
        before, same, behind = new_name.rpartition(name)
        if not same:
            self.replace(key.start + quote, key.end - quote, new_name)
            before = behind = ""
        if before:
            self.insert(key.start + quote, before)
        if behind:
            self.insert(key.end - quote, behind)

    def add_variables(self, operation: AddVariables) -> None:
        slot = operation.slot
        start = slot.entry.key.outer_start if slot.entry is not None else self._dash(slot.node)
        line = self.source.line_start(start)
        lead, newline = self.text[line:start], self._newline_at(start)
        for name, value in operation.pairs:
            text = f"{name}: {flow_scalar(value)}" if slot.entry is not None else f"-{self._gap(start)}{name}={value}"
            self.insert(line, f"{lead}{text}{newline}")

    def _set_text(self, node: ParsedNode, text: str) -> None:
        """Gives a scalar (or the place of an alias) another text in the same style."""
        start, end = node.start, node.end
        if isinstance(node, Scalar):
            if node.tag is not None:
                # a tag such as !!binary would change what the new text means
                start = node.outer_start
                text = f"&{node.anchor} {text}" if node.anchor else text
            elif node.style in {"'", '"'}:
                text = f"{node.style}{text}{node.style}"
            elif text.startswith("@"):
                # the one beginning of a reference that YAML takes in quotes only
                text = f'"{text}"'
            if node.style in {"|", ">"}:
                comment = _BLOCK_HEADER_COMMENT.match(self.text, node.start, node.end)
                text += comment.group(1) if comment else ""
            if start == end:
                start = end = self._after_colon(node)
                text = f" {text}"
        self.replace(start, end, text)

    def _after_colon(self, node: Scalar) -> int:
        """Where a missing value begins: right behind its `:` or, where it has an anchor, behind that."""
        if node.outer_start < node.start:
            return node.start
        before = self.text.rfind(":", 0, node.start + 1)
        return before + 1 if before >= 0 else node.start

    # --- lists of mounts ---

    def mount(self, operation: AddMounts) -> None:
        holder = operation.holder
        entry = holder.own(operation.key)
        if entry is None:
            self._add_list(operation)
        elif isinstance(entry.value, Sequence):
            self._extend_list(entry, entry.value, operation)
        else:
            # an alias: the list is written out, with what it stood for
            self._replace_alias(entry, operation)

    def _replace_alias(self, entry: Entry, operation: AddMounts) -> None:
        """The list that an alias stood for is written out in its place."""
        holder, alias = operation.holder, entry.value
        if holder.flow:
            items = self._items(operation, quoted=is_json(holder))
            self.replace(alias.start, alias.end, f"[{', '.join(items)}]")
            return
        indentation = self._indentation(entry.key.outer_start) + " " * self._item_offset(holder)
        newline = self._newline_at(alias.start)
        lines = self._block_items(operation, indentation, self.habits.item_gap)
        begin = self.text.rfind(":", 0, alias.start) + 1
        self.replace(begin, alias.end, "".join(newline + line for line in lines))

    def _items(self, operation: AddMounts, *, quoted: bool = False) -> list[str]:
        """The entries of a flow list."""
        return [
            *(self._flow_copy(item) for item in operation.inherited),
            *(item_text(name, options, quoted) for name, options in operation.items),
        ]

    def _block_items(self, operation: AddMounts, indentation: str, gap: str) -> list[str]:
        """The lines of a block list."""
        lines: list[str] = []
        for item in operation.inherited:
            content = follow(item)
            if isinstance(content, Mapping) and not content.flow:
                pairs = [f"{e.name}: {self._scalar_text(e.value)}" for e in content.effective().values()]
            else:
                pairs = [self._flow_copy(item)]
            lines += block_item(pairs, indentation, gap)
        for name, chosen in operation.items:
            options = chosen.as_data()
            pairs = [f"source: {flow_scalar(name)}", *(f"{key}: {option_text(key, v)}" for key, v in options.items())]
            lines += block_item(pairs if options else [flow_scalar(name)], indentation, gap)
        return lines

    def _flow_copy(self, item: ParsedNode) -> str:
        """An inherited item on one line, meaning the same."""
        content = follow(item)
        if isinstance(content, Mapping):
            pairs = (f"{e.name}: {self._scalar_text(e.value)}" for e in content.effective().values())
            return "{" + ", ".join(pairs) + "}"
        return self._scalar_text(content)

    def _scalar_text(self, node: ParsedNode) -> str:
        content = follow(node)
        text = self.text[content.start : content.end]
        return text if "\n" not in text else str(getattr(content, "value", ""))

    def _extend_list(self, entry: Entry, items: Sequence, operation: AddMounts) -> None:
        if items.flow:
            quoted = is_json(operation.holder)
            self._extend_flow(items, self._items(operation, quoted=quoted))
            return
        last = items.items[-1]
        dash = self._dash(last)
        lines = self._block_items(operation, self._indentation(dash), self._gap(dash))
        self._insert_lines_after(items.end, lines, Block(self._column(entry.key.outer_start), self._column(dash)))

    def _extend_flow(self, collection: Sequence | Mapping, parts: list[str]) -> None:
        """Adds ``parts`` before the closing bracket, in the layout that the collection has."""
        close = collection.end - 1
        children: SequenceType[ParsedNode] = (
            collection.items if isinstance(collection, Sequence) else [entry.key for entry in collection.entries]
        )
        if not children:
            self.replace(collection.start + 1, close, ", ".join(parts))
            return
        last = children[-1].end if isinstance(collection, Sequence) else collection.entries[-1].end
        first_of_last = children[-1].outer_start
        line = self.source.line_start(first_of_last)
        separator = ", "
        if self.source.line_start(collection.start) != line:
            lead = self.text[line:first_of_last]
            if not lead.strip():
                separator = "," + self._newline_at(first_of_last) + lead
        comma = re.compile(r"[ \t\r\n]*,").match(self.text, last, close)
        if comma:
            self.insert(comma.end(), separator[1:] + separator.join(parts))
        else:
            self.insert(last, "".join(separator + part for part in parts))

    def _add_list(self, operation: AddMounts) -> None:
        holder = operation.holder
        environment = holder.own("environment")
        if holder.flow:
            quoted = is_json(holder)
            key = f'"{operation.key}"' if quoted else operation.key
            items = self._items(operation, quoted=quoted)
            self._extend_flow(holder, [f"{key}: [{', '.join(items)}]"])
            return
        column = self._indentation(holder.entries[0].key.outer_start)
        indentation = column + " " * self._item_offset(holder)
        lines = [f"{column}{operation.key}:", *self._block_items(operation, indentation, self.habits.item_gap)]
        after = environment or holder.entries[-1]
        if self._ends_open(after.value):
            newline = self._newline_at(max(after.key.start - 1, 0))
            self.insert(self._start_of(after), "".join(line + newline for line in lines))
        else:
            self._insert_lines_after(after.end, lines, self._block_of(after))

    def _block_of(self, entry: Entry) -> Block:
        """The columns that tell which comments behind ``entry`` belong to it."""
        key = self._column(entry.key.outer_start)
        value = follow(entry.value)
        if isinstance(value, Sequence) and not value.flow and value.items:
            return Block(key, self._column(self._dash(value.items[0])))
        if isinstance(value, Mapping) and not value.flow and value.entries:
            return Block(key, self._column(value.entries[0].key.outer_start))
        return Block(key, key + self.habits.first_step)

    def _item_offset(self, holder: Mapping) -> int:
        """How far list items stand behind their key in this service, else in the file."""
        for entry in holder.entries:
            if isinstance(entry.value, Sequence) and not entry.value.flow and entry.value.items:
                return self._column(self._dash(entry.value.items[0])) - self._column(entry.key.outer_start)
        return self.habits.item_offset

    # --- top-level definitions ---

    def define(self, operations: SequenceType[DefineSecret]) -> None:
        pairs = [(operation.secret.name, operation.as_data()) for operation in operations]
        self.define_top_level(operations[0].root, "secrets", pairs)

    def define_top_level(self, root: Mapping, key: str, pairs: SequenceType[Definition]) -> None:
        """The block ``key`` of the document gets these entries."""
        entry = root.own(key)
        if root.flow or (entry is not None and isinstance(entry.value, Mapping) and entry.value.flow):
            self._define_in_flow(root, key, pairs)
        elif entry is not None and isinstance(entry.value, Mapping) and entry.value.entries:
            self._define_in_block(entry.value, pairs)
        elif entry is not None:
            self._define_in_empty(root, entry, pairs)
        else:
            self._define_at_end(root, key, pairs)

    def _define_in_flow(self, root: Mapping, key: str, pairs: SequenceType[Definition]) -> None:
        entry, quoted = root.own(key), is_json(root)
        parts = [f"{flow_scalar(name, quoted)}: {flow(data, quoted)}" for name, data in pairs]
        if entry is not None and isinstance(entry.value, Mapping):
            self._extend_flow(entry.value, parts)
            return
        lead = self.text[self.source.line_start(root.entries[0].key.start) : root.entries[0].key.start]
        body = ", ".join(parts)
        if not lead.strip() and "\n" in self.text[root.start : root.end]:
            # laid out over lines: one line for each secret
            newline = self._newline_at(root.start)
            body = "".join(newline + lead * 2 + part + "," for part in parts)[:-1] + newline + lead
        self._extend_flow(root, [f"{flow_scalar(key, quoted)}: {{{body}}}"])

    def _define_in_block(self, block: Mapping, pairs: SequenceType[Definition]) -> None:
        indentation = self._indentation(block.entries[0].key.outer_start)
        step = self.habits.second_step
        for entry in block.entries:
            if isinstance(entry.value, Mapping) and not entry.value.flow and entry.value.entries:
                step = self._column(entry.value.entries[0].key.outer_start) - self._column(entry.key.outer_start)
                break
        column = len(indentation)
        comments = Block(max(column - 1, 0), column)
        last = block.entries[-1].value
        if isinstance(last, Mapping) and last.flow:
            lines = [f"{indentation}{flow_scalar(name)}: {flow(data, is_json(last))}" for name, data in pairs]
        else:
            lines = definition_lines(pairs, indentation, step, quote_of(last))
        self._insert_lines_after(block.end, lines, comments)

    def _define_in_empty(self, root: Mapping, entry: Entry, pairs: SequenceType[Definition]) -> None:
        indentation = self._indentation(root.entries[0].key.outer_start) + " " * self.habits.first_step
        self._insert_lines_after(entry.end, definition_lines(pairs, indentation, self.habits.second_step))

    def _define_at_end(self, root: Mapping, key: str, pairs: SequenceType[Definition]) -> None:
        column = self._indentation(root.entries[0].key.outer_start)
        habits = self.habits
        lines = [
            f"{column}{key}:",
            *definition_lines(pairs, column + " " * habits.first_step, habits.second_step),
        ]
        offset = self._end_of_document(root)
        newline = self._newline_at(max(offset - 1, 0))
        block = newline.join(lines)
        before = self.text[:offset]
        if self._ends_open(root):
            start = self._start_of(root.entries[-1])
            self.insert(start, block + newline + newline)
            return
        is_last = offset == len(self.text)
        if not before.endswith("\n"):
            before += newline
            block = newline + block
            block_end = "" if is_last else newline
        else:
            block_end = newline
        last_line = before[:-1].rsplit("\n", 1)[-1]
        if last_line.strip() and not _keeps_newlines(root):
            first = newline if not block.startswith(("\n", "\r")) else ""
            block = first + block if first else newline + block
        self.insert(offset, block + block_end)

    def _ends_open(self, node: ParsedNode) -> bool:
        """Whether a block scalar ends with the file, without a final newline: text behind it would give it one."""
        last = _last_leaf(node)
        if not isinstance(last, Scalar) or last.style not in {"|", ">"} or self.text.endswith("\n"):
            return False
        if self.text[last.end :].strip():
            return False
        header = _BLOCK_HEADER.match(self.text, last.start)
        is_stripped = header is not None and "-" in header.group()
        return not is_stripped and all(edit.start != last.start for edit in self.edits)

    def _start_of(self, entry: Entry) -> int:
        """The line where an entry begins, with the comments right above it."""
        start = self.source.line_start(entry.key.outer_start)
        while start > 0:
            above = self.source.line_start(start - 1)
            if not self.text[above:start].lstrip(" ").startswith("#"):
                break
            start = above
        return start

    def _end_of_document(self, root: Mapping) -> int:
        """Behind the comments that follow the last entry, before `...` or the next document."""
        marker = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE).search(self.text, root.end)
        return marker.start() if marker else len(self.text)

    # --- places in the text ---

    def _insert_lines_after(
        self, offset: int, lines: SequenceType[str], block_of_comments: Block | None = None
    ) -> None:
        """Inserts whole lines behind the line that holds ``offset``, and behind the comments that belong to it."""
        is_behind_line = offset > 0 and self.text[offset - 1] == "\n"
        end = self.source.line_end(offset - 1 if is_behind_line else offset)
        while block_of_comments is not None and end < len(self.text):
            stop = self.source.line_end(end)
            line = self.text[end:stop]
            if not line.endswith("\n") or not block_of_comments.owns(line):
                break
            end = stop
        newline = self._newline_at(max(end - 1, 0))
        if end == len(self.text) and not self.text.endswith("\n"):
            self.insert(end, "".join(newline + line for line in lines))
        else:
            self.insert(end, "".join(line + newline for line in lines))

    def _newline_at(self, offset: int) -> str:
        """The line end of the line that holds ``offset``, so that a file with both keeps both where they are."""
        end = self.text.find("\n", offset)
        if end < 0:
            end = self.text.rfind("\n", 0, offset)
        if end < 0:
            return "\n"
        return "\r\n" if self.text[end - 1 : end] == "\r" else "\n"

    def _column(self, offset: int) -> int:
        return offset - self.source.line_start(offset)

    def _indentation(self, offset: int) -> str:
        """Spaces up to the column of ``offset`` (what stands before it, such as a dash, counts as space)."""
        return " " * self._column(offset)

    def _dash(self, item: ParsedNode) -> int:
        return self.text.rfind("-", 0, item.outer_start if item.end > item.outer_start else item.outer_start + 1)

    def _gap(self, dash: int) -> str:
        match = re.compile(r" +").match(self.text, dash + 1)
        return match.group() if match else " "

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
                    first[self._column(child.key.outer_start) - self._column(entry.key.outer_start)] += 1
                    if isinstance(child.value, Mapping) and not child.value.flow and child.value.entries:
                        grandchild = child.value.entries[0].key
                        second[self._column(grandchild.outer_start) - self._column(child.key.outer_start)] += 1
            for node in walk(root):
                if isinstance(node, Mapping):
                    for entry in node.entries:
                        value = entry.value
                        if isinstance(value, Sequence) and not value.flow and value.items:
                            dash = self._dash(value.items[0])
                            offsets[self._column(dash) - self._column(entry.key.outer_start)] += 1
                            gaps[self._gap(dash)] += 1
        return Habits(
            most_common(first, 2),
            most_common(second, most_common(first, 2)),
            max(gap[0] for gap in offsets.most_common(1)) if offsets else 2,
            gaps.most_common(1)[0][0] if gaps else " ",
        )


def _keeps_newlines(root: Mapping) -> bool:
    """Whether the last scalar of the document is a `|+`, into whose value a blank line would go."""
    last = _last_leaf(root)
    return isinstance(last, Scalar) and last.style in {"|", ">"} and last.value.endswith("\n\n")


def _last_leaf(node: ParsedNode) -> ParsedNode:
    while True:
        if isinstance(node, Mapping) and node.entries:
            node = node.entries[-1].value
        elif isinstance(node, Sequence) and node.items:
            node = node.items[-1]
        else:
            return node
