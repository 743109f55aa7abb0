"""The text report: what moves, what is skipped and why, what is written, and what to do next."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.finding import Action, Confidence, Finding
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.reports import hardened
from dsec_migrate.reports.counts import check_sentence, count, sentence
from dsec_migrate.reports.diff import render as render_diff
from dsec_migrate.reports.finding_groups import by_note, by_place, target, targets
from dsec_migrate.reports.look import View
from dsec_migrate.reports.next_steps import manager_scripts, remote_engine, tell_next_steps
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.parts import OPEN_MODE, FileLine, files_of, has_open_files
from dsec_migrate.reports.style import Style
from dsec_migrate.reports.unknown_images import tell_unknown_images

_UNUSED = "unused now"


def render(outcome: Outcome, view: View) -> str:
    """A block for each project with findings, warnings or notes, then the summary."""
    page = Page(Style(view.look.is_coloured), view.look.width)
    told = [
        project
        for project in outcome.projects
        if project.findings or project.warnings or project.plan.notes or project.plan.hardened
    ]
    for project in told:
        if len(outcome.projects) > 1:
            page.rule(project.path)
        else:
            page.heading(project.path)
        _tell_project(page, project, view)
    _tell_sum(page, outcome, view)
    return str(page)


# --- one project ---


def _tell_project(page: Page, project: ProjectOutcome, view: View) -> None:
    # files are written in the opposite order: those that others build on come last
    for diff in reversed(render_diff(project, view.look)):
        page.blank()
        page.raw(diff)
    _tell_moves(page, project)
    _tell_checks(page, project)
    _tell_skipped(page, project)
    hardened.tell(page, project)
    _tell_files(page, project)
    if project.rewritten:
        _tell_remaining(page, project)
    _tell_notes(page, project)


def _tell_moves(page: Page, project: ProjectOutcome) -> None:
    moved = [finding for finding in project.findings if finding.action is Action.MIGRATE]
    half_done = [finding for finding in moved if finding.kind == "half-done"]
    for verb, past, group in (
        ("move", "Moved", [finding for finding in moved if finding not in half_done]),
        ("fix", "Fixed", half_done),
    ):
        if group:
            page.heading(past if project.is_written else f"Not {past.lower()}" if project.status else f"Would {verb}")
            _tell_group(page, project, group)


def _tell_group(page: Page, project: ProjectOutcome, moved: Sequence[Finding]) -> None:
    secrets = {secret.name: secret for secret in project.plan.secrets}
    files: dict[tuple[str, str], set[str]] = {}
    for finding in moved:
        files.setdefault((finding.service, finding.variable), set()).add(finding.site.file)
    rows = []
    for group in by_place(moved):
        finding = group[0]
        is_in_one = len(files[finding.service, finding.variable]) == 1
        place = "" if is_in_one else f" in {finding.site.file}"
        rows.append((finding.applicability, target(group) + place, "-> " + _secret(finding, secrets)))
    page.table(
        rows,
        paints={"safe": page.style.green, "review": page.style.bold},
    )


def _secret(finding: Finding, secrets: dict[str, PlannedSecret]) -> str:
    name = finding.secret or ""
    secret = secrets.get(name)
    if secret is not None and secret.source is SourceKind.ENVIRONMENT:
        return f"{name} (from the variable {secret.variable})"
    if secret is not None and secret.source is SourceKind.EXTERNAL:
        return f"{name} (external)"
    return name if secret is None or secret.is_new else f"{name} (already defined)"


def _tell_checks(page: Page, project: ProjectOutcome) -> None:
    noted = [finding for finding in project.findings if finding.action is Action.MIGRATE and finding.note]
    if not noted:
        return
    page.heading("To review")
    moved = Counter(finding.service for finding in project.findings if finding.action is Action.MIGRATE)
    for notes, group in by_note(noted):
        page.sentence(targets(group, moved), indent="      ", first="  ")
        for note in notes:
            page.sentence(note, indent="      ", first="    - ")


def _tell_skipped(page: Page, project: ProjectOutcome) -> None:
    kept = [finding for finding in project.findings if finding.action is Action.KEEP]
    sure = [finding for finding in kept if finding.verdict.confidence is not Confidence.POSSIBLE]
    if sure:
        page.heading("Skipped")
        for notes, group in by_note(sure):
            _tell_places(page, group)
            page.sentence("; ".join(notes), indent="      ")
    possible = [finding for finding in kept if finding.verdict.confidence is Confidence.POSSIBLE]
    movable = [finding for finding in possible if not finding.path]
    if movable:
        page.heading("Possible secrets, skipped (pass --only NAME to move one)")
        _tell_places(page, movable)
    if len(possible) > len(movable):
        page.heading("Possible secrets, skipped")
        _tell_places(page, [finding for finding in possible if finding.path])


def _tell_places(page: Page, findings: Sequence[Finding]) -> None:
    groups = by_place(findings)
    page.table(
        [(f"{group[0].site.file}:{group[0].site.line}:{group[0].site.column}", target(group)) for group in groups]
    )


def _tell_files(page: Page, project: ProjectOutcome) -> None:
    files = files_of(project)
    if not files:
        return
    page.heading("Written" if project.is_written else "Would write")
    page.table([(str(file.path), _how(file)) for file in files])


def _how(file: FileLine) -> str:
    if file.append:
        return f"adds {' '.join(file.text.split())}"
    return f"{file.mode:04o}"


def _tell_remaining(page: Page, project: ProjectOutcome) -> None:
    if project.remaining:
        page.heading("Still in plaintext after the change")
        page.table(
            [
                (f"{place.file}:{place.line}", place.secret, _UNUSED if place.is_unused else place.where)
                for place in project.remaining
            ]
        )
        if any(place.is_unused for place in project.remaining):
            # a later run can no longer tell which lines provided the values that moved
            how = "run `undo --write`, then this command again with" if project.is_written else "pass"
            page.sentence(f"Nothing in the project reads the unused lines: {how} --prune-env to remove them.", "  ")


def _tell_notes(page: Page, project: ProjectOutcome) -> None:
    if project.plan.notes or project.warnings:
        page.blank()
    for note in project.plan.notes:
        page.sentence(note, indent="      ", first="note: ")
    places: dict[tuple[str, str], list[str]] = {}
    for warning in project.warnings:
        found = places.setdefault((warning.what, warning.help), [])
        if warning.line:
            found.append(f"{warning.file}:{warning.line}" if not found else str(warning.line))
    for (what, advice), lines in places.items():
        where = f" ({', '.join(lines)})" if lines else ""
        page.sentence(what + where, indent="         ", first="warning: ", paint=page.style.bold)
        if advice:
            page.sentence(advice, indent="         ", first="   help: ")


# --- the run ---


def _tell_sum(page: Page, outcome: Outcome, view: View) -> None:
    counts = count(outcome)
    if counts.failed_files and counts.failed_files == counts.files and not counts.findings:
        # the errors have been reported
        return
    files = [file for project in outcome.projects for file in files_of(project)]
    if has_open_files(files):
        page.blank()
        page.sentence(OPEN_MODE, paint=page.style.dim)
    page.blank()
    page.sentence(sentence(outcome, counts), paint=page.style.bold)
    if view.check:
        page.sentence(check_sentence(outcome, view.strict))
    written = [project for project in outcome.projects if project.is_written]
    remote = remote_engine(outcome.projects, os.environ)
    if remote:
        page.sentence(remote, indent="         ", first="warning: ", paint=page.style.bold)
    if not written:
        return
    tell_next_steps(page, written, outcome)
    for script in manager_scripts(written):
        page.sentence(script)
    tell_unknown_images(page, written, outcome.projects)
