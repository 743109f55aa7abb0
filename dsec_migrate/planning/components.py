"""Declarations that can only change together: they move or are skipped as a whole, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceType
from functools import cached_property, lru_cache

from dsec_migrate.compose.document import Document, ParsedNode, Sequence
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.project import Argument, BuildArgument, BuildPart, Declaration, Project, Service, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Confidence, Exposure, Verdict
from dsec_migrate.planning import shell_texts, withheld
from dsec_migrate.planning.changes import Applicability, Change, Move, PlannedSecret
from dsec_migrate.planning.decision import Decision
from dsec_migrate.planning.passes.fix import Case, Fix
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.groups import Groups
from dsec_migrate.text.records import dataclass, field


@dataclass(eq=False, repr=False)
class Component:
    """Declarations that can only change together: the lines of one variable, and all services that they reach."""

    declarations: dict[int, Declaration] = field(default_factory=dict)
    findings: list[Decision] = field(default_factory=list)
    _uses: dict[int, str | None] = field(default_factory=dict, init=False)

    @cached_property
    def nodes(self) -> set[int]:
        """Identities of the nodes that move together; call it when all of them are known."""
        return {id(declaration.node) for declaration in self.declarations.values()}

    def other_use(self, declaration: Declaration) -> str | None:
        """Where something that does not move with it uses the text of ``declaration``, or None."""
        key = id(declaration.content)
        if key not in self._uses:
            self._uses[key] = next(other_uses(self, declaration), None)
        return self._uses[key]


def join(project: Project, found: SequenceType[Decision]) -> list[Component]:
    """Joins findings that share a declaration, directly or through others."""
    groups = Groups[int]()
    for finding in found:
        keys = [declaration.key for declaration in finding.variable.declarations]
        for key in (*keys, *_shared_texts(finding.variable)):
            groups.join(keys[0], key)
    known = {(f.case.service.name, f.variable.name): f for f in found}
    names = {f.variable.name for f in found}
    bystanders: list[Decision] = []
    for service in project.services.values():
        for variable in service.variables.values():
            # a service that the same line reaches, but with a value that is not a secret there
            if variable.name in names and (service.name, variable.name) not in known:
                keys = [declaration.key for declaration in variable.declarations]
                shared = list(_shared_texts(variable))
                if any(key in groups for key in (*keys, *shared)):
                    for key in (*keys, *shared):
                        groups.join(keys[0], key)
                    bystanders.append(_bystander(project, service, variable, found[0].case.options))
    components: dict[int, Component] = {}
    for finding in (*found, *bystanders):
        component = components.setdefault(groups.leader(finding.variable.declaration.key), Component())
        component.findings.append(finding)
        for declaration in finding.variable.declarations:
            component.declarations[declaration.key] = declaration
    return list(components.values())


def _shared_texts(variable: Variable) -> Iterator[int]:
    """Identities of the anchored nodes that the variable's declarations contain or alias."""
    for declaration in variable.declarations:
        if declaration.content.anchor is not None:
            yield id(declaration.content)
        if (
            isinstance(declaration, BuildArgument)
            and not isinstance(declaration, BuildPart)
            and declaration.dockerfile is not None
        ):
            # services built from the same Dockerfile change with it
            yield hash((id(declaration.dockerfile), variable.name))


def _bystander(project: Project, service: Service, variable: Variable, options: Options) -> Decision:
    verdict = Verdict(Confidence.POSSIBLE, Exposure.LITERAL, "", "", ())
    return Decision(Case(project, service, variable, verdict, options), Skipped("its value there is not a secret"))


def settle(components: Iterable[Component]) -> None:
    """Decides each component: it moves as a whole or not at all; a finding skipped because of another one says so."""
    for component in components:
        left = next((f for f in component.findings if isinstance(f.result, Skipped)), None)
        if left is not None:
            for finding in component.findings:
                if isinstance(finding.result, Fix):
                    assert isinstance(left.result, Skipped)
                    finding.result = Skipped(
                        f"the same line also sets {left.case.service.name}.{left.variable.name}, which is skipped: "
                        f"{left.result.reason}"
                    )
            continue
        reason = _conflict(component) or _disagreement(component) or _withheld(component)
        if reason is not None:
            for finding in component.findings:
                finding.result = Skipped(reason)


def _disagreement(component: Component) -> str | None:
    """Why services that share a line need different forms of it: it can have only one."""
    forms: dict[int, tuple[Decision, Fix]] = {}
    for finding in component.findings:
        result = finding.result
        assert isinstance(result, Fix)
        for declaration in finding.variable.declarations:
            other, form = forms.setdefault(id(declaration.content), (finding, result))
            if form.holding.source is not result.holding.source:
                return (
                    f"its line also reaches {other.case.service.name}, whose value would come from "
                    f"{form.holding.source.value}, while that of {finding.case.service.name} would come from "
                    f"{result.holding.source.value}"
                )
            if form.value != result.value or (
                other.variable.name == finding.variable.name and form.new_name != result.new_name
            ):
                one, two = form.new_name or "a wrapper script", result.new_name or "a wrapper script"
                return (
                    f"its line also reaches {other.case.service.name}, which needs {one}, "
                    f"while {finding.case.service.name} needs {two}"
                )
    return None


