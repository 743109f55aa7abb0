"""A URL in the value has a password in it."""

from __future__ import annotations

from dsec_migrate.detectors.finding import Candidate, Confidence, Verdict
from dsec_migrate.detectors.literal_parts import HIDDEN
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "URL credential"

# scheme://user:password@host, the user may be missing; jdbc:oracle:thin:user/password@host
_USER_INFO = Pattern(
    r"://[^\s/?#@:\"'<>]{0,256}:(?P<password>[^\s/@\"'<>]{1,512})@(?!sha\d)(?=[^\s@]|$)"
    r"|\bthin:[^\s/@:]{1,128}/(?P<oracle>[^\s/@\"']{1,256})@"
)
# user:password@tcp(host:3306)/database as Go programs write it, or user:password@host:port
_BARE = Pattern(
    r"[\"']?[\w.-]{1,128}:(?P<password>[^\s/@:\"']{1,256})@"
    r"(?:tcp\(|unix\(|[\w.-]{1,253}:\d{2,5}(?:/|\Z)|[\w-]{1,63}/)"
)
# NocoDB: pg://host:5432?u=user&p=password&d=database
_SHORT_QUERY = Pattern(r"[?&]u=[^&\s]{1,128}&p=(?P<password>[^&\s\"']{1,256})")
# notification services whose URL starts with a token (https://containrrr.dev/shoutrrr/,
# https://github.com/caronc/apprise)
_TOKEN_FIRST = Pattern(
    r"\b(?:discord|telegram|tgram|slack|pushbullet|gotify|pushover|pover|opsgenie|rocketchat|mattermost|teams|matrix|join|"
    r"ifttt|zulip|bark|hassio)s?://(?P<token>[^\s/@:?]{8,256})(?=[@/])"
)


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of passwords of URLs in ``text``, a view. Linear in its length."""
    ranges: list[tuple[int, int]] = []
    if "@" in text:
        ranges += [match.span("password" if match["password"] else "oracle") for match in _USER_INFO.finditer(text)]
        bare = None if ranges else _BARE.match(text)
        if bare:
            ranges.append(bare.span("password"))
    if "://" in text:
        if "&p=" in text:
            ranges += [match.span("password") for match in _SHORT_QUERY.finditer(text)]
        if not text.startswith(("http", "postgres", "redis", "jdbc")):
            ranges += [match.span("token") for match in _TOKEN_FIRST.finditer(text) if _is_token(match["token"])]
    return ranges


def _is_token(text: str) -> bool:
    """Tokens have digits; names of hosts and channels seldom do."""
    return HIDDEN in text or any(map(str.isdigit, text))


def detect(candidate: Candidate) -> Verdict | None:
    """A URL in the value has a password in it."""
    return scan(candidate, find, Confidence.CERTAIN, "a URL with a credential in it", NAME)
