"""Patches of a Compose file -> edits, in the order in which new text is inserted at one offset."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable

from dsec_migrate.compose.document import Document
from dsec_migrate.planning.patches import (
    InsertEntry,
    Insertion,
    InsertItem,
    InsertWord,
    Kind,
    Patches,
    Remove,
    RenameKey,
    Repeat,
    ReplaceComment,
    ReplacePart,
    SetValue,
)
from dsec_migrate.rewrite.insertions import Insertions
from dsec_migrate.rewrite.layout import Made
from dsec_migrate.rewrite.removals import Removals
from dsec_migrate.rewrite.values import Values


class _Writer(Values, Insertions, Removals):
    pass


def made(document: Document, patches: Patches) -> list[Made]:
    patches.only(RenameKey, SetValue, ReplacePart, InsertWord, ReplaceComment, Repeat, Remove, Insertion)
    writer = _Writer(document)

    def write(kind: type[Kind], method: Callable[[Kind], None]) -> None:
        for patch in patches.of(kind):
            writer.patch = patch
            method(patch)

    write(RenameKey, writer.rename_key)
    write(SetValue, writer.set_value)
    write(ReplacePart, writer.replace_part)
    write(InsertWord, writer.insert_first_line)
    write(ReplaceComment, writer.replace_comment)
    write(Repeat, writer.repeat)
    inserted = patches.of(Insertion)
    writer.remove(patches.of(Remove), {id(patch.block) for patch in inserted if patch.block is not None})
    groups: dict[Hashable, list[Insertion]] = {}
    for patch in inserted:
        groups.setdefault(patch.group, []).append(patch)
    for group in sorted(groups.values(), key=lambda group: _order(writer, group[0])):
        writer.patch = group[0]
        writer.insert_items([patch for patch in group if isinstance(patch, InsertItem)])
        writer.insert_entries([patch for patch in group if isinstance(patch, InsertEntry)])
    return writer.made


def _order(writer: _Writer, patch: Insertion) -> int:
    """Existing content is extended before new content is added after it, and deeper content before what ends at the
    same offset."""
    holder = patch.new_key_of
    return -sys.maxsize if holder is None else -writer.column(holder.entries[0].key.outer_start)
