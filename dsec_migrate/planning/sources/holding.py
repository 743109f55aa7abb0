"""How a source holds one value, or why it skips it."""

from __future__ import annotations

from pathlib import Path

from dsec_migrate.config.options import SourceKind
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret


@dataclass(frozen=True, repr=False, eq=False)
class Holding:
    """How a source holds one value. ``variable`` is the name of an ``environment:`` source.

    ``path`` is a file that already holds it.
    ``follows`` names the variables that no longer have any effect on the secret once it is moved.
    """

    source: SourceKind
    value: Secret | None
    variable: str = ""
    follows: tuple[str, ...] = ()
    path: Path | None = None


@dataclass(frozen=True, repr=False)
class Skipped:
    """Why a finding is skipped, as a message for the user; never a value. ``is_excepted``: the project excludes it."""

    reason: str
    kind: str = "plaintext"
    is_excepted: bool = False