def _withheld(component: Component) -> str | None:
    for finding in component.findings:
        assert isinstance(finding.result, Fix)
        case = finding.case
        reason = withheld.obstacle(case.project, finding.variable.declarations, case.service.name, finding.result)
        if reason is not None:
            return reason
    return None


def _conflict(component: Component) -> str | None:
    effective = {finding.variable.declaration.key for finding in component.findings}
    values: dict[int, str | None] = {}
    for finding in component.findings:
        variable, project = finding.variable, finding.case.project
        lasts = {id(declaration.document): declaration for declaration in variable.declarations}
        for declaration in variable.declarations:
            value = project.value_at(declaration)
            # a line of an env file may have a different value in each service that reads it
            if values.setdefault(declaration.key, value) != value:
                return f"{declaration.place} has a different value in each service that reads it"
            if declaration.key in effective or not declaration.text or declaration is lasts[id(declaration.document)]:
                continue
            if value != project.value_at(lasts[id(declaration.document)]):
                return f"{declaration.place} also sets it, to a different value"
    for declaration in component.declarations.values():
        if declaration.content is declaration.node:
            use = component.other_use(declaration)
            if use is not None:
                return f"its value is also used through the alias at {use}"
    return None


def other_uses(component: Component, declaration: Declaration) -> Iterator[str]:
    """Where an alias uses the value of ``declaration`` outside what moves with it."""
    content = declaration.content
    if content.anchor is None:
        return
    moved = component.nodes
    for alias in declaration.document.aliases_of(content):
        if id(alias) not in moved:
            file, line, _ = declaration.document.place(alias.start)
            yield f"{file}:{line}"
    is_moved = id(content) in moved
    project = component.findings[0].case.project
    is_unused = _stands_in_extension(declaration.document, content.start) and id(content) not in _variable_nodes(
        project
    )
    if not is_moved and not is_unused:
        file, line, _ = declaration.document.place(content.start)
        yield f"{file}:{line}"


@lru_cache(maxsize=4)
def _variable_nodes(project: Project) -> frozenset[int]:
    """Identities of the nodes of the services' variables, including those that merge keys add."""
    return frozenset(
        id(declaration.node)
        for service in project.services.values()
        for variable in service.variables.values()
        for declaration in variable.declarations
    )


def _stands_in_extension(document: Document, offset: int) -> bool:
    """Whether an offset is in a top-level ``x-`` block, which only aliases use."""
    return any(
        entry.name.startswith("x-") and entry.key.start <= offset < entry.end
        for root in document.roots
        if isinstance(root, MappingNode)
        for entry in root.entries
    )


def is_moved(component: Component) -> bool:
    return all(isinstance(finding.result, Fix) for finding in component.findings)


def is_word_of_test(declaration: Argument, fix: Fix) -> bool:
    """Whether an argument is one of the words of a healthcheck, which is rewritten as a whole."""
    return any(read.test is not None and read.node is declaration.content for read in fix.reads)


def make_change(component: Component, by_declaration: Mapping[int, PlannedSecret]) -> Change:
    moves: list[Move] = []
    done: set[int] = set()
    for finding in component.findings:
        result = finding.result
        assert isinstance(result, Fix)
        lasts = {id(declaration.document): declaration for declaration in finding.variable.declarations}
        for declaration in finding.variable.declarations:
            # a declaration that a later one in the same file overrides uses the same secret: nothing is lost, nothing
            # comes back
            secret = by_declaration.get(declaration.key) or by_declaration[lasts[id(declaration.document)].key]
            if declaration.key not in done:
                done.add(declaration.key)
                if isinstance(declaration, Argument):
                    if not is_word_of_test(declaration, result):
                        moves.append(
                            Move(declaration, secret.name, value=_in_place(declaration, result, secret.mount_path))
                        )
                    continue
                if isinstance(declaration, BuildArgument) and declaration.container is None:
                    # a default of the Dockerfile is removed with its declaration
                    continue
                if not result.new_name:
                    # the comment is removed too: in a script `docker inspect` would show it
                    moves.append(Move(declaration, secret.name))
                    continue
                stays = declaration.node is not declaration.content and component.other_use(declaration) is not None
                value = result.value.format(path=secret.mount_path, name=secret.name)
                moves.append(Move(declaration, secret.name, result.new_name, value, replaces_alias=stays))
    order = [Applicability.SAFE, Applicability.REVIEW, Applicability.MANUAL]
    worst = max((f.result.applicability for f in component.findings if isinstance(f.result, Fix)), key=order.index)
    return Change(tuple(moves), (), worst)


def _in_place(declaration: Argument, fix: Fix, path: str) -> str:
    """What replaces an argument: a script reads the file there, a wrapper script replaces the path when the container
    starts. Empty if it is in an entrypoint that the wrapper script rewrites."""
    if fix.program is None and fix.option is None:
        return shell_texts.content(path)
    return "" if fix.program is not None and is_written_anew(declaration) else path


def is_written_anew(declaration: Argument) -> bool:
    """Whether the argument is in an entrypoint that a wrapper script rewrites, because it is not a block list."""
    if declaration.place_key != "entrypoint" or declaration.layer is None:
        return False
    entry = declaration.layer.service.own("entrypoint")
    return entry is not None and not is_block(entry.value)


def is_block(node: ParsedNode) -> bool:
    """Whether a list has each of its items on its own lines."""
    return isinstance(node, Sequence) and not node.flow and node.anchor is None
