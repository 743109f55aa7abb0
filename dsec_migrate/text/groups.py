"""What belongs together, directly or through others: one element represents its group (union-find)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Groups(Generic[Thing]):
    """Initially each element is a group of its own."""

    def __init__(self) -> None:
        self._parents: dict[Thing, Thing] = {}

    def __contains__(self, thing: Thing) -> bool:
        """Whether it has been asked for, or joined."""
        return thing in self._parents

    def leader(self, thing: Thing) -> Thing:
        """The representative of the group of ``thing``; it may change when groups are joined."""
        parents = self._parents
        while parents.setdefault(thing, thing) != thing:
            parents[thing] = parents[parents[thing]]
            thing = parents[thing]
        return thing

    def join(self, leading: Thing, other: Thing) -> None:
        """Joins two groups; the representative of the first represents both."""
        self._parents[self.leader(other)] = self.leader(leading)
