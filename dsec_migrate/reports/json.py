"""The JSON report (``schemas/report.schema.json``): one object for the whole run, never a value in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate.config.options import Harden
from dsec_migrate.detectors.finding import Action, Finding
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.planning.changes import Applicability, PlannedSecret
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.reports.counts import count, errors_of
from dsec_migrate.reports.diff import render as render_diff
from dsec_migrate.reports.look import View
from dsec_migrate.reports.parts import FileLine, Sealed, files_of
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import Rewritten

VERSION = 1
_JOIN = ",\n"

_encode = json.JSONEncoder(separators=(", ", ": ")).encode


# the lists of the report, in order, to which each project adds its members
_LISTS = ("findings", "hardening", "secrets", "changes", "files", "remaining", "notes", "warnings")


def render(outcome: Outcome, view: View) -> str:
    """One object, with one line for each member of a list."""
    projects = [_lines_of(project) for project in outcome.projects]
    lists = {name: [line for lines in projects for line in lines.get(name, ())] for name in _LISTS}
    lists["errors"] = [_encode(problem_data(error)) for error in errors_of(outcome)]
    parts = [f'{{\n"version": {VERSION}']
    parts.extend(f'"{name}": {_listed(lines)}' for name, lines in lists.items())
    parts.append(f'"summary": {_encode(_summary(outcome, view))}\n}}\n')
    return ",\n".join(parts)


def lines(project: ProjectOutcome) -> dict[str, tuple[str, ...]]:
    """What a project adds to the lists of the report: encoded members by the list's name, without empty lists."""
    members: dict[str, Iterable[object]] = {
        "findings": (_finding(finding) for finding in project.findings),
        "hardening": map(_hardened, project.plan.hardened),
        "warnings": map(problem_data, project.warnings),
        "notes": ({"file": project.path, "note": note} for note in project.plan.notes),
    }
    if project.rewritten:
        members["changes"] = _changes(project)
        members["secrets"] = (_secret(secret, project) for secret in project.plan.secrets)
        members["files"] = (_file(file, project) for file in files_of(project))
        members["remaining"] = (
            {"file": r.file, "line": r.line, "secret": r.secret, "unused": r.is_unused, "where": r.where}
            for r in project.remaining
        )
    encoded = ((name, tuple(map(_encode, found))) for name, found in members.items())
    return {name: found for name, found in encoded if found}


def _lines_of(project: ProjectOutcome) -> Mapping[str, tuple[str, ...]]:
    known = project.json if isinstance(project, Sealed) else None
    return lines(project) if known is None else known


def _listed(members: Sequence[str]) -> str:
    return f"[\n{_JOIN.join(members)}\n]" if members else "[]"


def _finding(finding: Finding) -> dict[str, object]:
    site, verdict = finding.site, finding.verdict
    names = {"service": finding.service, "variable": finding.variable} if finding.service else {}
    return {
        "file": site.file,
        "line": site.line,
        "column": site.column,
        **names,
        **({"path": finding.path} if finding.path else {}),
        "kind": finding.kind,
        "exposure": verdict.exposure,
        "confidence": verdict.confidence,
        "why": verdict.why,
        "action": finding.action,
        "delivery": finding.delivery,
        "variables": finding.variables,
        "applicability": finding.applicability,
        "secret": finding.secret,
        "source": finding.source,
        "note": finding.note,
    }


def _hardened(one: Hardened) -> dict[str, object]:
    return {
        "file": one.site.file,
        "line": one.site.line,
        "column": one.site.column,
        "pass": one.kind,
        "service": one.service,
        "action": "change" if one.action is Action.MIGRATE else "keep",
        "network": (one.subject or None) if one.kind is Harden.NETWORKS else None,
        "secret": one.subject if one.kind is Harden.MOUNTS else None,
        "users": one.users,
        "cut": one.cut,
        "applicability": Applicability.REVIEW if one.action is Action.MIGRATE else Applicability.MANUAL,
        "note": one.note,
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
            yield finding.name


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


def problem_data(problem: UserError) -> dict[str, object]:
    """An error or a warning, as every JSON report has it."""
    return {
        "file": problem.file or None,
        "line": problem.line or None,
        "column": problem.column or None,
        "what": problem.what,
        "help": problem.help,
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
