"""How a wrapped service is written: its variables go, its entrypoint becomes the wrapper."""

from __future__ import annotations

from collections.abc import Iterable

from dsec_migrate import wrapping
from dsec_migrate.changes import LengthenBuild, RemoveVariable, WrapProgram
from dsec_migrate.document import Entry, Mapping, ParsedNode, Scalar, Sequence, is_merge_key
from dsec_migrate.patterns import Pattern
from dsec_migrate.rewrite.spelling import block_item, flow_scalar, option_text
from dsec_migrate.rewrite.writer import Writer

_COMMENT = Pattern(r"[ \t]+(?=#)")
_ONLY_COMMENT = Pattern(r"([ \t]*)#")


def is_block(node: ParsedNode) -> bool:
    """Whether a list has each of its items on lines of its own."""
    return isinstance(node, Sequence) and not node.flow and node.anchor is None


def _first(holder: Mapping) -> Entry:
    """The first entry of a service, but for those that a merge key brings."""
    return next((entry for entry in holder.entries if not is_merge_key(entry.key)), holder.entries[0])


class ProgramWriter(Writer):
    def remove(self, operations: Iterable[RemoveVariable]) -> None:
        """Takes lines out, but for their comments; of a block of which nothing is left, the key as well."""
        gone: dict[int, list[RemoveVariable]] = {}
        for operation in operations:
            gone.setdefault(id(operation.slot.container), []).append(operation)
        for lines in gone.values():
            block, entry = lines[0].slot.container, lines[0].holder
            assert block is not None
            if len(lines) == len(block.entries if isinstance(block, Mapping) else block.items):
                if entry is not None:
                    self._take_out(entry.key.outer_start, self.text.index(":", entry.key.end) + 1, keeps_comment=True)
                else:
                    anchor = block.outer_start + len(f"&{block.anchor}")
                    self.insert(anchor, " {}" if isinstance(block, Mapping) else " []")
            for operation in lines:
                slot = operation.slot
                start = slot.start if slot.entry is not None else self._dash(slot.node)
                self._take_out(start, slot.end, keeps_comment=operation.keeps_comment)

    def _take_out(self, start: int, end: int, *, keeps_comment: bool) -> None:
        """Whole lines, of whose last one a comment may stay in the place of what it stood behind."""
        line_end = self.source.line_end(max(end - 1, start))
        comment = _COMMENT.match(self.text, end, line_end) if keeps_comment else None
        if comment is not None:
            self.replace(start, comment.end(), "")
        else:
            self.replace(self.source.line_start(start), line_end, "")

    def wrap(self, operation: WrapProgram) -> None:
        if operation.script is not None:
            self._extend_script(operation.script, operation)
            return
        holder = operation.holder
        own = holder.own("entrypoint")
        if own is not None and is_block(own.value):
            self._go_before(own.value, operation)
            return
        command = holder.own("command")
        before = own or command or holder.own("environment") or holder.own("env_file") or _first(holder)
        newline = self._newline_at(before.key.start)
        column = self._indentation(before.key.outer_start)
        lines = [f"{column}entrypoint:", *self._entrypoint_items(operation, column)]
        if operation.command is not None:
            lines.append(f"{column}command: [{', '.join(map(flow_scalar, operation.command))}]")
        text = "".join(line + newline for line in lines)
        start = self.source.line_start(before.key.outer_start)
        if own is None:
            self.insert(self._above_comments(start, column), text)
            return
        self.replace(start, self.source.line_end(max(own.end - 1, start)), text)

    def _go_before(self, words: ParsedNode, operation: WrapProgram) -> None:
        """The wrapper's own words come before those of an entrypoint that has each on a line of its own."""
        assert isinstance(words, Sequence)
        dash = self._dash(words.items[0])
        indentation, gap = self._indentation(dash), self._gap(dash)
        newline = self._newline_at(dash)
        text = newline.join(self._own_items(operation, indentation, gap))
        self.insert(self.source.line_start(dash), text + newline)

    def lengthen(self, operation: LengthenBuild) -> None:
        """``build: PATH`` as a mapping; a comment behind the path stays behind the key."""
        node = operation.context
        colon = self.text.rindex(":", operation.entry.key.end, node.outer_start + 1)
        column = self._indentation(operation.entry.key.outer_start) + " " * self.habits.first_step
        gap, offset = self.habits.item_gap, " " * self.habits.item_offset
        lines = [f"{column}context: {self.text[node.start : node.end]}"]
        for list_key, items in operation.lists.items():
            lines.append(f"{column}{list_key}:")
            for name, chosen in items:
                options = chosen.as_data()
                pairs = [f"source: {flow_scalar(name)}", *(f"{k}: {option_text(k, v)}" for k, v in options.items())]
                lines += block_item(pairs if options else [flow_scalar(name)], column + offset, gap)
        self.replace(colon + 1, node.end, "")
        newline = self._newline_at(node.start)
        end = self.source.line_end(node.end)
        is_last = end == len(self.text) and not self.text.endswith("\n")
        text = "".join(newline + line for line in lines) if is_last else "".join(line + newline for line in lines)
        self.insert(end, text)

    def _above_comments(self, position: int, column: str) -> int:
        """The start of the comment lines right above a line: they speak of it."""
        while position > 0:
            above = self.source.line_start(position - 1)
            comment = _ONLY_COMMENT.match(self.text, above, position)
            if comment is None or comment.group(1) != column:
                break
            position = above
        return position

    def _entrypoint_items(self, operation: WrapProgram, column: str) -> list[str]:
        indentation, gap = column + " " * self._item_offset(operation.holder), self.habits.item_gap
        words = (f"{indentation}-{gap}{flow_scalar(word)}" for word in operation.entrypoint)
        return [*self._own_items(operation, indentation, gap), *words]

    def _own_items(self, operation: WrapProgram, indentation: str, gap: str) -> list[str]:
        text = wrapping.script(operation.variables, operation.comment, operation.arguments).replace("$", "$$")
        pad = f"{indentation}  "
        return [
            f"{indentation}-{gap}{flow_scalar(operation.shell)}",
            f"{indentation}-{gap}{wrapping.OPTIONS}",
            f"{indentation}-{gap}|",
            *(pad + line for line in text.splitlines()),
            f"{indentation}-{gap}{wrapping.NAME}",
        ]

    def _extend_script(self, script: Scalar, operation: WrapProgram) -> None:
        """Further lines before the last one of a script that stands as a block."""
        last = wrapping.LAST_LINE.replace("$", "$$")
        position = self.text.rindex(last, script.start, script.end)
        newline = self._newline_at(position)
        start = self.source.line_start(position)
        pad = self.text[start:position]
        added = (line.replace("$", "$$") for line in wrapping.lines(operation.variables, operation.arguments))
        self.insert(start, "".join(pad + line + newline for line in added))
