"""Who starts anew finds a template of the variables.

A project that reads `.env` and has no `.env.example` is set up by guessing, or with the file of a colleague, values
included.

What to do: the command writes `.env.example`: names and meaning, no values.
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
        yield Done(f"{min(found)} tells which variables there are")
        return
    fix = f"`{subject.command('--templates', '--write')}`"
    yield Item(Site(str(path), 1, 1), path.name, "nothing tells which variables the project reads", fix, Weight.LOW)
