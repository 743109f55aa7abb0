"""git ignores files with values.

One `git add .` adds an untracked file, and from the next commit on its values are in the history.

What to do: add the file or its folder to `.gitignore`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsec_migrate import git
from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.detectors.finding import Site


def look(subject: Subject) -> Iterator[Item | Done]:
    good = 0
    told: set[Path] = set()
    for name, state in subject.files:
        folder = state.secret.path.parent
        if state.is_ignored is None or state.is_tracked:
            continue
        good += state.is_ignored
        if not state.is_ignored and folder not in told:
            told.add(folder)
            yield _item(subject.secret_site(name), folder.name, f"{folder.name}/")
    tracked, ignored = git.tracked(subject.env_files), git.ignored(subject.env_files)
    for path, site in subject.env_files.items():
        if path not in ignored or path in tracked:
            continue
        good += ignored[path]
        if not ignored[path]:
            yield _item(site, path.name, path.name)
    if good:
        yield Done(f"git ignores {good} {'file' if good == 1 else 'files'} with values")


def _item(site: Site, subject: str, pattern: str) -> Item:
    reason = "git does not ignore it: one `git add` adds it"
    return Item(site, subject, reason, f"add the line {pattern} to .gitignore", Weight.MEDIUM)
