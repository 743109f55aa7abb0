"""The appearance of a diff, and of a report as a whole."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class DiffStyle(str, Enum):
    """How the changes of a file are shown."""

    UNIFIED = "unified"
    SIDE_BY_SIDE = "side-by-side"
    SEMANTIC = "semantic"


class Look(NamedTuple):
    """``width`` counts columns. The defaults are those for a file."""

    form: DiffStyle = DiffStyle.UNIFIED
    width: int = 80
    is_coloured: bool = False
    show_values: bool = False


PLAIN_UNIFIED = Look()


class View(NamedTuple):
    """``check`` and ``strict`` are those of the command line."""

    check: bool = False
    strict: bool = False
    look: Look = PLAIN_UNIFIED
