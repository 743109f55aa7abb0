"""Lines of ``x-`` blocks that no service takes, because each overrides the block they stand in.

Compose interpolates and prints such blocks all the same, so a value that has moved everywhere else would still be read
there. A line that says the same as a moved one moves with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from dsec_migrate.document import Mapping, Scalar, Sequence, walk
from dsec_migrate.placeholder import MINIMUM_LENGTH
from dsec_migrate.plan import MoveVariable
from dsec_migrate.project import Project, Slot, scalar_text


def unused_copies(project: Project, moves: Iterable[MoveVariable]) -> Iterator[MoveVariable]:
    """The same move for each line of an ``x-`` block with the name and the text of a moved one."""
    known = {(move.slot.name, move.slot.text): move for move in moves}
    taken = {
        slot.key
        for service in project.services.values()
        for variable in (*service.variables.values(), *service.hidden)
        for slot in variable.slots
    }
    for slot in _lines(project):
        move = known.get((slot.name, slot.text))
        if move is not None and slot.key not in taken and slot.content.anchor is None:
            yield MoveVariable(slot, move.new_name, move.value)


def _lines(project: Project) -> Iterator[Slot]:
    document = project.document
    for root in document.roots:
        for block in root.entries if isinstance(root, Mapping) else ():
            if not block.name.startswith("x-"):
                continue
            for node in walk(block.value):
                if isinstance(node, Mapping):
                    for entry in node.entries:
                        if isinstance(entry.key, Scalar) and isinstance(entry.value, Scalar):
                            yield Slot(document, entry.name, scalar_text(entry.value), entry.value, node, entry)
                elif isinstance(node, Sequence):
                    for item in node.items:
                        if isinstance(item, Scalar) and "=" in item.value:
                            name, _, text = item.value.partition("=")
                            yield Slot(document, name, text, item, node)


def readable_copy(project: Project, slot: Slot, value: str) -> str | None:
    """Where an ``x-`` block that stays shows ``value`` of ``slot`` in a text of its own, such as a description."""
    if len(value) < MINIMUM_LENGTH:
        return None
    for node in _own_texts(project):
        if value in node.value and not _says_the_same(node, slot):
            file, line, _ = project.document.place(node.start)
            return f"{file}:{line}"
    return None


def _says_the_same(node: Scalar, slot: Slot) -> bool:
    """Whether it is a copy of the line that moves with it."""
    return node.value in {slot.text, f"{slot.name}={slot.text}"}


@lru_cache(maxsize=4)
def _own_texts(project: Project) -> tuple[Scalar, ...]:
    """The texts of all ``x-`` blocks that are no value of a service's variable."""
    values = {
        id(slot.content)
        for service in project.services.values()
        for variable in (*service.variables.values(), *service.hidden)
        for slot in variable.slots
    }
    return tuple(
        node
        for root in project.document.roots
        for block in (root.entries if isinstance(root, Mapping) else ())
        if block.name.startswith("x-")
        for node in walk(block.value)
        if isinstance(node, Scalar) and id(node) not in values
    )
