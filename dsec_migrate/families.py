"""The projects that one includes, and itself: each planned with what the others define."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsec_migrate import acceptance
from dsec_migrate.changes import Plan
from dsec_migrate.errors import UserError
from dsec_migrate.files import Disk
from dsec_migrate.options import Options
from dsec_migrate.planning import make_plan, report_only
from dsec_migrate.project import Project
from dsec_migrate.records import dataclass, replace


@dataclass(frozen=True, repr=False, eq=False)
class Unit:
    """One project of a family with its plan, and what Compose refuses or calls odd in it."""

    project: Project
    plan: Plan
    errors: tuple[UserError, ...]
    warnings: tuple[UserError, ...]


def plan_units(root: Project, options: Options, disk: Disk) -> Iterator[Unit]:
    """The projects that ``root`` includes, then itself: each knows the names of the secrets that come before."""
    planned: list[tuple[Project, Plan]] = []
    elsewhere = acceptance.defined_in(root)
    for unit in _family(root):
        found = acceptance.find(unit, options, elsewhere)
        project = replace(unit, is_part=found.is_part, reserved=_reserved(root, unit, planned))
        plan = report_only(project, options) if found.errors else _hardened(project, options, disk)
        errors = found.errors or tuple(acceptance.refused_then(project, plan, options))
        planned.append((project, plan))
        yield Unit(project, plan, errors, (*project.warnings, *found.warnings))


def _hardened(project: Project, options: Options, disk: Disk) -> Plan:
    plan = make_plan(project, options, disk)
    if not options.harden:
        return plan
    from dsec_migrate.hardening import harden

    return harden(project, plan, options)


def _family(root: Project) -> list[Project]:
    """The projects that ``root`` includes, and itself; each knows the files of all."""
    units = list(root.units())
    paths = tuple(text.source.path for unit in units for text in unit.compose_texts)
    twins = frozenset().union(*(unit.twins for unit in units))
    return [replace(unit, family=paths, twins=twins, images=root.images, exceptions=root.exceptions) for unit in units]


def _reserved(root: Project, project: Project, planned: Sequence[tuple[Project, Plan]]) -> frozenset[str]:
    """Names of secrets that the rest of the family has or is going to have: `include` refuses a name twice."""
    if not root.included:
        return frozenset()
    others = {name for unit in root.units() if unit.document is not project.document for name in unit.secrets}
    return frozenset(others.union(secret.name for _, plan in planned for secret in plan.secrets))
