"""What is left to do by hand, as a checklist: what to review, what is skipped and why, the steps after a write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from dsec_migrate.config.options import Target
from dsec_migrate.detectors.finding import Action, Confidence, Finding
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports.finding_groups import by_note, by_place, target, targets
from dsec_migrate.reports.hardened import subject
from dsec_migrate.reports.html_page.markup import MANY, code, listed, prose, safe
from dsec_migrate.reports.next_steps import manager_scripts, next_steps
from dsec_migrate.reports.unknown_images import unsure_starts


def render(prefix: str, project: ProjectOutcome, level: int) -> str:
    """The checklist of one project; empty where there is nothing to do."""
    groups = (
        ("To review", "Check this before you rely on the change.", list(_reviews(project))),
        ("Does the program read the file?", "These images are not in the table.", list(_unsure(project))),
        ("Hardening", "Which services lose access, and what to check.", list(_hardened(project, Action.MIGRATE))),
        ("Skipped", "Not migrated, with the reason.", list(_left(project))),
        ("Not hardened", "Skipped, with the reason.", list(_hardened(project, Action.KEEP))),
        ("Possibly secrets", "Skipped; pass `--only NAME` to move one.", list(_possible(project))),
        (
            "Still in plaintext after the change",
            "Values of moved secrets also appear here.",
            list(_remaining(project)),
        ),
    )
    number = 0
    parts: list[str] = []
    for title, about, items in groups:
        if not items:
            continue
        parts.append(f"<h{level}>{title}</h{level}>\n<p class=quiet>{prose(about)}</p>\n")
        parts.append(boxes(f"{prefix}-todo", items, number + 1))
        number += len(items)
    return "".join(parts)


def steps(outcome: Outcome, projects: Sequence[ProjectOutcome]) -> str:
    """The checklist at the end of the page: what to do from the write on. ``projects`` are sealed."""
    changed = [project for project in projects if project.rewritten and not project.status]
    if not changed:
        return ""
    items = []
    if not all(project.is_written for project in changed):
        items.append(prose("Review the changes above, then run the same command with `--write`."))
    items += map(prose, manager_scripts(changed))
    items += map(prose, next_steps(changed, projects, outcome.options.target is Target.SWARM))
    return boxes("step", items, 1)


def boxes(prefix: str, items: Iterable[str], first: int) -> str:
    """Items (HTML) as a list with a checkbox each."""
    lines = [
        f'<li><input type=checkbox id="{prefix}-{number}"><label for="{prefix}-{number}">{item}</label></li>\n'
        for number, item in enumerate(items, first)
    ]
    size = " many" if len(lines) > MANY else ""
    return f'<ul class="boxes{size}">\n{"".join(lines)}</ul>\n'


def _reviews(project: ProjectOutcome) -> Iterator[str]:
    moving = [finding for finding in project.findings if finding.action is Action.MIGRATE]
    moved = Counter(finding.service for finding in moving)
    for notes, group in by_note(finding for finding in moving if finding.note):
        told = "".join(f"<br>{prose(note)}" for note in notes)
        yield f"<b>{safe(_short(targets(group, moved)))}</b>{told}"


def _unsure(project: ProjectOutcome) -> Iterator[str]:
    if project.rewritten:
        yield from map(prose, unsure_starts(project))


def _hardened(project: ProjectOutcome, action: Action) -> Iterator[str]:
    for one in project.plan.hardened:
        if one.action is action:
            told = "".join(f"<br>{prose(note)}" for note in one.note.split("; "))
            yield f"<b>{safe(subject(one))}</b>{told}"


def _left(project: ProjectOutcome) -> Iterator[str]:
    kept = [finding for finding in project.findings if finding.action is Action.KEEP]
    sure = [finding for finding in kept if finding.verdict.confidence is not Confidence.POSSIBLE]
    for notes, group in by_note(sure):
        yield f"<b>{safe(_names(group))}</b><br>{prose('; '.join(notes))}"


def _possible(project: ProjectOutcome) -> Iterator[str]:
    kept = [finding for finding in project.findings if finding.action is Action.KEEP]
    possible = [finding for finding in kept if finding.verdict.confidence is Confidence.POSSIBLE]
    if possible:
        yield f"<b>{safe(_names(possible))}</b>"


def _remaining(project: ProjectOutcome) -> Iterator[str]:
    for place in project.remaining if project.rewritten else ():
        how = "`undo --write`, then `--prune-env`" if project.is_written else "`--prune-env`"
        where = f"unused now: {how} removes the line" if place.is_unused else place.where
        site = code(f"{place.file}:{place.line}")
        yield f"<b>{safe(place.secret)}</b> {site} {prose(where)}".rstrip()


def _names(group: Sequence[Finding]) -> str:
    return listed((target(one) for one in by_place(group)), 8)


def _short(text: str) -> str:
    return listed(text.split("; "), 12)
