"""The value runs a program with a password among its arguments, or contains a statement with one."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.detectors.assignments import is_shell
from dsec_migrate.detectors.finding import Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.known_programs import Word, credentials
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.detectors.value_shapes import is_filler, is_nothing, is_reference
from dsec_migrate.text.patterns import Pattern

NAME = "program word"
NEEDS = Needs.MARKS
IN_TEXT = True
CONFIDENCE = Confidence.LIKELY
WHY = "a credential among the arguments of a program"

# between an option and its value, also as adjacent list items
_GAP = r"[\"']?[\s,=]{1,4}[\"']?"
# a quoted value may contain blanks
_VALUE = r"(?P<value>(?<=\")[^\"\n]{1,256}(?=\")|(?<=')[^'\n]{1,256}(?=')|[^\s\"'|;&,]{1,256})"
# one word and what separates it from the next
_WORD = r"[^\s|;&]{1,256}[\"']?[\s,]{1,4}[\"']?"

# positional arguments
_PLACES = (
    # Apache's htpasswd, and Mosquitto's: with -n it prints, else a file comes first; -b takes it from the words
    (
        "passwd",
        "htpasswd",
        Pattern(
            r"\b(?:htpasswd|mosquitto_passwd)[\s,\"']{1,4}(?=(?:-\w{1,8}[\s,\"']{1,4}){0,6}-\w{0,7}b)"
            r"(?:(?=(?:-\w{1,8}[\s,\"']{1,4}){0,6}-\w{0,7}n)(?:-\w{1,8}[\s,\"']{1,4}(?:\d{1,2}[\s,\"']{1,4})?){1,6}"
            rf"|(?:-\w{{1,8}}[\s,\"']{{1,4}}(?:\d{{1,2}}[\s,\"']{{1,4}})?){{1,6}}{_WORD}){_WORD}{_VALUE}"
        ),
    ),
    # an option with a user and a password (Flower, ttyd and others)
    (
        "auth",
        "auth",
        Pattern(
            r"(?<![\w-])--?(?:http[_-]?)?(?:basic[_-]?)?auth(?:entication)?" + _GAP + r"[^\s\"':/=]{1,128}:"
            r"(?P<value>(?!\d+(?![^\s\"'|;&,]))[^\s\"'|;&,/][^\s\"'|;&,]{0,255})"
        ),
    ),
    # Samba (dperson/samba): user;password[;ID;group;GID]
    (
        "-u",
        "-u",
        Pattern(r"(?<![\w-])-u" + _GAP + r"[\w.@-]{1,64};(?P<value>(?=[^\s;\"']{0,64}[A-Z\d\W])[^\s;\"'|&]{1,256})"),
    ),
    # SFTP (atmoz/sftp): user:password[:e]:UID[:GID[:folders]]
    (
        ":",
        "user:password:UID",
        Pattern(
            r"(?<![^\s\"'])(?!\d)[a-z_][\w.-]{0,31}:(?P<value>(?=[^\s:]{0,64}[A-Z\d\W])[^\s:/\"']{4,128}):(?:e:)?"
            r"(?:\d{3,5}:\d{1,5}|1\d{3}|[5-9]\d\d)(?::[\w,./-]{0,256})?(?![^\s\"'])"
        ),
    ),
)
# what a program reads from its standard input
_SCHEME = r"(?P<value>(?=[^\s\"']{0,64}\d)[A-Za-z0-9._~+/=:-]{8,4096})[\"']?\s{0,4}\Z"
_STATEMENTS = (
    # the value of a header, in any context
    ("bearer", Pattern(rf"(?i)\A\s{{0,4}}[\"']?bearer\s{{1,3}}{_SCHEME}")),
    ("basic", Pattern(rf"(?i)\A\s{{0,4}}[\"']?basic\s{{1,3}}{_SCHEME}")),
    (
        "chpasswd",
        Pattern(
            r"(?<![^\s\"'])[\w.@-]{1,64}:(?P<value>[^\s\"'|]{1,256})[\"']?\s{0,4}\|\s{0,4}(?:sudo\s)?[\w/]{0,32}chpasswd"
        ),
    ),
    ("chpasswd", Pattern(r"\bchpasswd\s{0,4}<<<\s{0,4}[\"']?[\w.@-]{1,64}:(?P<value>[^\s\"']{1,256})")),
    (
        "chpasswd",
        Pattern(
            r"\bprintf\s{1,4}[\"']?[\w.@-]{1,64}:%s(?:\\n)?[\"']?\s{1,4}[\"']?(?P<value>[^\s\"'|;&]{1,256})[\"']?\s{0,4}\|"
            r"\s{0,4}(?:sudo\s)?[\w/]{0,32}chpasswd"
        ),
    ),
    (
        "stdin",
        Pattern(
            r"\b(?:echo|printf)\s{1,4}(?:-\w\s{1,4})?(?:[\"']?%s(?:\\n)?[\"']?\s{1,4})?[\"']?"
            r"(?P<value>(?<=\")[^\"\n]{1,256}(?=\")|(?<=')[^'\n]{1,256}(?=')|[^\s\"'|;&-][^\s\"'|;&]{0,255})[\"']?\s{0,4}\|"
            r"[^|;&\n]{1,256}--?(?:password|pass|token)-?stdin\b"
        ),
    ),
    (
        "identified",
        Pattern(
            r"(?i)\bidentified\s{1,4}(?:with\s{1,4}[\w\"'`]{1,64}\s{1,4})?by\s{1,4}(?:password\s{1,4})?"
            r"[\"'](?P<value>[^\"'\n]{1,256})"
        ),
    ),
    ("password", Pattern(r"(?i)\bpassword\s{1,4}'(?P<value>[^'\n]{1,256})'")),
    # netrc, also in several lines
    (
        "password",
        Pattern(
            r"\blogin\s{1,8}\S{1,256}\s{1,8}(?:account\s{1,8}\S{1,256}\s{1,8})?password\s{1,8}(?P<value>[^\s\"']{1,256})"
        ),
    ),
    (
        "authorization",
        Pattern(
            r"(?i)\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token)\s{1,3}"
            r"(?P<value>[A-Za-z0-9._~+/=:-]{3,4096})"
        ),
    ),
)
# what a shell prints to passwd, Samba, Kerberos, sudo, GnuPG or disks, which ask, or read a line; twice for a new one
_SAID = (
    r"\s{1,4}(?:-\w{1,3}\s{1,4})?(?:[\"']?%s(?:\\n)?[\"']?\s{1,4})?[\"']?"
    r"(?P<value>(?![$`\x01])(?:(?<=\")[^\"\n]{1,256}(?=\")|(?<=')[^'\n]{1,256}(?=')"
    r"|[^\s\"'|;&()-][^\s\"'|;&()]{0,255}))[\"']?\s{0,4}"
)
_ASKING = (
    r"\|\s{0,4}(?:sudo\s{1,4}(?!-))?(?:/[\w/]{1,32}/)?(?:(?:smb|vnc)?passwd\b|kinit\b|cryptsetup\b"
    r"|sudo\s{1,4}(?:-\w{1,8}\s{1,4}){0,4}-\w{0,8}S\b|gpg2?\b[^|;&\n]{1,256}--passphrase-fd\b)"
)
_SAID_AGAIN = r"(?:;\s{0,4}echo\s[^;|)\n]{1,256})?;?\s{0,4}\)\s{0,4}"
_PIPED = (
    Pattern(rf"\b(?:echo|printf){_SAID}{_ASKING}"),
    Pattern(rf"\becho{_SAID}(?={_SAID_AGAIN}{_ASKING})"),
)
_ALL = (
    *_PLACES,
    *((mark, mark, pattern) for mark, pattern in _STATEMENTS),
    *(("|", "stdin", pattern) for pattern in _PIPED),
)


# the password extends to the end of its word
_TO_THE_END = frozenset({"htpasswd", "auth"})
# a single word is not a program call
_PARTS = Pattern(r"[ \t,]")


def find(view: str) -> list[tuple[int, int]]:
    """The ranges of passwords in ``view``. Linear in its length."""
    return [(word.start, word.end) for word in words(view)]


def words(view: str) -> Iterator[Word]:
    """The credentials of programs and statements, each with what reveals it. Linear in the length."""
    for word in credentials(view) if _PARTS.search(view) else ():
        if is_value(view[word.start : word.end]):
            yield word
    lowered = view.lower()
    for mark, label, pattern in _ALL:
        if mark in lowered:
            for match in pattern.finditer(view):
                if is_value(match["value"]):
                    yield Word(label, *match.span("value"), label in _TO_THE_END)


def is_value(value: str) -> bool:
    """Whether it is a password itself, and not its source."""
    if not value.strip("\\"):
        # the escape of the quote before a value
        return False
    return not (is_shell(value) or is_filler(value) or is_nothing(value) or is_reference(value))


def detect(candidate: Candidate) -> Verdict | None:
    """The value runs a program with a password among its arguments, or contains a statement with one."""
    return scan(candidate, find, CONFIDENCE, WHY, NAME)
