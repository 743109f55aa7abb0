"""Services that a moving line does not reach, though what they extend has it: ``!reset`` or ``!override`` withholds it.

What takes the variable's place must not reach them either. An ``X: !reset`` is renamed with X; what a service inherits
besides variables (a wrapper, a file where the image looks) is taken back by neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from dsec_migrate.changes import Move
from dsec_migrate.document import Mapping as MappingNode
from dsec_migrate.passes import Proposal
from dsec_migrate.patches import RenameKey
from dsec_migrate.project import Hidden, Project, Slot


@lru_cache(maxsize=4)
def _by_slot(project: Project) -> Mapping[int, tuple[Hidden, ...]]:
    found: dict[int, list[Hidden]] = {}
    for service in project.services.values():
        for one in service.hidden:
            found.setdefault(one.slot.key, []).append(one)
    return {key: tuple(withheld) for key, withheld in found.items()}


@lru_cache(maxsize=4)
def reaching(project: Project) -> frozenset[int]:
    """The lines that reach a container, by ``Slot.key``."""
    return frozenset(
        slot.key
        for service in project.services.values()
        for variable in service.variables.values()
        for slot in variable.slots
    )


def obstacle(project: Project, slots: Iterable[Slot], user: str, proposal: Proposal) -> str | None:
    """Why the lines cannot move as ``proposal`` says of the service ``user``: a service would get what is withheld."""
    for slot in slots:
        for one in _by_slot(project).get(slot.key, ()):
            if not proposal.new_name or proposal.parts:
                return f"{one.service} extends {user} without this variable, but would inherit what takes its place"
            if one.reset is not None and one.reset.document is not slot.document:
                return (
                    f"{one.reset.place} takes it away from {one.service}: move it by hand, and let that line take "
                    f"{proposal.new_name} away"
                )
    return None


def followers(project: Project, moves: Iterable[Move]) -> Iterator[RenameKey]:
    """The lines ``X: !reset`` follow X."""
    for move in moves:
        for one in _by_slot(project).get(move.slot.key, ()):
            reset = one.reset
            block = reset.container if reset is not None else None
            # a service that sets the new variable itself gets nobody else's
            is_free = isinstance(block, MappingNode) and block.own(move.name) is None
            if reset is not None and reset.entry is not None and is_free:
                yield RenameKey(reset.document, reset.entry, move.name, f"the reset of {reset.name}")
