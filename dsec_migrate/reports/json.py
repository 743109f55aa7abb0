"""The JSON report (``schemas/report.schema.json``): one object for the whole run, never a value in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from dsec_migrate.errors import UserError
from dsec_migrate.finding import Action, Finding
from dsec_migrate.outcome import Outcome, ProjectOutcome, Rewritten
from dsec_migrate.plan import Applicability, PlannedSecret
from dsec_migrate.reports.counts import count, errors_of
from dsec_migrate.reports.diff import render as render_diff
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.look import View
from dsec_migrate.reports.sealed import FileLine, files_of

VERSION = 1

_encode = json.JSONEncoder(separators=(", ", ": ")).encode
_Hide = Callable[[str], str]


def render(outcome: Outcome, view: View) -> str:
    """One object, with one line for each member of a list."""
    findings: list[object] = []
    secrets: list[object] = []
    changes: list[object] = []
    files: list[object] = []
    remaining: list[object] = []
    warnings: list[object] = []
    notes: list[object] = []
    for project in outcome.projects:
        hide = hider(project)
        findings.extend(_finding(finding, hide) for finding in project.findings)
        if project.rewritten:
            changes.extend(_changes(project))
            secrets.extend(_secret(secret, project) for secret in project.plan.secrets)
            files.extend(_file(file, project) for file in files_of(project))
            remaining.extend(
                {"file": r.file, "line": r.line, "secret": r.secret, "unused": r.is_unused, "where": r.where}
                for r in project.remaining
            )
        warnings.extend(_problem(warning, hide) for warning in project.warnings)
        notes.extend({"file": project.path, "note": hide(note)} for note in project.plan.notes)
    members: dict[str, Sequence[object]] = {
        "findings": findings,
        "secrets": secrets,
        "changes": changes,
        "files": files,
        "remaining": remaining,
        "notes": notes,
        "warnings": warnings,
        "errors": [_problem(error, str) for error in errors_of(outcome)],
    }
    parts = [f'{{\n"version": {VERSION}']
    parts.extend(f'"{name}": {_listed(members)}' for name, members in members.items())
    parts.append(f'"summary": {_encode(_summary(outcome, view))}\n}}\n')
    return ",\n".join(parts)


def _listed(members: Iterable[object]) -> str:
    lines = ",\n".join(map(_encode, members))
    return f"[\n{lines}\n]" if lines else "[]"


def _finding(finding: Finding, hide: _Hide) -> dict[str, object]:
    site, verdict = finding.site, finding.verdict
    return {
        "file": site.file,
        "line": site.line,
        "column": site.column,
        "service": finding.service,
        "variable": finding.variable,
        "kind": finding.kind,
        "exposure": verdict.exposure,
        "confidence": verdict.confidence,
        "why": hide(verdict.why),
        "action": finding.action,
        "delivery": finding.delivery,
        "variables": finding.variables,
        "applicability": finding.applicability,
        "secret": finding.secret,
        "source": finding.source,
        "note": hide(finding.note),
    }


def _secret(secret: PlannedSecret, project: ProjectOutcome) -> dict[str, object]:
    return {
        "project": project.path,
        "name": secret.name,
        "source": secret.source,
        "file": secret.file or None,
        "path": None if secret.path is None else str(secret.path),
        "mode": None if secret.path is None else _octal(secret.mode),
        "variable": secret.variable or None,
        "services": secret.services,
        "variables": secret.variables,
        "new": secret.is_new,
    }


def _changes(project: ProjectOutcome) -> Iterator[dict[str, object]]:
    for file, diff in zip(project.rewritten, render_diff(project), strict=True):
        yield {
            "file": file.path,
            "applicability": _worst(change.applicability for change in project.plan.changes),
            "findings": list(dict.fromkeys(_names(project, file))),
            "diff": diff,
        }


def _names(project: ProjectOutcome, file: Rewritten) -> Iterator[str]:
    for finding in project.findings:
        if finding.action is Action.MIGRATE and finding.site.file == file.path:
            yield f"{finding.service}.{finding.variable}"


def _worst(applicabilities: Iterable[Applicability]) -> Applicability:
    order = list(Applicability)
    return max(applicabilities, key=order.index, default=Applicability.SAFE)


def _file(file: FileLine, project: ProjectOutcome) -> dict[str, object]:
    return {
        "project": project.path,
        "path": str(file.path),
        "mode": None if file.append else _octal(file.mode),
        "action": "append" if file.append else "create",
        "secret": file.is_secret,
    }


def _octal(mode: int) -> str:
    return f"{mode:04o}"


def _problem(problem: UserError, hide: _Hide) -> dict[str, object]:
    return {
        "file": problem.file or None,
        "line": problem.line or None,
        "column": problem.column or None,
        "what": hide(problem.what),
        "help": hide(problem.help),
    }


def _summary(outcome: Outcome, view: View) -> dict[str, object]:
    counts = count(outcome)
    return {
        "files": counts.files,
        "findings": counts.findings,
        "migrate": counts.migrate,
        "keep": counts.keep,
        "possible": counts.possible,
        "secrets": counts.secrets,
        "changed_files": counts.changed_files,
        "failed_files": counts.failed_files,
        "written": counts.is_written,
        "status": outcome.status(check=view.check, strict=view.strict),
    }
