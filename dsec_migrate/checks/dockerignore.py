"""Builds do not get the files of the project's secrets.

The whole context goes to the builder, and `COPY . .` puts it into the image. `.dockerignore` leaves files out.

What to do: name `.env` and the folder of the secrets in `.dockerignore`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.compose import builds
from dsec_migrate.planning.build_parts import ignored_in


def look(subject: Subject) -> Iterator[Item | Done]:
    contexts: dict[Path, str] = {}
    for service in subject.project.services.values():
        build = builds.find(subject.project, service) if service.is_built else None
        if build is not None and build.context.is_dir():
            contexts.setdefault(build.context.absolute(), service.name)
    holders = [path for path in _holders(subject, contexts) if path.exists()]
    good = 0
    for context, name in contexts.items():
        ignored = ignored_in(context)
        inside = [path for path in holders if path.is_relative_to(context)]
        left = [path for path in inside if not ignored(path.relative_to(context).as_posix())]
        good += bool(inside) and not left
        if left:
            site = subject.service_site(subject.project.services[name], "build")
            names = ", ".join(path.relative_to(context).as_posix() for path in left)
            yield Item(
                site, name, f"its context holds {names}", f"name {names} in {context.name}/.dockerignore", Weight.MEDIUM
            )
    if good:
        yield Done(f"{good} {'context leaves' if good == 1 else 'contexts leave'} the values out")


def _holders(subject: Subject, contexts: Collection[Path]) -> Iterator[Path]:
    """Files with values, and folders that are there for nothing else."""
    yield from sorted(path.absolute() for path in subject.env_files)
    others = {subject.directory.absolute(), *contexts}
    files = {state.secret.path.absolute() for _, state in subject.files}
    # a folder above a context, or the context itself, holds its source as well
    yield from sorted(
        {path if any(other.is_relative_to(path.parent) for other in others) else path.parent for path in files}
    )
