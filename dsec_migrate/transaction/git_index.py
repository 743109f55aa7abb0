"""What a repository tracks, read from its index where git is not installed.

An undo must also work on a host without git. The format is git's own (``Documentation/gitformat-index.txt``), and an
index that is not understood to the last byte gives no answer.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from dsec_migrate import git
from dsec_migrate.text import programs
from dsec_migrate.text.source import read_bytes

# what precedes a name: times, mode, owner, size, SHA-1, flags
_FIXED, _FLAGS, _EXTENDED = 62, 60, 0x4000
_HASH_BYTES = 20


def is_tracked(path: Path) -> bool:
    """Like :func:`git.is_tracked`, also without the program. Raises NoAnswerError."""
    try:
        return git.is_tracked(path)
    except git.NoAnswerError:
        repository = git.find(path.parent) if programs.find("git") is None else None
        if repository is None:
            raise
        name = os.fsencode(Path(os.path.realpath(path)).relative_to(repository.top).as_posix())
        try:
            return name in _names(read_bytes(repository.git_dir / "index"))
        except FileNotFoundError:
            # nothing was ever added
            return False
        except (OSError, ValueError, IndexError):
            pass
        raise


def _names(data: bytes) -> list[bytes]:
    """The paths that an index of version 2 or 3 lists. Raises ValueError for any other version, and where a part of it
    is elsewhere (a split or sparse index); IndexError where it is truncated."""
    version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    end = len(data) - _HASH_BYTES
    if (
        data[:4] != b"DIRC"
        or version not in {2, 3}
        or hashlib.sha1(data[:end], usedforsecurity=False).digest() != data[end:]
    ):
        raise ValueError("the index has another form")
    found: list[bytes] = []
    place = len(b"DIRC") + 8
    for _ in range(count):
        is_extended = int.from_bytes(data[place + _FLAGS : place + _FIXED], "big") & _EXTENDED
        start = place + _FIXED + (2 if is_extended else 0)
        stop = data.index(b"\0", start, end)
        found.append(data[start:stop])
        # entries are padded to eight bytes, with at least one NUL
        place += (stop - place) // 8 * 8 + 8
    while place < end:
        if not data[place : place + 1].isupper():
            raise ValueError("a part of the index changes what the list means")
        place += 8 + int.from_bytes(data[place + 4 : place + 8], "big")
    return found


__all__ = ["is_tracked"]
