"""Project -> Plan: findings, the changes that settle them, the secrets they need, and what is left, with reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dsec_migrate import files, mounts
from dsec_migrate.detectors import judge
from dsec_migrate.document import Document
from dsec_migrate.document import Mapping as MappingNode
from dsec_migrate.errors import UserError
from dsec_migrate.extensions import unused_copies
from dsec_migrate.finding import Action, Candidate, Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.naming import SWARM_MAXIMUM_LENGTH, Wanted, name_groups, style_of
from dsec_migrate.options import Options, SourceKind, Target
from dsec_migrate.passes import Case, Delivery, Proposal, propose
from dsec_migrate.placeholder import is_distinctive
from dsec_migrate.plan import (
    Applicability,
    Change,
    DefineSecret,
    MaskComment,
    MoveVariable,
    Operation,
    Plan,
    PlannedSecret,
)
from dsec_migrate.project import Project, Service, Slot, Variable
from dsec_migrate.source import Span
from dsec_migrate.stores import Left

# a comment that begins right behind a value (and the brackets that close a flow collection)
_COMMENT = re.compile(r"[\]},]*[ \t]+#")
_SHORTEST_IN_COMMENT = 4


@dataclass(eq=False)
class _Finding:
    """A finding on its way to a decision."""

    case: Case
    result: Proposal | Left
    is_wanted: bool
    secret: PlannedSecret | None = None

    @property
    def variable(self) -> Variable:
        return self.case.variable


@dataclass(eq=False)
class _Component:
    """Slots that can only change together: the lines of one variable, and all whom they reach."""

    slots: dict[int, Slot] = field(default_factory=dict)
    findings: list[_Finding] = field(default_factory=list)


@dataclass(eq=False)
class _Need:
    """One slot's value on its way to a secret."""

    slot: Slot
    finding: _Finding
    services: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    readers: list[Proposal] = field(default_factory=list)

    @property
    def proposal(self) -> Proposal:
        result = self.finding.result
        assert isinstance(result, Proposal)
        return result


def make_plan(project: Project, options: Options, disk: files.Disk | None = None) -> Plan:
    """Everything that a run would do to ``project``. Reads existing secret files through ``disk``, writes nothing.

    Raises UserError when a secret's file name is taken by other content and no other name is free.
    """
    found = [_decide(case) for case in _cases(project, options)]
    hidden = tuple(_report(finding, {}) for finding in _hidden(project, options))
    if not found:
        return Plan(hidden)
    components = _components(project, found)
    _settle(components)
    moved = [component for component in components if _is_moved(component)]
    disk = disk or files.Disk()
    needs = _needs(moved)
    groups = _groups(needs)
    secrets = _secrets(project, options, groups, disk)
    by_slot: dict[int, PlannedSecret] = {}
    for group, secret in zip(groups, secrets, strict=True):
        for need in group:
            by_slot[need.slot.key] = secret
    changes = tuple(_change(component, by_slot) for component in moved)
    moves = tuple(operation for change in changes for operation in change.operations)
    needed = {key: secret.name for key, secret in by_slot.items()}
    operations: list[Operation] = [*moves, *unused_copies(project, moves)]
    operations += mounts.place(project, needed, options)
    operations += [DefineSecret(project.document, mounts.definitions_root(project), s) for s in secrets if s.is_new]
    operations += _comments(moves)
    # everything above speaks of the same objects; the findings are told last, when all is decided
    reports = tuple(_report(finding, by_slot) for finding in found)
    settled = {id(finding): report for finding, report in zip(found, reports, strict=True)}
    final = tuple(
        Change(change.operations, tuple(settled[id(f)] for f in component.findings), change.applicability)
        for change, component in zip(changes, moved, strict=True)
    )
    return Plan(
        (*reports, *hidden),
        final,
        tuple(secrets),
        tuple(operations),
        tuple(files.new_files(project, options, secrets, disk)) if secrets else (),
        tuple(_notes(project, options, secrets, groups)),
    )


def report_only(project: Project, options: Options) -> Plan:
    """The findings of a file that cannot be migrated because Compose refuses it."""
    left = Left("the file has an error that comes first")
    return Plan(tuple(_report(_Finding(case, left, False), {}) for case in _cases(project, options)))


