"""How much of a variable's name may be shown: text in the position of a name may also contain the value.

For Compose, the list item ``KEY: value`` in quotes, ``KEY value`` and the mapping key ``"KEY=value":`` are variables of
that name without a value (observed with Compose 2.40).
"""

from __future__ import annotations

from typing import NamedTuple

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.secret import MASK

_PARTS = Pattern(r"(?P<head>[ \t]*(?:export[ \t]+)?[A-Za-z0-9_.-]*)(?P<sign>[ \t:=]*)(?P<tail>(?:.|\n)*)")
# .NET names contain sections, which differ from a slip only in a line with a value
_SECTIONS = Pattern(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)+")
_SIGNS = {"=": "an equals sign", ":": "a colon", " ": "a blank", "\t": "a tab"}


class Slip(NamedTuple):
    """The parts of what was written as a name: ``head`` up to the first character that no variable name has,
    the separator ``sign``, and ``tail``, which may be the value. ``start`` is where the tail begins.
    """

    head: str
    sign: str
    tail: str
    start: int

    @property
    def shown(self) -> str:
        return f"{self.head}{self.sign}{MASK}"

    @property
    def what(self) -> str:
        """The sign, in words."""
        sign = self.sign.strip() or self.sign
        return _SIGNS.get(sign[:1], "a character that no name has")


def slip(name: str, *, has_value: bool) -> Slip | None:
    """None for a possible name. ``has_value``: an ``=`` and a value follow."""
    parts = _PARTS.fullmatch(name)
    assert parts is not None
    if not parts["tail"] or (has_value and _SECTIONS.fullmatch(name)):
        return None
    return Slip(parts["head"].strip(), parts["sign"], parts["tail"], parts.start("tail"))
