"""Findings on their way to a decision: from the variables of a project to rows of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dsec_migrate.detectors import judge
from dsec_migrate.finding import Action, Candidate, Confidence, Finding, Site
from dsec_migrate.options import Options
from dsec_migrate.passes import Case, Delivery, Proposal, propose
from dsec_migrate.plan import (
    Applicability,
    PlannedSecret,
)
from dsec_migrate.project import Project, Variable
from dsec_migrate.stores import Left


@dataclass(eq=False, repr=False)
class Pending:
    """A finding on its way to a decision."""

    case: Case
    result: Proposal | Left

    @property
    def variable(self) -> Variable:
        return self.case.variable


def cases(project: Project, options: Options) -> Iterator[Case]:
    for service in project.services.values():
        for variable in service.variables.values():
            verdict = judge(
                Candidate(service.name, variable.name, variable.slot.text, variable.effective.value, service.image)
            )
            if verdict is not None:
                yield Case(project, service, variable, verdict, options)


def hidden_findings(project: Project, options: Options) -> Iterator[Pending]:
    """Secrets in lines that a later ``!override`` or ``!reset`` takes away from every container."""
    left = Left("no container gets it, because a later document takes it away: remove the line by hand")
    for service in project.services.values():
        for variable in service.hidden:
            candidate = Candidate(service.name, variable.name, variable.slot.text, variable.effective.value)
            verdict = judge(candidate)
            if verdict is not None:
                yield Pending(Case(project, service, variable, verdict, options), left)


def decide(case: Case) -> Pending:
    options, service, variable = case.options, case.service.name, case.variable.name
    if not options.is_asked_for(service, variable):
        return Pending(case, Left("it is not asked for (--only, --skip)"))
    if case.verdict.confidence is Confidence.POSSIBLE and not options.is_named(service, variable):
        return Pending(case, Left("it is only possibly a secret: name it with --only to move it"))
    return Pending(case, propose(case))


def report(finding: Pending, by_slot: Mapping[int, PlannedSecret]) -> Finding:
    case, result, variable = finding.case, finding.result, finding.variable
    slot = variable.slot
    file, line, column = slot.document.place(slot.start)
    site = Site(file, line, column)
    if isinstance(result, Left):
        return Finding(
            site,
            case.service.name,
            variable.name,
            result.kind,
            case.verdict,
            Action.KEEP,
            Delivery.NONE.value,
            (),
            Applicability.MANUAL.value,
            None,
            None,
            result.reason,
        )
    secret = by_slot[slot.key]
    return Finding(
        site,
        case.service.name,
        variable.name,
        "plaintext",
        case.verdict,
        Action.MIGRATE,
        result.delivery.value,
        (result.new_name,),
        result.applicability.value,
        secret.name,
        secret.source.value,
        "; ".join(result.notes),
        result.is_known_image,
    )
