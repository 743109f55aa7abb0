"""Arguments that are not a file but look like a command: a misspelt ``undo`` must not migrate the current folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern

# commands are spelled like this; a Compose file has a suffix
_COMMAND = Pattern(r"[A-Za-z]+(?:[-_][A-Za-z]+)*")
_LETTERS_THAT_MAY_DIFFER = 2
# names of these commands in other programs
_ELSEWHERE = {
    "help": "--help",
    "version": "--version",
    "migrate": "the files only: migrating has no verb",
    "apply": "--write",
    "write": "--write",
    "check": "--check",
    "scan": "audit",
    "encrypt": "lock",
    "decrypt": "unlock",
    "revert": "undo",
    "restore": "undo",
    "rollback": "undo",
}


def check(words: Iterable[Path], verbs: Collection[str], program: str) -> None:
    """Raises UserError for the first argument that is not a file, before anything is done."""
    for path in words:
        word = str(path)
        if os.path.lexists(path):
            continue
        if word in verbs:
            raise UserError(
                f"the command {word} follows an option or a file, and there is no file of that name",
                help=f"put the command first: `{program} {word} …`",
            )
        near = _nearest(word, verbs)
        if near or _COMMAND.fullmatch(word):
            advice = (
                f"did you mean {near}?" if near else f"run `{program} --help` to list the commands; a folder must exist"
            )
            raise UserError(f"no command, file or folder is named {word}", help=advice)


def _nearest(word: str, verbs: Collection[str]) -> str:
    """The command that was probably meant, or None."""
    folded = word.lower()
    known = {verb: verb for verb in sorted(verbs)} | _ELSEWHERE
    if folded in known:
        return known[folded]
    allowed = min(_LETTERS_THAT_MAY_DIFFER, len(folded) // 2)
    distances = {name: _distance(folded, name) for name in known}
    close = [name for name, distance in distances.items() if distance <= allowed]
    begun = [name for name in known if len(folded) > 1 and name.startswith(folded)]
    found = min(close, key=lambda name: distances[name], default=begun[0] if begun else "")
    return known[found] if found else ""


def _distance(one: str, other: str) -> int:
    """The edit distance: letters missing, added, replaced, or swapped with their neighbor."""
    if abs(len(one) - len(other)) > _LETTERS_THAT_MAY_DIFFER:
        return _LETTERS_THAT_MAY_DIFFER + 1
    above: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        above, before, row = row, above, [at]
        for column, known in enumerate(other, 1):
            cost = min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != known))
            if before and column > 1 and letter == other[column - 2] and one[at - 2] == known:
                cost = min(cost, before[column - 2] + 1)
            row.append(cost)
    return row[-1]


__all__ = ["check"]
