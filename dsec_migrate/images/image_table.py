"""What each image reads from files, with the evidence for it: one TOML file per image family.

``index.txt`` names the file of each image, so that a run reads the rows of its own images only. A test and
``dsec-migrate images NAME`` name a row that it lacks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field

# names under which Docker Hub's official images are also pulled
_OFFICIAL = Pattern(r"^(?:(?:docker\.io|index\.docker\.io|registry-1\.docker\.io|mirror\.gcr\.io)/)?(?:library/)?")
_OFFICIAL_MIRROR = Pattern(r"^public\.ecr\.aws/docker/library/")
_TAG = Pattern(r":([^/:]+)$")
_VERSION = Pattern(r"^v?(\d+(?:\.\d+)*)(?![\d.])")

_VARIANT = Pattern(
    r"(?:^|-)(fpm|cli|cron|worker|passenger|rootless|distroless|datacenter|nanoserver|windowsservercore)(?:-|$)"
)

FOLDER = Path(__file__).parent / "rows"
INDEX = FOLDER / "index.txt"


class Way(NamedTuple):
    """How an image reads a variable from a file: ``name`` is set to ``value``, in which ``{path}`` is the path of the
    secret in the container and ``{name}`` its name. ``delivery`` is spelled as in the JSON report.

    With a ``target`` the image looks for a file of that name in /run/secrets, and no variable is set (``name`` is
    empty).
    """

    delivery: str
    name: str
    value: str = "{path}"
    target: str = ""

    @property
    def what_is_read(self) -> str:
        """What is read, as part of a sentence about the image."""
        return self.name or f"/run/secrets/{self.target}"


UNKNOWN_WAY = "file-variable"
"""The guess for an image that is not in the table: most that read files at all read ``X_FILE``."""


@dataclass(frozen=True, repr=False, eq=False)
class Image:
    """One row of the table.

    ``names`` may hold ``*``. ``since`` and ``below`` are versions of the tag between which the row applies, None
    without a limit; a tag without a number means the row that ``is_latest``, else the one without an upper limit.
    ``variant`` is a word of the tag (``fpm``) that names a different build of the image.

    ``convention``: ``file-variable`` (X_FILE), ``double-underscore`` (X__FILE), ``prefix`` (FILE__X),
    ``command-variable`` (X_CMD, a command that prints it), ``value-scheme`` (X itself, with ``value``), ``fixed-name``
    (a file in /run/secrets that ``files`` names for each variable; the file for ``*`` has the name of the variable) or
    ``none``. ``options``: options of the command that take a secret, each with the one that takes a path. ``unless``:
    variables that make the image look elsewhere. ``parts``: variables with a URL, each with those that the image
    accepts instead, by kind: ``user``, ``password`` (also as a file), ``host``, ``port`` and ``name``. ``supported``:
    the variables that can be given as a file, by name or as a pattern with ``*``; ``unsupported`` are exceptions.
    ``reads_as``: ``root`` (before dropping privileges), ``uid:gid``, or ``other`` (another user, unknown which).
    ``final_newlines``: ``stripped`` or ``kept``. ``fallback`` is what happens without the variable and the file.
    ``confidence``: only ``verified`` and ``documented`` rows make a change safe. ``entrypoint`` and ``command``:
    ENTRYPOINT and CMD of the image's config, None if unknown. ``shell``: ``bash`` (it keeps variables whose names are
    not identifiers), ``sh``, ``none``, or None if unknown. ``is_private``: the image refuses a file that other users
    can read, and must own it.
    """

    names: tuple[str, ...]
    convention: str
    supported: frozenset[str]
    servers: tuple[str, ...]
    reads_as: str
    final_newlines: str
    confidence: str
    evidence: tuple[str, ...]
    value: str = "{path}"
    unsupported: frozenset[str] = frozenset()
    since: str | None = None
    below: str | None = None
    is_latest: bool = False
    variant: str | None = None
    both_set: str = ""
    fallback: str = ""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    shell: str | None = None
    is_private: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    unless: tuple[str, ...] = ()
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def is_sure(self) -> bool:
        return self.confidence in {"verified", "documented"}

    @property
    def is_read_by_root(self) -> bool:
        return self.reads_as == "root"

    def starts_with(self, first_word: str) -> bool:
        """Whether the entrypoint reads the files when the command begins with this word."""
        return not self.servers or first_word.startswith("-") or first_word in self.servers

    def way(self, variable: str) -> Way | None:
        """How the image reads ``variable`` from a file, None if it does not."""
        if not self._supports(variable):
            return None
        if self.convention == "double-underscore":
            return Way(self.convention, f"{variable}__FILE", self.value)
        if self.convention == "prefix":
            return Way(self.convention, f"FILE__{variable}", self.value)
        if self.convention == "value-scheme":
            return Way(self.convention, variable, self.value)
        if self.convention == "command-variable":
            return Way(UNKNOWN_WAY, f"{variable}_CMD", "cat {path}")
        if self.convention == "fixed-name":
            return Way(UNKNOWN_WAY, "", "", self.files.get(variable, variable))
        return Way(self.convention, f"{variable}_FILE", self.value)

    def _supports(self, variable: str) -> bool:
        return _is_among(variable, self.supported) and not _is_among(variable, self.unsupported)

    def holds_for(self, tag: str | None) -> bool:
        """Whether the row applies to this version of the image."""
        if self.variant not in (None, variant_of(tag)):
            return False
        version = _version(tag)
        if version is None:
            return self.is_latest or self.below is None
        above = self.since is None or not _is_older(version, self.since)
        return above and (self.below is None or _is_older(version, self.below))


def _is_among(variable: str, names: frozenset[str]) -> bool:
    return variable in names or any("*" in name and fnmatchcase(variable, name) for name in names)


def _version(tag: str | None) -> tuple[int, ...] | None:
    match = _VERSION.match(tag or "")
    return tuple(int(part) for part in match[1].split(".")) if match else None


def _is_older(version: tuple[int, ...], limit: str) -> bool:
    """``2`` means the newest 2.x: it is not older than 2.2."""
    wanted = tuple(int(part) for part in limit.split("."))
    return version < wanted[: len(version)]


@lru_cache(maxsize=4096)
def repository(reference: str) -> str:
    """The name that the table uses: no tag, no digest, no Docker Hub prefix (``docker.io/library/x:1`` -> ``x``)."""
    name = _TAG.sub("", reference.split("@", 1)[0].strip().lower())
    return _OFFICIAL.sub("", _OFFICIAL_MIRROR.sub("", name))


def variant_of(tag: str | None) -> str | None:
    """The word of a tag that marks a different build of the image, with another ENTRYPOINT or CMD."""
    match = _VARIANT.search(tag or "")
    return match[1] if match else None


def tag_of(reference: str) -> str | None:
    match = _TAG.search(reference.split("@", 1)[0].strip())
    return match[1] if match else None


@lru_cache(maxsize=4096)
def find(reference: str) -> Image | None:
    """The row for an image reference as in a Compose file, or None if the image is not in the table."""
    if not reference:
        return None
    tag = tag_of(reference)
    fitting = (row for row in rows_of(repository(reference)) if row.holds_for(tag))
    return min(fitting, key=lambda row: (row.variant is None, not row.is_latest), default=None)


@dataclass(frozen=True, repr=False, eq=False)
class Table:
    """All rows; ``own`` are those of a project, which come before the table's."""

    own: tuple[Image, ...] = ()

    def find(self, reference: str) -> Image | None:
        """As :func:`find`."""
        rows = self._own_rows(repository(reference)) if self.own and reference else []
        tag = tag_of(reference)
        return next((row for row in rows if row.holds_for(tag)), None) or find(reference)

    def rows_of(self, name: str) -> list[Image]:
        """As :func:`rows_of`."""
        return [*self._own_rows(name), *rows_of(name)]

    def _own_rows(self, name: str) -> list[Image]:
        return [row for row in self.own if any(fnmatchcase(name, pattern) for pattern in row.names)]


