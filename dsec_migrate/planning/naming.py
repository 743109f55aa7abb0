"""Names for new secrets and the style of those that a project already has."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from dsec_migrate.stores.swarm_limits import SWARM_MAXIMUM_LENGTH
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field, replace

_CAMEL = Pattern(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = Pattern(r"[^A-Za-z0-9]+")
_OTHER_KINDS = Pattern(
    r"\.(?:pem|key|crt|cert?|p12|pfx|jks|pub|asc|gpg|json|ya?ml|toml|ini|conf|cfg|config|xml|env|sh)"
)
# what `docker secret create` accepts, and Compose with it
_NAME = Pattern(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
# a shorter value cannot be recognized in a name
_TELLING_LENGTH = 8


@dataclass(frozen=True, repr=False)
class Style:
    """``case`` spells a name from its words; ``directory`` and ``suffix`` form its path."""

    case: str = "lower_snake_case"
    directory: str = "./secrets"
    suffix: str = ".txt"

    def spell(self, text: str) -> str:
        """A secret's name for a variable or service name."""
        words = [word for word in _SEPARATORS.split(_CAMEL.sub("_", text) if not text.isupper() else text) if word]
        if self.case == "UPPER_SNAKE_CASE":
            return "_".join(words).upper() or "SECRET"
        joint = "-" if self.case == "kebab-case" else "_"
        return joint.join(words).lower() or "secret"

    def join(self, first: str, second: str) -> str:
        return f"{first}-{second}" if self.case == "kebab-case" else f"{first}_{second}"

    def file(self, name: str) -> str:
        return f"{self.directory.rstrip('/')}/{name}{self.suffix}"


def _without_values(text: str, values: AbstractSet[str]) -> str:
    """``text`` without what would reveal a value (in lower case): ``POSTGRES_PASSWORD`` becomes ``postgres_passwd`` if
    a value is the word itself. Names appear in the file, in logs and in file names, where a value must not."""
    folded = text.lower()
    value = next((part for part in _parts(folded) if part in values), None)
    if value is None:
        return text
    start = folded.find(value)
    inside = text[start : start + len(value)]
    words = _SEPARATORS.split(inside)
    shorter = "passwd" if words == [inside] and value == "password" else "_".join(words[:-1])
    rest = f"{text[:start]}{shorter}{text[start + len(value) :]}"
    return _without_values(rest, values) if _SEPARATORS.sub("", rest) else "secret"


def is_valid(name: str) -> bool:
    """Whether Compose and Swarm accept ``name`` for a secret."""
    return _NAME.fullmatch(name) is not None and len(name) <= SWARM_MAXIMUM_LENGTH


def tells(name: str, values: Iterable[str]) -> bool:
    """Whether a name reveals one of ``values``: a short one only if it is the whole name."""
    folded = name.lower()
    return any(
        value == folded or (len(value) >= _TELLING_LENGTH and value in folded)
        for value in map(str.lower, values)
        if value
    )


def _parts(text: str) -> Iterator[str]:
    """All parts long enough to reveal a value, the longest first."""
    for length in range(len(text), _TELLING_LENGTH - 1, -1):
        for start in range(len(text) - length + 1):
            yield text[start : start + length]


def style_of(existing: Mapping[str, Mapping[str, object]], directory: str | None) -> Style:
    """The style of most of the project's ``secrets:``; ``directory`` (``--secrets-dir``) takes precedence."""
    default = Style()
    if not existing:
        return replace(default, directory=directory) if directory else default
    names = [_case(name) for name in existing]
    # certificates, keys and settings have their own kinds of files: no convention for passwords
    existing = {
        name: data
        for name, data in existing.items()
        if not _OTHER_KINDS.fullmatch(posixpath.splitext(str(data.get("file")))[1])
    }
    files = [file for definition in existing.values() if isinstance(file := definition.get("file"), str) and file]
    # the file is named after the secret: what surrounds the name is the project's convention
    habits = [
        (posixpath.dirname(file) or ".", posixpath.basename(file)[len(name) :])
        for name, definition in existing.items()
        if isinstance(file := definition.get("file"), str) and posixpath.basename(file).startswith(name)
    ]
    folders = [posixpath.dirname(file) or "." for file in files]
    case = Counter(name for name in names if name).most_common(1)
    folder = Counter(folders).most_common(1)
    suffix = Counter(suffix for _, suffix in habits).most_common(1)
    return Style(
        case[0][0] if case else default.case,
        directory or (folder[0][0] if folder else default.directory),
        suffix[0][0] if suffix else default.suffix,
    )


def _case(name: str) -> str:
    if "-" in name and "_" not in name:
        return "kebab-case"
    if name.isupper():
        return "UPPER_SNAKE_CASE"
    return "lower_snake_case" if "_" in name else ""


@dataclass(frozen=True, repr=False)
class Wanted:
    """What a new secret is named after. ``value`` is its value; ``layer`` is the stem of the override file with another
    value of the variable, which overrides the one with the plain name."""

    variable: str
    service: str
    value: str = field(default="", repr=False)
    layer: str = ""


def name_groups(
    wanted: Sequence[Wanted], style: Style, taken: Callable[[str, Wanted], bool], values: Iterable[str] = ()
) -> list[str]:
    """One name for each secret that is ``wanted``. No name reveals its value or one of ``values``.

    A name that two groups want, or that is ``taken``, is prefixed with the service in all groups involved; what
    still clashes is numbered ``_2``, ``_3``, …
    """
    telling = {value.lower() for value in (*values, *(one.value for one in wanted)) if len(value) >= _TELLING_LENGTH}
    plain = [style.spell(_without_values(one.variable, telling)) for one in wanted]
    counts = Counter((name, one.layer) for name, one in zip(plain, wanted, strict=True))
    names: list[str] = []
    used: set[str] = set()
    for name, one in zip(plain, wanted, strict=True):
        layer = style.spell(_without_values(one.layer, telling)) if one.layer else ""
        candidate = style.join(layer, name) if layer else name
        if counts[name, one.layer] > 1 or taken(candidate, one):
            candidate = style.join(style.spell(_without_values(one.service, telling)), name)
            candidate = style.join(layer, candidate) if layer else candidate
        number, unique = 2, candidate
        while unique in used or taken(unique, one):
            unique = style.join(candidate, str(number))
            number += 1
        used.add(unique)
        names.append(unique)
    return names
