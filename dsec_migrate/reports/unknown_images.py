"""The last block of a run that wrote: services whose image is not in the table, and how their programs can read a
file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dsec_migrate.detectors.finding import Action, Finding
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.ways_back import ways_back

_Service = tuple[ProjectOutcome, str, list[Finding]]

# removesuffix and replace remove at most one newline: a file saved with an editor often ends with one
SNIPPETS = {
    "Python": """\
import os
from pathlib import Path

def setting(name, default=None):
    path = os.environ.get(name + "_FILE")
    if path is None:
        return os.environ.get(name, default)
    return Path(path).read_bytes().decode().removesuffix("\\n")
""",
    "Node.js": """\
const fs = require("node:fs");

function setting(name, fallback) {
  const path = process.env[name + "_FILE"];
  if (path === undefined) return process.env[name] ?? fallback;
  return fs.readFileSync(path, "utf8").replace(/\\n$/, "");
}
""",
}


def tell_unknown_images(page: Page, projects: Sequence[ProjectOutcome], everyone: Sequence[ProjectOutcome]) -> None:
    """Writes the block for the projects that were written, out of all projects of a run; nothing where the image of
    every moved variable is known."""
    services = list(_services(projects))
    if not services:
        return
    page.heading("Images not in the table")
    for unsure in _sentences(services, is_one=len(projects) == 1):
        page.sentence(unsure, indent="    ", first="  ")
    first = services[0][2][0]
    page.blank()
    page.sentence(f'If you maintain the program, make it read the file, as in setting("{first.variable}"):')
    for language, snippet in SNIPPETS.items():
        page.blank()
        page.row(f"  {language}", page.style.dim)
        for line in snippet.splitlines():
            page.row(f"    {line}".rstrip())
    page.blank()
    _tell_undo(page, services, everyone)


def unsure_starts(project: ProjectOutcome) -> Iterator[str]:
    """A sentence for each service of a project that may start without the variables that were moved."""
    yield from _sentences(list(_services([project])), is_one=True)


def _sentences(services: Iterable[_Service], *, is_one: bool) -> Iterator[str]:
    for project, service, findings in services:
        place = service if is_one else f"{service} ({project.path})"
        names = [finding.variable for finding in findings]
        new_names = [name for finding in findings for name in finding.variables]
        yield f"{place} will start without {_listed(names)} unless its program reads {_listed(new_names)}"


def _services(projects: Iterable[ProjectOutcome]) -> Iterator[_Service]:
    for project in projects:
        found: dict[str, list[Finding]] = {}
        for finding in project.findings:
            if _is_unknown(finding):
                found.setdefault(finding.service, []).append(finding)
        for service, findings in found.items():
            yield project, service, findings


def _is_unknown(finding: Finding) -> bool:
    return finding.action is Action.MIGRATE and not finding.is_image_known


def _tell_undo(page: Page, services: Sequence[_Service], everyone: Sequence[ProjectOutcome]) -> None:
    unsure = {id(project): project for project, _, _ in services}
    page.sentence("To undo everything:")
    for way in ways_back(list(unsure.values()), everyone):
        page.row(f"    {way.command()}")
    project, _, findings = services[0]
    finding = findings[0]
    secret = next((s for s in project.plan.secrets if s.name == finding.secret), None)
    place = f" (it is in {secret.path})" if secret is not None and secret.path is not None else ""
    page.sentence(
        f"To undo one: replace {', '.join(finding.variables)} with {finding.variable} and its value{place}. "
        f"Pass --skip {finding.variable} to skip it in later runs."
    )


def _listed(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"
