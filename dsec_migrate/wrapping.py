"""The shell script of a wrapper, written and read back: each file into its variable, then the program.

Observed with Compose 2.40, busybox ash, dash and bash: an assignment of its own ends the script where the file is
missing, which ``export X="$(cat f)"`` hides; ``$(…)`` strips final newlines, so a letter stands behind them and is
taken off again; ``exec "$@"`` makes the program the one that gets the signals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from dsec_migrate.patterns import Pattern

OPTIONS = "-ec"
NAME = "sh"
"""``$0`` of the script, so that what follows are its arguments."""

OF_THE_IMAGE = "entrypoint and command were null, so those of the image follow"
ENTRYPOINT_OF_THE_IMAGE = "the entrypoint was null, so that of the image follows"

LAST_LINE = 'exec "$@"'

SHELLS = {"bash": "/bin/bash", "sh": "/bin/sh"}
_IDENTIFIER = Pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_READ = Pattern(r'(?P<name>\w+)="\$\(cat (?P<path>/[\w./-]+) && printf x\)"(?:  #.*)?')
_EXPORT = Pattern(r'export (?P<name>\w+)="(?P<before>(?:[^"\\$`]|\\.)*)\$\{(?P=name)%x\}(?P<behind>(?:[^"\\$`]|\\.)*)"')
_SPECIAL = Pattern(r'["\\$`]')
_ESCAPED = Pattern(r'\\(["\\$`])')


def is_identifier(name: str) -> bool:
    """Whether a shell can hold a variable of this name; others are lost in dash and busybox ash (observed)."""
    return _IDENTIFIER.fullmatch(name) is not None


class Wrapper(NamedTuple):
    """A wrapper of ours: its variables by name, the paths in the arguments, and the words behind the script."""

    variables: dict[str, Supply]
    arguments: tuple[str, ...]
    words: list[str]


class Supply(NamedTuple):
    """A variable that is read from the file at ``path``; ``comment`` (with its ``#``) is what was said beside it.

    ``before`` and ``behind`` are put around what the file holds: the rest of a URL, say.
    """

    name: str
    path: str
    comment: str = ""
    before: str = ""
    behind: str = ""


def lines(variables: Iterable[Supply], arguments: Collection[str] = ()) -> list[str]:
    """The lines of shell that set ``variables``, and that put the content of a file in the
    place of its path in the words of the program (``arguments``)."""
    found = [
        line
        for name, path, comment, before, behind in variables
        for line in (
            f'{name}="$(cat {path} && printf x)"{"  " * bool(comment)}{comment}',
            f'export {name}="{_quoted(before)}${{{name}%x}}{_quoted(behind)}"',
        )
    ]
    return [*found, *_loop(arguments)] if arguments else found


def _quoted(text: str) -> str:
    """``text`` between double quotes of a shell."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _loop(paths: Collection[str]) -> list[str]:
    # a path may begin like another one
    longest_first = " ".join(sorted(dict.fromkeys(paths), key=len, reverse=True))
    return [line.format(longest_first) if "{}" in line else line for line in _LOOP]


_LOOP = (
    "for word do",
    "  shift",
    "  for path in {}; do",
    '    case "$word" in *"$path"*) word="${word%%"$path"*}$(cat "$path")${word#*"$path"}" ;; esac',
    "  done",
    '  set -- "$@" "$word"',
    "done",
)
_PATHS = Pattern(r"  for path in (?P<paths>/[\w./-]+(?: /[\w./-]+)*); do")


def script(variables: Iterable[Supply], comment: str = "", arguments: Collection[str] = ()) -> str:
    """``comment`` tells, for who reads or undoes it, where the words behind the script come from."""
    first = [f"# {comment}"] if comment else []
    return "".join(f"{line}\n" for line in (*first, *lines(variables, arguments), LAST_LINE))


def read(words: Sequence[str]) -> Wrapper | None:
    """The parts of an ``entrypoint:`` that is a wrapper of ours, with ``$`` as the container gets it; None of any
    other."""
    if len(words) < 4 or words[0] not in SHELLS.values() or words[1] != OPTIONS or words[3] != NAME:
        return None
    text = [line for line in words[2].splitlines() if not line.startswith("#")]
    if not text or text.pop() != LAST_LINE:
        return None
    variables: dict[str, Supply] = {}
    arguments: list[str] = []
    while text:
        line = text.pop(0)
        reads = _READ.fullmatch(line)
        if reads is not None:
            exports = _EXPORT.fullmatch(text.pop(0)) if text else None
            if exports is None or exports["name"] != reads["name"]:
                return None
            around = (_unquoted(exports["before"]), _unquoted(exports["behind"]))
            variables[reads["name"]] = Supply(reads["name"], reads["path"], "", *around)
        elif len(text) >= 2 and (paths := _PATHS.fullmatch(text[1])) is not None:
            if [line, *text[: len(_LOOP) - 1]] != _loop(paths["paths"].split(" ")):
                return None
            arguments += paths["paths"].split(" ")
            del text[: len(_LOOP) - 1]
        else:
            return None
    return Wrapper(variables, tuple(arguments), list(words[4:]))
