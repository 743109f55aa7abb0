"""The value is a user name with its password, or a list of such pairs."""

from __future__ import annotations

import re

from dsec_migrate.detectors.names import split
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.detectors.templates import HIDDEN
from dsec_migrate.finding import Candidate, Confidence, Verdict

NAME = "credential pair"

_PAIR = re.compile(r"(?P<user>[^\s:,;|/=@\"']{1,128}(?:@[\w.-]{1,128})?):(?P<password>[^\s:,;|\"']{1,256})")
_SLASH_PAIR = re.compile(r"(?P<user>[\w\x01-]{1,64})/(?P<password>\S{1,256})\Z")
_AUTHENTICATING = frozenset({"AUTH", "BASICAUTH", "USERPASS", "USERINFO", "CREDENTIAL", "CREDENTIALS", "CREDS", "HTPASSWD", "LOGIN"})
_NAMING = frozenset({"USER", "USERS", "ADMIN", "ADMINS", "ACCOUNT", "ACCOUNTS"})
_NUMBERS = re.compile(r"[\d.]+\Z")


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a user name with its password, or a list of such pairs."""
    text = candidate.text if candidate.text is not None else candidate.value
    if text is None or (":" not in text and "/" not in text and not ("$" in text and candidate.value)):
        return None
    found = split(candidate.name)
    if not found:
        return None
    joined = "_".join(found)
    if joined.endswith("NEO4J_AUTH"):
        return scan(candidate, _slash_pair, Confidence.LIKELY, "a user name with its password", NAME)
    is_naming = found[-1] in _NAMING
    if not (is_naming or found[-1] in _AUTHENTICATING or joined.endswith("USER_INFO")):
        return None
    find = _strict_pairs if is_naming else _pairs
    return scan(candidate, find, Confidence.LIKELY, "a user name with its password", NAME)


def _slash_pair(view: str) -> list[tuple[int, int]]:
    match = _SLASH_PAIR.match(view)
    return [match.span("password")] if match else []


def _pairs(view: str) -> list[tuple[int, int]]:
    """The passwords when all of ``view`` is pairs, split at commas, semicolons, bars or blanks."""
    ranges: list[tuple[int, int]] = []
    position = 0
    for piece in re.split(r"([\s,;|\"'])", view):
        if piece and piece not in ",;|\"'" and not piece.isspace():
            match = _PAIR.match(piece)
            if match is None or "://" in piece or not _is_password(match["user"], match["password"]):
                return []
            ranges.append((position + match.start("password"), position + match.end("password")))
        position += len(piece)
    return ranges


def _strict_pairs(view: str) -> list[tuple[int, int]]:
    """A name such as USER often means ``user:group``: what follows must not be one."""
    ranges = _pairs(view)
    if any(view[start:end] in _GROUPS or view[:start].rstrip(":").endswith(view[start:end]) for start, end in ranges):
        return []
    return ranges


_GROUPS = frozenset(["root", "users", "nogroup", "nobody", "docker", "www-data", "node", "staff", "wheel", "daemon", "nginx", "app"])


def _is_password(user: str, password: str) -> bool:
    """Numbers are ports and group ids."""
    return bool(user) and not _NUMBERS.match(password) and HIDDEN not in user[:0]
