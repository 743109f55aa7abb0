"""What the value of a variable looks like, whatever its name."""

from __future__ import annotations

import math
from itertools import pairwise

from dsec_migrate.detectors.resolvers import resolver_of
from dsec_migrate.text.patterns import Pattern

SWITCHES = frozenset(
    [
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "0",
        "1",
        "y",
        "n",
        "t",
        "f",
        "enabled",
        "disabled",
        "enable",
        "disable",
        "always",
        "never",
        "optional",
        "required",
        "auto",
    ]
)
# user_provided: LibreChat asks each user for the key
NOTHING = frozenset({"null", "none", "nil", "undefined", "~", "n/a", "unset", "user_provided"})
LONGEST_WORD = 15
"""Length of the longest switch or word for "no value"."""

_FILES = (
    "/run/secrets/",
    "/var/run/secrets/",
    "@/",
    "file:",
    "env:",
    "os.environ/",
    "<<secret:",
    "{{docker-secret:",
    "{{ docker-secret:",
)
# Grafana; configuration providers of Kafka, Spring and others
_FILE = Pattern(r"\$__(?:file|env|vault)\{|\$\{(?:file|env|dir|directory|sys)[\w.-]{0,32}:[^{}]{0,512}\}\Z")
_NUMBER = Pattern(r"[+-]?\d+(?:\.\d+)?\Z")
_MEASURE = Pattern(
    r"(?i)(?:\d+(?:\.\d+)?\s?(?:[munh]s|[smhdwykg%]|sec|min|hours?|days?|minutes?|seconds?|[kmg]b))+\Z|[+-]?\d+(?:\.\d+)?\Z"
)
_ROOTED = Pattern(
    r"(?:~|\.{1,2})?/(?:run|etc|var|home|opt|usr|certs?|data|tmp|config|app|root|mnt|srv|secrets?|ssl|keys?|media|lib|dev|"
    r"proc|bin|vault|conf|credentials)(?:/[\w.@+*/-]*)?\Z"
)
_PATH = Pattern(r"(?:~|\.{1,2})?/[\w.@+*/-]*\Z|[A-Za-z]:\\\S*\Z")
_RELATIVE_PATH = Pattern(r"[\w.-]+/[\w./-]*[\w-]\.\w{1,8}\Z")
_FILE_NAME = Pattern(
    r"(?i)[\w./%:@-]+\.(?:pem|key|crt|cert|cer|der|jks|p12|pfx|txt|json|ya?ml|env|conf|cfg|ini|properties|xml|toml|db|"
    r"sqlite3?|sh|py|js|keystore|truststore|csr|pub|pwd|gpg|asc|log)\Z"
)
_URL = Pattern(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://\S*\Z")
_CLASS_NAME = Pattern(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+\.[A-Za-z_$][\w$]*\Z")
_HOST = Pattern(
    r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}(?::\d+)?/?\Z|[\w.-]+:\d{2,5}\Z|\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?\Z"
)
_EMAIL = Pattern(r"[^@\s:/]+@[^@\s:/]+\.[A-Za-z]{2,}\Z")
_FILLER = Pattern(r"%s|%[({].*|\{[^\"]*|\[\[.*|\*+|\.{3}|<.*")


_EMPTY = Pattern(r"[\[\]{}\s,:]*\Z|\{(?:\s*\"[^\"]{0,256}\"\s*:\s*(?:\"\"|null|\[\]|\{\})\s*,?)+\s*\}\Z")
_PUBLIC_KEY = Pattern(
    r"(?:ssh-[a-z0-9]+|ecdsa-sha2-\w+|sk-(?:ssh|ecdsa)-\S+) AAAA"
    r"|-----BEGIN (?:[A-Z0-9]+ )?(?:PUBLIC KEY|CERTIFICATE)-----"
)
_LOCAL_ADDRESS = Pattern(r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|host\.docker\.internal):\d{2,5}\Z")


def unquoted(value: str) -> str:
    """A list item's quotes are part of the value (``- K="v"``); they do not change what it is."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def is_nothing(value: str) -> bool:
    """Empty, or a word that means "no value"."""
    return not value or value.isspace() or (len(value) <= LONGEST_WORD and unquoted(value).lower() in NOTHING)


def is_switch(value: str) -> bool:
    return len(value) <= LONGEST_WORD and unquoted(value).lower() in SWITCHES


def is_file_reference(value: str) -> bool:
    """The value only names the file, or the variable, in which its program finds the secret."""
    value = unquoted(value)
    if value[:24].lower().startswith(_FILES):
        return True
    return value[:1] == "$" and _FILE.match(value) is not None


def is_reference(value: str) -> bool:
    """The value only names the location of the secret, or another tool replaces it with the secret."""
    return is_file_reference(value) or resolver_of(value) is not None


def is_number(value: str) -> bool:
    return _NUMBER.match(value) is not None


def is_measure(value: str) -> bool:
    """A small number, a duration or a size: a limit, a time to live, a length."""
    return _MEASURE.match(value) is not None and (len(value) < 8 or "." in value)


def is_rooted_path(value: str) -> bool:
    """A path below a standard system folder."""
    return value[:1] in ("/", ".", "~") and _ROOTED.match(value) is not None


def is_path(value: str) -> bool:
    """A path or the name of a file; random text with slashes (Base64) is not a path."""
    if "." not in value and "/" not in value and "\\" not in value:
        return False
    if _FILE_NAME.match(value) or is_rooted_path(value) or _RELATIVE_PATH.match(value):
        return True
    return _PATH.match(value) is not None and not any(map(looks_random, value.split("/")))


def is_url(value: str) -> bool:
    return "://" in value and _URL.match(value) is not None


def is_address(value: str) -> bool:
    """A URL, a host name with or without port, or an e-mail address."""
    if ":" not in value and "." not in value:
        return False
    return is_url(value) or _HOST.match(value) is not None or _EMAIL.match(value) is not None


def is_local_address(value: str) -> bool:
    """``localhost:2019``."""
    return ":" in value and _LOCAL_ADDRESS.match(value) is not None


def is_empty(value: str) -> bool:
    """An empty JSON structure: ``[]``, ``{"default": ""}``."""
    return value[:1] in ("[", "{") and _EMPTY.match(value) is not None


def is_public_key(value: str) -> bool:
    """A line of ``authorized_keys``, a public key or a certificate, with no private key beside it."""
    return value[:2] in ("ss", "ec", "sk", "--") and _PUBLIC_KEY.match(value) is not None and "PRIVATE KEY" not in value


def is_class_name(value: str) -> bool:
    """``org.example.Name``."""
    return "." in value and _CLASS_NAME.match(value) is not None


def is_filler(value: str) -> bool:
    """A slot for a value in a template or a message (``%s``, ``{password}``)."""
    return _FILLER.fullmatch(value) is not None


_LONG_TEXT = Pattern(r"[!-~]{16,4096}\Z")
_HEXADECIMAL = Pattern(r"(?:0x)?[0-9a-fA-F]{16,}\Z")
_UUID = Pattern(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_PUNCTUATION = Pattern(r"[^A-Za-z0-9]+")


def looks_random(value: str) -> bool:
    """Long text that no person would write: hexadecimal, Base64, UUIDs and the like."""
    if len(value) < 16 or _LONG_TEXT.match(value) is None:
        return False
    if _HEXADECIMAL.match(value):
        return len(set(value.lower())) >= 6 and not value.isdigit()
    if _UUID.match(value) or _mixes_symbols(value):
        return True
    # words and numbers joined by punctuation (kebab-case names, versions, host names) are written by people
    longest = max(_PUNCTUATION.split(value), key=len)
    if len(longest) < 12:
        return False
    kinds = [_kind(character) for character in longest]
    changes = sum(here != there for here, there in pairwise(kinds))
    return changes + 1 >= len(longest) / 4 and entropy(longest) >= 3.0


def _kind(character: str) -> int:
    return 0 if character.isdigit() else 1 if character.islower() else 2


def _mixes_symbols(value: str) -> bool:
    """Five different symbols among letters of both cases and digits, but no quotes, which give text a structure."""
    symbols = {character for character in value if not character.isalnum()}
    return (
        len(symbols) >= 5
        and not symbols & {'"', "'"}
        and "://" not in value
        and {_kind(character) for character in value if character.isalnum()} == {0, 1, 2}
    )


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in map(text.count, set(text))) if size else 0.0
