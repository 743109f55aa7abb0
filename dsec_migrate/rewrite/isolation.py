"""How networks and mounts of a service are written."""

from __future__ import annotations

from collections.abc import Sequence as SequenceType

from dsec_migrate.document import Entry, Mapping, ParsedNode, Scalar, Sequence
from dsec_migrate.isolation import DefineNetwork, DropConfig, DropMounts, JoinNetworks
from dsec_migrate.rewrite.habits import Block
from dsec_migrate.rewrite.script import ScriptWriter
from dsec_migrate.rewrite.spelling import flow_scalar, is_json

_KEY = "networks"


class IsolationWriter(ScriptWriter):
    def define_networks(self, operations: SequenceType[DefineNetwork]) -> None:
        self.define_top_level(operations[0].root, _KEY, [(one.name, one.as_data()) for one in operations])

    def join(self, operation: JoinNetworks) -> None:
        holder = operation.holder
        entry = holder.own(_KEY)
        if entry is None:
            self._list_networks(operation)
        elif operation.is_instead:
            self._replace_networks(entry, operation)
        else:
            self._add_networks(entry, operation)

    def _list_networks(self, operation: JoinNetworks) -> None:
        holder = operation.holder
        if holder.flow:
            quoted = is_json(holder)
            items = ", ".join(flow_scalar(name, quoted) for name in operation.listed)
            self._extend_flow(holder, [f"{flow_scalar(_KEY, quoted)}: [{items}]"])
            return
        column = self._indentation(holder.entries[0].key.outer_start)
        item = f"{column}{' ' * self._item_offset(holder)}-{self.habits.item_gap}"
        lines = [f"{column}{_KEY}:", *(item + flow_scalar(name) for name in operation.listed)]
        after = holder.entries[-1]
        if self._ends_open(after.value):
            newline = self._newline_at(max(after.key.start - 1, 0))
            self.insert(self._start_of(after), "".join(line + newline for line in lines))
        else:
            self._insert_lines_after(after.end, lines, self._block_of(after))

    def _add_networks(self, entry: Entry, operation: JoinNetworks) -> None:
        block = entry.value
        assert isinstance(block, (Mapping, Sequence))
        if block.flow:
            quoted = is_json(operation.holder)
            names = [flow_scalar(name, quoted) for name in operation.names]
            self._extend_flow(block, names if isinstance(block, Sequence) else [f"{name}: null" for name in names])
            return
        column = self._column(entry.key.outer_start)
        if isinstance(block, Sequence):
            dash = self._dash(block.items[-1])
            start = f"{self._indentation(dash)}-{self._gap(dash)}"
            lines = [start + flow_scalar(name) for name in operation.names]
            self._insert_lines_after(block.end, lines, Block(column, self._column(dash)))
        else:
            first = block.entries[0].key.outer_start
            lines = [f"{self._indentation(first)}{flow_scalar(name)}:" for name in operation.names]
            self._insert_lines_after(max(block.end, block.entries[-1].end), lines, Block(column, self._column(first)))

    def _replace_networks(self, entry: Entry, operation: JoinNetworks) -> None:
        """The first network is called otherwise, further ones follow it, and the rest of the former ones go."""
        block = entry.value
        assert isinstance(block, (Mapping, Sequence))
        first, *others = block.items if isinstance(block, Sequence) else [one.key for one in block.entries]
        name, *more = operation.names
        quoted = isinstance(first, Scalar) and first.style == '"'
        self.replace(first.start, first.end, flow_scalar(name, quoted))
        ends = [item.end for item in block.items] if isinstance(block, Sequence) else [e.end for e in block.entries]
        if block.flow:
            texts = [flow_scalar(one, quoted) for one in more]
            texts = texts if isinstance(block, Sequence) else [f"{text}: null" for text in texts]
            self.replace(ends[0], ends[-1], "".join(f", {text}" for text in texts))
            return
        for node in others:
            start = self.source.line_start(node.outer_start)
            self.replace(start, self.source.line_end(node.end), "")
        if more:
            if isinstance(block, Sequence):
                dash = self._dash(first)
                lines = [f"{self._indentation(dash)}-{self._gap(dash)}{flow_scalar(one)}" for one in more]
            else:
                lines = [f"{self._indentation(first.outer_start)}{flow_scalar(one)}:" for one in more]
            self._insert_lines_after(ends[0], lines)

    def drop(self, operation: DropMounts, *, is_extended: bool) -> None:
        """Entries of a list go, with all of them the key, but where other entries come (``is_extended``)."""
        entry = operation.holder.own(operation.key)
        assert entry is not None
        assert isinstance(entry.value, Sequence)
        items = entry.value.items
        gone = set(map(id, operation.items))
        if len(gone) == len(items) and not is_extended:
            self._drop_entry(operation.holder, entry)
        elif entry.value.flow:
            self._drop_from_flow(entry.value, [id(item) in gone for item in items])
        else:
            for item in operation.items:
                start = self.source.line_start(self._dash(item))
                self.replace(start, self._end_of_lines(item), "")

    def drop_configs(self, operations: SequenceType[DropConfig]) -> None:
        """Definitions that stand line by line go, with all of them the key."""
        root = operations[0].root
        key = root.own("configs")
        assert key is not None
        assert isinstance(key.value, Mapping)
        if len(operations) == len(key.value.entries):
            self._drop_block(root, key)
            return
        for operation in operations:
            self._drop_block(key.value, operation.entry)

    def _drop_block(self, holder: Mapping, entry: Entry) -> None:
        """The lines of an entry go, and blank ones above where there are such behind as well, or nothing."""
        start, end = self.source.line_start(entry.key.outer_start), self._end_of_lines(entry.value)
        before = [one for one in holder.entries if one.key.outer_start < start]
        # what is blank may belong to a text
        first = self._end_of_lines(before[-1].value) if before else start
        if not self.text[end : self.source.line_end(end)].strip():
            while start > first and not self.text[(above := self.source.line_start(start - 1)) : start].strip():
                start = above
        self.replace(start, end, "")

    def _end_of_lines(self, item: ParsedNode) -> int:
        """Behind the last line of an item; a block mapping ends where the next line begins."""
        is_behind = self.text[item.end - 1] == "\n"
        return self.source.line_end(item.end - 1 if is_behind else item.end)

    def _drop_entry(self, holder: Mapping, entry: Entry) -> None:
        if not holder.flow:
            self.replace(self.source.line_start(entry.key.outer_start), self._end_of_lines(entry.value), "")
            return
        parts = [(one.key.outer_start, one.end) for one in holder.entries]
        self._drop_parts(parts, [one is entry for one in holder.entries])

    def _drop_from_flow(self, block: Sequence, gone: list[bool]) -> None:
        self._drop_parts([(item.outer_start, item.end) for item in block.items], gone)

    def _drop_parts(self, parts: list[tuple[int, int]], gone: list[bool]) -> None:
        """Parts between commas go, each with a comma: the one behind it, of the last ones the one before."""
        last = max((number for number, is_gone in enumerate(gone) if not is_gone), default=-1)
        for number, (start, end) in enumerate(parts):
            if not gone[number]:
                continue
            if number < last:
                self.replace(start, parts[number + 1][0], "")
            elif last < 0:
                self.replace(start, parts[number + 1][0] if number + 1 < len(parts) else end, "")
            else:
                self.replace(parts[number - 1][1], end, "")
