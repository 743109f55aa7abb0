"""How a source keeps one value, or why it leaves it."""

from __future__ import annotations

from pathlib import Path

from dsec_migrate.config.options import SourceKind
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret


@dataclass(frozen=True, repr=False, eq=False)
class Holding:
    """How a store takes one value. ``variable`` is the name of an ``environment:`` source.

    ``path`` is a file that holds it already.
    ``follows`` names the variables that have no effect on the secret any more once it is moved.
    """

    source: SourceKind
    value: Secret | None
    variable: str = ""
    follows: tuple[str, ...] = ()
    path: Path | None = None


@dataclass(frozen=True, repr=False)
class Skipped:
    """Why a finding is left as it is, in words for the user; never a value. ``is_excepted``: the project's people want
    it so."""

    reason: str
    kind: str = "plaintext"
    is_excepted: bool = False