def _cases(project: Project, options: Options) -> Iterator[Case]:
    for service in project.services.values():
        for variable in service.variables.values():
            verdict = judge(
                Candidate(service.name, variable.name, variable.slot.text, variable.effective.value, service.image)
            )
            if verdict is not None:
                yield Case(project, service, variable, verdict, options)


def _hidden(project: Project, options: Options) -> Iterator[_Finding]:
    """Secrets in lines that a later ``!override`` or ``!reset`` takes away from every container."""
    left = Left("no container gets it, because a later document takes it away: remove the line by hand")
    for service in project.services.values():
        for variable in service.hidden:
            candidate = Candidate(service.name, variable.name, variable.slot.text, variable.effective.value)
            verdict = judge(candidate)
            if verdict is not None:
                yield _Finding(Case(project, service, variable, verdict, options), left, False)


def _decide(case: Case) -> _Finding:
    options, service, variable = case.options, case.service.name, case.variable.name
    if not options.is_asked_for(service, variable):
        return _Finding(case, Left("it is not asked for (--only, --skip)"), False)
    if case.verdict.confidence is Confidence.POSSIBLE and not options.is_named(service, variable):
        return _Finding(case, Left("it is only possibly a secret: name it with --only to move it"), False)
    return _Finding(case, propose(case), True)


def _components(project: Project, found: Sequence[_Finding]) -> list[_Component]:
    """Joins findings that share a slot, directly or through others (union by slot)."""
    parents: dict[int, int] = {}

    def find(key: int) -> int:
        while parents.setdefault(key, key) != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    for finding in found:
        keys = [slot.key for slot in finding.variable.slots]
        for key in (*keys, *_shared_texts(finding.variable)):
            parents[find(key)] = find(keys[0])
    known = {(f.case.service.name, f.variable.name): f for f in found}
    names = {f.variable.name for f in found}
    bystanders: list[_Finding] = []
    for service in project.services.values():
        for variable in service.variables.values():
            # a service that the same line reaches, but with a value that is no secret there
            if variable.name in names and (service.name, variable.name) not in known:
                keys = [slot.key for slot in variable.slots]
                shared = list(_shared_texts(variable))
                if any(key in parents for key in (*keys, *shared)):
                    for key in (*keys, *shared):
                        parents[find(key)] = find(keys[0])
                    bystanders.append(_bystander(project, service, variable, found[0].case.options))
    components: dict[int, _Component] = {}
    for finding in (*found, *bystanders):
        component = components.setdefault(find(finding.variable.slot.key), _Component())
        component.findings.append(finding)
        for slot in finding.variable.slots:
            component.slots[slot.key] = slot
    return list(components.values())


def _shared_texts(variable: Variable) -> Iterator[int]:
    """Identities of the anchored texts that the variable's slots hold or name by an alias."""
    for slot in variable.slots:
        if slot.content.anchor is not None:
            yield id(slot.content)


def _bystander(project: Project, service: Service, variable: Variable, options: Options) -> _Finding:
    verdict = Verdict(Confidence.POSSIBLE, Exposure.LITERAL, "", "", ())
    return _Finding(Case(project, service, variable, verdict, options), Left("its value there is no secret"), False)


def _settle(components: Iterable[_Component]) -> None:
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
        reason = _conflict(component)
        if reason is not None:
            for finding in component.findings:
                finding.result = Left(reason)


def _conflict(component: _Component) -> str | None:
    effective = {finding.variable.slot.key for finding in component.findings}
    for finding in component.findings:
        variable = finding.variable
        for slot in variable.slots:
            if slot.key in effective or not slot.text:
                continue
            value = finding.case.project.resolve(slot.text).value
            if value != variable.effective.value:
                return f"{slot.place} sets it as well, with another value"
    for slot in component.slots.values():
        if slot.content is slot.node:
            use = next(_other_uses(component, slot), None)
            if use is not None:
                return f"its text is also used through the alias at {use}"
    return None


