"""A project and the projects that it includes: each planned with what the others define."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsec_migrate.compose.document import Document
from dsec_migrate.compose.project import EnvFileText, Project
from dsec_migrate.config.options import Options
from dsec_migrate.migrate import acceptance
from dsec_migrate.migrate.surroundings import Surroundings
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.make_plan import make_plan, report_only
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.records import dataclass, replace
from dsec_migrate.text.source import Rewritten


@dataclass(frozen=True, repr=False, eq=False)
class Unit:
    """One project of a family with its plan, and the errors and warnings of Compose."""

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
    from dsec_migrate.planning.hardening.harden import harden

    return harden(project, plan, options)


def _family(root: Project) -> list[Project]:
    """The projects that ``root`` includes, and itself; each knows the files of all."""
    units = list(root.units())
    paths = tuple(text.source.path for unit in units for text in unit.compose_texts)
    duplicate_services = frozenset().union(*(unit.duplicate_services for unit in units))
    return [
        replace(
            unit, family=paths, duplicate_services=duplicate_services, images=root.images, exceptions=root.exceptions
        )
        for unit in units
    ]


def _reserved(root: Project, project: Project, planned: Sequence[tuple[Project, Plan]]) -> frozenset[str]:
    """Names of secrets that the rest of the family has or will have: `include` rejects duplicate names."""
    if not root.included:
        return frozenset()
    others = {name for unit in root.units() if unit.document is not project.document for name in unit.secrets}
    return frozenset(others.union(secret.name for _, plan in planned for secret in plan.secrets))


def planned(root: Project, options: Options, disk: Disk, surroundings: Surroundings) -> list[Unit]:
    """The units with plans that take nothing from another project: what one would lack is kept, and all are planned
    again.

    Raises VerificationError where a plan changes a file that must be kept.
    """
    while True:
        attempt = disk.attempt()
        units = list(plan_units(root, options, attempt))
        plans = [(unit.project, unit.plan) for unit in units]
        unproved = surroundings.unproved(plans, _new_texts)
        if unproved.keys() <= root.kept.keys():
            for real, reason in unproved.items():
                raise VerificationError(f"{real} would change, but {reason}")
            disk.settle(attempt)
            return units
        root = root.within(root.boundary, {**root.kept, **unproved})


def _new_texts(project: Project, plan: Plan) -> dict[str, str]:
    return {file.source.real_path: file.text for file in rewritten_of(project, plan)}


def rewritten_of(project: Project, plan: Plan) -> Iterator[Rewritten]:
    """The files whose text changes, env files first, then those that others extend, then override files before their
    base."""
    changed = {id(document): document for document in (patch.document for patch in plan.patches)}
    last_first = {id(document): number for number, document in enumerate(reversed(project.documents))}

    def order(document: Document) -> tuple[bool, int]:
        return not isinstance(document, EnvFileText), last_first.get(id(document), -1)

    for document in sorted(changed.values(), key=order):
        text, edits = rewrite(document, plan.patches)
        yield Rewritten(document.source, text, edits, isinstance(document, EnvFileText))


def with_copies(units: list[Unit], options: Options, *, tracked: bool) -> tuple[list[Unit], UserError | None]:
    """The units with copies of values found elsewhere (``tracked``: in files of git); and why git does not answer, if
    so."""
    if not tracked and not any(unit.project.secrets for unit in units):
        # values that move are searched for during verification
        return units, None
    from dsec_migrate.migrate.copies import plans_with_copies

    plans, silence = plans_with_copies([(unit.project, unit.plan) for unit in units], options, tracked=tracked)
    return [replace(unit, plan=plan) for unit, plan in zip(units, plans, strict=True)], silence
