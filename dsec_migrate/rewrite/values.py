"""How names and values are changed in place: in their existing quotes and layout."""

from __future__ import annotations

from dsec_migrate.compose.document import Entry, Mapping, ParsedNode, Scalar, Sequence, text_span
from dsec_migrate.planning.patches import (
    InsertWord,
    Quoted,
    RenameKey,
    Repeat,
    ReplaceComment,
    ReplacePart,
    SetValue,
    Value,
)
from dsec_migrate.rewrite.blocks import Blocks
from dsec_migrate.rewrite.spelling import flow, is_json, like, scalar, unquoted
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_BLOCK_HEADER_COMMENT = Pattern(r"[|>][^\s#]*([ \t]+#[^\r\n]*)")
_LINE_END = Pattern(r"\r?\n")
# where a text comes in, the word behind it tells the place
_WORD = Pattern(r"[\w./\[-]+")


class Values(Blocks):
    def rename_key(self, patch: RenameKey) -> None:
        assert isinstance(patch.target, Entry)
        key, name = patch.target.key, patch.target.name
        assert isinstance(key, Scalar)
        quote = 1 if key.style else 0
        before, same, behind = patch.name.rpartition(name)
        if not same:
            self.replace(key.start, key.end, like(key, patch.name, in_flow=patch.target.owner.flow))
            return
        if before:
            self.insert(key.start + quote, before)
        if behind:
            self.insert(key.end - quote, behind)

    def set_value(self, patch: SetValue) -> None:
        node, value = patch.target, patch.value
        assert isinstance(node, ParsedNode)
        if isinstance(value, tuple) and isinstance(node, Sequence) and node.items:
            self._set_items(node, value)
        elif isinstance(value, list | tuple | dict):
            self._set_collection(node, value)
        else:
            self._set_scalar(node, value)

    def _set_scalar(self, node: ParsedNode, value: Value) -> None:
        """Gives a scalar (or an alias in its position) another value in the same style."""
        start, end = node.start, node.end
        if not isinstance(node, Scalar):
            text = str(value)
            is_free = not isinstance(value, Quoted)
            self.replace(start, end, unquoted(text, in_flow=self.is_in_flow(node)) if is_free else scalar(value))
            return
        text = like(node, value, in_flow=_is_odd(value) and self.is_in_flow(node))
        if node.tag is not None:
            # a tag such as !!binary would change the meaning of the new value
            start = node.outer_start
            text = f"&{node.anchor} {text}" if node.anchor else text
        if node.style in {"|", ">"}:
            comment = _BLOCK_HEADER_COMMENT.match(self.text, node.start, node.end)
            text += comment.group(1) if comment else ""
        if start == end:
            start = end = self.after_colon(node)
            text = f" {text}"
        self.replace(start, end, text)

    def _set_items(self, node: Sequence, value: tuple[Value, ...]) -> None:
        """Replaces words by new ones: the first by the first, the rest by all others."""
        first, *others = node.items
        assert isinstance(first, Scalar)
        self._set_scalar(first, value[0])
        if others:
            text = ", ".join(scalar(item, quoted=first.style == '"') for item in value[1:])
            self.replace(others[0].start, others[-1].end, text)

    def _set_collection(self, node: ParsedNode, value: Value) -> None:
        """Replaces a node by a mapping or a list; a comment after the old value stays after the key."""
        entry = self.parents[id(node)]
        assert isinstance(entry, Entry)
        key, holder = entry.key, entry.owner
        colon = self.text.index(":", key.end)
        end = max(node.end, colon + 1)
        if holder.flow or isinstance(value, tuple):
            self.replace(colon + 1, end, f" {flow(value, is_json(holder))}")
            return
        column, step = self.indentation(key.outer_start), self.habits.first_step
        offset = self.item_offset(holder) if isinstance(value, list) else None
        if isinstance(node, Sequence) and not node.flow and node.items:
            offset = self.column(self.dash(node.items[0])) - len(column)
        lines = self.entry_lines((entry.name, value), column, step, offset=offset)[1:]
        line_end = self.source.line_end(end - 1)
        behind = self.text[end:line_end]
        newline = self.newline_at(end - 1)
        is_last = not behind.endswith("\n")
        text = "".join(newline + line for line in lines) + ("" if is_last else newline)
        self.replace(colon + 1, line_end, behind.rstrip("\r\n") + text)

    def replace_part(self, patch: ReplacePart) -> None:
        node = patch.target
        assert isinstance(node, Scalar)
        is_added = patch.span.start == patch.span.end
        word = _WORD.match(node.value, patch.span.start) if is_added else None
        place = text_span(self.document, node, Span(*word.span()) if word is not None else patch.span)
        if place is None:
            raise VerificationError("part of a string has no single position")
        column = " " * self.column(place.start)
        text = patch.text.replace("\n", self.newline_at(place.start) + column)
        self.replace(place.start, place.start if is_added else place.end, text)

    def insert_first_line(self, patch: InsertWord) -> None:
        assert patch.instruction is None
        self.insert_lines_before(0, [patch.text])

    def replace_comment(self, patch: ReplaceComment) -> None:
        self.replace(*patch.span, patch.text)

    def repeat(self, patch: Repeat) -> None:
        target = patch.target
        is_entry = isinstance(target, Entry)
        start = target.key.outer_start if isinstance(target, Entry) else target.outer_start
        holder = target.owner if isinstance(target, Entry) else self.parents[id(target)]
        assert isinstance(holder, Sequence | Mapping)
        line = self.source.line_start(start)
        lead = self.text[line:start]
        if holder.flow or lead.strip(" -\t") or ("-" in lead) == is_entry:
            self.insert(target.end, f", {self._again(patch, start, target.end)}")
            return
        self.insert_lines_after(target.end, _LINE_END.split(self._again(patch, line, target.end).rstrip("\r\n")))

    def _again(self, patch: Repeat, start: int, end: int) -> str:
        text, position = "", start
        for node, said in sorted(patch.texts, key=lambda pair: pair[0].start):
            text += self.text[position : node.start] + like(node, said, in_flow=False)
            position = node.end
        return text + self.text[position:end]


def _is_odd(value: Value) -> bool:
    return isinstance(value, str) and any(character in value for character in ",[]{}")