def _other_uses(component: _Component, slot: Slot) -> Iterator[str]:
    """Where the text of ``slot`` is used through its anchor by something that does not move with it."""
    content = slot.content
    if content.anchor is None:
        return
    moved = {id(other.node) for other in component.slots.values()}
    for alias in slot.document.aliases:
        if alias.target is content and id(alias) not in moved:
            file, line, _ = slot.document.place(alias.start)
            yield f"{file}:{line}"
    is_moved = id(content) in moved
    if not is_moved and not _stands_in_extension(slot.document, content.start):
        file, line, _ = slot.document.place(content.start)
        yield f"{file}:{line}"


def _stands_in_extension(document: Document, offset: int) -> bool:
    """Whether a place belongs to an ``x-`` block at the top of the file, which nothing uses but aliases."""
    return any(
        entry.name.startswith("x-") and entry.key.start <= offset < entry.end
        for root in document.roots
        if isinstance(root, MappingNode)
        for entry in root.entries
    )


def _is_moved(component: _Component) -> bool:
    return all(isinstance(finding.result, Proposal) for finding in component.findings)


def _needs(components: Iterable[_Component]) -> list[_Need]:
    needs: dict[int, _Need] = {}
    for component in components:
        for finding in component.findings:
            key = finding.variable.slot.key
            need = needs.setdefault(key, _Need(finding.variable.slot, finding))
            need.services.append(finding.case.service.name)
            need.variables.append(finding.variable.name)
            assert isinstance(finding.result, Proposal)
            need.readers.append(finding.result)
    return sorted(needs.values(), key=lambda need: need.slot.start)


def _groups(needs: Sequence[_Need]) -> list[list[_Need]]:
    """Slots that share one secret, in text order.

    The same variable with the same value, the same reference (``${X}`` or an alias), or the same distinctive value
    under another name; never two placeholders that happen to be equal.
    """
    leaders: dict[object, int] = {}
    groups: list[list[_Need]] = []
    for need in needs:
        keys = list(_group_keys(need))
        number = next((leaders[key] for key in keys if key in leaders), None)
        if number is None:
            number = len(groups)
            groups.append([])
        groups[number].append(need)
        for key in keys:
            leaders.setdefault(key, number)
    return groups


def _group_keys(need: _Need) -> Iterator[object]:
    holding = need.proposal.holding
    if holding.source is SourceKind.ENVIRONMENT:
        yield (SourceKind.ENVIRONMENT, holding.variable)
        return
    assert holding.value is not None
    yield ("alias", id(need.slot.content))
    yield ("variable", need.finding.variable.name, holding.value)
    reference = need.finding.variable.effective.whole_reference
    if reference is not None:
        yield ("reference", reference.name, holding.value)
    if is_distinctive(holding.value.reveal()):
        yield ("value", holding.value)


def _secrets(
    project: Project, options: Options, groups: Sequence[list[_Need]], disk: files.Disk
) -> list[PlannedSecret]:
    existing = project.secrets
    style = style_of(existing, options.secrets_dir)
    taken = set(existing) | mounts.targets_in_use(project)
    reused = [_existing(project, group, disk) for group in groups]
    leaders = [_leader(group) for group in groups]
    fresh = [n for n, name in enumerate(reused) if name is None]
    names = name_groups(
        [_wanted(leaders[n]) for n in fresh],
        style,
        lambda name: name in taken,
    )
    named = dict(zip(fresh, names, strict=True))
    secrets: list[PlannedSecret] = []
    for number, group in enumerate(groups):
        holding = leaders[number].proposal.holding
        known = reused[number]
        readers = [reader for need in group for reader in need.readers]
        is_read_by_root = all(reader.is_read_by_root for reader in readers)
        secret = PlannedSecret(
            known or named[number],
            holding.source,
            holding.value,
            tuple(dict.fromkeys(service for need in group for service in need.services)),
            tuple(dict.fromkeys(variable for need in group for variable in need.variables)),
            mode=0o600 if is_read_by_root or holding.source is SourceKind.EXTERNAL else 0o444,
            variable=holding.variable,
            is_new=known is None,
        )
        if options.target is Target.SWARM:
            _check_swarm_name(project, secret.name)
        if known is None and holding.source is not SourceKind.ENVIRONMENT:
            secret = files.assign(project, secret, style, disk)
        secrets.append(secret)
    return secrets


