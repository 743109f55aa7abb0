"""The figures of a run, and its errors in one shape, for every report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.errors import UserError
from dsec_migrate.finding import Action, Confidence
from dsec_migrate.outcome import Outcome, ProjectOutcome


class Counts(NamedTuple):
    """``migrate`` and ``keep`` add up to ``findings``; ``possible`` are the unsure ones among ``keep``."""

    files: int
    findings: int
    migrate: int
    keep: int
    possible: int
    secrets: int
    changed_files: int
    failed_files: int
    is_written: bool
    mended: int = 0
    hardened: int = 0

    @property
    def left(self) -> int:
        """Sure enough findings that stay."""
        return self.keep - self.possible


def count(outcome: Outcome) -> Counts:
    findings = migrate = possible = secrets = changed = failed = mended = hardened = 0
    is_written = False
    for project in outcome.projects:
        for finding in project.findings:
            findings += 1
            if finding.action is Action.MIGRATE:
                migrate += 1
                mended += finding.kind == "half-done"
            elif finding.verdict.confidence is Confidence.POSSIBLE:
                possible += 1
        hardened += len({one.service for one in project.plan.hardened if one.action is Action.MIGRATE})
        secrets += len(project.plan.secrets)
        changed += len(project.rewritten)
        failed += project.status != 0
        is_written = is_written or project.is_written
    keep = findings - migrate
    files = len(outcome.projects)
    return Counts(files, findings, migrate, keep, possible, secrets, changed, failed, is_written, mended, hardened)


def errors_of(outcome: Outcome) -> Iterator[UserError]:
    """Everything that went wrong, in the order of the projects; a failed proof reads like any other error."""
    for project in outcome.projects:
        yield from project.errors
        if project.failure and not project.errors:
            yield failure_of(project)


def failure_of(project: ProjectOutcome) -> UserError:
    return UserError(
        f"the result could not be proved right, so nothing was written: {project.failure}",
        project.path,
        help="the file is as it was; please report this, it is a defect of dsec-migrate",
    )
