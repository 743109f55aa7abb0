"""git tracks no file with a secret.

Anyone with access to the repository has the value, and it is in every clone, fork and backup.

What to do: remove the file from the next commit, add it to `.gitignore`, and rotate the value: it stays in the history.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from dsec_migrate import git
from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.compose import builds
from dsec_migrate.detectors.finding import Site
from dsec_migrate.planning.build_parts import credentials_in


def look(subject: Subject) -> Iterator[Item | Done]:
    told: dict[str, Item] = {}
    for name, state in subject.files:
        if state.is_tracked:
            site = Site(str(state.secret.path), 1, 1)
            told[site.file] = _item(site, name, "the file of a secret")
    tracked = git.tracked(subject.env_files)
    for path, site in subject.env_files.items():
        if site.file not in told and path in tracked:
            told[site.file] = _item(site, path.name, "an env file with secrets")
    known = {os.path.realpath(file) for file in told}
    copied = [path for context in _contexts(subject) for path in credentials_in(context)]
    tracked = git.tracked(copied)
    for path in copied:
        if path in tracked and os.path.realpath(path) not in known:
            told[str(path)] = _item(Site(str(path), 1, 1), path.name, "a file with credentials, in a build context")
    yield from told.values()
    if not told and subject.known and git.find(subject.directory) is not None:
        yield Done("git tracks no env file and no file of a secret")


def _contexts(subject: Subject) -> Iterator[Path]:
    for service in subject.project.services.values():
        build = builds.find(subject.project, service) if service.is_built else None
        if build is not None:
            yield build.context


def _item(site: Site, name: str, what: str) -> Item:
    path = Path(site.file)
    command = shlex.join(["git", "-C", str(path.parent), "rm", "--cached", "--", path.name])
    fix = f"`{command}`, add it to .gitignore, and rotate its values"
    return Item(site, name, f"git tracks it: {what}", fix, Weight.HIGH)
