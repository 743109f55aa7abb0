"""Names in the folder of the secrets that are this program's own."""

from __future__ import annotations

# folders of our own in the folder of the secrets: what runs did, and what they replaced
JOURNAL, UNDO = ".journal", ".undo"
