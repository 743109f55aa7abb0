"""``dsec-migrate.toml`` beside a project: its own images, exceptions and settings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsec_migrate.config.exclusions import Exclusions, Rule
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Image, Table
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field, replace
from dsec_migrate.text.source import read_bytes
from dsec_migrate.text.structured import toml_of

NAME = "dsec-migrate.toml"
_PLACE = Pattern(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_KEYS = frozenset({"audit", "ignore", "image", "skip"})
_MAXIMUM_AGE = "max-age-days"
MAXIMUM_AGE_DAYS = 365
_SKIP_KEYS = {"match": "a pattern such as *_SALT or web.API_KEY", "reason": "why it stays"}
# keys that a row for a user's own image may omit
_DEFAULTS = {"reads_as": "other", "final_newlines": "kept", "confidence": "documented", "evidence": [NAME]}


@dataclass(frozen=True, repr=False, eq=False)
class Settings:
    """``images`` is the table, preceded by the rows of the file; ``exceptions`` are exceptions from checks; ``skips``
    are pairs of a pattern (as in ``--skip``) and the reason. A secret older than ``maximum_age`` (days) is due for
    rotation. ``has_comments``: exceptions in comments of the project's files count, too.
    """

    images: Table = field(default_factory=Table)
    exceptions: tuple[Rule, ...] = ()
    maximum_age: int = MAXIMUM_AGE_DAYS
    skips: tuple[tuple[str, str], ...] = ()
    has_comments: bool = True

    @property
    def heeded(self) -> Exclusions:
        return Exclusions(self.exceptions, self.has_comments)


def read(directory: Path, file: Path | None = None, *, excepts: bool = True) -> Settings:
    """The settings beside the project in ``directory``; defaults where no such file.

    A ``file`` replaces them: exceptions in the project's own files, comments included, do not count then. Without
    ``excepts``, nothing is excepted or skipped, and the default maximum age applies. Raises UserError, with its
    location, where the file is not TOML or has unknown keys.
    """
    said = _read(file or directory / NAME, is_named=file is not None)
    if not excepts:
        return Settings(said.images, has_comments=False)
    return said if file is None else replace(said, has_comments=False)


def _read(path: Path, *, is_named: bool) -> Settings:
    try:
        data = read_bytes(path, is_named_by_call=is_named)
    except FileNotFoundError:
        if is_named:
            raise UserError("no such file", str(path), help="pass an existing file to --settings") from None
        return Settings()
    except OSError as error:
        raise UserError(f"cannot read the file: {error.strerror or type(error).__name__}", str(path)) from None
    return _parse(path, data)


@lru_cache(maxsize=16)
def _parse(path: Path, data: bytes) -> Settings:
    try:
        text = data.decode("utf-8")
        content = toml_of(text)
    except UnicodeDecodeError:
        raise UserError("the file is not UTF-8", str(path)) from None
    except ValueError as error:
        match = _PLACE.search(str(error))
        what = str(error)[: match.start()] if match else str(error)
        line, column = (int(match[1] or 0), int(match[2] or 0)) if match else (0, 0)
        raise UserError(f"the file is not TOML: {what[:1].lower()}{what[1:]}", str(path), line, column) from None
    for key in content.keys() - _KEYS:
        help_text = f"allowed keys: {', '.join(sorted(_KEYS))}"
        raise UserError(f"unknown key {key}", str(path), _line_of(text, key), 1, help=help_text)
    return Settings(
        Table(tuple(_row(path, text, number, row) for number, row in enumerate(_tables(path, text, content, "image")))),
        tuple(_rule(path, text, number, row) for number, row in enumerate(_tables(path, text, content, "ignore"))),
        _maximum_age(path, text, content.get("audit", {})),
        tuple(_skips(path, text, content.get("skip", []))),
    )


def _tables(path: Path, text: str, content: dict[str, Any], key: str) -> list[Any]:
    rows = content.get(key, [])
    if not isinstance(rows, list):
        raise UserError(f"`{key}` must be a list of tables", str(path), _line_of(text, key), 1, help=f"write [[{key}]]")
    return rows


def _rule(path: Path, text: str, number: int, row: Any) -> Rule:
    """Reads one exception from a check."""
    line = _table_line(text, "ignore", number)
    given = row if isinstance(row, dict) else {}
    for key in given.keys() - {"check", "match", "reason"}:
        raise UserError(f"unknown key {key}", str(path), line, 1, help="allowed keys: check, match, reason")
    for key in ("check", "match", "reason"):
        value = given.get(key, "*" if key == "match" else "")
        if not isinstance(value, str) or not value.strip():
            what = f"an exception needs a {key}" if not value else f"the {key} of an exception must be a string"
            advice = 'such as check = "published-data-store", match = "db", reason = "reachable from the office only"'
            raise UserError(what, str(path), line, 1, help=advice)
    return Rule(given["check"], given.get("match", "*"), given["reason"].strip())


def _maximum_age(path: Path, text: str, table: Any) -> int:
    line = _line_of(text, "audit")
    if not isinstance(table, dict) or table.keys() - {_MAXIMUM_AGE}:
        raise UserError("`audit` takes only max-age-days", str(path), line, 1, help="put it below [audit]")
    days = table.get(_MAXIMUM_AGE, MAXIMUM_AGE_DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise UserError("max-age-days must be a positive number", str(path), _line_of(text, _MAXIMUM_AGE), 1)
    return days


def _skips(path: Path, text: str, tables: Any) -> Iterator[tuple[str, str]]:
    line = _line_of(text, "skip")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError("`skip` must be a list of tables", str(path), line, 1, help="write [[skip]]")
    for number, table in enumerate(tables, 1):
        for key in table.keys() - _SKIP_KEYS.keys():
            help_text = f"allowed keys: {', '.join(_SKIP_KEYS)}"
            raise UserError(f"table {number} of `skip`: unknown key {key}", str(path), line, 1, help=help_text)
        for key, meaning in _SKIP_KEYS.items():
            if not isinstance(table.get(key), str) or not table[key].strip():
                what = f"table {number} of `skip`: {key} is missing or not a string"
                raise UserError(what, str(path), line, 1, help=f"set it to {meaning}")
        yield table["match"], table["reason"]


def with_skip(path: Path, data: bytes, pattern: str, reason: str) -> bytes:
    """The text to append to the file ``path``, which contains ``data``, for a further table of ``skip``; empty where it
    has the table. Raises UserError where nothing can be appended."""
    known = _parse(path, data).skips if data else ()
    if pattern in (match for match, _ in known):
        return b""
    newline = "\r\n" if b"\r\n" in data else "\n"
    start = "" if not data else newline if data.endswith(b"\n") else newline * 2
    lines = ("[[skip]]", f"match = {_quoted(pattern)}", f"reason = {_quoted(reason)}")
    addition = (start + "".join(line + newline for line in lines)).encode()
    try:
        is_taken = _parse(path, data + addition).skips == (*known, (pattern, reason))
    except UserError:
        is_taken = False
    if not is_taken:
        what = "cannot append another [[skip]] to the file"
        raise UserError(what, str(path), _line_of(data.decode(), "skip"), 1, help="write the tables as [[skip]]")
    return addition


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'


def _row(path: Path, text: str, number: int, row: Any) -> Image:
    full = {**_DEFAULTS, **row} if isinstance(row, dict) else row
    problem = image_table.problem_of(full)
    if problem is None:
        return image_table.image_of(full)
    key, what = problem
    lines = text.splitlines()
    first = _table_line(text, "image", number)
    line = next((n for n in range(first, len(lines) + 1) if _is_key(lines[n - 1], key)), first)
    help_text = "see `dsec-migrate images NAME` for an example of a row"
    raise UserError(f"row {number + 1} of `image`: {what}", str(path), line, 1, help=help_text)


def _table_line(text: str, key: str, number: int) -> int:
    """The line (from 1) of the ``number``-th table of a list."""
    starts = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(f"[[{key}]]")]
    return starts[number] if number < len(starts) else 1


def _is_key(line: str, key: str) -> bool:
    return bool(key) and line.partition("=")[0].strip() == key


def _line_of(text: str, key: str) -> int:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if _is_key(line, key) or line.strip(" []") == key), 1)
