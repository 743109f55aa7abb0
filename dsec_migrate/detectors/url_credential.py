"""A URL in the value has a password in it."""

from __future__ import annotations

import re

from dsec_migrate.detectors.scanning import scan
from dsec_migrate.detectors.templates import HIDDEN
from dsec_migrate.finding import Candidate, Confidence, Verdict

NAME = "URL credential"

_USER_INFO = re.compile(
    # scheme://user:password@host, the user may be missing
    r"://[^\s/?#@:\"'<>]{0,256}:(?P<password>[^\s/@\"'<>]{1,512})@(?!sha\d)(?=[^\s@]|$)"
    # jdbc:oracle:thin:user/password@host
    r"|\bthin:[^\s/@:]{1,128}/(?P<oracle>[^\s/@\"']{1,256})@"
)
# user:password@tcp(host:3306)/database as Go programs write it, or user:password@host:port
_BARE = re.compile(r"[\"']?(?P<user>[\w.-]{1,128}):(?P<password>[^\s/@:\"']{1,256})@(?:tcp\(|unix\(|[\w.-]{1,253}:\d{2,5}(?:/|\Z)|[\w-]{1,63}/)")
# notification services whose URL starts with a token (https://containrrr.dev/shoutrrr/, https://github.com/caronc/apprise)
_TOKEN_FIRST = re.compile(
    r"\b(?:discord|telegram|tgram|slack|pushbullet|gotify|pushover|opsgenie|rocketchat|mattermost|teams|matrix|join|ifttt|zulip|"
    r"bark|pover|hassio)s?://(?P<token>[^\s/@:?]{8,256})(?=[@/])"
)


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of passwords of URLs in ``text``, a view. Linear in its length."""
    if "@" not in text and "://" not in text:
        return []
    ranges: list[tuple[int, int]] = []
    if "@" in text:
        for match in _USER_INFO.finditer(text):
            ranges.append(match.span("password" if match["password"] is not None else "oracle"))
        bare = _BARE.match(text)
        if bare and not ranges:
            ranges.append(bare.span("password"))
    if "://" in text:
        ranges += [match.span("token") for match in _TOKEN_FIRST.finditer(text) if _is_token(match["token"])]
    return ranges


def _is_token(text: str) -> bool:
    return HIDDEN in text or any(character.isdigit() for character in text)


def detect(candidate: Candidate) -> Verdict | None:
    """A URL in the value has a password in it."""
    return scan(candidate, find, Confidence.CERTAIN, "a URL with a password in it", NAME)
