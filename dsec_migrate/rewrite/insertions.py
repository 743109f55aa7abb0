"""How entries and items are added: in the style of their surroundings, after the comments that belong to these."""

from __future__ import annotations

import re
from collections.abc import Sequence as SequenceType

from dsec_migrate.compose.document import Entry, Mapping, ParsedNode, Scalar, Sequence
from dsec_migrate.planning.patches import InsertEntry, InsertItem, Value
from dsec_migrate.rewrite.blocks import Blocks
from dsec_migrate.rewrite.layout import Block, last_leaf
from dsec_migrate.rewrite.spelling import flow, is_json, quotes_of, scalar

Pair = tuple[str, Value]


class Insertions(Blocks):
    # --- items of lists ---

    def insert_items(self, patches: SequenceType[InsertItem]) -> None:
        """Items inserted into one list at one position."""
        if not patches:
            return
        first = patches[0]
        holder = first.holder
        if isinstance(holder, Sequence):
            self._into_list(holder, patches)
            return
        entry = holder.own(first.key)
        if entry is None:
            self._new_list(holder, patches)
        elif isinstance(entry.value, Sequence):
            if entry.value.flow:
                self._extend_flow(entry.value, self._flow_items(patches, quoted=is_json(holder)))
            else:
                self._extend_block(entry.value, patches, self.column(entry.key.outer_start))
        else:
            self._in_place_of_alias(holder, entry, patches)

    def _into_list(self, items: Sequence, patches: SequenceType[InsertItem]) -> None:
        before = patches[0].before
        if items.flow:
            self._extend_flow(items, self._flow_items(patches, quoted=False))
            return
        if before is None or isinstance(before, Entry):
            entry = self.parents.get(id(items))
            key = self.column(entry.key.outer_start) if isinstance(entry, Entry) else 0
            self._extend_block(items, patches, key)
            return
        dash = self.dash(before)
        start = self.source.line_start(dash)
        # what precedes the first item of a list inside a list, for example
        lead, gap = self.text[start:dash], self.gap(dash)
        self.insert_lines_before(start, self._block_items(patches, lead, gap))

    def _extend_block(self, items: Sequence, patches: SequenceType[InsertItem], key: int) -> None:
        dash = self.dash(items.items[-1])
        lines = self._block_items(patches, self.indentation(dash), self.gap(dash))
        self.insert_lines_after(items.end, lines, Block(key, self.column(dash)))

    def _new_list(self, holder: Mapping, patches: SequenceType[InsertItem]) -> None:
        key = patches[0].key
        if holder.flow:
            quoted = is_json(holder)
            items = self._flow_items(patches, quoted=quoted)
            self._extend_flow(holder, [f"{scalar(key, quoted)}: [{', '.join(items)}]"])
            return
        column = self.indentation(holder.entries[0].key.outer_start)
        indentation = column + " " * self.item_offset(holder)
        lines = [f"{column}{key}:", *self._block_items(patches, indentation, self.habits.item_gap)]
        before = patches[0].before
        self._insert_key(holder, key, lines, before if isinstance(before, Entry) else None)

    def _in_place_of_alias(self, holder: Mapping, entry: Entry, patches: SequenceType[InsertItem]) -> None:
        """Replaces an alias by a copy of the list that it refers to."""
        alias = entry.value
        if holder.flow:
            items = self._flow_items(patches, quoted=is_json(holder))
            self.replace(alias.start, alias.end, f"[{', '.join(items)}]")
            return
        indentation = self.indentation(entry.key.outer_start) + " " * self.item_offset(holder)
        newline = self.newline_at(alias.start)
        lines = self._block_items(patches, indentation, self.habits.item_gap)
        begin = self.text.rfind(":", 0, alias.start) + 1
        self.replace(begin, alias.end, "".join(newline + line for line in lines))

    def _flow_items(self, patches: SequenceType[InsertItem], *, quoted: bool) -> list[str]:
        copied = [self.copied(item) for item in patches[0].inherited]
        return [*copied, *(flow(patch.item, quoted) for patch in patches)]

    def _block_items(self, patches: SequenceType[InsertItem], indentation: str, gap: str) -> list[str]:
        lines = self.copied_lines(patches[0].inherited, indentation, gap)
        for patch in patches:
            lines += self.item_lines(patch.item, indentation, gap)
        return lines

    # --- entries of mappings ---

    def insert_entries(self, patches: SequenceType[InsertEntry]) -> None:
        """Entries inserted into one mapping at one position."""
        if not patches:
            return
        first = patches[0]
        pairs = [(patch.path[-1], patch.value) for patch in patches]
        if len(first.path) > 1:
            self._define(first.holder, first.path[0], pairs)
        elif first.holder.flow:
            quoted = is_json(first.holder)
            self._extend_flow(first.holder, [f"{scalar(name, quoted)}: {flow(value, quoted)}" for name, value in pairs])
        else:
            column = self.indentation(first.holder.entries[0].key.outer_start)
            step, offset = self.habits.first_step, self.item_offset(first.holder)
            lines = [line for pair in pairs for line in self.entry_lines(pair, column, step, offset=offset)]
            self._insert_key(first.holder, first.path[0], lines, first.before, speaks=any(map(_is_block, pairs)))

    def _insert_key(
        self, holder: Mapping, key: str, lines: SequenceType[str], before: Entry | None, *, speaks: bool = True
    ) -> None:
        """Lines of a mapping, before one of its entries (above the comments that speak of it, where the new one is more
        than a line of the same kind), else behind its variables, or at its end."""
        if before is not None:
            start = self.source.line_start(before.key.outer_start)
            column = self.indentation(before.key.outer_start)
            self.insert_lines_before(self.above_comments(start, column) if speaks else start, lines)
            return
        # the variables that name mounted files come before the mounts
        after = (holder.own("environment") if key == "secrets" else None) or holder.entries[-1]
        if self.ends_open(after.value):
            newline = self.newline_at(max(after.key.start - 1, 0))
            self.insert(self.start_of(after), "".join(line + newline for line in lines))
        else:
            self.insert_lines_after(after.end, lines, self.block_of(after))

    def _define(self, root: Mapping, key: str, pairs: SequenceType[Pair]) -> None:
        """Adds these entries to the block ``key`` of a mapping."""
        entry = root.own(key)
        if root.flow or (entry is not None and isinstance(entry.value, Mapping) and entry.value.flow):
            self._define_in_flow(root, key, pairs)
        elif entry is not None and isinstance(entry.value, Mapping) and entry.value.entries:
            self._define_in_block(entry.value, pairs)
        elif entry is not None:
            self._define_in_empty(root, entry, pairs)
        else:
            self._define_at_end(root, key, pairs)

    def _define_in_flow(self, root: Mapping, key: str, pairs: SequenceType[Pair]) -> None:
        entry, quoted = root.own(key), is_json(root)
        parts = [f"{scalar(name, quoted)}: {flow(value, quoted)}" for name, value in pairs]
        if entry is not None and isinstance(entry.value, Mapping):
            self._extend_flow(entry.value, parts)
            return
        lead = self.text[self.source.line_start(root.entries[0].key.start) : root.entries[0].key.start]
        body = ", ".join(parts)
        if not lead.strip() and "\n" in self.text[root.start : root.end]:
            # spread over lines: one line for each entry
            newline = self.newline_at(root.start)
            body = "".join(newline + lead * 2 + part + "," for part in parts)[:-1] + newline + lead
        self._extend_flow(root, [f"{scalar(key, quoted)}: {{{body}}}"])

    def _define_in_block(self, block: Mapping, pairs: SequenceType[Pair]) -> None:
        indentation = self.indentation(block.entries[0].key.outer_start)
        step = self.habits.second_step
        for entry in block.entries:
            if isinstance(entry.value, Mapping) and not entry.value.flow and entry.value.entries:
                step = self.column(entry.value.entries[0].key.outer_start) - self.column(entry.key.outer_start)
                break
        column = len(indentation)
        last = block.entries[-1].value
        if isinstance(last, Mapping) and last.flow:
            lines = [f"{indentation}{scalar(name)}: {flow(value, is_json(last))}" for name, value in pairs]
        else:
            lines = self._lines(pairs, indentation, step, quotes_of(last))
        end = max(block.end, block.entries[-1].end)
        self.insert_lines_after(end, lines, Block(max(column - 1, 0), column))

    def _define_in_empty(self, root: Mapping, entry: Entry, pairs: SequenceType[Pair]) -> None:
        indentation = self.indentation(root.entries[0].key.outer_start) + " " * self.habits.first_step
        self.insert_lines_after(entry.end, self._lines(pairs, indentation, self.habits.second_step))

    def _define_at_end(self, root: Mapping, key: str, pairs: SequenceType[Pair]) -> None:
        column = self.indentation(root.entries[0].key.outer_start)
        habits = self.habits
        lines = [f"{column}{key}:", *self._lines(pairs, column + " " * habits.first_step, habits.second_step)]
        offset = self.end_of_document(root)
        newline = self.newline_at(max(offset - 1, 0))
        block = newline.join(lines)
        before = self.text[:offset]
        if self.ends_open(root):
            start = self.start_of(root.entries[-1])
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
            block = newline + block
        self.insert(offset, block + block_end)

    def _lines(self, pairs: SequenceType[Pair], indentation: str, step: int, quotes: str = "") -> list[str]:
        return [line for pair in pairs for line in self.entry_lines(pair, indentation, step, quotes=quotes)]

    # --- in brackets and braces ---

    def _extend_flow(self, collection: Sequence | Mapping, parts: list[str]) -> None:
        """Adds ``parts`` before the closing bracket, in the layout of the collection."""
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
                separator = "," + self.newline_at(first_of_last) + lead
        comma = re.compile(r"[ \t\r\n]*,").match(self.text, last, close)
        if comma:
            self.insert(comma.end(), separator[1:] + separator.join(parts))
        else:
            self.insert(last, "".join(separator + part for part in parts))


def _is_block(pair: Pair) -> bool:
    return isinstance(pair[1], list | tuple | dict)


def _keeps_newlines(root: Mapping) -> bool:
    """Whether the last scalar of the document is a `|+`, whose value would include an added blank line."""
    last = last_leaf(root)
    return isinstance(last, Scalar) and last.style in {"|", ">"} and last.value.endswith("\n\n")
