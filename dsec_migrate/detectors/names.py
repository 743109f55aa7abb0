"""What the name of a variable means for its value, word by word."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.detectors import name_words
from dsec_migrate.text.patterns import Pattern


class Kind(IntEnum):
    """How strongly a name indicates a secret.

    ``PLAIN``: nothing secret. ``WEAK``: secret if the value looks random. ``LIKELY``: a secret, unless the value is
    clearly something else. ``SECRET`` and ``PASSWORD``: a secret whatever the value looks like.
    """

    PLAIN = 0
    WEAK = 1
    LIKELY = 2
    SECRET = 3
    PASSWORD = 4


class Meaning(NamedTuple):
    """``phrase`` are the relevant words of the name, joined by ``_``; ``at_end``: the name ends with them.

    ``is_location``: the value is a path, a file or a command. ``is_switch``: it turns something on or off.
    ``is_public``: it is meant to be published. ``is_key`` belongs to WEAK: a key of unknown purpose.
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
    def noun(self) -> str:
        return self.phrase.rpartition("_")[2]

    @property
    def why(self) -> str:
        return f"the name {'ends in' if self.at_end else 'contains'} {self.phrase}"


_PARTS = Pattern(r"[A-Za-z0-9]+")
_LONGEST = 200
_CAMEL = Pattern(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
# long enough to be found inside a joined word
_INNER = Pattern(r"PASSWORDS?|PASSWD|PASSPHRASE|PASSCODE|SECRETS?|CREDENTIALS?|APIKEYS?|PRIVKEY")
_SUFFIX = Pattern(r"(.+?)(TOKENS?|KEYS?|PASS|PWD|PASSWD|PW|PSK|SALT|SEED|CREDS)$")
_PREFIX = Pattern(r"(TOKENS?|KEY|PASS|CERT|AUTH)(.+)$")
_KEY_STEMS = (
    "PRIVATE",
    "PUBLIC",
    "API",
    "ACCESS",
    "ENCRYPTION",
    "SIGNING",
    "MASTER",
    "LICENSE",
    "SESSION",
    "AUTH",
    "SHARED",
)
_SHORT_STEMS = frozenset({"KEY", "KEYS", "PW", "SEED"})
_KNOWN = (
    name_words.NOUNS
    | name_words.PROPERTIES
    | name_words.REPRESENTATIONS
    | name_words.COMMON
    | name_words.WHOLE
    | name_words.SECRET_KEY_KINDS
    | name_words.PLAIN_KEY_KINDS
    | name_words.SWITCHES
    | name_words.QUANTITIES
)
_ENCRYPTING = frozenset({"ENCRYPTION", "DECRYPTION", "SIGNING", "DERIVATION"})
_ADDRESSES = frozenset({"URL", "URI", "DSN", "STRING"})
_HARD_PUBLIC = frozenset({"PUBLIC", "PUB", "PUBLISHABLE", "ANON", "SITE", "SITEKEY"})
_PUBLISHED = (("NEXT", "PUBLIC"), ("NUXT", "PUBLIC"), ("EXPO", "PUBLIC"))
_STRONG = name_words.PASSWORDS | name_words.SECRETS | {"PRIVATE", "PRIV", "ENCRYPTION", "ENCRYPT", "SIGNING"}
# Coolify's names for generated addresses and user names (https://coolify.io/docs/knowledge-base/docker/compose)
_GENERATED_ADDRESS = Pattern(r"SERVICE_(?:(?:URL|FQDN)_|(?:USER|NAME)_[A-Z0-9]+\Z)", re.IGNORECASE)


@lru_cache(maxsize=8192)
def split(name: str) -> tuple[str, ...]:
    """The words of a name in upper case: cut at ``_ . -`` and the like, at camelCase, and joined words at nouns."""
    found: list[str] = []
    # longer text is not a name
    for part in _PARTS.findall(name[:_LONGEST]):
        if part.isupper() or part.islower() or part.isdigit():
            found += _unglue(part.upper())
        else:
            for piece in _CAMEL.findall(part):
                found += _unglue(piece.upper())
    for number in range(len(found) - 1, 0, -1):
        # `passWord`, `PASS_PHRASE`
        if found[number - 1] == "PASS" and found[number] in name_words.BEHIND_PASS:
            found[number - 1 : number + 1] = [f"PASS{found[number]}"]
    return tuple(found)


@lru_cache(maxsize=4096)
def _unglue(word: str) -> tuple[str, ...]:
    """``ADMINPASS`` -> ADMIN PASS, ``PASSWORDMINCHAR`` -> PASSWORD MIN CHAR; a word with its own meaning is kept
    whole."""
    if word in _KNOWN:
        return (word,)
    base = word.rstrip("0123456789")
    if base != word and base in name_words.NOUNS:
        return (base,)
    if any(
        whole in word
        for whole in ("BYPASS", "TOKENIZ", "SECRETAR", "PASSWORDLESS", "ROSENPASS", "KEYCLOAK", "KEYBOARD")
    ):
        return (word,)
    inner = _INNER.search(word)
    if inner:
        before, after = word[: inner.start()], word[inner.end() :]
        return (*(_unglue(before) if before else ()), inner.group(), *(_unglue(after) if after else ()))
    suffix = _SUFFIX.match(word)
    if suffix:
        stem, noun = suffix.groups()
        if noun not in _SHORT_STEMS or stem in _KNOWN:
            return (*_unglue(stem), noun)
        for kind in _KEY_STEMS:
            if noun in name_words.KEYS and stem.endswith(kind):
                return (stem[: -len(kind)], kind, noun)
    prefix = _PREFIX.match(word)
    if prefix and (rest := _properties(prefix.group(2))):
        return (prefix.group(1), *rest)
    return tuple(_properties(word)) or (word,)


def _properties(word: str) -> list[str]:
    """``MINCHAR`` -> MIN CHAR; nothing when the word is not all properties."""
    if word in name_words.PROPERTIES:
        return [word]
    for cut in range(3, len(word) - 1):
        if word[:cut] in name_words.PROPERTIES and (rest := _properties(word[cut:])):
            return [word[:cut], *rest]
    return []


@lru_cache(maxsize=8192)
def meaning(name: str) -> Meaning:
    """What ``name`` means for the value of its variable."""
    found = split(name)
    if not found:
        return Meaning(Kind.PLAIN)
    if (phrase := _whole_phrase(found)) is not None:
        return phrase
    if name_words.NOUNS.isdisjoint(found):
        return Meaning(Kind.PLAIN, is_location=found[-1] in name_words.FILE_WORDS)
    if name[:6].upper() == "FILE__":
        return Meaning(Kind.PLAIN, is_location=True)
    if _GENERATED_ADDRESS.match(name) and found[-1] not in name_words.PASSWORDS:
        return Meaning(Kind.PLAIN)
    end = _end(found)
    if found[end - 1] in name_words.FILE_WORDS:
        return Meaning(Kind.PLAIN, is_location=True)
    noun = next((i for i in range(end - 1, -1, -1) if _is_noun(found, i)), None)
    if noun is None:
        return Meaning(Kind.PLAIN)
    before = found[:noun]
    after = [word for word in found[noun + 1 : end] if not _is_representation(word)]
    if any(word in name_words.PROPERTIES for word in after):
        return Meaning(Kind.PLAIN, is_location=any(word in name_words.FILE_WORDS for word in after))
    if any(word in name_words.QUANTITIES for word in before):
        return Meaning(Kind.PLAIN)
    result = _classify(found[noun], before, after)
    if result.is_telling or result.kind is Kind.WEAK:
        # PASS_ACCESS_TOKEN: to pass it on, or not
        is_switch = any(word in name_words.SWITCHES or word == "PASS" for word in before)
        is_last = noun == len(found) - 1 and result.phrase.endswith(found[noun])
        return result._replace(at_end=is_last, is_switch=is_switch)
    return result


def _is_noun(found: tuple[str, ...], index: int) -> bool:
    word = found[index]
    if word in name_words.PAIRED:
        return index > 0 and (word, found[index - 1]) in name_words.TELLING_PAIRS
    return word in name_words.NOUNS


def _whole_phrase(found: tuple[str, ...]) -> Meaning | None:
    last = found[-1]
    if phrase := name_words.WHOLE_PHRASES.get(found[-3:]):
        return Meaning(Kind.LIKELY, phrase)
    if last in _ADDRESSES and len(found) > 1:
        if found[-2] in name_words.CONNECTIONS:
            return Meaning(Kind.WEAK, f"{found[-2]}_{last}")
        if found[-2] == "WEBHOOK" and not name_words.CHANNELS.isdisjoint(found):
            return Meaning(Kind.WEAK, "WEBHOOK", at_end=False)
    if last == "WEBHOOK" and not name_words.CHANNELS.isdisjoint(found):
        return Meaning(Kind.WEAK, "WEBHOOK")
    if last == "JAAS" or found[-2:] == ("JAAS", "CONFIG"):
        return Meaning(Kind.WEAK, "JAAS", at_end=last == "JAAS")
    return None


def is_property(name: str) -> bool:
    """Whether a variable of this name holds a property, such as an address or a user name."""
    found = split(name)
    return bool(found) and (found[-1] in name_words.PROPERTIES or _GENERATED_ADDRESS.match(name) is not None)


def _end(found: tuple[str, ...]) -> int:
    """How many words remain without the qualifiers after a noun (``SECRET_KEY_BASE``, ``TOKEN_2``)."""
    end = len(found)
    while end > 1 and _is_representation(found[end - 1]):
        end -= 1
        if any(word in name_words.NOUNS for word in found[:end]):
            continue
        return len(found)
    return end


def _is_representation(word: str) -> bool:
    return word in name_words.REPRESENTATIONS or word.isdigit() or (word[0] == "V" and word[1:].isdigit())


def _classify(noun: str, before: tuple[str, ...], after: list[str]) -> Meaning:
    last = before[-1] if before else ""
    if noun in name_words.PASSWORDS:
        if noun == "PWD" and not before:
            # the shell's working directory
            return Meaning(Kind.PLAIN)
        if after and after[0] in name_words.PASSWORD_SETTINGS:
            return Meaning(Kind.PLAIN)
        if noun in {"PASS", "PW"} and after:
            return Meaning(Kind.WEAK, noun)
        if last in name_words.PASSWORD_ADDRESSES and noun == "PASS":
            return Meaning(Kind.LIKELY, noun)
        return Meaning(Kind.LIKELY if after else Kind.PASSWORD, noun)
    if noun in name_words.SECRETS:
        if noun == "TOKENS" and not ({"API", "AUTH", "ACCESS", "BEARER", "SECRET", "ADMIN"} & set(before)):
            return Meaning(Kind.WEAK, noun)
        if _is_published(before) and noun not in {"SECRET", "SECRETS"}:
            return Meaning(Kind.PLAIN, is_public=True)
        return Meaning((Kind.SECRET, Kind.LIKELY)[len(after)] if len(after) < 2 else Kind.WEAK, noun)
    if noun in name_words.KEYS:
        return _classify_key(noun, before, after)
    if after or (noun == "COOKIE" and last == "SECURE"):
        return Meaning(Kind.PLAIN)
    if (noun, last) in name_words.TELLING_PAIRS:
        return Meaning(Kind.LIKELY, f"{last}_{noun}")
    return Meaning(Kind.WEAK, noun)


def _classify_key(noun: str, before: tuple[str, ...], after: list[str]) -> Meaning:
    last = before[-1] if before else ""
    phrase = f"{last}_{noun}" if last else noun
    if last in _HARD_PUBLIC or _is_published(before) or (after and after[0] in _HARD_PUBLIC):
        return Meaning(Kind.PLAIN, is_public=True)
    if any(word in _STRONG for word in before):
        strong = next(word for word in reversed(before) if word in _STRONG)
        kind = Kind.LIKELY if len(after) < 2 else Kind.WEAK
        return Meaning(kind, phrase if strong == last else strong)
    if last == "ACCESS" and "SHARED" in before:
        return Meaning(Kind.LIKELY, "SHARED_ACCESS_KEY") if not after else Meaning(Kind.PLAIN)
    if last == "APP" and name_words.SHARED_APP_KEYS & set(before):
        return Meaning(Kind.PLAIN, is_public=True)
    if last in name_words.SECRET_KEY_KINDS and len(after) < 2:
        return Meaning(Kind.LIKELY, phrase)
    if after and after[0] in _ENCRYPTING:
        return Meaning(Kind.LIKELY, f"{noun}_{after[0]}")
    if last == "ACCESS" and not after and name_words.IDENTIFYING_KEY_KINDS.isdisjoint(before):
        # for a storage service it names the account; for anything else it may grant access
        return Meaning(Kind.WEAK, phrase)
    if (
        last in name_words.PLAIN_KEY_KINDS
        or {"ACCESS", *name_words.IDENTIFYING_KEY_KINDS} & set(before)
        or len(after) > 1
    ):
        return Meaning(Kind.PLAIN)
    if after:
        return Meaning(Kind.WEAK, noun)
    return Meaning(Kind.WEAK, noun, is_key=bool(last) and last not in {"TLS", "SSL", "SSH", "CERT", "CA"})


def _is_published(before: tuple[str, ...]) -> bool:
    return before[:2] in _PUBLISHED
