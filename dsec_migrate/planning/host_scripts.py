"""Scripts beside an env file that read it on the host: a Makefile that includes it, a backup that sources it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import read_bytes

MOST_SCRIPTS = 200
MOST_BYTES = 256 * 1024
LONGEST_LINE = 2_000
_SCRIPT = Pattern(
    r"(?i)(?:GNU)?makefile|.*\.(?:mk|sh|bash|zsh|fish|ps1|just)|\.?justfile|taskfile\.ya?ml|\.envrc|procfile|rakefile|"
    r"package\.json|.*\.service|run|start|deploy|bootstrap|setup"
)
_FOLDER = Pattern(r"(?i)scripts?|bin|tools|hack|ops|deploy|ci")
# what stands before a file that is made, or only looked for
_MADE = Pattern(
    r">>?[ \t]*$|(?:^|[;&|\s(])(?:touch|rm|chmod|chown|test|\[\[?)\s(?:[^\s;&|]+\s+)*$|"
    r"(?:^|[;&|\s(])(?:cp|mv|install|ln)\s(?:[^\s;&|]+\s+)+$"
)
# the rest of the file's path, and a quote
_LEAD = Pattern(r"[\"']?[^\s=>\"']*$")


def naming(real: str) -> tuple[str, ...]:
    """Places (``script:line``) that read the file at a real path, the first of each script: those in its folder, and
    in folders for scripts there."""
    folder, name = os.path.split(real)
    whole = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")
    found: list[str] = []
    for path in _scripts(Path(folder)):
        try:
            text = read_bytes(path).decode("utf-8", "replace")
        except OSError:
            continue
        lines = enumerate(text.splitlines(), 1) if name in text else ()
        number = next((number for number, line in lines if _reads(line, whole)), None)
        if number is not None:
            found.append(f"{path.relative_to(folder)}:{number}")
    return tuple(found)


def _reads(line: str, whole: re.Pattern[str]) -> bool:
    """Whether a line names the file and does more than make it, or look whether it is there."""
    if line.lstrip().startswith(("#", "//")):
        return False
    if len(line) > LONGEST_LINE:
        return True
    for match in whole.finditer(line):
        lead = _LEAD.sub("", line[: match.start()])
        is_of_compose = "compose" in line and lead.rstrip("= \t").endswith("--env-file")
        if not is_of_compose and not _MADE.search(lead):
            return True
    return False


def _scripts(folder: Path) -> Iterator[Path]:
    places = [folder, *(folder / entry.name for entry in _entries(folder) if _is_folder_of_scripts(entry))]
    scripts = (place / entry.name for place in places for entry in _entries(place) if _is_script(entry))
    yield from (path for path, _ in zip(scripts, range(MOST_SCRIPTS), strict=False))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder_of_scripts(entry: os.DirEntry[str]) -> bool:
    return _FOLDER.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)


def _is_script(entry: os.DirEntry[str]) -> bool:
    try:
        is_file = _SCRIPT.fullmatch(entry.name) is not None and entry.is_file()
        return is_file and entry.stat().st_size <= MOST_BYTES
    except OSError:
        return False
