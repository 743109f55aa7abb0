"""An option of a command in the value carries a password."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsec_migrate.detectors.assignments import is_plain, is_shell
from dsec_migrate.detectors.names import Kind, meaning
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.finding import Candidate, Confidence, Verdict
from dsec_migrate.patterns import Pattern

NAME = "command option"
WHY = "a command option carries a credential"

# `--password x`, `--password=x`, also as neighbours in a list: `"--password", "x"` or one per line
_OPTION = Pattern(
    r"""(?<![\w-])--?(?P<name>[a-z][a-z0-9_.-]{0,60}?)
    (?: = | ["']? (?:,?[ \t]+ | [ \t]*\n[ \t]*-[ \t]+) ["']? | ["'],["'] )
    (?: (?P<quote>["'])(?P<quoted>[^"'\n]{1,512})(?P=quote) | (?P<bare>(?!-)[^\s"',;&|<>()\[\]{}\\]{1,512}) )""",
    re.VERBOSE | re.IGNORECASE,
)
# Redis and Valkey, ZITADEL
_OF_SERVERS = frozenset({"requirepass", "masterauth", "masterkey"})


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of values of password options in ``text``, a view. Linear in its length."""
    return [(start, end) for _, start, end in options(text)]


def options(text: str) -> Iterator[tuple[str, int, int]]:
    """The password options of ``text``: each name in lower case, without its dashes, and the range of the value."""
    for match in _OPTION.finditer(text) if "-" in text else ():
        name = match["name"].lower()
        kind = Kind.PASSWORD if name in _OF_SERVERS else _kind(name)
        group = "bare" if match["bare"] is not None else "quoted"
        value = match[group]
        if value[-1] in "#%" and text.startswith("{", match.end(group)):
            # the beginning of `#{name}`
            continue
        if kind >= Kind.LIKELY and value[0] != "-" and not is_shell(value) and not is_plain(value, kind):
            yield name, *match.span(group)


def _kind(name: str) -> Kind:
    told = meaning(name)
    return Kind.PLAIN if told.is_switch else told.kind


def detect(candidate: Candidate) -> Verdict | None:
    """An option of a command in the value carries a password."""
    text = candidate.text
    if text is not None and "$" not in text and text[:1] != "-" and " -" not in text:
        return None
    return scan(candidate, find, Confidence.LIKELY, WHY, NAME)
