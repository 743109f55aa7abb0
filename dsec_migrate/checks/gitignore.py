"""git ignores what holds values.

One `git add .` takes an untracked file in.

What to do: name the file, or its folder, in `.gitignore`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsec_migrate import git
from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.finding import Site


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
    for path, site in _env_files(subject).items():
        known = git.ignored(path.parent, [path.name])
        if known is None or git.is_tracked(path):
            continue
        good += path.name in known
        if path.name not in known:
            yield _item(site, path.name, path.name)
    if good:
        yield Done(f"git ignores {good} {'file' if good == 1 else 'files'} with values")


def _env_files(subject: Subject) -> dict[Path, Site]:
    """Env files that give a secret, each with the line of the first."""
    found: dict[Path, Site] = {}
    project = subject.project
    texts = {str(text.source.path) for text in project.env_texts}
    for finding in subject.findings:
        if finding.site.file in texts:
            found.setdefault(Path(finding.site.file), finding.site)
        variable = subject.variable_of(finding)
        for reference in variable.effective.references if variable is not None else ():
            place = project.environment.places.get(reference.name)
            if place is not None and project.environment.files.get(reference.name):
                found.setdefault(place[0], Site(str(place[0]), place[1], 1))
    return found


def _item(site: Site, subject: str, pattern: str) -> Item:
    reason = "git does not ignore it: one `git add` takes it in"
    return Item(site, subject, reason, f"add the line {pattern} to .gitignore", Weight.MEDIUM)
