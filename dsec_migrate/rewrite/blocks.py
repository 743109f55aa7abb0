"""New values line by line, and copies of what a merge key or an alias provided."""

from __future__ import annotations

from collections.abc import Sequence as SequenceType

from dsec_migrate.compose.document import Mapping, ParsedNode, follow
from dsec_migrate.planning.patches import Kept, Value
from dsec_migrate.rewrite.layout import Layout
from dsec_migrate.rewrite.spelling import block_item, flow, in_quotes, scalar


class Blocks(Layout):
    def entry_lines(
        self, pair: tuple[str, Value], indentation: str, step: int, *, quotes: str = "", offset: int | None = None
    ) -> list[str]:
        """An entry in block style, its content indented by ``step``, and items of a list by ``offset``."""
        name, value = pair
        key = f"{indentation}{scalar(name)}:"
        below = indentation + " " * step
        if isinstance(value, dict):
            return [key, *(line for one in value.items() for line in self.entry_lines(one, below, step, quotes=quotes))]
        if isinstance(value, list):
            items = indentation + " " * (self.habits.item_offset if offset is None else offset)
            return [key, *(line for one in value for line in self.item_lines(one, items, self.habits.item_gap))]
        if value is None:
            return [key]
        return [f"{key} {self.in_one_line(value, quotes)}"]

    def item_lines(self, item: Value, indentation: str, gap: str) -> list[str]:
        """An item of a list in block style; a string of several lines as a block scalar."""
        if isinstance(item, dict):
            return block_item([f"{key}: {self.in_one_line(value)}" for key, value in item.items()], indentation, gap)
        if isinstance(item, str) and "\n" in item:
            return [f"{indentation}-{gap}|", *(f"{indentation}  {line}" for line in item.splitlines())]
        return [f"{indentation}-{gap}{self.in_one_line(item)}"]

    def in_one_line(self, value: Value, quotes: str = "") -> str:
        if isinstance(value, Kept):
            return self.text[value.node.start : value.node.end]
        return flow(value) if isinstance(value, list | tuple | dict) else in_quotes(value, quotes)

    # --- what was inherited ---

    def copied_lines(self, items: SequenceType[ParsedNode], indentation: str, gap: str) -> list[str]:
        """Items that were inherited before, in block style."""
        lines: list[str] = []
        for item in items:
            content = follow(item)
            if isinstance(content, Mapping) and not content.flow:
                pairs = [f"{e.name}: {self._scalar_text(e.value)}" for e in content.effective().values()]
            else:
                pairs = [self.copied(item)]
            lines += block_item(pairs, indentation, gap)
        return lines

    def copied(self, item: ParsedNode) -> str:
        """An inherited item on one line, with the same meaning."""
        content = follow(item)
        if isinstance(content, Mapping):
            pairs = (f"{e.name}: {self._scalar_text(e.value)}" for e in content.effective().values())
            return "{" + ", ".join(pairs) + "}"
        return self._scalar_text(content)

    def _scalar_text(self, node: ParsedNode) -> str:
        content = follow(node)
        text = self.text[content.start : content.end]
        return text if "\n" not in text else str(getattr(content, "value", ""))
