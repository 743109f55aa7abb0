"""An option of a command in the value carries a password."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsec_migrate.detectors.assignments import is_plain, is_shell
from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.names import Kind, meaning, split
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "command option"
NEEDS = Needs.MARKS
IN_TEXT = True
CONFIDENCE = Confidence.LIKELY
WHY = "a command option contains a credential"

# `--password x`, `--password=x`, also as neighbours in a list: `"--password", "x"` or one per line; `+password x` of
# game servers; names of .NET settings are separated by colons
_OPTION = Pattern(
    r"""(?<![\w-])(?:--?|(?<!\S)\+)(?P<name>[a-z][a-z0-9_.:-]{0,60}?)
    (?: = | ["']? (?:,?[ \t]+ | [ \t]*\n[ \t]*-[ \t]+) ["']? | ["'],["'] )
    (?: (?P<quote>["'])(?P<quoted>[^"'\n]{1,512})(?P=quote) | (?P<bare>(?!-)[^\s"',;&|<>()\[\]{}\\]{1,512}) )""",
    re.VERBOSE | re.IGNORECASE,
)
# `--token:x`, `/token:x`, `/Db:Password=x`, as .NET, MSBuild and others write it; no path has a colon or a sign there
_COLON = Pattern(
    r"""(?<![^\s"'\[,=])(?: --? (?P<name>[a-z][a-z0-9_.-]{0,60}): | /(?P<slashed>[a-z][a-z0-9_.:-]{0,60}?)[:=] )
    (?: \\?(?P<quote>["'])(?P<quoted>[^"'\n]{1,512})(?P=quote)
      | (?P<bare>(?![-/:=])[^\s"',;&|<>()\[\]{}\\]{1,512}) )""",
    re.VERBOSE | re.IGNORECASE,
)
# `set NAME x`, of Redis, npm, AWS and game servers: a name of several words
_SET = Pattern(
    r"""(?:\bset|\+set)["']?[\s,]{1,4}["']?(?P<name>[\w./:@-]{1,120})["']?[\s,]{1,4}
    (?: \\?(?P<quote>["'])(?P<quoted>[^"'\n]{1,512})(?P=quote) | (?P<bare>(?!-)[^\s"',;&|<>()\[\]{}\\=]{1,512}) )""",
    re.VERBOSE | re.IGNORECASE,
)
# Redis and Valkey, ZITADEL; servers of games that run on Source
_OF_SERVERS = frozenset({"requirepass", "masterauth", "masterkey", "sv_setsteamaccount"})

# the start of a word that may be an option, or `set`
_BEGINNING = Pattern(r"(?:^|[\s\"'\[,])[-+/]|(?i:\bset[\s\"'])")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of values of password options in ``text``, a view. Linear in its length."""
    return [(start, end) for _, start, end in options(text)]


def options(text: str) -> Iterator[tuple[str, int, int]]:
    """The password options of ``text``: each name in lower case, without its dashes, and the range of the value."""
    taken: set[int] = set()
    for match in _COLON.finditer(text) if ":" in text or "/" in text else ():
        name, value = _name(match), match["bare"] or match["quoted"]
        # `--Token:Secret=x`: the name continues
        if match["slashed"] is None and _kind(value.partition("=")[0]) >= Kind.LIKELY and "=" in value.rstrip("="):
            continue
        if _kind(name) >= Kind.LIKELY and not _is_no_value(text, match, _kind(name)):
            taken.add(match.start())
            yield name, *_span(match)
    for match in _OPTION.finditer(text) if "-" in text or "+" in text else ():
        name = match["name"].lower()
        kind = _kind(name)
        if kind >= Kind.LIKELY and match.start() not in taken and not _is_no_value(text, match, kind):
            start, end = _span(match)
            yield name, start + len("pass:") * text.startswith("pass:", start, end), end
    for match in _SET.finditer(text) if "set" in text or "SET" in text else ():
        name = match["name"].lower()
        kind = _kind(name)
        is_name = name in _OF_SERVERS or len(split(name)) > 1
        if is_name and kind >= Kind.LIKELY and not _is_no_value(text, match, kind):
            yield name, *_span(match)


def _name(match: re.Match[str]) -> str:
    return (match["name"] or match["slashed"]).lower()


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.span("bare" if match["bare"] is not None else "quoted")


def _is_no_value(text: str, match: re.Match[str], kind: Kind) -> bool:
    value, end = match["bare"] or match["quoted"], _span(match)[1]
    # the beginning of `#{name}`
    is_open = value[-1] in "#%" and text.startswith("{", end)
    return is_open or value[0] == "-" or is_shell(value) or is_plain(value, kind)


def _kind(name: str) -> Kind:
    told = meaning(name)
    if name in _OF_SERVERS:
        return Kind.PASSWORD
    return Kind.PLAIN if told.is_switch else told.kind


def detect(candidate: Candidate) -> Verdict | None:
    """An option of a command in the value carries a password."""
    text = candidate.text
    if text is not None and "$" not in text and not _BEGINNING.search(text):
        return None
    return scan(candidate, find, CONFIDENCE, WHY, NAME)
