"""Findings on their way to a decision: from the variables of a project to rows of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dsec_migrate import stores
from dsec_migrate.changes import (
    Applicability,
    PlannedSecret,
)
from dsec_migrate.finding import Action, Confidence, Finding, Site, Verdict
from dsec_migrate.options import Options
from dsec_migrate.passes import Case, Delivery, Proposal, propose
from dsec_migrate.planning import claimed, excepted, resolved, slips, withheld
from dsec_migrate.project import Hidden, Project, Slot, Variable
from dsec_migrate.records import dataclass
from dsec_migrate.stores import Holding, Left


@dataclass(eq=False, repr=False)
class Pending:
    """A finding on its way to a decision.

    ``layers`` are the lines of other files that set the variable as well, each the last of its file, and what a store
    holds for each: what the line alone would give.
    """

    case: Case
    result: Proposal | Left
    layers: tuple[tuple[Slot, Holding], ...] = ()

    @property
    def variable(self) -> Variable:
        return self.case.variable


def cases(project: Project, options: Options) -> Iterator[Case]:
    for service in project.services.values():
        for variable in service.variables.values():
            verdict = slips.verdict(service, variable.slot, variable.effective.value)
            if verdict is not None:
                yield Case(project, service, variable, verdict, options)


def judged(case: Case, slot: Slot) -> Verdict | None:
    """The verdict on another line of the variable."""
    value = case.project.value_at(slot)
    return slips.verdict(case.service, slot, value)


def hidden_findings(project: Project, options: Options) -> Iterator[Pending]:
    """Secrets in lines that a later ``!override`` or ``!reset`` takes away from every container."""
    for service in project.services.values():
        for variable in service.hidden:
            if variable.slot.key in withheld.reaching(project):
                continue
            verdict = slips.verdict(service, variable.slot, variable.effective.value)
            if verdict is not None:
                yield Pending(
                    Case(project, service, variable, verdict, options), Left(_reason_of_hidden(project, variable))
                )


def _reason_of_hidden(project: Project, variable: Hidden) -> str:
    by, document = variable.by, variable.slot.document
    also = f", and let {variable.reset.place} take its new name away" if variable.reset is not None else ""
    if by is not document:
        return f"{by.source.path} takes it away, but without that file a container gets it: move it by hand{also}"
    if document not in project.documents:
        return (
            f"it is taken away here, but whoever uses {document.source.path} otherwise gets it: move it by hand{also}"
        )
    return "no container gets it, because a later document takes it away: remove the line by hand"


def decide(case: Case) -> Pending:
    options, service, variable = case.options, case.service.name, case.variable.name
    slipped = slips.slip_of(case.variable.slot)
    if slipped is not None:
        return Pending(case, slips.reason(case.variable.slot, slipped))
    reason = excepted.reason(case)
    if reason is not None:
        return Pending(case, Left(f"it is excepted: {reason}", is_excepted=True))
    reason = resolved.reason(case)
    if reason is not None:
        return Pending(case, Left(reason))
    reason = options.reason_to_skip(service, variable)
    if reason:
        return Pending(case, Left(f"skipped on purpose: {reason}", is_excepted=True))
    if not options.is_asked_for(service, variable):
        return Pending(case, Left("it is not asked for (--only, --skip)"))
    if case.verdict.confidence is Confidence.POSSIBLE and not options.is_named(service, variable):
        return Pending(case, Left("it is only possibly a secret: name it with --only to move it"))
    failure = next((said for *place, said in options.unproved if place == [service, variable]), None)
    if failure is not None:
        return Pending(case, Left(f"its change could not be proved right, which is a defect to be reported: {failure}"))
    result = claimed.weigh(case, propose(case))
    if isinstance(result, Left):
        return Pending(case, result)
    layers: list[tuple[Slot, Holding]] = []
    for slot in other_layers(case.variable):
        holding = hold(case, slot)
        if isinstance(holding, Left):
            return Pending(case, Left(f"{slot.place} sets it as well: {holding.reason}"))
        layers.append((slot, holding))
    return Pending(case, result, tuple(layers))


def other_layers(variable: Variable) -> list[Slot]:
    """The last line of each other file that sets the variable, in Compose's order."""
    by_document = {id(slot.document): slot for slot in variable.slots}
    return [slot for slot in by_document.values() if slot.document is not variable.slot.document]


def hold(case: Case, slot: Slot) -> Holding | Left:
    """What the store makes of one line of the variable, as if those that override it were not there."""
    variable = case.variable
    slots = variable.slots[: variable.slots.index(slot) + 1]
    effective = case.project.effect(slot)
    return stores.hold(
        case.options, case.project, case.service, Variable(variable.service, variable.name, slots, effective)
    )


def reports(finding: Pending, by_slot: Mapping[int, PlannedSecret]) -> Iterator[Finding]:
    """The rows of a finding: one for each other file that sets the variable, and where the line in effect stands."""
    for slot in other_layers(finding.variable):
        if slot.text:
            yield report(finding, by_slot, slot)
    yield report(finding, by_slot)


def report(finding: Pending, by_slot: Mapping[int, PlannedSecret], layer: Slot | None = None) -> Finding:
    case, result, variable = finding.case, finding.result, finding.variable
    slot = layer or variable.slot
    file, line, column = slot.document.place(slot.start)
    site = Site(file, line, column)
    verdict = case.verdict if layer is None else judged(case, layer) or case.verdict
    if isinstance(result, Left):
        return Finding(
            site,
            case.service.name,
            variable.name,
            result.kind,
            verdict,
            Action.KEEP,
            Delivery.NONE.value,
            (),
            Applicability.MANUAL.value,
            None,
            None,
            result.reason,
            is_excepted=result.is_excepted,
        )
    secret = by_slot[slot.key]
    return Finding(
        site,
        case.service.name,
        variable.name,
        "plaintext",
        verdict,
        Action.MIGRATE,
        result.delivery.value,
        (result.new_name, *(name for name, _ in result.parts)) if result.new_name else (),
        result.applicability.value,
        secret.name,
        secret.source.value,
        "; ".join(result.notes),
        result.is_known_image,
    )
