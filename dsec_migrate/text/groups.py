"""What belongs together, directly or through others: one thing stands for all of its group (union and find)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Groups(Generic[Thing]):
    """At first each thing is a group of its own."""

    def __init__(self) -> None:
        self._parents: dict[Thing, Thing] = {}

    def __contains__(self, thing: Thing) -> bool:
        """Whether it has been asked for, or joined."""
        return thing in self._parents

    def leader(self, thing: Thing) -> Thing:
        """The one that stands for the group of ``thing``; who was joined with others may get another one."""
        parents = self._parents
        while parents.setdefault(thing, thing) != thing:
            parents[thing] = parents[parents[thing]]
            thing = parents[thing]
        return thing

    def join(self, leading: Thing, other: Thing) -> None:
        """Makes one of two groups; the leader of the first stands for both."""
        self._parents[self.leader(other)] = self.leader(leading)
