"""There is a template of the variables for a fresh start.

A project that reads `.env` and has no `.env.example` is set up by guessing, or with a colleague's file, values
included.

What to do: the suggested command writes `.env.example`: names and descriptions, no values.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.detectors.finding import Site

_WORDS = ("example", "sample", "template", "dist", "default", "tmpl")


def look(subject: Subject) -> Iterator[Item | Done]:
    path = next((path for path in subject.env_files if path in subject.project.environment.paths), None)
    if path is None:
        return
    try:
        names = [path.name for path in subject.directory.iterdir() if "env" in path.name]
    except OSError:
        return
    found = [name for name in names if any(word in name for word in _WORDS)]
    if found:
        yield Done(f"{min(found)} lists the variables")
        return
    fix = f"`{subject.command('--templates', '--write')}`"
    yield Item(Site(str(path), 1, 1), path.name, "no file lists the variables that the project reads", fix, Weight.LOW)
