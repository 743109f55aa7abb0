"""Development and production have different values.

If both have the same password, every developer and every laptop has that of production.

What to do: use a separate secrets folder for each (`--secrets-dir`), or `${SECRETS_DIR:-./secrets}` in one Compose
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.compose import dotenv
from dsec_migrate.detectors.finding import Site
from dsec_migrate.detectors.names import meaning
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.text.source import read_bytes

_STAGES = {
    "dev": "development", "develop": "development", "development": "development", "local": "development",
    "stage": "staging", "staging": "staging", "test": "test", "testing": "test", "ci": "test", "qa": "test",
    "prod": "production", "production": "production", "live": "production",
}  # fmt: skip


def look(subject: Subject) -> Iterator[Item | Done]:
    found: dict[str, dict[str, tuple[Path, dotenv.Entry]]] = {}
    for path in _env_files(subject.directory):
        stage = _stage(path.name)
        if stage is not None:
            found.setdefault(stage, {}).update({entry.name: (path, entry) for entry in _secrets(path)})
    stages = list(found)
    for number, stage in enumerate(stages):
        for other in stages[:number]:
            for name, (path, entry) in found[stage].items():
                same = found[other].get(name)
                if same is not None and same[1].value == entry.value and is_distinctive(entry.value or ""):
                    line = read_bytes(path).decode("utf-8", "replace")[: entry.span.start].count("\n") + 1
                    reason = f"{stage} has the value of {other} ({same[0].name})"
                    yield Item(Site(str(path), line, 1), name, reason, "set a different value for each", Weight.MEDIUM)
    if len(stages) > 1:
        yield Done(f"{' and '.join(sorted(stages))} have separate env files")


def _env_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if ".env" in path.name and path.is_file())
    except OSError:
        return []


def _stage(name: str) -> str | None:
    words = re.split(r"[^a-z]+", name.lower())
    if {"example", "sample", "template", "dist"} & set(words):
        return None
    return next((_STAGES[word] for word in words if word in _STAGES), None)


def _secrets(path: Path) -> Iterator[dotenv.Entry]:
    try:
        entries = dotenv.parse(read_bytes(path).decode("utf-8"), {})
    except (OSError, UnicodeDecodeError, dotenv.DotenvError):
        return
    yield from (entry for entry in entries if entry.value and meaning(entry.name).is_telling)
