"""The purpose of each secret is documented.

A name such as `key2` does not say who issued the value, where it is used, and what breaks when it changes.

What to do: the command writes a README to the secrets folder, with a line for each: who uses it, and how to create one.
Your own README counts as well, if it names each secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.text.source import read_bytes

_NAMES = ("README.md", "README", "README.txt", "README.rst", "SECRETS.md", "docs/secrets.md", "docs/SECRETS.md")


def look(subject: Subject) -> Iterator[Item | Done]:
    names = [one.name for one in subject.held]
    if not names:
        return
    folders = dict.fromkeys([*(state.secret.path.parent for _, state in subject.files), subject.directory])
    text = "".join(_text(folder / name) for folder in folders for name in _NAMES)
    missing = [name for name in names if name not in text]
    if not missing:
        yield Done(f"{len(names)} {'secret is' if len(names) == 1 else 'secrets are'} described")
        return
    few = missing[:4]
    listed = ", ".join([*few, "others"] if missing[4:] else few)
    what = f"the purpose of {listed} is not documented"
    fix = f"`{subject.command('--templates', '--write')}`"
    yield Item(subject.secret_site(missing[0]), "secrets", what, fix, Weight.LOW)


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""
