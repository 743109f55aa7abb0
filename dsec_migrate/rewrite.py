"""Plan -> text edits: the only place that thinks about indentation, quotes, line ends and the file's own habits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass
from functools import cached_property

from dsec_migrate.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence, follow, walk
from dsec_migrate.errors import VerificationError
from dsec_migrate.plan import AddMounts, DefineSecret, MaskComment, MountOptions, MoveVariable, Operation
from dsec_migrate.secret import MASK
from dsec_migrate.source import Edit, Source, splice

_BLOCK_HEADER_COMMENT = re.compile(r"[|>][^\s#]*([ \t]+#[^\r\n]*)")
# what may stand unquoted as a value or an item, in block and in flow style
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*(?<![.])|\$\{[A-Za-z_][A-Za-z0-9_]*\}[A-Za-z0-9_./-]*")
_NUMBER_LIKE = re.compile(r"[-+.]?[0-9].*|(?i:true|false|null|yes|no|on|off|y|n|~)|\.(?i:inf|nan)")


def rewrite(document: Document, operations: Iterable[Operation]) -> tuple[str, tuple[Edit, ...]]:
    """The new text of ``document`` and the edits that made it.

    Raises VerificationError when two edits overlap, which is a bug.
    """
    writer = _Writer(document)
    mounts: list[AddMounts] = []
    definitions: list[DefineSecret] = []
    for operation in operations:
        if isinstance(operation, MoveVariable):
            writer.move(operation)
        elif isinstance(operation, AddMounts):
            mounts.append(operation)
        elif isinstance(operation, DefineSecret):
            definitions.append(operation)
        elif isinstance(operation, MaskComment):
            writer.replace(operation.span.start, operation.span.end, MASK)
    for mount in mounts:
        writer.mount(mount)
    if definitions:
        writer.define(definitions)
    edits = tuple(dict.fromkeys(writer.edits))
    try:
        return splice(document.source.text, edits), edits
    except ValueError as error:
        raise VerificationError(f"the edits contradict each other: {error}") from None


_Definition = tuple[str, dict[str, object]]


@dataclass(frozen=True)
class _Habits:
    """How the file is written. Columns are counted in characters."""

    first_step: int
    second_step: int
    item_offset: int
    item_gap: str


@dataclass(frozen=True)
class _Block:
    """The columns of a key and of what stands under it, to tell whose a comment behind the block is."""

    key: int
    content: int

    def owns(self, line: str) -> bool:
        """Whether ``line`` is a comment that belongs to the block: deeper than its key, one of its items commented
        out, or a line commented out at the margin (as editors do) whose text stands under the key."""
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


class _Writer:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.source: Source = document.source
        self.text = document.source.text
        self.edits: list[Edit] = []

    def replace(self, start: int, end: int, text: str) -> None:
        self.edits.append(Edit(start, end, text))

    def insert(self, offset: int, text: str) -> None:
        self.replace(offset, offset, text)

    # --- variables ---

    def move(self, operation: MoveVariable) -> None:
        slot = operation.slot
        node = slot.node if operation.replaces_alias else slot.content
        if slot.entry is None:
            self._set_text(node, f"{operation.new_name}={operation.value}")
            return
        key = slot.entry.key
        assert isinstance(key, Scalar)
        closing = 1 if key.style else 0
        suffix = operation.new_name.removeprefix(slot.name)
        self.insert(key.end - closing, suffix)
        self._set_text(node, operation.value)

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
        entry = holder.own("secrets")
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
            items = self._items(operation, quoted=_is_json(holder))
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
            *(_item(name, operation.options, quoted) for name in operation.names),
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
            lines += _block_item(pairs, indentation, gap)
        for name in operation.names:
            options = operation.options.as_data()
            pairs = [f"source: {_flow_scalar(name)}", *(f"{key}: {_option(key, v)}" for key, v in options.items())]
            lines += _block_item(pairs if options else [_flow_scalar(name)], indentation, gap)
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
            quoted = _is_json(operation.holder)
            self._extend_flow(items, self._items(operation, quoted=quoted))
            return
        last = items.items[-1]
        dash = self._dash(last)
        lines = self._block_items(operation, self._indentation(dash), self._gap(dash))
        self._insert_lines_after(items.end, lines, _Block(self._column(entry.key.outer_start), self._column(dash)))

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
        lead = self.text[line:first_of_last]
        separator = ", "
        if not lead.strip() and self.source.line_start(collection.start) != line:
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
            quoted = _is_json(holder)
            key = '"secrets"' if quoted else "secrets"
            items = self._items(operation, quoted=quoted)
            self._extend_flow(holder, [f"{key}: [{', '.join(items)}]"])
            return
        column = self._indentation(holder.entries[0].key.outer_start)
        indentation = column + " " * self._item_offset(holder)
        lines = [f"{column}secrets:", *self._block_items(operation, indentation, self.habits.item_gap)]
        after = environment or holder.entries[-1]
        self._insert_lines_after(after.end, lines, self._block_of(after))

    def _block_of(self, entry: Entry) -> _Block:
        """The columns that tell which comments behind ``entry`` belong to it."""
        key = self._column(entry.key.outer_start)
        value = follow(entry.value)
        if isinstance(value, Sequence) and not value.flow and value.items:
            return _Block(key, self._column(self._dash(value.items[0])))
        if isinstance(value, Mapping) and not value.flow and value.entries:
            return _Block(key, self._column(value.entries[0].key.outer_start))
        return _Block(key, key + self.habits.first_step)

    def _item_offset(self, holder: Mapping) -> int:
        """How far list items stand behind their key in this service, else in the file."""
        for entry in holder.entries:
            if isinstance(entry.value, Sequence) and not entry.value.flow and entry.value.items:
                return self._column(self._dash(entry.value.items[0])) - self._column(entry.key.outer_start)
        return self.habits.item_offset

    # --- top-level definitions ---

    def define(self, operations: SequenceType[DefineSecret]) -> None:
        root = operations[0].root
        pairs = [(operation.secret.name, operation.secret.as_data()) for operation in operations]
        entry = root.own("secrets")
        if root.flow or (entry is not None and isinstance(entry.value, Mapping) and entry.value.flow):
            self._define_in_flow(root, entry, pairs)
        elif entry is not None and isinstance(entry.value, Mapping) and entry.value.entries:
            self._define_in_block(entry.value, pairs)
        elif entry is not None:
            self._define_in_empty(root, entry, pairs)
        else:
            self._define_at_end(root, pairs)

    def _define_in_flow(self, root: Mapping, entry: Entry | None, pairs: SequenceType[_Definition]) -> None:
        quoted = _is_json(root)
        parts = [f"{_flow_scalar(name, quoted)}: {_flow(data, quoted)}" for name, data in pairs]
        if entry is not None and isinstance(entry.value, Mapping):
            self._extend_flow(entry.value, parts)
            return
        lead = self.text[self.source.line_start(root.entries[0].key.start) : root.entries[0].key.start]
        body = ", ".join(parts)
        if not lead.strip() and "\n" in self.text[root.start : root.end]:
            # laid out over lines: one line for each secret
            newline = self._newline_at(root.start)
            body = "".join(newline + lead * 2 + part + "," for part in parts)[:-1] + newline + lead
        self._extend_flow(root, [f"{_flow_scalar('secrets', quoted)}: {{{body}}}"])

    def _define_in_block(self, block: Mapping, pairs: SequenceType[_Definition]) -> None:
        indentation = self._indentation(block.entries[0].key.outer_start)
        step = self.habits.second_step
        for entry in block.entries:
            if isinstance(entry.value, Mapping) and not entry.value.flow and entry.value.entries:
                step = self._column(entry.value.entries[0].key.outer_start) - self._column(entry.key.outer_start)
                break
        column = len(indentation)
        comments = _Block(max(column - 1, 0), column)
        last = block.entries[-1].value
        if isinstance(last, Mapping) and last.flow:
            lines = [f"{indentation}{_flow_scalar(name)}: {_flow(data, _is_json(last))}" for name, data in pairs]
        else:
            lines = _definition_lines(pairs, indentation, step, _quote_of(last))
        self._insert_lines_after(block.end, lines, comments)

    def _define_in_empty(self, root: Mapping, entry: Entry, pairs: SequenceType[_Definition]) -> None:
        indentation = self._indentation(root.entries[0].key.outer_start) + " " * self.habits.first_step
        self._insert_lines_after(entry.end, _definition_lines(pairs, indentation, self.habits.second_step))

    def _define_at_end(self, root: Mapping, pairs: SequenceType[_Definition]) -> None:
        column = self._indentation(root.entries[0].key.outer_start)
        habits = self.habits
        lines = [
            f"{column}secrets:",
            *_definition_lines(pairs, column + " " * habits.first_step, habits.second_step),
        ]
        offset = self._end_of_document(root)
        newline = self._newline_at(max(offset - 1, 0))
        block = newline.join(lines)
        before = self.text[:offset]
        is_last = offset == len(self.text)
        if not before.endswith("\n"):
            before += newline
            block = newline + block
            block_end = "" if is_last else newline
            self._keep_without_newline(root)
        else:
            block_end = newline
        last_line = before[:-1].rsplit("\n", 1)[-1]
        if last_line.strip() and not _keeps_newlines(root):
            first = newline if not block.startswith(("\n", "\r")) else ""
            block = first + block if first else newline + block
        self.insert(offset, block + block_end)

    def _keep_without_newline(self, root: Mapping) -> None:
        """A block scalar that ends with the file has no final newline: text behind it would give it one."""
        last = _last_leaf(root)
        if (
            isinstance(last, Scalar)
            and last.style in {"|", ">"}
            and last.end == len(self.text)
            and last.value[-1:] != "\n"
        ):
            header = re.compile(r"[|>][0-9]?([+-]?)").match(self.text, last.start)
            if header is not None and header.group(1) != "-" and not any(e.start == last.start for e in self.edits):
                self.replace(header.start(1), header.end(1), "-")

    def _end_of_document(self, root: Mapping) -> int:
        """Behind the comments that follow the last entry, before `...` or the next document."""
        marker = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE).search(self.text, root.end)
        return marker.start() if marker else len(self.text)

    # --- places in the text ---

    def _insert_lines_after(
        self, offset: int, lines: SequenceType[str], block_of_comments: _Block | None = None
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
    def habits(self) -> _Habits:
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
        return _Habits(
            _most_common(first, 2),
            _most_common(second, _most_common(first, 2)),
            max(gap[0] for gap in offsets.most_common(1)) if offsets else 2,
            gaps.most_common(1)[0][0] if gaps else " ",
        )


def _most_common(counter: Counter[int], default: int) -> int:
    positive = [(count, -step) for step, count in counter.items() if step > 0]
    return -max(positive)[1] if positive else default


def _is_json(node: Mapping) -> bool:
    """Whether the flow mapping is written with quoted keys, as JSON asks."""
    return (
        node.flow
        and bool(node.entries)
        and isinstance(node.entries[0].key, Scalar)
        and node.entries[0].key.style == '"'
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


def _item(name: str, options: MountOptions, quoted: bool) -> str:
    data = options.as_data()
    return _flow({"source": name, **data}, quoted) if data else _flow_scalar(name, quoted)


def _block_item(pairs: SequenceType[str], indentation: str, gap: str) -> list[str]:
    pad = indentation + " " * (1 + len(gap))
    return [f"{indentation}-{gap}{pairs[0]}", *(pad + pair for pair in pairs[1:])]


def _option(key: str, value: object, is_json: bool = False) -> str:
    """Compose and Swarm both read `mode: 0400` unquoted and uid and gid as strings (observed with Compose 2.40)."""
    if key == "mode" and is_json:
        # JSON has no octal numbers
        return str(value)
    return f"0{value:o}" if key == "mode" and isinstance(value, int) else f'"{value}"'


def _quote_of(definition: ParsedNode) -> str:
    """The quotes that an existing definition puts around its file."""
    file = definition.get("file") if isinstance(definition, Mapping) else None
    return file.style if isinstance(file, Scalar) and file.style in {"'", '"'} else ""


def _definition_lines(pairs: SequenceType[_Definition], indentation: str, step: int, quote: str = "") -> list[str]:
    lines: list[str] = []
    for name, data in pairs:
        lines.append(f"{indentation}{_flow_scalar(name)}:")
        lines.extend(f"{indentation}{' ' * step}{key}: {_block_scalar(value, quote)}" for key, value in data.items())
    return lines


def _block_scalar(value: object, quote: str = "") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"{quote}{text}{quote}" if quote and _PLAIN.fullmatch(text) else _flow_scalar(text)


def _flow(data: dict[str, object], quoted: bool) -> str:
    pairs = (
        f"{_flow_scalar(key, quoted)}: "
        + (_option(key, value, quoted) if key in {"mode", "uid", "gid"} else _flow_value(value, quoted))
        for key, value in data.items()
    )
    return "{" + ", ".join(pairs) + "}"


def _flow_value(value: object, quoted: bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else _flow_scalar(str(value), quoted)


def _flow_scalar(text: str, quoted: bool = False) -> str:
    """``text`` as a scalar that reads back as this string: unquoted where that is sure."""
    if not quoted and _PLAIN.fullmatch(text) and not _NUMBER_LIKE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
