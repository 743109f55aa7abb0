"""Whether a value is so common that two equal ones prove nothing."""

from __future__ import annotations

from functools import lru_cache

from dsec_migrate.text.patterns import Pattern

MINIMUM_LENGTH = 8
_LONG = 64
_SHORTEST_TELLING = 4
_LOOK_ALIKE = str.maketrans("013457@$", "oleastas")
_LOOK_ALIKE_TOO = str.maketrans("01!3457@$", "oiieastas")
_APPENDED = "0123456789!@#$%^&*._-"

_WORDS = (
    r"pass(?:word|wd|phrase)?|secret|changeit|change|changeme|me|please|this|replace|with|your|my|own|the|a|an|to|it|in|"
    r"example|sample|placeholder|insert|enter|here|todo|tbd|none|null|undefined|default|test|testing|demo|dev|"
    r"development|local|localhost|admin|administrator|root|user|username|guest|super|supersecret|some|very|strong|"
    r"random|string|generate|generated|secure|safe|value|key|token|api|jwt|app|db|database|postgres|postgresql|mysql|"
    r"mariadb|mongo|mongodb|redis|rabbitmq|rabbit|minio|minioadmin|keycloak|grafana|elastic|elasticsearch|wordpress|"
    r"nextcloud|letmein|qwerty|qwertyuiop|welcome|monkey|dragon|hello|world|foo|bar|baz|foobar|abc|abcd|xyz|hunter"
)
_ONLY_COMMON_WORDS = Pattern(rf"(?:{_WORDS}|x+|[\W\d_])+")


@lru_cache(maxsize=4096)
def is_distinctive(value: str) -> bool:
    """Whether ``value`` is long and unusual enough that a second occurrence of it is the same secret."""
    if len(value) < MINIMUM_LENGTH or len(set(value)) < 4:
        return False
    if _is_long_number(value) or len(value) > _LONG:
        return True
    folded = value.lower()
    # `P@ssw0rd` is as common as the word itself
    bare = folded.rstrip(_APPENDED)
    spellings = (folded, folded.translate(_LOOK_ALIKE), bare.translate(_LOOK_ALIKE), bare.translate(_LOOK_ALIKE_TOO))
    return all(_ONLY_COMMON_WORDS.fullmatch(spelling) is None for spelling in spellings)


def is_telling(value: str) -> bool:
    """Whether a comment after ``value`` that repeats it reveals it, and does not just use the same word."""
    if len(value) < _SHORTEST_TELLING or "\n" in value:
        return False
    return is_distinctive(value) or any(character.isdigit() for character in value)


def _is_long_number(value: str) -> bool:
    """Digits alone are common (1234567890) unless there are many, in no counting order."""
    return value.isdigit() and len(value) >= 12 and value not in "01234567890123456789" * 2
