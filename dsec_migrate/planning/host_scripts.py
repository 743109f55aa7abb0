"""What reads an env file on the host: a Makefile that includes it, a backup that sources it, a program with a library
that loads it, an editor that starts programs with it, a script of a neighbour that hands it to another project."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import read_bytes

MOST_SCRIPTS = 200
MOST_BYTES = 256 * 1024
LONGEST_LINE = 2_000
MOST_FOLDERS = 100
_SCRIPT = Pattern(
    r"(?i)(?:GNU)?makefile|.*\.(?:mk|sh|bash|zsh|fish|ps1|bat|cmd|just)|\.?justfile|taskfile\.ya?ml|\.envrc|procfile|"
    r"rakefile|package\.json|.*\.service|run|start|deploy|bootstrap|setup|\.?mise\.toml|jenkinsfile|\.gitlab-ci\.ya?ml"
)
# code, and what names its libraries or starts it
_CODE = Pattern(
    r"(?i).*\.(?:py|rb|php|go|rs|exs?|[cm]?[jt]sx?|code-workspace)|gemfile|composer\.json|requirements.*\.txt|"
    r"pyproject\.toml|go\.mod|cargo\.toml|deno\.jsonc?|launch\.json|tasks\.json|devcontainer\.json|\.flaskenv"
)
_FOLDER = Pattern(r"(?i)scripts?|bin|tools|hack|ops|deploy|ci")
_FOLDER_OF_CODE = Pattern(
    r"(?i)(?!(?:node_modules|vendor|v?env|dist|build|target)\Z)(?:\.vscode|\.devcontainer|[a-z][\w-]*)"
)
# python-dotenv, dotenv of Node and Ruby, phpdotenv, godotenv, dotenvy, direnv's `dotenv`, just's `set dotenv-load`;
# pipenv, foreman and Laravel load it by default, without a mention
_LOADER = Pattern(r"(?i)dotenv")
_LOADED_BY_ITSELF = Pattern(r"(?i)pipfile|procfile(?:\.\w+)?|artisan")
_NOT_LOADED = Pattern(r"(?i)dotenv-load\s*:=\s*false")
# what precedes a file that is created, or only tested for
_MADE = Pattern(
    r">>?[ \t]*$|(?:^|[;&|\s(])(?:touch|rm|chmod|chown|test|\[\[?)\s(?:[^\s;&|]+\s+)*$|"
    r"(?:^|[;&|\s(])(?:cp|mv|install|ln)\s(?:[^\s;&|]+\s+)+$"
)
_OF_ANOTHER_PROJECT = Pattern(r"(?:-f|--file|--project-directory)[= ][\"']?(?:\.\./|/|~)")
# the rest of the file's path, and a quote
_LEAD = Pattern(r"[\"']?[^\s=>\"']*$")


def naming(real: str) -> tuple[str, ...]:
    """Places (``script:line``) that read the file at a real path by its name, the first of each file: those in its
    folder, in folders for scripts and for code there, and beside that folder."""
    folder, name = os.path.split(real)
    whole = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")
    found = [*_first_lines(_scripts(Path(folder)), Path(folder), name, lambda line: _reads(line, whole))]
    found += _first_lines(_code(Path(folder)), Path(folder), name, lambda line: _reads(line, whole))
    # a neighbour names the folder, too
    home = Path(folder).name
    if home:
        whole = re.compile(rf"(?<![\w.-]){re.escape(home)}/(?:\./)?{re.escape(name)}(?![\w.-])")
        ours = re.compile(rf"(?:-f|--file|--project-directory)[= ]\S{{0,200}}{re.escape(home)}(?:/|\s|$)")
        found += _first_lines(
            _neighbours(Path(folder)),
            Path(folder),
            name,
            lambda line: _reads(line, whole, is_neighbour=ours.search(line[:LONGEST_LINE]) is None),
        )
    return tuple(found)


def loading(real: str) -> tuple[str, ...]:
    """Places in the folder of a ``.env``, and in folders for scripts and code there, that load it without a name."""
    folder, name = os.path.split(real)
    if name != ".env" and not name.startswith(".env."):
        return ()
    files = [*_scripts(Path(folder)), *_code(Path(folder))]
    found = dict.fromkeys(_first_lines(files, Path(folder), "dotenv", _loads))
    if name == ".env":
        found.update({each.name: None for each in _entries(Path(folder)) if _LOADED_BY_ITSELF.fullmatch(each.name)})
    return tuple(found)


def _loads(line: str) -> bool:
    is_comment = line.lstrip().startswith(("#", "//"))
    return not is_comment and _LOADER.search(line) is not None and not _NOT_LOADED.search(line[:LONGEST_LINE])


def _first_lines(
    files: Iterator[Path] | list[Path], folder: Path, mark: str, reads: Callable[[str], bool]
) -> list[str]:
    """The first line of each file that ``reads``; of no file without the ``mark``."""
    found: list[str] = []
    for path in files:
        try:
            text = read_bytes(path).decode("utf-8", "replace")
        except OSError:
            continue
        lines = enumerate(text.splitlines(), 1) if mark.lower() in text.lower() else ()
        number = next((number for number, line in lines if reads(line)), None)
        if number is not None:
            found.append(f"{os.path.relpath(path, folder)}:{number}")
    return found


def _reads(line: str, whole: re.Pattern[str], *, is_neighbour: bool = False) -> bool:
    """Whether a line names the file and does more than make it, or look whether it is there; Compose is another reader
    only where it runs another project."""
    if line.lstrip().startswith(("#", "//")):
        return False
    if len(line) > LONGEST_LINE:
        return True
    for match in whole.finditer(line):
        lead = _LEAD.sub("", line[: match.start()])
        is_of_compose = "compose" in line and lead.rstrip("= \t").endswith("--env-file")
        is_of_compose = is_of_compose and not is_neighbour and not _OF_ANOTHER_PROJECT.search(line)
        if not is_of_compose and not _MADE.search(lead):
            return True
    return False


def _scripts(folder: Path) -> Iterator[Path]:
    places = [folder, *(folder / entry.name for entry in _entries(folder) if _is_folder_of_scripts(entry))]
    scripts = (place / entry.name for place in places for entry in _entries(place) if _is_file(entry, _SCRIPT))
    yield from islice(scripts, MOST_SCRIPTS)


def _code(folder: Path) -> Iterator[Path]:
    below = (folder / entry.name for entry in _entries(folder) if _is_folder_of_code(entry))
    places = [folder, *islice(below, MOST_FOLDERS)]
    files = (place / entry.name for place in places for entry in _entries(place) if _is_file(entry, _CODE))
    yield from islice(files, MOST_SCRIPTS)


def _neighbours(folder: Path) -> Iterator[Path]:
    """The scripts of the folder above, and of the others in it."""
    above = folder.parent
    beside = (above / entry.name for entry in _entries(above) if entry.name != folder.name and _is_folder(entry))
    places = [above, *islice(beside, MOST_FOLDERS)]
    scripts = (place / entry.name for place in places for entry in _entries(place) if _is_file(entry, _SCRIPT))
    yield from islice(scripts, MOST_SCRIPTS)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder_of_scripts(entry: os.DirEntry[str]) -> bool:
    return _FOLDER.fullmatch(entry.name) is not None and _is_folder(entry)


def _is_folder_of_code(entry: os.DirEntry[str]) -> bool:
    return _FOLDER_OF_CODE.fullmatch(entry.name) is not None and _is_folder(entry)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str], kind: Pattern) -> bool:
    try:
        is_file = kind.fullmatch(entry.name) is not None and entry.is_file()
        return is_file and entry.stat().st_size <= MOST_BYTES
    except OSError:
        return False
