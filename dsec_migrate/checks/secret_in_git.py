"""git tracks no file with a secret.

Whoever has the repository has the value, and every clone, fork and backup keeps it.

What to do: take the file out of the next commit, name it in `.gitignore`, and change the value: the history keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsec_migrate import git
from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.finding import Confidence, Site


def look(subject: Subject) -> Iterator[Item | Done]:
    told: dict[str, Item] = {}
    for name, state in subject.files:
        if state.is_tracked:
            site = Site(str(state.secret.path), 1, 1)
            told[site.file] = _item(site, name, "the file of a secret")
    for site in _env_lines(subject):
        if site.file not in told and git.is_tracked(Path(site.file)):
            told[site.file] = _item(site, Path(site.file).name, "an env file with secrets")
    yield from told.values()
    is_repository = git.ignored(subject.directory, ["x"]) is not None
    if not told and is_repository and subject.known:
        yield Done("git tracks no env file and no file of a secret")


def _env_lines(subject: Subject) -> Iterator[Site]:
    """The first line of each env file that gives a secret."""
    project = subject.project
    paths = {str(text.source.path) for text in project.env_texts}
    for finding in subject.findings:
        if finding.verdict.confidence is Confidence.POSSIBLE:
            continue
        if finding.site.file in paths:
            yield finding.site
        variable = subject.variable_of(finding)
        names = [one.name for one in variable.effective.references] if variable is not None else []
        for name in names or [finding.variable]:
            place = project.environment.places.get(name)
            if place is not None and project.environment.files.get(name):
                yield Site(str(place[0]), place[1], 1)


def _item(site: Site, name: str, what: str) -> Item:
    path = Path(site.file)
    fix = f"`git -C {path.parent} rm --cached -- {path.name}`, name it in .gitignore, and change the values in it"
    return Item(site, name, f"git tracks it: {what}", fix, Weight.HIGH)
