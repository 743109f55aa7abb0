"""The shell script of a wrapper, written and read back: each file into its variable, then the program.

Observed with Compose 2.40, busybox ash, dash and bash: an assignment of its own ends the script where the file is
missing, which ``export X="$(cat f)"`` hides; ``$(…)`` strips final newlines, so a letter stands behind them and is
taken off again; ``exec "$@"`` makes the program the one that gets the signals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsec_migrate.patterns import Pattern

OPTIONS = "-ec"
NAME = "sh"
"""``$0`` of the script, so that what follows are its arguments."""

OF_THE_IMAGE = "entrypoint and command were null, so those of the image follow"
ENTRYPOINT_OF_THE_IMAGE = "the entrypoint was null, so that of the image follows"

LAST_LINE = 'exec "$@"'

SHELLS = {"bash": "/bin/bash", "sh": "/bin/sh"}
_IDENTIFIER = Pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_READ = Pattern(r'(?P<name>\w+)="\$\(cat (?P<path>/[\w./-]+) && printf x\)"')
_EXPORT = Pattern(r'export (?P<name>\w+)="\$\{(?P=name)%x\}"')


def is_identifier(name: str) -> bool:
    """Whether a shell can hold a variable of this name; others are lost in dash and busybox ash (observed)."""
    return _IDENTIFIER.fullmatch(name) is not None


def lines(variables: Iterable[tuple[str, str]]) -> list[str]:
    """Two lines of shell for each pair of a name and a path."""
    return [
        line
        for name, path in variables
        for line in (f'{name}="$(cat {path} && printf x)"', f'export {name}="${{{name}%x}}"')
    ]


def script(variables: Iterable[tuple[str, str]], comment: str = "") -> str:
    """``comment`` tells, for who reads or undoes it, where the words behind the script come from."""
    first = [f"# {comment}"] if comment else []
    return "".join(f"{line}\n" for line in (*first, *lines(variables), LAST_LINE))


def read(words: Sequence[str]) -> tuple[dict[str, str], list[str]] | None:
    """The variables (path by name) and the remaining words of an ``entrypoint:`` that is a wrapper of ours, with ``$``
    as the container gets it; None of any other."""
    if len(words) < 4 or words[0] not in SHELLS.values() or words[1] != OPTIONS or words[3] != NAME:
        return None
    text = [line for line in words[2].splitlines() if not line.startswith("#")]
    if not text or text[-1] != LAST_LINE or len(text) % 2 == 0:
        return None
    found: dict[str, str] = {}
    for first, second in zip(text[:-1:2], text[1:-1:2], strict=True):
        reads, exports = _READ.fullmatch(first), _EXPORT.fullmatch(second)
        if reads is None or exports is None or reads["name"] != exports["name"]:
            return None
        found[reads["name"]] = reads["path"]
    return found, list(words[4:])
