"""Outcomes that may leave their process, or be kept by the thousand: no documents, no values."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable

from dsec_migrate.git import NoAnswerError
from dsec_migrate.outcome import Masks, ProjectOutcome
from dsec_migrate.planning.changes import Change, Plan
from dsec_migrate.reports.look import Look
from dsec_migrate.reports.parts import Sealed, files_of
from dsec_migrate.reports.shown import shown
from dsec_migrate.text.errors import InternalError, UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Rewritten, Source

# an exception is pickled with its positional arguments only, and ours takes keywords
for _kind in (UserError, InternalError, NoAnswerError):
    copyreg.pickle(_kind, lambda error: (type(error), (error.what, error.file, error.line, error.column, error.help)))


def seal(project: ProjectOutcome, looks: Iterable[Look], *, has_json: bool = False, has_page: bool = False) -> Sealed:
    """What reports need of ``project``: the diffs in these looks, sentences without values, and no value of a
    secret."""
    project = shown(project)
    sealed = _sealed(project, looks)
    if has_page:
        from dsec_migrate.reports.html_page import sheet

        sealed = replace(sealed, sheet=sheet.of(project))
    if not has_json:
        return sealed
    from dsec_migrate.reports import json

    # encoded here, in the worker process, which has the data
    return replace(sealed, json=json.lines(sealed))


def _sealed(project: ProjectOutcome, looks: Iterable[Look]) -> Sealed:
    from dsec_migrate.reports.diff import render

    plan = project.plan
    return Sealed(
        path=project.path,
        plan=Plan(
            plan.findings,
            tuple(Change((), (), change.applicability) for change in plan.changes),
            tuple(replace(secret, value=None) for secret in plan.secrets),
            notes=plan.notes,
            hardened=plan.hardened,
        ),
        rewritten=tuple(
            Rewritten(Source(file.source.path, b"", ""), "", (), file.is_env_file) for file in project.rewritten
        ),
        masks=Masks(),
        remaining=project.remaining,
        warnings=project.warnings,
        errors=project.errors,
        tracked=project.tracked,
        failure=project.failure,
        is_written=project.is_written,
        journal=project.journal,
        said=project.said,
        boundary=project.boundary,
        elsewhere=project.elsewhere,
        is_untouched=project.is_untouched,
        diffs={look: render(project, look) for look in looks},
        files=files_of(project),
    )
