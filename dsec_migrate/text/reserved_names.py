"""Names in the secrets folder that are reserved for this program."""

from __future__ import annotations

# folders of this program in the secrets folder: what runs did, and what they replaced
JOURNAL, UNDO = ".journal", ".undo"