def rows_of(name: str) -> list[Image]:
    """The rows of a repository, for all versions; those of a pattern only if none has the name itself."""
    exact, patterns = _index()
    file = exact.get(name) or next((file for pattern, file in patterns.items() if fnmatchcase(name, pattern)), None)
    rows = read_rows(FOLDER / file) if file is not None else ()
    named = [row for row in rows if name in row.names]
    return named or [row for row in rows if any(fnmatchcase(name, pattern) for pattern in row.names)]


@lru_cache(maxsize=1)
def _index() -> tuple[Mapping[str, str], Mapping[str, str]]:
    exact: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for line in INDEX.read_text(encoding="utf-8").splitlines():
        name, _, file = line.partition(" ")
        (patterns if "*" in name else exact)[name] = file
    return exact, patterns


def index_text() -> str:
    """The content of ``index.txt``: a line ``NAME FILE`` for each name of the table."""
    lines = {f"{name} {path.name}" for path in files() for row in read_rows(path) for name in row.names}
    return "".join(f"{line}\n" for line in sorted(lines))


def files() -> Iterator[Path]:
    """The files of the table, in order."""
    yield from sorted(FOLDER.glob("*.toml"))


@lru_cache(maxsize=1024)
def read_rows(path: Path) -> tuple[Image, ...]:
    """The rows of one TOML file (``schemas/image.schema.json`` describes it).

    Raises UserError where the file is not TOML, or a row lacks a key that it needs.
    """
    try:
        return tuple(map(image_of, _tables(path)))
    except (KeyError, TypeError, AttributeError):
        problem = next(problems_of(path), "a row is not as the schema has it")
        raise UserError(problem, str(path), help="schemas/image.schema.json has all keys of a row") from None