def _check_swarm_name(project: Project, name: str) -> None:
    if len(name) > SWARM_MAXIMUM_LENGTH:
        raise UserError(
            f"Swarm takes names of at most {SWARM_MAXIMUM_LENGTH} characters: {name} is too long",
            str(project.source.path),
            help="leave that variable out with --skip, or rename it",
        )


def _wanted(need: _Need) -> Wanted:
    value = need.proposal.holding.value
    return Wanted(need.finding.variable.name, need.finding.case.service.name, value.reveal() if value else "")


def _leader(group: Sequence[_Need]) -> _Need:
    """The slot that gives the secret its name: one of a known image (the server's), else the first."""
    return next((need for need in group if need.proposal.is_known_image), group[0])


def _existing(project: Project, group: Sequence[_Need], disk: files.Disk) -> str | None:
    """A secret of the project that holds exactly this value already, if it is sure to be the same secret."""
    holding = group[0].proposal.holding
    if holding.source is SourceKind.ENVIRONMENT:
        return next(
            (name for name, data in project.secrets.items() if data.get("environment") == holding.variable), None
        )
    if holding.source is not SourceKind.FILE or holding.value is None or not project.secrets:
        return None
    content = holding.value.reveal().encode()
    own_names = {style_of({}, None).spell(need.finding.variable.name) for need in group}
    for name, data in project.secrets.items():
        file = data.get("file")
        is_sure = name.lower() in own_names or is_distinctive(holding.value.reveal())
        if isinstance(file, str) and is_sure and disk.read(files.resolve_path(project, file)) == content:
            return name
    return None


def _change(component: _Component, by_slot: Mapping[int, PlannedSecret]) -> Change:
    operations: list[MoveVariable] = []
    for finding in component.findings:
        result = finding.result
        assert isinstance(result, Proposal)
        finding.secret = by_slot[finding.variable.slot.key]
        for slot in finding.variable.slots:
            # a slot that a later one overrides gets the same secret: nothing is lost, nothing comes back
            secret = by_slot.get(slot.key, finding.secret)
            if all(operation.slot.key != slot.key for operation in operations):
                stays = slot.node is not slot.content and next(_other_uses(component, slot), None) is not None
                operations.append(MoveVariable(slot, result.new_name, secret.mount_path, replaces_alias=stays))
    order = [Applicability.SAFE, Applicability.REVIEW, Applicability.MANUAL]
    worst = max((f.result.applicability for f in component.findings if isinstance(f.result, Proposal)), key=order.index)
    return Change(tuple(operations), (), worst)


def _comments(moves: Iterable[MoveVariable]) -> Iterator[MaskComment]:
    """Repetitions of the value in the comment behind its own line."""
    for move in moves:
        text = move.slot.text
        if not text or len(text) < _SHORTEST_IN_COMMENT or "\n" in text:
            continue
        if not is_distinctive(text) and not any(character.isdigit() for character in text):
            continue
        source = move.slot.document.source
        end = source.line_end(move.slot.end)
        comment = _COMMENT.match(source.text, move.slot.end, end)
        position = source.text.find(text, comment.end(), end) if comment else -1
        while position >= 0:
            yield MaskComment(move.slot.document, Span(position, position + len(text)))
            position = source.text.find(text, position + len(text), end)


def _report(finding: _Finding, by_slot: Mapping[int, PlannedSecret]) -> Finding:
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


def _notes(
    project: Project, options: Options, secrets: Sequence[PlannedSecret], groups: Sequence[list[_Need]]
) -> Iterator[str]:
    for secret, group in zip(secrets, groups, strict=True):
        # lines that stand apart were joined; services that share one line share its secret anyway
        if len(group) > 1 and secret.source is not SourceKind.ENVIRONMENT:
            uses = ", ".join(secret.services)
            names = " and ".join(secret.variables)
            yield f"{secret.name}: one secret for {names} in {uses}, which have the same value today"
    has_files = any(secret.source is SourceKind.FILE for secret in secrets)
    if has_files and options.needs_long_syntax and options.target is Target.COMPOSE:
        yield "Compose ignores uid, gid and mode of a secret that comes from a file; Swarm heeds them"
    yield from files.notes(project, secrets)


__all__ = ["make_plan", "report_only"]
