"""Slots that can only change together: they move as a whole or stay as a whole, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceType
from functools import cached_property, lru_cache

from dsec_migrate import scripts
from dsec_migrate.changes import Applicability, Change, Move, PlannedSecret
from dsec_migrate.document import Document, ParsedNode, Sequence
from dsec_migrate.document import Mapping as MappingNode
from dsec_migrate.finding import Confidence, Exposure, Verdict
from dsec_migrate.groups import Groups
from dsec_migrate.options import Options
from dsec_migrate.passes import Case, Proposal
from dsec_migrate.planning import withheld
from dsec_migrate.planning.pending import Pending
from dsec_migrate.project import Argument, BuildArgument, BuildPart, Project, Service, Slot, Variable
from dsec_migrate.records import dataclass, field
from dsec_migrate.stores import Left


@dataclass(eq=False, repr=False)
class Component:
    """Slots that can only change together: the lines of one variable, and all whom they reach."""

    slots: dict[int, Slot] = field(default_factory=dict)
    findings: list[Pending] = field(default_factory=list)
    _uses: dict[int, str | None] = field(default_factory=dict, init=False)

    @cached_property
    def nodes(self) -> set[int]:
        """Identities of the places that move together; asked for when all of them are known."""
        return {id(slot.node) for slot in self.slots.values()}

    def other_use(self, slot: Slot) -> str | None:
        """Where something that does not move with it uses the text of ``slot``, or None."""
        key = id(slot.content)
        if key not in self._uses:
            self._uses[key] = next(other_uses(self, slot), None)
        return self._uses[key]


def join(project: Project, found: SequenceType[Pending]) -> list[Component]:
    """Joins findings that share a slot, directly or through others."""
    groups = Groups[int]()
    for finding in found:
        keys = [slot.key for slot in finding.variable.slots]
        for key in (*keys, *_shared_texts(finding.variable)):
            groups.join(keys[0], key)
    known = {(f.case.service.name, f.variable.name): f for f in found}
    names = {f.variable.name for f in found}
    bystanders: list[Pending] = []
    for service in project.services.values():
        for variable in service.variables.values():
            # a service that the same line reaches, but with a value that is no secret there
            if variable.name in names and (service.name, variable.name) not in known:
                keys = [slot.key for slot in variable.slots]
                shared = list(_shared_texts(variable))
                if any(key in groups for key in (*keys, *shared)):
                    for key in (*keys, *shared):
                        groups.join(keys[0], key)
                    bystanders.append(_bystander(project, service, variable, found[0].case.options))
    components: dict[int, Component] = {}
    for finding in (*found, *bystanders):
        component = components.setdefault(groups.leader(finding.variable.slot.key), Component())
        component.findings.append(finding)
        for slot in finding.variable.slots:
            component.slots[slot.key] = slot
    return list(components.values())


def _shared_texts(variable: Variable) -> Iterator[int]:
    """Identities of the anchored texts that the variable's slots hold or name by an alias."""
    for slot in variable.slots:
        if slot.content.anchor is not None:
            yield id(slot.content)
        if isinstance(slot, BuildArgument) and not isinstance(slot, BuildPart) and slot.recipe is not None:
            # who is built from the same Dockerfile changes with it
            yield hash((id(slot.recipe), variable.name))


def _bystander(project: Project, service: Service, variable: Variable, options: Options) -> Pending:
    verdict = Verdict(Confidence.POSSIBLE, Exposure.LITERAL, "", "", ())
    return Pending(Case(project, service, variable, verdict, options), Left("its value there is no secret"))


def settle(components: Iterable[Component]) -> None:
    """A component moves as a whole or not at all; those that stay because of another finding say so."""
    for component in components:
        left = next((f for f in component.findings if isinstance(f.result, Left)), None)
        if left is not None:
            for finding in component.findings:
                if isinstance(finding.result, Proposal):
                    assert isinstance(left.result, Left)
                    finding.result = Left(
                        f"the same line also reaches {left.case.service.name}.{left.variable.name}, which stays: "
                        f"{left.result.reason}"
                    )
            continue
        reason = _conflict(component) or _disagreement(component) or _withheld(component)
        if reason is not None:
            for finding in component.findings:
                finding.result = Left(reason)


def _disagreement(component: Component) -> str | None:
    """Where services that share a text read it in different ways: it can take one form only."""
    forms: dict[int, tuple[Pending, Proposal]] = {}
    for finding in component.findings:
        result = finding.result
        assert isinstance(result, Proposal)
        for slot in finding.variable.slots:
            other, form = forms.setdefault(id(slot.content), (finding, result))
            if form.holding.source is not result.holding.source:
                return (
                    f"its line also reaches {other.case.service.name}, whose value is to come from "
                    f"{form.holding.source.value} where that of {finding.case.service.name} is to come from "
                    f"{result.holding.source.value}"
                )
            if form.value != result.value or (
                other.variable.name == finding.variable.name and form.new_name != result.new_name
            ):
                one, two = form.new_name or "a wrapper", result.new_name or "a wrapper"
                return (
                    f"its line also reaches {other.case.service.name}, which takes {one} where "
                    f"{finding.case.service.name} takes {two}"
                )
    return None