def _tables(path: Path) -> Sequence[Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("image", ())
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not valid TOML: {error}", str(path)) from None
    return rows if isinstance(rows, list) else [rows]


def problems_of(path: Path) -> Iterator[str]:
    """What is wrong with the rows of a TOML file, a sentence each. Raises UserError where it is not TOML."""
    for number, row in enumerate(_tables(path), 1):
        problem = problem_of(row)
        if problem is not None:
            yield f"row {number}: {problem[1]}"


def problem_of(row: object) -> tuple[str, str] | None:
    """What is wrong with a user's row: the key, and a sentence that contains only names."""
    import json

    import jsonschema

    folder = Path(import_module("dsec_migrate.schemas").__path__[0])
    schema = json.loads((folder / "image.schema.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator({**schema, **schema["$defs"]["image"]})
    error = next(iter(checker.iter_errors(row)), None)
    if error is None:
        return None
    if error.validator == "required" and not error.path:
        key = next(name for name in error.validator_value if name not in error.instance)
        return key, f"the key {key} is missing: {_allowed(schema['$defs']['image']['properties'][key])}"
    key = str(error.path[0]) if error.path else ""
    return key, f"{key}: {error.message}" if key else str(error.message)


def _allowed(described: Mapping[str, Any]) -> str:
    """What a key of a row is, and the words that it takes."""
    words = f" ({', '.join(described['enum'])})" if "enum" in described else ""
    return f"{described['title']}{words}"


def image_of(row: Mapping[str, Any]) -> Image:
    def words(key: str) -> tuple[str, ...] | None:
        return tuple(row[key]) if key in row else None

    return Image(
        tuple(row["names"]),
        row["convention"],
        frozenset(row.get("supported") or row.get("files", ())),
        tuple(row.get("servers", ())),
        row["reads_as"],
        row["final_newlines"],
        row["confidence"],
        tuple(row["evidence"]),
        row.get("value", "{path}"),
        frozenset(row.get("unsupported", ())),
        row.get("since"),
        row.get("below"),
        row.get("latest", False),
        row.get("variant"),
        row.get("both_set", ""),
        row.get("fallback", ""),
        words("entrypoint"),
        words("command"),
        row.get("shell"),
        row.get("private", False),
        dict(row.get("files", {})),
        dict(row.get("options", {})),
        tuple(row.get("unless", ())),
        {name: dict(parts) for name, parts in row.get("parts", {}).items()},
    )
