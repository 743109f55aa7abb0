"""What the name of a variable says about its value, word by word."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.detectors import words


class Kind(IntEnum):
    """How much a name tells.

    ``PLAIN``: nothing secret. ``WEAK``: secret if the value looks random. ``LIKELY``: a secret, unless the value is
    plainly something else. ``SECRET`` and ``PASSWORD``: a secret whatever the value looks like.
    """

    PLAIN = 0
    WEAK = 1
    LIKELY = 2
    SECRET = 3
    PASSWORD = 4


class Meaning(NamedTuple):
    """``phrase`` are the telling words of the name, joined by ``_``; ``at_end`` says that the name ends in them.

    ``is_location``: the value is a path, a file or a command. ``is_switch``: it turns something on or off.
    ``is_public``: it is made to be published. ``is_key`` belongs to WEAK: some key, nobody knows which.
    """

    kind: Kind
    phrase: str = ""
    at_end: bool = True
    is_location: bool = False
    is_switch: bool = False
    is_public: bool = False
    is_key: bool = False

    @property
    def is_telling(self) -> bool:
        return self.kind >= Kind.LIKELY

    @property
    def why(self) -> str:
        return f"the name {'ends in' if self.at_end else 'contains'} {self.phrase}"


_PARTS = re.compile(r"[A-Za-z0-9]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
# long enough to be found inside a glued word
_INNER = re.compile(r"PASSWORDS?|PASSWD|PASSPHRASE|PASSCODE|SECRETS?|CREDENTIALS?|APIKEYS?|PRIVKEY")
_SUFFIX = re.compile(r"(.+?)(TOKENS?|KEYS?|PASS|PWD|PASSWD|PW|SALT|SEED|HASH|CREDS)$")
_PREFIX = re.compile(r"(TOKENS?|KEY|PASS|CERT|AUTH)(.+)$")
_KEY_STEMS = ("PRIVATE", "PUBLIC", "API", "ACCESS", "ENCRYPTION", "SIGNING", "MASTER", "LICENSE", "SESSION", "AUTH", "SHARED")
_SHORT_STEMS = frozenset({"KEY", "KEYS", "PW", "SALT", "SEED", "HASH"})
_KNOWN = (
    words.NOUNS
    | words.PROPERTIES
    | words.REPRESENTATIONS
    | words.COMMON
    | words.WHOLE
    | words.SECRET_KEY_KINDS
    | words.PLAIN_KEY_KINDS
    | words.SWITCHES
    | words.QUANTITIES
)
_HARD_PUBLIC = frozenset({"PUBLIC", "PUB", "PUBLISHABLE", "ANON", "SITE", "SITEKEY"})
_PUBLISHED = (("NEXT", "PUBLIC"), ("NUXT", "PUBLIC"), ("EXPO", "PUBLIC"))
_STRONG = words.PASSWORDS | words.SECRETS | {"PRIVATE", "PRIV"}


def split(name: str) -> list[str]:
    """The words of a name in upper case: cut at ``_ . -`` and the like, at camelCase, and glued words at nouns."""
    found: list[str] = []
    for part in _PARTS.findall(name):
        if part.isupper() or part.islower() or part.isdigit():
            found += _unglue(part.upper())
        else:
            for piece in _CAMEL.findall(part):
                found += _unglue(piece.upper())
    return found


def _unglue(word: str) -> list[str]:
    """``ADMINPASS`` -> ADMIN PASS, ``PASSWORDMINCHAR`` -> PASSWORD MIN CHAR; a word that means itself stays whole."""
    if word in _KNOWN:
        return [word]
    base = word.rstrip("0123456789")
    if base != word and base in words.NOUNS:
        return [base]
    if any(whole in word for whole in ("BYPASS", "TOKENIZ", "SECRETAR", "PASSWORDLESS", "ROSENPASS", "KEYCLOAK", "KEYBOARD")):
        return [word]
    inner = _INNER.search(word)
    if inner:
        before, after = word[: inner.start()], word[inner.end() :]
        return [*(_unglue(before) if before else ()), inner.group(), *(_unglue(after) if after else ())]
    suffix = _SUFFIX.match(word)
    if suffix:
        stem, noun = suffix.groups()
        if noun not in _SHORT_STEMS or stem in _KNOWN:
            return [*_unglue(stem), noun]
        for kind in _KEY_STEMS:
            if noun in words.KEYS and stem.endswith(kind):
                return [stem[: -len(kind)], kind, noun]
    prefix = _PREFIX.match(word)
    if prefix and (rest := _properties(prefix.group(2))):
        return [prefix.group(1), *rest]
    return _properties(word) or [word]


def _properties(word: str) -> list[str]:
    """``MINCHAR`` -> MIN CHAR; nothing when the word is not all properties."""
    if word in words.PROPERTIES:
        return [word]
    for cut in range(3, len(word) - 1):
        if word[:cut] in words.PROPERTIES and (rest := _properties(word[cut:])):
            return [word[:cut], *rest]
    return []


@lru_cache(maxsize=8192)
def meaning(name: str) -> Meaning:
    """What ``name`` says about the value of its variable."""
    # longer names are data, not names
    found = split(name[:200])
    if not found:
        return Meaning(Kind.PLAIN)
    if name.upper().startswith("FILE__"):
        return Meaning(Kind.PLAIN, is_location=True)
    end = _end(found)
    if found[end - 1] in words.FILE_WORDS:
        return Meaning(Kind.PLAIN, is_location=True)
    noun = next((i for i in range(end - 1, -1, -1) if found[i] in words.NOUNS), None)
    if noun is None:
        return Meaning(Kind.PLAIN)
    before, after = found[:noun], [w for w in found[noun + 1 : end] if not w.isdigit() and w not in words.REPRESENTATIONS]
    if any(word in words.PROPERTIES for word in after):
        return Meaning(Kind.PLAIN, is_location=any(word in words.FILE_WORDS for word in after))
    if any(word in words.QUANTITIES for word in before):
        return Meaning(Kind.PLAIN)
    result = _classify(found[noun], before, after)
    if result.is_telling or result.kind is Kind.WEAK:
        is_switch = any(word in words.SWITCHES for word in before)
        return result._replace(at_end=end == len(found) and noun == end - 1, is_switch=is_switch)
    return result


def _end(found: list[str]) -> int:
    """How many words are left without the representations behind a noun (``SECRET_KEY_BASE``, ``TOKEN_2``)."""
    end = len(found)
    while end > 1 and (found[end - 1] in words.REPRESENTATIONS or found[end - 1].isdigit()):
        end -= 1
        if any(word in words.NOUNS for word in found[:end]):
            continue
        return len(found)
    return end


def _classify(noun: str, before: list[str], after: list[str]) -> Meaning:
    last = before[-1] if before else ""
    if noun in words.PASSWORDS:
        if noun == "PWD" and not before:
            # the shell's working directory
            return Meaning(Kind.PLAIN)
        if noun in {"PASS", "PW"} and after:
            return Meaning(Kind.WEAK, noun)
        return Meaning(Kind.LIKELY if after else Kind.PASSWORD, noun)
    if noun in words.SECRETS:
        if noun == "TOKENS" and not ({"API", "AUTH", "ACCESS", "BEARER", "SECRET", "ADMIN"} & set(before)):
            return Meaning(Kind.WEAK, noun)
        if _is_published(before) and noun not in {"SECRET", "SECRETS"}:
            return Meaning(Kind.PLAIN, is_public=True)
        return Meaning((Kind.SECRET, Kind.LIKELY)[len(after)] if len(after) < 2 else Kind.WEAK, noun)
    if noun in words.KEYS:
        return _classify_key(noun, before, after)
    if after:
        return Meaning(Kind.PLAIN)
    phrase = f"{last}_{noun}" if last else noun
    if noun == "CODE":
        return Meaning(Kind.LIKELY, phrase) if last in words.CODE_KINDS else Meaning(Kind.PLAIN)
    if (noun, last) in _TELLING_PAIRS or (noun == "COOKIE" and last in words.COOKIE_KINDS):
        return Meaning(Kind.LIKELY, phrase)
    return Meaning(Kind.WEAK, noun)


_TELLING_PAIRS = frozenset(
    {
        ("AUTH", "REDIS"),
        ("AUTH", "REDISCLI"),
        ("CREDENTIALS", "SECURITY"),
        ("CLAIM", "PLEX"),
        ("IV", "CREDS"),
        ("IV", "AES"),
        ("IV", "ENC"),
        ("IV", "ENCRYPTION"),
        ("IV", "CRYPTO"),
        ("IV", "CIPHER"),
        ("SEED", "SECRET"),
        ("SEED", "WALLET"),
    }
)
"""Weak nouns that one word before makes telling."""


def _classify_key(noun: str, before: list[str], after: list[str]) -> Meaning:
    last = before[-1] if before else ""
    phrase = f"{last}_{noun}" if last else noun
    if last in _HARD_PUBLIC or _is_published(before) or (after and after[0] in _HARD_PUBLIC):
        return Meaning(Kind.PLAIN, is_public=True)
    if any(word in _STRONG for word in before):
        strong = next(word for word in reversed(before) if word in _STRONG)
        return Meaning(Kind.LIKELY if not after else Kind.WEAK, phrase if strong == last else f"{strong}…{noun}")
    if after:
        return Meaning(Kind.LIKELY, f"{noun}_{after[0]}") if after[0] in words.SECRET_KEY_KINDS else Meaning(Kind.PLAIN)
    if last in words.PLAIN_KEY_KINDS or last in words.IDENTIFYING_KEY_KINDS:
        return Meaning(Kind.PLAIN)
    if last in words.SECRET_KEY_KINDS:
        return Meaning(Kind.LIKELY, phrase)
    return Meaning(Kind.WEAK, noun, is_key=bool(last) and last not in {"TLS", "SSL", "SSH", "CERT"})


def _is_published(before: list[str]) -> bool:
    return tuple(before[:2]) in _PUBLISHED
