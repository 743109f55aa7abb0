"""What the value of a variable looks like, whatever its name."""

from __future__ import annotations

import math
import re

_SWITCHES = frozenset(
    ["true", "false", "yes", "no", "on", "off", "0", "1", "y", "n", "t", "f", "enabled", "disabled", "enable", "disable", "always", "never", "optional", "required", "auto"]
)
_NOTHING = frozenset({"null", "none", "nil", "undefined", "~", "n/a", "unset", "false"})

_STORE = re.compile(
    r"""(?: (?:/var)?/run/secrets/ | file:/ | file://? | vault: | op:// | @/ | ref\+ | secret:// | se:// | sm:// | dso(?:file)?://
    | doppler:// | infisical:// | keyring: | arn:aws:(?:secretsmanager|ssm): | projects/[^/\s]+/secrets/ | awssm: | ssm:/
    | \{\{\s*DOCKER-SECRET: | \{\{DOCKER | <<SECRET: | \$\{?file: | env: | \$__file\{ | \$__env\{ | \$__vault\{ | secretref: )""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?\Z")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s?(?:ms|us|ns|s|m|h|d|w|y|sec|min|hours?|days?|minutes?|seconds?|kb|mb|gb|k|g|%))+\Z", re.IGNORECASE)
_ROOTS = re.compile(
    r"(?:~|\.{1,2})?/(?:run|etc|var|home|opt|usr|certs?|data|tmp|config|app|root|mnt|srv|secrets?|ssl|keys?|media|lib|dev|"
    r"proc|bin|vault|conf|credentials)(?:/|\Z)"
)
_PATH = re.compile(r"(?:~|\.{1,2})?/(?:[\w.@+-]+/)*[\w.@+*-]*\Z|[A-Za-z]:\\\S*\Z")
_RELATIVE_PATH = re.compile(r"(?:[\w.-]+/)+[\w-]+\.\w{1,8}\Z")
_FILE_NAME = re.compile(
    r"[\w./-]+\.(?:pem|key|crt|cert|cer|der|jks|p12|pfx|txt|json|ya?ml|env|conf|cfg|ini|properties|xml|toml|db|sqlite3?|sh|py|js|"
    r"keystore|truststore|csr|pub|pwd|gpg|asc|log)\Z",
    re.IGNORECASE,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*\Z")
_CLASS_NAME = re.compile(r"(?:[a-z][a-z0-9_]*\.){2,}[A-Za-z_$][\w$]*\Z")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)+[A-Za-z]{2,24}(?::\d+)?/?\Z|[\w.-]+:\d{2,5}\Z|\d+\.\d+\.\d+\.\d+(?:[:/]\d+)?\Z")
_EMAIL = re.compile(r"[^@\s:/]+@[^@\s:/]+\.[A-Za-z]{2,}\Z")
_FILLER = re.compile(r"%s|%[({].*|\{[^\"]*\}?|\[\[.*|\*+|\.{3}|<.*>?")


def unquoted(value: str) -> str:
    """A list item's quotes are part of the value (``- K="v"``); they do not change what it is."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def is_nothing(value: str) -> bool:
    """Empty, or a word that stands for no value."""
    return not value or value.isspace() or (len(value) < 12 and unquoted(value).lower() in _NOTHING)


def is_switch(value: str) -> bool:
    return len(value) < 12 and unquoted(value).lower() in _SWITCHES


def is_store_reference(value: str) -> bool:
    """The value only says where the secret is kept."""
    return _STORE.match(unquoted(value)) is not None


def is_number(value: str) -> bool:
    return _NUMBER.match(value) is not None


def is_measure(value: str) -> bool:
    """A small number or a duration or size: a limit, a time to live, a length."""
    return len(value) < 8 and (_NUMBER.match(value) is not None or _DURATION.match(value) is not None)


def is_rooted_path(value: str) -> bool:
    """A path below a folder that systems and containers have."""
    return value[:1] in "/.~" and _ROOTS.match(value) is not None and _PATH.match(value) is not None


def is_path(value: str) -> bool:
    if _FILE_NAME.match(value) or is_rooted_path(value) or _RELATIVE_PATH.match(value):
        return True
    return _PATH.match(value) is not None and not any(looks_random(piece) for piece in value.split("/"))


def is_address(value: str) -> bool:
    """A URL, a host name with or without port, or an e-mail address."""
    return _URL.match(value) is not None or _HOST.match(value) is not None or _EMAIL.match(value) is not None


def is_url(value: str) -> bool:
    return _URL.match(value) is not None


def is_class_name(value: str) -> bool:
    return _CLASS_NAME.match(value) is not None


def is_filler(value: str) -> bool:
    """A slot for a value in a template or a message (``%s``, ``{password}``)."""
    return _FILLER.fullmatch(value) is not None


_RANDOM_TEXT = re.compile(r"[A-Za-z0-9+/=_.~!@#$%^&*-]{16,4096}\Z")
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-fA-F]{16,}\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_WORDS = re.compile(r"[A-Za-z]+|\d+")


def looks_random(value: str) -> bool:
    """Long text that nobody makes up: hexadecimal, Base64, UUIDs and the like."""
    if len(value) < 16 or _RANDOM_TEXT.match(value) is None:
        return False
    if _HEXADECIMAL.match(value):
        return len(set(value.lower())) >= 6 and not value.isdigit()
    if _UUID.match(value):
        return True
    # words and numbers joined by punctuation (kebab-case names, versions, host names) are made up by people
    pieces = re.split(r"[-_.+/=~!@#$%^&*]+", value)
    longest = max(pieces, key=len)
    if len(longest) < 12:
        return False
    runs = _WORDS.findall(longest)
    changes = len(runs) + sum(a.islower() != b.islower() for a, b in zip(longest, longest[1:]) if a.isalpha() and b.isalpha())
    return changes >= len(longest) / 4 and entropy(longest) >= 3.0


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in (text.count(c) for c in set(text))) if size else 0.0
