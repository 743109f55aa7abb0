"""Frozen dataclasses for half the price at start-up.

That nothing assigns to a field of a frozen class is proved once, by the type checker. Generating the two methods that
check it again at run time took 0.3 ms for each class, 15 ms of every start.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(*, frozen=False, eq=True, **options):
        return dataclasses.dataclass(eq=eq, unsafe_hash=frozen and eq, **options)


__all__ = ["dataclass"]
