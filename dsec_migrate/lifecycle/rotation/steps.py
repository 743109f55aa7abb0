"""How a secret gets another value while the project runs: the new one stands beside the former one until it is proved.

Each module is one part of it: where the new value comes from, how the Compose file changes, what Swarm or a database is
told. Nothing here decides on its own to forget a value.
"""

from __future__ import annotations

import shlex
from enum import Enum

from dsec_migrate.text.records import dataclass


class Strategy(str, Enum):
    """``dual``: a program tries both values. ``replace``: the file changes at the end. ``swarm``: a new version."""

    DUAL = "dual"
    REPLACE = "replace"
    SWARM = "swarm"


@dataclass(frozen=True, repr=False, eq=False)
class Step:
    """A command to run, and what for. Neither its words nor ``data``, which it is fed, hold a value."""

    words: tuple[str, ...]
    why: str = ""
    data: str = ""

    def __str__(self) -> str:
        words = shlex.join(self.words)
        return f"{words} <<'EOF'\n{self.data}EOF" if self.data else words
