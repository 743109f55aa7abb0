"""The units of decision: findings that can only move together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action, Confidence, Finding
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.text.groups import Groups
from dsec_migrate.text.records import dataclass


@dataclass(frozen=True, repr=False)
class Unit:
    """``variables`` are pairs of a service and a name, the first of which names it; what belongs to no service has a
    path for a name. ``findings`` are the rows about
    them, in the order of the files.

    ``is_possible``: one of them is only possibly a secret, so that it must be named. ``is_movable`` is False where
    it is skipped, for a reason in the findings. ``is_safe``: it moves, and nothing needs to be checked.
    """

    variables: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...] = ()
    is_possible: bool = False
    is_movable: bool = True
    is_safe: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Each variable as ``service.VARIABLE``, or its path."""
        return tuple(f"{service}.{name}" if service else name for service, name in self.variables)

    @property
    def name(self) -> str:
        return self.keys[0]

    @property
    def title(self) -> str:
        """``service.VARIABLE``, with the other services that the same lines reach."""
        (_, first), *rest = self.variables
        others = [service if name == first else f"{service}.{name}" for service, name in rest]
        return f"{self.name} (also {', '.join(others)})" if others else self.name


def key_of(finding: Finding) -> str:
    return finding.name


def _variable_of(finding: Finding) -> tuple[str, str]:
    return finding.service, finding.variable if finding.service else finding.path


def units_of(outcome: ProjectOutcome, options: Options) -> tuple[Unit, ...]:
    """The units of a project, of which ``outcome`` is what a run would do if all were accepted. Left out is what
    ``options`` do not ask for, and what cannot move anyway where it belongs to no service or is only possibly a secret.
    """
    asked = [
        one
        for one in outcome.findings
        if (one.service or one.action is Action.MIGRATE) and options.is_asked_for(*_variable_of(one))
    ]
    files = {name: number for number, name in enumerate(dict.fromkeys(finding.site.file for finding in asked))}
    groups: dict[str, list[Finding]] = {}
    leaders = _joined(outcome, asked)
    for finding in sorted(asked, key=lambda one: (files[one.site.file], one.site.line, one.site.column)):
        groups.setdefault(leaders[key_of(finding)], []).append(finding)
    units = map(_unit, groups.values())
    return tuple(unit for unit in units if unit.is_movable or not unit.is_possible)


def _joined(outcome: ProjectOutcome, findings: Iterable[Finding]) -> dict[str, str]:
    """For each variable, one that represents all that move with it."""
    groups, known = Groups[str](), dict.fromkeys(map(key_of, findings))
    for change in outcome.plan.changes:
        together = [key for key in map(key_of, change.findings) if key in known]
        for other in together[1:]:
            groups.join(together[0], other)
    return {key: groups.leader(key) for key in known}


def _unit(findings: Sequence[Finding]) -> Unit:
    is_movable = all(finding.action is Action.MIGRATE for finding in findings)
    is_possible = any(finding.verdict.confidence is Confidence.POSSIBLE for finding in findings)
    return Unit(
        tuple(dict.fromkeys(map(_variable_of, findings))),
        tuple(findings),
        is_possible,
        is_movable,
        is_movable and not is_possible and all(finding.applicability == "safe" for finding in findings),
    )
