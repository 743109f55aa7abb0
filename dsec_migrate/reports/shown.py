"""Prepares an outcome for reports: no name, path or sentence of the result contains a value.

The texts of files are unchanged: they are masked when shown, by range (``hunks``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dsec_migrate.detectors.finding import Finding, Remaining
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.changes import NewFile, PlannedSecret
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.reports.hiding import hider
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Rewritten

Hide = Callable[[str], str]


def shown(project: ProjectOutcome) -> ProjectOutcome:
    """``project`` as reports may show it; ``project`` itself where nothing must be masked, which is the usual case."""
    hide = hider(project.masks, _texts(project))
    return project if hide is str else _hidden(project, hide)


def _texts(project: ProjectOutcome) -> Iterator[str]:
    """Everything that a report may show of a project."""
    plan = project.plan
    yield from (project.path, project.failure, str(project.journal or ""), *plan.notes)
    for f in plan.findings:
        yield from (f.site.file, f.service, f.variable, f.verdict.why, *f.variables, f.secret or "", f.note)
        yield f.path
    for secret in plan.secrets:
        yield from (secret.name, secret.file, str(secret.path or ""), secret.variable)
        yield from (*secret.services, *secret.variables)
    for file in plan.files:
        yield str(file.path)
        if file.append and not file.is_secret:
            # what is added to an ignore file
            yield file.content.reveal()
    for one in plan.hardened:
        yield from (one.site.file, one.service, one.subject, *one.users, *one.cut, one.note)
    for place in project.remaining:
        yield from (place.file, place.secret, place.where)
    for problem in (*project.warnings, *project.errors):
        yield from (problem.what, problem.file, problem.help)
    for member in project.services:
        yield from (member.name, member.image, *member.mounts)
    yield from (rewritten.path for rewritten in project.rewritten)


def _hidden(project: ProjectOutcome, hide: Hide) -> ProjectOutcome:
    plan = project.plan
    masks = project.masks
    return replace(
        project,
        path=hide(project.path),
        plan=replace(
            plan,
            findings=tuple(_finding(finding, hide) for finding in plan.findings),
            secrets=tuple(_secret(secret, hide) for secret in plan.secrets),
            files=tuple(_file(file, hide) for file in plan.files),
            notes=tuple(map(hide, plan.notes)),
            hardened=tuple(_hardened(one, hide) for one in plan.hardened),
        ),
        rewritten=tuple(_rewritten(rewritten, hide) for rewritten in project.rewritten),
        masks=replace(masks, spans={hide(file): spans for file, spans in masks.spans.items()}),
        remaining=tuple(
            Remaining(hide(place.file), place.line, hide(place.secret), place.is_unused, hide(place.where))
            for place in project.remaining
        ),
        warnings=tuple(problem(warning, hide) for warning in project.warnings),
        errors=tuple(problem(error, hide) for error in project.errors),
        tracked=frozenset((hide(service), hide(variable)) for service, variable in project.tracked),
        failure=hide(project.failure),
        journal=None if project.journal is None else Path(hide(str(project.journal))),
        services=tuple(
            member._replace(name=hide(member.name), image=hide(member.image), mounts=tuple(map(hide, member.mounts)))
            for member in project.services
        ),
    )


def _finding(finding: Finding, hide: Hide) -> Finding:
    return replace(
        finding,
        site=finding.site._replace(file=hide(finding.site.file)),
        service=hide(finding.service),
        variable=hide(finding.variable),
        verdict=replace(finding.verdict, why=hide(finding.verdict.why)),
        variables=tuple(map(hide, finding.variables)),
        secret=None if finding.secret is None else hide(finding.secret),
        note=hide(finding.note),
        path=hide(finding.path),
    )


def _secret(secret: PlannedSecret, hide: Hide) -> PlannedSecret:
    return replace(
        secret,
        name=hide(secret.name),
        services=tuple(map(hide, secret.services)),
        variables=tuple(map(hide, secret.variables)),
        file=hide(secret.file),
        path=None if secret.path is None else Path(hide(str(secret.path))),
        variable=hide(secret.variable),
    )


def _file(file: NewFile, hide: Hide) -> NewFile:
    is_told = file.append and not file.is_secret
    content = Secret(hide(file.content.reveal())) if is_told else file.content
    return replace(file, path=Path(hide(str(file.path))), content=content)


def _hardened(one: Hardened, hide: Hide) -> Hardened:
    return replace(
        one,
        site=one.site._replace(file=hide(one.site.file)),
        service=hide(one.service),
        subject=hide(one.subject),
        users=tuple(map(hide, one.users)),
        cut=tuple(map(hide, one.cut)),
        note=hide(one.note),
    )


def _rewritten(rewritten: Rewritten, hide: Hide) -> Rewritten:
    source = rewritten.source
    return replace(rewritten, source=replace(source, path=Path(hide(str(source.path)))))


def problem(error: UserError, hide: Hide) -> UserError:
    """An error or a warning without values."""
    return UserError(hide(error.what), hide(error.file), error.line, error.column, hide(error.help))
