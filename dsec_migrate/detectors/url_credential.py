"""The value contains a URL with a password."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.literal_parts import HIDDEN
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "URL credential"
NEEDS = Needs.MARKS
IN_TEXT = True
WHY = "a URL with a credential in it"
CONFIDENCE = Confidence.CERTAIN

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
# of notification services (https://containrrr.dev/shoutrrr/, https://github.com/caronc/apprise): a token may be
# in the position of the user, the host or the path
_HOSTED = (
    r"(?:discord|telegram|tgram|slack|push(?:bullet|over|ed|jet|safer)?|pbul|pover|psafer|prowl|join|ifttt|line|wxteams"
    r"|s(?:erver)?chan|webex(?:teams)?|feishu|lark|spush|simplepush|techulus|dingtalk|wecombot|(?:ms)?teams|workflows?"
    r"|googlechat|gchat|pager(?:duty|tree)|sendgrid|sparkpost|mail(?:gun|jet)|twilio|nexmo|vonage|msg91|d7sms|sinch|clicksend|chantify|flock"
    r"|gitter|guilded|notica|notifiarr|onesignal|ryver|signl4|spontit|strmlabs|streamlabs|revolt|zulip|boxcar|bulksms|fcm"
    r"|threema|webpushr|whatsapp|ses|sns|resend|opsgenie)"
)
# these are self-hosted
_SERVED = (
    r"(?P<served>gotify|ntfy|rocket(?:chat)?|mattermost|mmost|matrix|hassio|lametric|bark|apprise|nctalk"
    r"|ncloud|synology)"
)
_SERVICE = Pattern(rf"(?:{_HOSTED}|{_SERVED})s?\Z")
_SCHEME = Pattern(r"(?<![A-Za-z0-9+.-])(?P<scheme>[a-z][a-z0-9]{2,15})://(?P<rest>[^\s\"'<>,;?#]{6,1024})")
_PART = Pattern(r"[^/@:]+")
_SHORTEST_TOKEN = 8


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
        for match in _SCHEME.finditer(text):
            ranges += _tokens(match["scheme"], match["rest"], match.start("rest"))
    return ranges


def _tokens(scheme: str, rest: str, offset: int) -> Iterator[tuple[int, int]]:
    """The parts of a notification service's URL that are tokens; ``rest`` starts at ``offset``, after the scheme."""
    service = _SERVICE.match(scheme)
    if service is None:
        return
    is_served = service["served"] is not None
    path, server = rest.find("/"), rest.rfind("@") + 1
    parts = list(_PART.finditer(rest))
    for part in parts:
        is_of_server = is_served and server <= part.start() and not 0 <= path < part.start()
        # the last component of a Gotify path
        is_last = service["served"] == "gotify" and 0 <= path < part.start() and part is parts[-1]
        if not is_of_server and (is_last or _is_token(part.group())):
            yield offset + part.start(), offset + part.end()


def _is_token(text: str) -> bool:
    """Tokens have letters and digits; names of hosts and channels seldom do."""
    if HIDDEN in text:
        return True
    has_both = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return len(text) >= _SHORTEST_TOKEN and has_both and "." not in text


def detect(candidate: Candidate) -> Verdict | None:
    """The value contains a URL with a password."""
    return scan(candidate, find, CONFIDENCE, WHY, NAME)
