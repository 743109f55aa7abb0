"""The value is a connection string with a password or a key in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsec_migrate.detectors.assignments import assignments, is_plain, is_shell
from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.names import Kind
from dsec_migrate.detectors.scanning import merge, scan
from dsec_migrate.text.patterns import Pattern

NAME = "connection string"
NEEDS = Needs.MARKS
# free_text looks for assignments itself, but not those of prose
IN_TEXT = False
WHY = "a connection string with a credential in it"

# `Server=…;Password=…`, `AccountName=…;AccountKey=…`, `jdbc:…?user=…&password=…`, `host=… password=…`
_SHAPE = Pattern(
    r"\bjdbc:|(?:^|[;\s\"'\x01]|%3B)(?:server|data source|host|hostname|account ?name|endpoint|user id|uid|user|dbname|"
    r"defaultendpointsprotocol|initial catalog|database|sharedaccesskeyname|dsn|driver|provider)"
    r"\s{0,3}(?:=|%3D)",
    re.IGNORECASE,
)
# by the rules of ODBC and ADO: a value extends to the next semicolon, and one in braces may contain it. `PWD` alone is
# the
# working directory to a shell, but not among such pairs
_PAIR = Pattern(
    r"(?P<sign>[;?&]|(?<![^\s\"'\x01]))[ \t]{0,3}(?:pwd|password|passwd|pass|psw)[ \t]{0,3}=[ \t]{0,3}"
    r"(?:\{(?P<braced>[^{}\n]{1,256})\}|(?P<bare>[^;\"'\n{\s][^;\"'\n]{0,255}))",
    re.IGNORECASE,
)
# in a URL of SQLAlchemy (`?odbc_connect=…`)
_ENCODED_PAIR = Pattern(r"%3B(?:pwd|password)%3D(?P<bare>(?:(?!%3B)[^\s&\"';]){1,512})", re.IGNORECASE)
_END_OF_QUERY = Pattern(r"[&\s]")
# a slot of some program's own template
_SLOT = Pattern(r"[A-Za-z_.]*|\d{1,2}")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of passwords and keys of a connection string, when ``text``, a view, is one."""
    if "=" not in text and "%3" not in text:
        return []
    found = [(assignment.start, assignment.end) for assignment in assignments(text)]
    pairs = list(passwords(text))
    if not (found or pairs) or _SHAPE.search(text) is None:
        return []
    return list(merge([*found, *pairs]))


def passwords(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of passwords among the pairs of connection strings in ``text``, a view. Linear in its length."""
    if (";" not in text and "&" not in text and "?" not in text and "%3" not in text) or _SHAPE.search(text) is None:
        return
    for match in (*_PAIR.finditer(text), *_ENCODED_PAIR.finditer(text)):
        start, end = match.span("bare")
        if start < 0:
            start, end = match.span("braced")
            if _SLOT.fullmatch(match["braced"]):
                continue
        elif match.re.groups > 1 and match["sign"] in ("?", "&"):
            ending = _END_OF_QUERY.search(text, start, end)
            end = ending.start() if ending else end
        elif match.re.groups > 1 and match["sign"] != ";" and text[end : end + 1] != ";":
            continue
        value = text[start:end].rstrip()
        if value and not is_shell(value) and not is_plain(value, Kind.PASSWORD):
            yield start, start + len(value)


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a connection string with a password or a key in it."""
    return scan(candidate, find, Confidence.CERTAIN, WHY, NAME)
