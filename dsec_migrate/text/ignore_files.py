"""What ignore files exclude, as git and Docker read them, including lines that are only planned so far.

git's rules are those of gitignore(5) and its ``dir.c`` and ``wildmatch.c``: the last matching line wins, deeper files
come later, nothing below an ignored folder can be re-included, and a ``.gitignore`` that is a link is not read
(git 2.32). Docker's are those of moby's ``patternmatcher``: one file, whose lines match whole paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

NAME = ".gitignore"
OWN = "*\n!/*.age\n!/.age-recipients\n!/README.md\n"
"""The ``.gitignore`` of a folder that this program creates for values: git sees only what is meant for it."""
# returns what a file holds, or is about to
Read = Callable[[Path], "bytes | None"]


class _Rule(NamedTuple):
    """``depth`` counts the leading folders that ``pattern`` does not cover; None: it matches the last name."""

    pattern: re.Pattern[str]
    is_negated: bool
    is_for_folders: bool
    is_of_names: bool


def is_ignored_by_git(top: Path, path: Path, read: Read) -> bool:
    """Whether the ``.gitignore`` files from ``top`` (the repository's folder) down to ``path`` make git ignore it.

    Both are real paths. git's other sources (``info/exclude``, the user's own file) do not exist in other clones.
    """
    parts = path.relative_to(top).parts
    rules: list[tuple[int, _Rule]] = []
    folder = top
    for depth, name in enumerate(parts):
        rules += ((depth, rule) for rule in _rules_of(folder / NAME, read))
        is_folder = depth < len(parts) - 1
        for start, rule in reversed(rules):
            text = name if rule.is_of_names else "/".join(parts[start : depth + 1])
            if (is_folder or not rule.is_for_folders) and rule.pattern.fullmatch(text):
                if not rule.is_negated:
                    return True
                break
        folder /= name
    return False


def literally(path: str) -> str:
    """The pattern of a line that matches exactly this path, for git and for Docker."""
    return re.sub(r"([\\*?\[])", r"\\\1", path)


def is_ignored_by_docker(text: str, path: str) -> bool:
    """Whether a ``.dockerignore`` with ``text`` excludes ``path`` (relative, with slashes) from the context."""
    parts = PurePosixPath(path).parts
    names = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    is_ignored = False
    for line in text.removeprefix("\ufeff").splitlines():
        said = line.strip()
        is_negated = said.startswith("!")
        pattern = re.sub(r"/+", "/", said.removeprefix("!").strip().removeprefix("./")).strip("/")
        if not pattern or line.startswith("#"):
            continue
        found = _translated(pattern)
        if found is not None and any(found.fullmatch(name) for name in names):
            is_ignored = not is_negated
    return is_ignored


def _rules_of(file: Path, read: Read) -> Sequence[_Rule]:
    if file.is_symlink():
        return ()
    data = read(file)
    return _rules(data) if data else ()


@lru_cache(maxsize=64)
def _rules(data: bytes) -> tuple[_Rule, ...]:
    return tuple(_parsed(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")))


def _parsed(text: str) -> Iterator[_Rule]:
    for line in text.split("\n"):
        said = _without_blanks(line.removesuffix("\r"))
        if not said or said.startswith("#"):
            continue
        is_negated = said.startswith("!")
        said = said.removeprefix("!")
        is_for_folders = said.endswith("/")
        said = said.removesuffix("/")
        is_of_names = "/" not in said
        pattern = _translated(said.removeprefix("/"))
        if said and pattern is not None:
            yield _Rule(pattern, is_negated, is_for_folders, is_of_names)


def _without_blanks(line: str) -> str:
    """Without trailing spaces, except those escaped by a backslash."""
    rest = line.rstrip(" ")
    marks = len(rest) - len(rest.rstrip("\\"))
    return rest + " " if marks % 2 and len(rest) < len(line) else rest


_TOKEN = re.compile(
    r"(?P<folders>(?:(?<=/)|\A)\*\*+/)|(?P<rest>(?<=/)\*\*+\Z)|(?P<stars>\*+)|(?P<one>\?)|\\(?P<literal>.)|(?P<end>\\\Z)|"
    r"\[(?P<not>[!^]?)(?P<set>\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]|(?P<open>\[)|(?P<plain>.)",
    re.DOTALL,
)
_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "\\x21-\\x7e", "lower": "a-z", "print": "\\x20-\\x7e", "punct": "!-/:-@\\[-`{-~",
    "space": "\\s", "upper": "A-Z", "xdigit": "0-9a-fA-F",
}  # fmt: skip
_PART = re.compile(r"\[:(\w+):\]|(\\?.)(?:-(\\?[^\]]))?", re.DOTALL)


@lru_cache(maxsize=256)
def _translated(pattern: str) -> re.Pattern[str] | None:
    """None where it matches nothing."""
    parts: list[str] = []
    for token in _TOKEN.finditer(pattern):
        if token["folders"]:
            parts.append("(?:.*/)?")
        elif token["rest"]:
            parts.append(".+")
        elif token["stars"]:
            parts.append("[^/]*")
        elif token["one"]:
            parts.append("[^/]")
        elif token["literal"] or token["plain"]:
            parts.append(re.escape(token["literal"] or token["plain"]))
        elif token["set"] is not None and token["set"]:
            characters = _characters(token["set"])
            if characters is None:
                return None
            parts.append(f"(?!/)[{'^' if token['not'] else ''}{characters}]")
        else:
            # an unclosed bracket, a trailing backslash
            return None
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return None


def _characters(text: str) -> str | None:
    """The inside of a bracket for ``re``; None where it names an unknown class."""
    found = ""
    for part in _PART.finditer(text):
        name, first, last = part.groups()
        if name:
            if name not in _CLASSES:
                return None
            found += _CLASSES[name]
        elif last and first[-1] > last[-1]:
            # a reversed range matches nothing
            continue
        else:
            found += re.escape(first[-1]) + (f"-{re.escape(last[-1])}" if last else "")
    return found or None
