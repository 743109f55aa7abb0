"""Who starts anew finds a template of the variables.

A project that reads `.env` and has no `.env.example` is set up by guessing, or with the file of a colleague, values
included.

What to do: the command writes `.env.example`: names and meaning, no values.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.finding import Site

_ENDINGS = (".example", ".sample", ".template", ".dist", "-example", "-sample", ".tmpl")
_WORDS = ("example", "sample", "template", "dist", "default", "tmpl")


def look(subject: Subject) -> Iterator[Item | Done]:
    project = subject.project
    if not any(project.environment.places.get(name) for name in _names(subject)):
        return
    try:
        names = [path.name for path in subject.directory.iterdir() if "env" in path.name]
    except OSError:
        return
    found = [name for name in names if any(word in name for word in _WORDS)]
    if found:
        yield Done(f"{min(found)} tells which variables there are")
        return
    path = next(iter(project.environment.paths), subject.directory / ".env")
    fix = f"`{subject.command('--templates', '--write')}`"
    yield Item(Site(str(path), 1, 1), path.name, "nothing tells which variables the project reads", fix, Weight.LOW)


def _names(subject: Subject) -> Iterator[str]:
    for finding in subject.findings:
        variable = subject.variable_of(finding)
        yield from (reference.name for reference in variable.effective.references) if variable is not None else ()
