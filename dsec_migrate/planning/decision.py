"""The decision on each finding: from the variables of a project to the rows of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dsec_migrate.compose.project import Declaration, Hidden, Project, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action, Confidence, Finding, Site, Verdict
from dsec_migrate.planning import claimed, excluded, resolved, slips, withheld
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.passes.fix import Case, Fix
from dsec_migrate.planning.passes.propose import propose
from dsec_migrate.planning.sources import hold
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.text.records import dataclass


@dataclass(eq=False, repr=False)
class Decision:
    """A finding and the decision on it.

    ``layers`` are the lines of other files that also set the variable, each the last of its file, and what a source
    holds for each: the value that this line on its own would set.
    """

    case: Case
    result: Fix | Skipped
    layers: tuple[tuple[Declaration, Holding], ...] = ()

    @property
    def variable(self) -> Variable:
        return self.case.variable


def cases(project: Project, options: Options) -> Iterator[Case]:
    for service in project.services.values():
        for variable in service.variables.values():
            verdict = slips.verdict(service, variable.declaration, variable.effective.value)
            if verdict is not None:
                yield Case(project, service, variable, verdict, options)


def judged(case: Case, declaration: Declaration) -> Verdict | None:
    """The verdict on another line of the variable."""
    value = case.project.value_at(declaration)
    return slips.verdict(case.service, declaration, value)


def hidden_findings(project: Project, options: Options) -> Iterator[Decision]:
    """Secrets in lines that a later ``!override`` or ``!reset`` removes from every container."""
    for service in project.services.values():
        for variable in service.hidden:
            if variable.declaration.key in withheld.reaching(project):
                continue
            verdict = slips.verdict(service, variable.declaration, variable.effective.value)
            if verdict is not None:
                yield Decision(
                    Case(project, service, variable, verdict, options), Skipped(_reason_of_hidden(project, variable))
                )


def _reason_of_hidden(project: Project, variable: Hidden) -> str:
    by, document = variable.by, variable.declaration.document
    also = f", and let {variable.reset.place} remove its new name" if variable.reset is not None else ""
    if by is not document:
        return f"{by.source.path} removes it, but without that file a container receives it: move it by hand{also}"
    if document not in project.documents:
        return f"it is removed here, but other uses of {document.source.path} still set it: move it by hand{also}"
    return "no container receives it, because a later document removes it: remove the line by hand"


def decide(case: Case) -> Decision:
    options, service, variable = case.options, case.service.name, case.variable.name
    slipped = slips.slip_of(case.variable.declaration)
    if slipped is not None:
        return Decision(case, slips.reason(case.variable.declaration, slipped))
    reason = excluded.reason(case)
    if reason is not None:
        return Decision(case, Skipped(f"excluded: {reason}", is_excepted=True))
    reason = resolved.reason(case)
    if reason is not None:
        return Decision(case, Skipped(reason))
    reason = options.reason_to_skip(service, variable)
    if reason:
        return Decision(case, Skipped(f"skipped on purpose: {reason}", is_excepted=True))
    if not options.is_asked_for(service, variable):
        return Decision(case, Skipped("not selected (--only, --skip)"))
    if case.verdict.confidence is Confidence.POSSIBLE and not options.is_named(service, variable):
        return Decision(case, Skipped("it may not be a secret: select it with --only to move it"))
    failure = next((said for *place, said in options.unproved if place == [service, variable]), None)
    if failure is not None:
        return Decision(case, Skipped(f"its change failed verification (a bug: please report it): {failure}"))
    result = claimed.weigh(case, propose(case))
    if isinstance(result, Skipped):
        return Decision(case, result)
    layers: list[tuple[Declaration, Holding]] = []
    for declaration in other_layers(case.variable):
        holding = holding_of(case, declaration)
        if isinstance(holding, Skipped):
            return Decision(case, Skipped(f"{declaration.place} also sets it: {holding.reason}"))
        layers.append((declaration, holding))
    return Decision(case, result, tuple(layers))


def other_layers(variable: Variable) -> list[Declaration]:
    """The last line of each other file that sets the variable, in Compose's order."""
    by_document = {id(declaration.document): declaration for declaration in variable.declarations}
    return [
        declaration for declaration in by_document.values() if declaration.document is not variable.declaration.document
    ]


def holding_of(case: Case, declaration: Declaration) -> Holding | Skipped:
    """What the source makes of one line of the variable, as if no other line overrode it."""
    variable = case.variable
    declarations = variable.declarations[: variable.declarations.index(declaration) + 1]
    effective = case.project.effect(declaration)
    return hold.hold(
        case.options, case.project, case.service, Variable(variable.service, variable.name, declarations, effective)
    )


def reports(finding: Decision, by_declaration: Mapping[int, PlannedSecret]) -> Iterator[Finding]:
    """The rows of a finding: one for each other file that sets the variable, and one for the line in effect."""
    for declaration in other_layers(finding.variable):
        if declaration.text:
            yield report(finding, by_declaration, declaration)
    yield report(finding, by_declaration)


def report(finding: Decision, by_declaration: Mapping[int, PlannedSecret], layer: Declaration | None = None) -> Finding:
    case, result, variable = finding.case, finding.result, finding.variable
    declaration = layer or variable.declaration
    file, line, column = declaration.document.place(declaration.start)
    site = Site(file, line, column)
    verdict = case.verdict if layer is None else judged(case, layer) or case.verdict
    if isinstance(result, Skipped):
        return Finding.skipped(
            site,
            case.service.name,
            variable.name,
            result.kind,
            verdict,
            result.reason,
            is_excepted=result.is_excepted,
        )
    secret = by_declaration[declaration.key]
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
