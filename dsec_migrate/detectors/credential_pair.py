"""The value is a user name with its password, or a list of such pairs."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.literal_parts import HIDDEN
from dsec_migrate.detectors.names import split
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "credential pair"
NEEDS = Needs.MARKS
IN_TEXT = False

_PAIR = Pattern(r"(?P<user>[^\s:,;|/=@\"'${}]{1,128}(?:@[\w.-]{1,128})?):(?P<password>[^\s:,;|\"']{1,256})")
# atmoz/sftp: user:password[:e]:UID[:GID[:folders]]; dperson/samba: user;password[;ID;group;GID]
_ACCOUNT = Pattern(
    r"(?P<user>[A-Za-z_][\w.-]{0,63}):(?P<password>[^\s:,;|\"']{1,256}):(?:e:)?\d{1,6}(?::\d{0,6})?(?::[\w,./-]{0,512})?"
)
_SAMBA_USER = Pattern(r"[A-Za-z_][\w.-]{0,63};(?P<password>[^\s;|\"']{1,256})(?:;[^\s;]{0,64}){0,3}\Z")
_SLASH_PAIR = Pattern(r"[\w\x01-]{1,64}/(?P<password>\S{1,256})\Z")
_SEPARATORS = Pattern(r"([\s,;|\"']+)")
_BETWEEN_BLANKS = Pattern(r"[^\s\"']+")
_NUMBER = Pattern(r"[\d.]+\Z")
_AUTHENTICATING = frozenset(
    ["AUTH", "BASICAUTH", "USERPASS", "USERINFO", "CREDENTIAL", "CREDENTIALS", "CREDS", "HTPASSWD", "LOGIN"]
)
_NAMING = frozenset(
    {
        "USER",
        "USERS",
        "SUPERUSER",
        "ADMIN",
        "ADMINS",
        "ACCOUNT",
        "ACCOUNTS",
    }
)
_GROUPS = frozenset(
    ["root", "users", "nogroup", "nobody", "docker", "www-data", "node", "staff", "wheel", "daemon", "nginx", "app"]
)
_PRINCIPALS = frozenset(
    {
        "user",
        "group",
        "role",
        "principal",
        "serviceaccount",
    }
)

Find = Callable[[str], "list[tuple[int, int]]"]


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a user name with its password, or a list of such pairs."""
    find = _reader(candidate.name)
    if find is None:
        return None
    return scan(candidate, find, Confidence.LIKELY, "a user name with its credential", NAME)


@lru_cache(maxsize=4096)
def _reader(name: str) -> Find | None:
    """How the value of a variable of this name writes pairs, if it does."""
    found = split(name)
    if not found:
        return None
    if found[-2:] == ("NEO4J", "AUTH"):
        return _slash_pair
    if found[-1] in _AUTHENTICATING or found[-2:] == ("USER", "INFO"):
        return _pairs
    # `USER2`
    return _strict_pairs if found[-1].rstrip("0123456789") in _NAMING else None


def _slash_pair(view: str) -> list[tuple[int, int]]:
    match = _SLASH_PAIR.match(view)
    return [match.span("password")] if match else []


def _pairs(view: str) -> list[tuple[int, int]]:
    """The passwords when all of ``view`` is pairs, separated by commas, semicolons, bars or blanks."""
    if ":" not in view:
        return []
    ranges: list[tuple[int, int]] = []
    users: list[str] = []
    position = 0
    for piece in _SEPARATORS.split(view):
        if piece and not _SEPARATORS.fullmatch(piece):
            match = _PAIR.match(piece)
            # numbers are ports and group ids
            if match is None or match.end() < len(piece) or _NUMBER.match(match["password"]):
                return []
            users.append(match["user"].lower())
            ranges.append((position + match.start("password"), position + match.end("password")))
        position += len(piece)
    return ranges if len(users) == len(set(users)) else []


def _strict_pairs(view: str) -> list[tuple[int, int]]:
    """A name such as USER often means ``user:group`` or ``User:alice``, a principal: that is not a pair."""
    ranges = _accounts(view) or _pairs(view)
    if view.partition(":")[0].lower() in _PRINCIPALS:
        return []
    return [] if any(_is_group(view, start, end) for start, end in ranges) else ranges


def _accounts(view: str) -> list[tuple[int, int]]:
    """The passwords when all of ``view`` is accounts with their numbers, separated by blanks."""
    samba = _SAMBA_USER.match(view)
    if samba is not None:
        return [samba.span("password")]
    found = [_ACCOUNT.fullmatch(view, *span) for span in _words(view)]
    ranges = [one.span("password") for one in found if one is not None and not _NUMBER.match(one["password"])]
    return ranges if len(ranges) == len(found) else []


def _words(view: str) -> list[tuple[int, int]]:
    return [match.span() for match in _BETWEEN_BLANKS.finditer(view)]


def _is_group(view: str, start: int, end: int) -> bool:
    """``node:node``, ``app:root``, ``${UID}:${GID}``."""
    name = view[start:end]
    return name in _GROUPS or view[: start - 1].endswith(name) or not name.strip(HIDDEN)