def _withheld(component: Component) -> str | None:
    for finding in component.findings:
        assert isinstance(finding.result, Proposal)
        case = finding.case
        reason = withheld.obstacle(case.project, finding.variable.slots, case.service.name, finding.result)
        if reason is not None:
            return reason
    return None


def _conflict(component: Component) -> str | None:
    effective = {finding.variable.slot.key for finding in component.findings}
    values: dict[int, str | None] = {}
    for finding in component.findings:
        variable, project = finding.variable, finding.case.project
        lasts = {id(slot.document): slot for slot in variable.slots}
        for slot in variable.slots:
            value = project.value_at(slot)
            # a line of an env file may mean something else for each service that reads it
            if values.setdefault(slot.key, value) != value:
                return f"{slot.place} means another value for each service that reads it"
            if slot.key in effective or not slot.text or slot is lasts[id(slot.document)]:
                continue
            if value != project.value_at(lasts[id(slot.document)]):
                return f"{slot.place} sets it as well, with another value"
    for slot in component.slots.values():
        if slot.content is slot.node:
            use = component.other_use(slot)
            if use is not None:
                return f"its text is also used through the alias at {use}"
    return None


def other_uses(component: Component, slot: Slot) -> Iterator[str]:
    """Where the text of ``slot`` is used through its anchor by something that does not move with it."""
    content = slot.content
    if content.anchor is None:
        return
    moved = component.nodes
    for alias in slot.document.aliases_of(content):
        if id(alias) not in moved:
            file, line, _ = slot.document.place(alias.start)
            yield f"{file}:{line}"
    is_moved = id(content) in moved
    project = component.findings[0].case.project
    is_unused = _stands_in_extension(slot.document, content.start) and id(content) not in _variable_nodes(project)
    if not is_moved and not is_unused:
        file, line, _ = slot.document.place(content.start)
        yield f"{file}:{line}"


@lru_cache(maxsize=4)
def _variable_nodes(project: Project) -> frozenset[int]:
    """Identities of the places where variables of services stand, those that merge keys bring included."""
    return frozenset(
        id(slot.node)
        for service in project.services.values()
        for variable in service.variables.values()
        for slot in variable.slots
    )


def _stands_in_extension(document: Document, offset: int) -> bool:
    """Whether a place belongs to an ``x-`` block at the top of the file, which nothing uses but aliases."""
    return any(
        entry.name.startswith("x-") and entry.key.start <= offset < entry.end
        for root in document.roots
        if isinstance(root, MappingNode)
        for entry in root.entries
    )


def is_moved(component: Component) -> bool:
    return all(isinstance(finding.result, Proposal) for finding in component.findings)


def is_word_of_test(slot: Argument, proposal: Proposal) -> bool:
    """Whether an argument stands in the words of a healthcheck, which are read with all others of its list."""
    return any(read.test is not None and read.node is slot.content for read in proposal.reads)


def make_change(component: Component, by_slot: Mapping[int, PlannedSecret]) -> Change:
    moves: list[Move] = []
    done: set[int] = set()
    for finding in component.findings:
        result = finding.result
        assert isinstance(result, Proposal)
        lasts = {id(slot.document): slot for slot in finding.variable.slots}
        for slot in finding.variable.slots:
            # a slot that a later one of its file overrides gets the same secret: nothing is lost, nothing comes back
            secret = by_slot.get(slot.key) or by_slot[lasts[id(slot.document)].key]
            if slot.key not in done:
                done.add(slot.key)
                if isinstance(slot, Argument):
                    if not is_word_of_test(slot, result):
                        moves.append(Move(slot, secret.name, value=_in_place(slot, result, secret.mount_path)))
                    continue
                if isinstance(slot, BuildArgument) and slot.container is None:
                    # a default of the Dockerfile goes with its declaration
                    continue
                if not result.new_name:
                    # what is said beside it goes too: in a script it would be shown by `docker inspect`
                    moves.append(Move(slot, secret.name))
                    continue
                stays = slot.node is not slot.content and component.other_use(slot) is not None
                value = result.value.format(path=secret.mount_path, name=secret.name)
                moves.append(Move(slot, secret.name, result.new_name, value, replaces_alias=stays))
    order = [Applicability.SAFE, Applicability.REVIEW, Applicability.MANUAL]
    worst = max((f.result.applicability for f in component.findings if isinstance(f.result, Proposal)), key=order.index)
    return Change(tuple(moves), (), worst)


def _in_place(slot: Argument, proposal: Proposal, path: str) -> str:
    """What stands in the place of an argument: a script reads the file there, a wrapper replaces the path when the
    container starts. Nothing, where it stands in an entrypoint that the wrapper writes anew."""
    if proposal.program is None and proposal.option is None:
        return scripts.content(path)
    return "" if proposal.program is not None and is_written_anew(slot) else path


def is_written_anew(slot: Argument) -> bool:
    """Whether the argument stands in an entrypoint that a wrapper restates: it is no list that stands line by line."""
    if slot.place_key != "entrypoint" or slot.layer is None:
        return False
    entry = slot.layer.service.own("entrypoint")
    return entry is not None and not is_block(entry.value)


def is_block(node: ParsedNode) -> bool:
    """Whether a list has each of its items on lines of its own."""
    return isinstance(node, Sequence) and not node.flow and node.anchor is None
