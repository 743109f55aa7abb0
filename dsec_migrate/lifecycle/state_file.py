"""The state file of a project's secrets: when each was changed, and keyed hashes to recognize a value.

The state file is in the secrets folder, git ignores it, and it contains no value. The only copy of a former value that
may still be in use is kept beside it, in its own folder, until it is forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field, replace
from dsec_migrate.text.source import read_bytes
from dsec_migrate.text.structured import json_of
from dsec_migrate.transaction.disk import cannot_write, keep_out_of_git, make_folder, put

LEDGER, PREVIOUS = ".ledger", ".previous"
_KEY_BYTES = 32
_FORMAT = 1


@dataclass(frozen=True, repr=False)
class Entry:
    """``changed`` counts seconds since the epoch, 0 if unknown; ``hashes`` are those of the values that the secret has
    had, the latest last. ``phase`` is what a rotation in progress waits for; ``details`` are its data: names and
    numbers, never a value."""

    changed: int = 0
    hashes: tuple[str, ...] = ()
    phase: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


class StateFile:
    """The state file of one secrets folder. Nothing is created on disk before the first entry is written."""

    def __init__(self, folder: Path, boundary: Boundary) -> None:
        # the same state file through any link
        self.folder = Path(os.path.realpath(folder))
        self.home = self.folder / LEDGER
        self.boundary = boundary

    def entries(self) -> dict[str, Entry]:
        """Entries by secret name. Raises UserError where the state file cannot be read."""
        path = self.home / "secrets.json"
        try:
            data = json_of(read_bytes(path))
            if data["version"] == _FORMAT:
                return {name: _entry(one) for name, one in data["secrets"].items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            pass
        raise UserError("the ledger of the secrets cannot be read", str(path), help="move its folder away to go on")

    def entry(self, name: str) -> Entry:
        return self.entries().get(name, Entry())

    def write(self, name: str, entry: Entry) -> None:
        """Replaces the entry of a secret atomically. Raises UserError."""
        data = {**self.entries(), name: entry}
        listed = {
            name: {"changed": one.changed, "hashes": list(one.hashes), "phase": one.phase, "details": dict(one.details)}
            for name, one in sorted(data.items())
        }
        self._put(self.home / "secrets.json", json.dumps({"version": _FORMAT, "secrets": listed}, indent=1).encode())

    def note(self, name: str, content: bytes, seconds: int) -> None:
        """Records that the secret has this content since ``seconds`` (of the epoch)."""
        entry, mark = self.entry(name), self.fingerprint(content)
        self.write(name, replace(entry, changed=seconds, hashes=(*(one for one in entry.hashes if one != mark), mark)))

    def fingerprint(self, content: bytes) -> str:
        """A keyed hash; the key is created with the first one. Raises UserError."""
        return hmac.new(self._key(), content, hashlib.sha256).hexdigest()

    def knows(self) -> bool:
        """Whether there is a key, so that a fingerprint would change nothing on disk."""
        return (self.home / "key").is_file()

    # --- former values ---

    def previous(self, name: str) -> Path:
        return self.folder / PREVIOUS / name

    def keep(self, name: str, content: bytes) -> None:
        """Stores a former value, readable by its owner only. Raises UserError."""
        self._put(self.previous(name), content)

    def keep_once(self, name: str, content: bytes, phase: str, kept_as: str = "") -> None:
        """Stores a value before ``phase`` starts, in which the secret's own file may be half written."""
        entry = self.entry(name)
        if entry.phase != phase:
            self.keep(kept_as or name, content)
            self.write(name, replace(entry, phase=phase))

    def _key(self) -> bytes:
        path = self.home / "key"
        try:
            key = read_bytes(path)
        except FileNotFoundError:
            key = os.urandom(_KEY_BYTES)
            self._put(path, key)
        except OSError as error:
            raise cannot_write(path, error) from None
        if len(key) != _KEY_BYTES:
            raise UserError(
                "the key of the ledger is damaged", str(path), help="move its folder away to go on without it"
            )
        return key

    def _put(self, path: Path, data: bytes) -> None:
        owner = self.boundary.owner
        self.boundary.inside(path.parent)
        try:
            make_folder(path.parent, owner)
            keep_out_of_git(path.parent, owner)
            put(path, data, 0o600, owner)
        except OSError as error:
            raise cannot_write(path, error) from None


def _entry(data: Mapping[str, Any]) -> Entry:
    return Entry(int(data["changed"]), tuple(map(str, data["hashes"])), str(data["phase"]), dict(data["details"]))
