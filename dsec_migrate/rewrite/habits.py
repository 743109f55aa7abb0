"""How a file is written: its indentation, its lists, and whose a comment is."""

from __future__ import annotations

from collections import Counter

from dsec_migrate.records import dataclass


@dataclass(frozen=True, repr=False, eq=False)
class Habits:
    """How the file is written. Columns are counted in characters."""

    first_step: int
    second_step: int
    item_offset: int
    item_gap: str


@dataclass(frozen=True, repr=False, eq=False)
class Block:
    """The columns of a key and of what stands under it, to tell whose a comment behind the block is."""

    key: int
    content: int

    def owns(self, line: str) -> bool:
        """Whether ``line`` is a comment that belongs to the block: deeper than its key, one of its items commented
        out, or a line commented out at the margin (as editors do) whose text stands under the key."""
        text = line.lstrip(" ")
        if not text.startswith("#"):
            return False
        column = len(line) - len(text)
        if column > self.key:
            return True
        inner = text.lstrip("#")
        words = inner.lstrip(" ")
        if self.content == self.key:
            return column == self.key and words.startswith("- ")
        text_column = column + len(text) - len(words)
        return bool(words.strip()) and text_column - 1 >= self.content


def most_common(counter: Counter[int], default: int) -> int:
    positive = [(count, -step) for step, count in counter.items() if step > 0]
    return -max(positive)[1] if positive else default
