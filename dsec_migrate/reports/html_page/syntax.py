"""Highlights one line: keys, strings, comments, and masks, which are never split.

The elements are short because a page may have many thousands of them: ``b`` is a key or an instruction, ``u`` a quoted
string, ``var`` a number, a boolean or a reference, ``i`` a comment, ``mark`` a mask. The style sets the colors.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

from dsec_migrate.planning.bare_dockerfile import is_dockerfile
from dsec_migrate.text.secret import MASK
from dsec_migrate.text.source import Rewritten

Colour = Callable[[str], str]

_QUOTED = r"""(?P<u>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')"""
_REFERENCE = r"(?<!\$)(?:\$\{[^{}]*\}|\$[A-Za-z_]\w*)"
_COMMENT = r"(?P<i>(?:(?<=\s)|^)\#.*)"

_YAML = re.compile(
    rf"""
    (?P<b>(?:(?<=[\s{{,])|^)(?:"[^"]*"|'[^']*'|[^\s\#:{{}}\[\],&*!|>'"%@`-][^\s\#:{{}}\[\],]*):(?=\s|$))
    | {_QUOTED} | {_COMMENT}
    | (?P<var>{_REFERENCE}|(?<=[\s\[,])(?:-?\d+(?:\.\d+)?|true|false|null|yes|no|on|off|~)(?=\s*(?:$|,|\]|\}}|\s\#)))
    """,
    re.VERBOSE,
)
_ENV_FILE = re.compile(
    rf"(?P<b>^\s*(?:export\s+)?[A-Za-z_][\w.]*(?=\s*[=:]))|{_QUOTED}|{_COMMENT}|(?P<var>{_REFERENCE})", re.VERBOSE
)
_DOCKERFILE = re.compile(
    rf"(?P<b>^\s*[A-Z]{{2,}}(?=\s))|{_QUOTED}|(?P<i>^\s*\#.*)|(?P<var>{_REFERENCE}|(?<=\s)--[a-z]+(?=[=\s]))",
    re.VERBOSE,
)


def colour_of(rewritten: Rewritten) -> Colour:
    """The function that turns a (masked, harmless) line of this file into HTML."""
    if rewritten.is_env_file:
        return lambda line: _coloured(line, _ENV_FILE)
    if is_dockerfile(Path(rewritten.path)):
        return lambda line: _coloured(line, _DOCKERFILE)
    return lambda line: _coloured(line, _YAML)


def _coloured(line: str, tokens: re.Pattern[str]) -> str:
    parts: list[str] = []
    position = 0
    for match in tokens.finditer(line):
        element = match.lastgroup
        parts += (
            html.escape(line[position : match.start()], quote=False),
            f"<{element}>{html.escape(match.group(), quote=False)}</{element}>",
        )
        position = match.end()
    parts.append(html.escape(line[position:], quote=False))
    return "".join(parts).replace(MASK, f"<mark>{MASK}</mark>")
