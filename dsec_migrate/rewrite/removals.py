"""How entries and items are removed: whole lines, or parts between commas; a block is removed with its last one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType

from dsec_migrate.compose.document import Entry, Mapping, ParsedNode, Sequence
from dsec_migrate.planning.patches import Remove
from dsec_migrate.rewrite.layout import Layout
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace

_COMMENT = Pattern(r"[ \t]+(?=#)")


class Removals(Layout):
    def remove(self, patches: Iterable[Remove], extended: Collection[int]) -> None:
        """``extended`` are blocks, by their identity, that receive new entries: all old ones can go, never the key."""
        gone: dict[int, tuple[Mapping | Sequence, list[Remove]]] = {}
        for patch in patches:
            target = patch.target
            if isinstance(target, Entry) and isinstance(target.value, Sequence) and id(target.value) in extended:
                items = (replace(patch, target=item) for item in target.value.items)
                gone.setdefault(id(target.value), (target.value, []))[1].extend(items)
                continue
            holder = target.owner if isinstance(target, Entry) else self.parents[id(target)]
            assert isinstance(holder, Mapping | Sequence)
            gone.setdefault(id(holder), (holder, []))[1].append(patch)
        for block, parts in gone.values():
            if block.flow:
                self._from_flow(block, {id(patch.target): patch for patch in parts})
            else:
                self._from_block(block, parts, is_extended=id(block) in extended)

    def _from_block(self, block: Mapping | Sequence, patches: SequenceType[Remove], *, is_extended: bool) -> None:
        parent = self.parents.get(id(block))
        count = len(block.entries if isinstance(block, Mapping) else block.items)
        if len(patches) == count and not is_extended:
            self.patch = patches[0]
            if block.anchor is not None:
                anchor = block.outer_start + len(f"&{block.anchor}")
                self.insert(anchor, " {}" if isinstance(block, Mapping) else " []")
            elif isinstance(parent, Entry):
                colon = self.text.index(":", parent.key.end)
                self._take_out(parent.key.outer_start, colon + 1, keeps_comment=True)
        for patch in patches:
            target = patch.target
            self.patch = patch
            if not isinstance(target, Entry):
                assert isinstance(target, ParsedNode)
                self._take_out(self.dash(target), target.end, keeps_comment=patch.keeps_comment)
            elif isinstance(target.value, Mapping | Sequence) and not target.value.flow:
                self._take_out_block(target)
            else:
                self._take_out(target.key.outer_start, target.end, keeps_comment=patch.keeps_comment)

    def _take_out(self, start: int, end: int, *, keeps_comment: bool) -> None:
        """Whole lines; a comment on the last one may be kept in place of what it followed."""
        line_end = self.end_of_lines(start, end)
        comment = _COMMENT.match(self.text, end, line_end) if keeps_comment else None
        if comment is not None:
            self.replace(start, comment.end(), "")
        else:
            self.replace(self.source.line_start(start), line_end, "")

    def _take_out_block(self, entry: Entry) -> None:
        """The lines of an entry, and blank ones above if blank ones follow as well, or nothing."""
        holder = entry.owner
        start = self.source.line_start(entry.key.outer_start)
        end = self.end_of_lines(start, entry.end)
        before = [one for one in holder.entries if one.key.outer_start < start]
        # blank lines may belong to a scalar
        first = self.end_of_lines(0, before[-1].end) if before else start
        if not self.text[end : self.source.line_end(end)].strip():
            while start > first and not self.text[(above := self.source.line_start(start - 1)) : start].strip():
                start = above
        self.replace(start, end, "")

    def _from_flow(self, block: Mapping | Sequence, patches: MappingType[int, Remove]) -> None:
        """Removes parts between commas, each with a comma: the one after it, for the last parts the one before.
        ``patches`` by the identity of their targets."""
        parts: SequenceType[Entry | ParsedNode] = block.entries if isinstance(block, Mapping) else block.items
        starts = [part.key.outer_start if isinstance(part, Entry) else part.outer_start for part in parts]
        last = max((number for number, part in enumerate(parts) if id(part) not in patches), default=-1)
        for number, part in enumerate(parts):
            if id(part) not in patches:
                continue
            self.patch = patches[id(part)]
            if number < last:
                self.replace(starts[number], starts[number + 1], "")
            elif last < 0:
                self.replace(starts[number], starts[number + 1] if number + 1 < len(parts) else part.end, "")
            else:
                self.replace(parts[number - 1].end, part.end, "")
