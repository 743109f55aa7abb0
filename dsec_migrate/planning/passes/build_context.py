"""What the program in a build context reads: variables, or files that variables name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import read_bytes

MOST_ENTRIES = 20_000
MOST_FILES = 2000
MOST_BYTES_OF_A_FILE = 512 * 1024
MOST_BYTES = 8 * 1024 * 1024

_SKIPPED_FOLDERS = Pattern(r"\.(?:git|hg|svn|venv|tox)|venv|node_modules|vendor|__pycache__|dist|target|secrets")
_CODE = Pattern(
    r"\.(?:py|[cm]?js|tsx?|jsx|go|rb|php|java|kts?|scala|groovy|cs|fs|rs|cc?|cpp|h|hpp|(?:ba|z)?sh|p[lm]|exs?|erl|clj|lua|"
    r"swift|dart|r|jl|nim|cr|vb|ps1|tmpl|tpl|j2|conf|cfg|cnf|ini|properties|xml|ya?ml|toml|json)"
)
_SETTINGS = Pattern(r"\.(?:conf|cfg|cnf|ini|properties|xml|ya?ml|toml|json)")
# these files say what is set, or inform people; they do not show what is read
_NO_CODE = Pattern(
    r"(?i)(?:docker-)?compose.*\.ya?ml|.*\.md|\.env.*|.*\.env|package(?:-lock)?\.json|.*\.lock|.*\.min\.js|dsec-migrate\.toml"
)
_WITHOUT_SUFFIX = Pattern(
    r"(?i)(?:docker-)?entrypoint.*|run|start|configure|Procfile|Makefile|Rakefile|wrapper.*|init.*"
)
# code that builds the name: `name + "_FILE"`, f"{name}_FILE", "${var}_FILE"
_MAKES_NAMES = Pattern(r"[\"'`]_FILE[\"'`]|\}_FILE\b|%s_FILE\b")
_COMMENT = Pattern(r"[ \t]*(?:#|//|\*|--|;)")


@dataclass(frozen=True, repr=False)
class Reads:
    """Places (``file:line``, the file below the context) that name ``X_FILE`` and ``X``. ``makes_names``: a location
    where code appends ``_FILE`` to any name."""

    file: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    makes_names: str | None = None


def reads(context: Path, variable: str) -> Reads:
    """Where the code below ``context`` reads a variable; empty if the folder does not exist or is too large."""
    return _reads(context.absolute(), variable)


@lru_cache(maxsize=256)
def _reads(context: Path, variable: str) -> Reads:
    name_itself = rf"{re.escape(variable)}(_FILE)?(?![A-Za-z0-9_])"
    in_code = re.compile(rf"(?<![A-Za-z0-9_]){name_itself}")
    # settings also mention what they set: only a reference reads it
    in_settings = re.compile(rf"(?:\$\{{?|\{{\{{\s{{0,3}}\.?|(?i:env)[.:(\[]\s{{0,3}}[\"']?){name_itself}")
    files: list[str] = []
    plain: list[str] = []
    for name, text in _texts(context):
        if variable not in text:
            continue
        whole = in_settings if _SETTINGS.fullmatch(Path(name).suffix.lower()) is not None else in_code
        for match in whole.finditer(text):
            if _COMMENT.match(text, text.rfind("\n", 0, match.start()) + 1) is not None:
                continue
            place = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
            (files if match[1] else plain).append(place)
    return Reads(tuple(dict.fromkeys(files)), tuple(dict.fromkeys(plain)), _makes_names(context))


@lru_cache(maxsize=8)
def _makes_names(context: Path) -> str | None:
    for name, text in _texts(context):
        made = _MAKES_NAMES.search(text) if "_FILE" in text else None
        if made is not None:
            return f"{name}:{text.count(chr(10), 0, made.start()) + 1}"
    return None


@lru_cache(maxsize=8)
def _texts(context: Path) -> tuple[tuple[str, str], ...]:
    """The code of a build context; nothing of a folder that is too large to search."""
    found: list[tuple[str, str]] = []
    size = 0
    for number, path in enumerate(_files(context)):
        if path is None or number >= MOST_FILES or size > MOST_BYTES:
            return ()
        try:
            if path.stat().st_size > MOST_BYTES_OF_A_FILE:
                continue
            text = read_bytes(path).decode("utf-8").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError):
            continue
        size += len(text)
        found.append((str(path.relative_to(context)), text))
    return tuple(found)


def _files(context: Path) -> Iterator[Path | None]:
    """The source files; None if there is too much else."""
    entries = 0
    for folder, folders, names in os.walk(context):
        entries += len(names)
        if entries > MOST_ENTRIES:
            yield None
            return
        folders[:] = sorted(name for name in folders if not _SKIPPED_FOLDERS.fullmatch(name))
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            is_code = _CODE.fullmatch(suffix) is not None or (
                not suffix and _WITHOUT_SUFFIX.fullmatch(name) is not None
            )
            if is_code and _NO_CODE.fullmatch(name) is None:
                yield Path(folder) / name


_EXPRESSIONS = {
    ".py": 'pathlib.Path(os.environ["{}"]).read_text()',
    ".js": 'fs.readFileSync(process.env.{}, "utf8")',
    ".go": 'os.ReadFile(os.Getenv("{}"))',
    ".rb": 'File.read(ENV["{}"])',
    ".php": 'file_get_contents(getenv("{}"))',
    ".java": 'Files.readString(Path.of(System.getenv("{}")))',
    ".cs": 'File.ReadAllText(Environment.GetEnvironmentVariable("{}"))',
    ".rs": 'fs::read_to_string(env::var("{}")?)',
    ".sh": '"$(cat "${}")"',
}
_LIKE = {".ts": ".js", ".tsx": ".js", ".jsx": ".js", ".mjs": ".js", ".cjs": ".js", ".kt": ".java", ".bash": ".sh"}


def expression(place: str, variable: str) -> str | None:
    """How code at ``place`` (``file:line``) would read the file that ``variable`` names, in its own language."""
    suffix = Path(place.rpartition(":")[0]).suffix.lower()
    found = _EXPRESSIONS.get(_LIKE.get(suffix, suffix))
    return found.replace("{}", variable) if found is not None else None
