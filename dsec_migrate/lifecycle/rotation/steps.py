"""Rotation of a secret while the project runs: the new value is kept beside the former one until it is proved.

Each module is one part: the source of the new value, the edits of the Compose file, the commands for Swarm or a
database. Nothing here discards a value without being told to.
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
    """A command to run, and its purpose. Neither its words nor ``data``, its standard input, contain a value."""

    words: tuple[str, ...]
    why: str = ""
    data: str = ""

    def __str__(self) -> str:
        words = shlex.join(self.words)
        return f"{words} <<'EOF'\n{self.data}EOF" if self.data else words
