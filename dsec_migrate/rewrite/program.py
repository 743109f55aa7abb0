"""How a wrapped service is written: its variables go, its entrypoint becomes the wrapper."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as SequenceType

from dsec_migrate import wrapping
from dsec_migrate.document import Entry, Mapping, ParsedNode, Scalar, Sequence
from dsec_migrate.plan import RemoveVariable, WrapProgram
from dsec_migrate.rewrite.spelling import flow_scalar
from dsec_migrate.rewrite.writer import Writer


class ProgramWriter(Writer):
    def remove(self, operations: Iterable[RemoveVariable]) -> None:
        """Takes whole lines out; of a block of which nothing is left, the key as well."""
        gone: dict[int, list[Entry | ParsedNode]] = {}
        blocks: dict[int, Mapping | Sequence] = {}
        for operation in operations:
            owner = operation.slot.container
            assert isinstance(owner, (Mapping, Sequence))
            blocks[id(owner)] = owner
            gone.setdefault(id(owner), []).append(operation.slot.entry or operation.slot.node)
        for key, block in blocks.items():
            children: SequenceType[Entry | ParsedNode] = block.entries if isinstance(block, Mapping) else block.items
            if len(gone[key]) == len(children):
                entry = self._entry_of(block)
                self._remove_lines(entry.key.outer_start, block.end)
                continue
            for child in gone[key]:
                if isinstance(child, Entry):
                    self._remove_lines(child.key.outer_start, child.end)
                else:
                    self._remove_lines(self._dash(child), child.end)

    def _entry_of(self, block: Mapping | Sequence) -> Entry:
        """The entry of a service whose value the block is."""
        for root in self.document.roots:
            services = root.get("services") if isinstance(root, Mapping) else None
            for entry in services.effective().values() if isinstance(services, Mapping) else ():
                body = entry.value
                for own in body.entries if isinstance(body, Mapping) else ():
                    if own.value is block:
                        return own
        raise ValueError("the block belongs to no service")

    def _remove_lines(self, start: int, end: int) -> None:
        self.replace(self.source.line_start(start), self.source.line_end(max(end - 1, start)), "")

    def wrap(self, operation: WrapProgram) -> None:
        if operation.script is not None:
            self._extend_script(operation.script, operation)
            return
        holder = operation.holder
        own = holder.own("entrypoint")
        command = holder.own("command")
        environment = holder.own("environment")
        assert environment is not None
        before = own or command or environment
        newline = self._newline_at(before.key.start)
        column = self._indentation(before.key.outer_start)
        lines = [f"{column}entrypoint:", *self._entrypoint_items(operation, column)]
        if operation.command is not None:
            lines.append(f"{column}command: [{', '.join(map(flow_scalar, operation.command))}]")
        text = "".join(line + newline for line in lines)
        start = self.source.line_start(before.key.outer_start)
        if own is None:
            self.insert(start, text)
            return
        self.replace(start, self.source.line_end(max(own.end - 1, start)), text)

    def _entrypoint_items(self, operation: WrapProgram, column: str) -> list[str]:
        dash = column + " " * self._item_offset(operation.holder) + "-" + self.habits.item_gap
        pad = " " * (len(dash) - len(self.habits.item_gap) + 1)
        text = wrapping.script(operation.variables, operation.comment).replace("$", "$$")
        return [
            f"{dash}{flow_scalar(operation.shell)}",
            f"{dash}{wrapping.OPTIONS}",
            f"{dash}|",
            *(pad + line for line in text.splitlines()),
            *(dash + flow_scalar(word) for word in (wrapping.NAME, *operation.entrypoint)),
        ]

    def _extend_script(self, script: Scalar, operation: WrapProgram) -> None:
        """Further lines before the last one of a script that stands as a block."""
        last = wrapping.LAST_LINE.replace("$", "$$")
        position = self.text.rindex(last, script.start, script.end)
        newline = self._newline_at(position)
        start = self.source.line_start(position)
        pad = self.text[start:position]
        added = (line.replace("$", "$$") for line in wrapping.lines(operation.variables))
        self.insert(start, "".join(pad + line + newline for line in added))
