"""The hardening changes in the text report."""

from __future__ import annotations

from dsec_migrate.config.options import Harden
from dsec_migrate.detectors.finding import Action
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.reports.page import Page


def tell(page: Page, project: ProjectOutcome) -> None:
    done = [one for one in project.plan.hardened if one.action is Action.MIGRATE]
    if done:
        page.heading("Hardened" if project.is_written else "Not hardened" if project.status else "Would harden")
        page.table([("review", one.service, _what(one)) for one in done], paints={"review": page.style.bold})
        page.heading("To review (hardening)")
        for one in done:
            page.sentence(subject(one), indent="      ", first="  ")
            for note in one.note.split("; "):
                page.sentence(note, indent="      ", first="    - ")
    skipped = [one for one in project.plan.hardened if one.action is Action.KEEP]
    if skipped:
        page.heading("Not hardened")
        for one in skipped:
            page.table([(f"{one.site.file}:{one.site.line}:{one.site.column}", subject(one))])
            page.sentence(one.note, indent="      ")


def _what(one: Hardened) -> str:
    if one.kind is Harden.MOUNTS:
        return f"-> no longer mounts {one.subject}"
    return f"-> {one.subject}" + (f", with {', '.join(one.users)}" if one.users else "")


def subject(one: Hardened) -> str:
    """What the change is about: a data store, or a secret that a service mounts."""
    return f"{one.service}.secrets:{one.subject}" if one.kind is Harden.MOUNTS else one.service
