"""Build contexts do not include the project's secret files.

The whole context is sent to the builder, and `COPY . .` copies it into the image. `.dockerignore` excludes files.

What to do: add `.env` and the secrets folder to `.dockerignore`.
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
                site,
                name,
                f"its build context contains {names}",
                f"add {names} to {context.name}/.dockerignore",
                Weight.MEDIUM,
            )
    if good:
        yield Done(f"{good} {'context excludes' if good == 1 else 'contexts exclude'} the values")


def _holders(subject: Subject, contexts: Collection[Path]) -> Iterator[Path]:
    """Files with values, and folders that contain nothing else."""
    yield from sorted(path.absolute() for path in subject.env_files)
    others = {subject.directory.absolute(), *contexts}
    files = {state.secret.path.absolute() for _, state in subject.files}
    # a parent folder of a context, or the context itself, also contains its sources
    yield from sorted(
        {path if any(other.is_relative_to(path.parent) for other in others) else path.parent for path in files}
    )
