"""The wrapper script, written and parsed: reads each file into its variable, then starts the program.

Observed with Compose 2.40, busybox ash, dash and bash: a separate assignment ends the script if the file is missing,
which ``export X="$(cat f)"`` hides; ``$(…)`` strips final newlines, so a letter is appended and removed again;
``exec "$@"`` makes the program receive the signals. In the C locale a character is a byte in each of them, so that
``printf %02X`` encodes a password for a URL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from urllib.parse import quote

from dsec_migrate.text.patterns import Pattern

OPTIONS = "-ec"
NAME = "sh"
"""``$0`` of the script, so that what follows are its arguments."""

OF_THE_IMAGE = "entrypoint and command were null, so these are the image's ENTRYPOINT and CMD"
ENTRYPOINT_OF_THE_IMAGE = "entrypoint was null, so this is the image's ENTRYPOINT"

LAST_LINE = 'exec "$@"'

SHELLS = {"bash": "/bin/bash", "sh": "/bin/sh"}
_IDENTIFIER = Pattern(r"[A-Za-z_][A-Za-z0-9_]*")
UNRESERVED = "A-Za-z0-9._~-"
"""Characters that URL encoding never changes (RFC 3986, 2.3), as a shell pattern."""
_SOMETIMES_KEPT = "!*(),;=+&:"
"""Characters that some encoders keep and a shell pattern may contain."""
# earlier versions appended the comment of a variable
_READ = Pattern(r'(?P<name>\w+)="\$\(cat (?P<path>/[\w./-]+) && printf x\)"(?:  #.*)?')
_EXPORT = Pattern(
    r'export (?P<name>\w+)="(?P<before>(?:[^"\\$`]|\\.)*)'
    r"(?:\$\{(?P=name)%x\}|\$\(encoded \"\$\{(?P=name)%x\}\" '(?P<kept>[!-&(-~]+)'\))"
    r'(?P<behind>(?:[^"\\$`]|\\.)*)"'
)
_ENCODED = (
    "encoded() (",
    "  LC_ALL=C",
    '  while [ -n "$1" ]; do',
    """    case "$1" in [$2]*) printf %c "$1" ;; *) printf %%%02X "'$1" ;; esac""",
    '    set -- "${1#?}" "$2"',
    "  done",
    ")",
)
_SPECIAL = Pattern(r'["\\$`]')
_ESCAPED = Pattern(r'\\(["\\$`])')


def is_identifier(name: str) -> bool:
    """Whether this is a valid variable name in a shell; dash and busybox ash drop others (observed)."""
    return _IDENTIFIER.fullmatch(name) is not None


class Wrapper(NamedTuple):
    """One of our wrapper scripts: its variables by name, the paths in the arguments, and the words after the script."""

    variables: dict[str, Supply]
    arguments: tuple[str, ...]
    words: list[str]


class Frame(NamedTuple):
    """What is added around the content of a file, such as the rest of a URL around its password.

    ``kept`` is a character class of a shell pattern if the content is percent-encoded: characters that are not encoded.
    """

    before: str = ""
    behind: str = ""
    kept: str = ""

    def around(self, content: str) -> str:
        return f"{self.before}{quote(content, safe=self.kept) if self.kept else content}{self.behind}"


class Supply(NamedTuple):
    """A variable that is read from the file at ``path``."""

    name: str
    path: str
    frame: Frame = Frame()


def kept_in(encoded: str) -> str:
    """The class of characters that are not encoded in ``encoded``."""
    return f"{UNRESERVED[:-1]}{''.join(letter for letter in _SOMETIMES_KEPT if letter in encoded)}-"


def lines(variables: Sequence[Supply], arguments: Collection[str] = ()) -> list[str]:
    """The shell lines that set ``variables``, and that replace paths in the words of the program with the content of
    the files (``arguments``)."""
    found = [
        line
        for name, path, (before, behind, kept) in variables
        for line in (
            f'{name}="$(cat {path} && printf x)"',
            f'export {name}="{_quoted(before)}{_content(name, kept)}{_quoted(behind)}"',
        )
    ]
    first = _ENCODED if any(supply.frame.kept for supply in variables) else ()
    return [*first, *found, *(_loop(arguments) if arguments else ())]


def _content(name: str, kept: str) -> str:
    return f"$(encoded \"${{{name}%x}}\" '{kept}')" if kept else f"${{{name}%x}}"


def _quoted(text: str) -> str:
    """``text`` for use between double quotes in a shell."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _loop(paths: Collection[str]) -> list[str]:
    # a path may be a prefix of another
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


def script(variables: Sequence[Supply], comment: str = "", arguments: Collection[str] = ()) -> str:
    """The script. ``comment`` says, for readers and for undo, where the words after the script come from."""
    first = [f"# {comment}"] if comment else []
    return "".join(f"{line}\n" for line in (*first, *lines(variables, arguments), LAST_LINE))


def read(words: Sequence[str]) -> Wrapper | None:
    """The parts of an ``entrypoint:`` that is one of our wrapper scripts, with ``$`` as the container receives it; None
    for any other."""
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
            frame = Frame(_unquoted(exports["before"]), _unquoted(exports["behind"]), exports["kept"] or "")
            variables[reads["name"]] = Supply(reads["name"], reads["path"], frame)
        elif line == _ENCODED[0] and [line, *text[: len(_ENCODED) - 1]] == list(_ENCODED):
            del text[: len(_ENCODED) - 1]
        elif len(text) >= 2 and (paths := _PATHS.fullmatch(text[1])) is not None:
            if [line, *text[: len(_LOOP) - 1]] != _loop(paths["paths"].split(" ")):
                return None
            arguments += paths["paths"].split(" ")
            del text[: len(_LOOP) - 1]
        else:
            return None
    return Wrapper(variables, tuple(arguments), list(words[4:]))
