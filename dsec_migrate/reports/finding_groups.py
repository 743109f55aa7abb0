"""Groups findings, and names the groups for reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from dsec_migrate.detectors.finding import Finding


def by_place(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings grouped by line, which several services may share."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.site, finding.variable or finding.path, finding.secret), []).append(finding)
    return list(groups.values())


def by_note(findings: Iterable[Finding]) -> list[tuple[list[str], list[Finding]]]:
    """Findings grouped by note, regardless of the variable's name in it, each with the parts of the note."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_without_name(finding.note, finding.variable), []).append(finding)
    result: list[tuple[list[str], list[Finding]]] = []
    for general, group in groups.items():
        is_one = len({finding.variable for finding in group}) == 1
        result.append(((group[0].note if is_one else general).split("; "), group))
    return result


def _without_name(note: str, variable: str) -> str:
    return re.sub(rf"(?<![A-Za-z0-9_]){re.escape(variable)}(?=_FILE|[^A-Za-z0-9_]|$)", "<VARIABLE>", note)


def target(group: Sequence[Finding]) -> str:
    """``service.VARIABLE`` (or its path), with the other services that the same line reaches."""
    _, *others = dict.fromkeys(finding.service for finding in group)
    also = f" (also {', '.join(others)})" if others else ""
    return f"{group[0].name}{also}"


def targets(group: Sequence[Finding], moved: Mapping[str, int]) -> str:
    """The variables by service; ``moved`` counts those that move, to write "all N variables" instead of a long list."""
    services: dict[str, list[str]] = {}
    for finding in group:
        names = services.setdefault(finding.service, [])
        name = finding.variable or finding.path
        if name not in names:
            names.append(name)
    return "; ".join(
        f"{service}: all {len(names)} variables"
        if len(names) == moved[service] > 3
        else f"{service}: {', '.join(names)}".removeprefix(": ")
        for service, names in services.items()
    )
