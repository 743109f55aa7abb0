"""Which slots share a secret, what it is called and which file it gets."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dsec_migrate import datastores, files
from dsec_migrate.changes import (
    PlannedSecret,
)
from dsec_migrate.document import Document
from dsec_migrate.errors import UserError
from dsec_migrate.naming import SWARM_MAXIMUM_LENGTH, Wanted, name_groups, style_of
from dsec_migrate.neighbours import Member, mentions
from dsec_migrate.options import Options, SourceKind, Target
from dsec_migrate.passes import Proposal
from dsec_migrate.placeholder import is_distinctive
from dsec_migrate.planning.components import Component
from dsec_migrate.planning.pending import Pending
from dsec_migrate.project import Argument, BuildArgument, EnvFileSlot, Project, Slot, definitions, mounted
from dsec_migrate.records import dataclass, field, replace
from dsec_migrate.stores import Holding
from dsec_migrate.vocabulary import is_distinctive_in


@dataclass(eq=False, repr=False)
class Need:
    """One slot's value on its way to a secret. ``layer`` tells the file of a value that overrides another one's."""

    slot: Slot
    finding: Pending
    holding: Holding
    layer: str = ""
    services: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    readers: list[Proposal] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the secret is called after."""
        if isinstance(self.slot, Argument):
            return self.slot.noun
        if isinstance(self.finding.result, Proposal) and self.finding.result.parts:
            return self.finding.result.new_name.removesuffix("_FILE")
        return self.slot.name.strip("./") if isinstance(self.slot, BuildArgument) else self.finding.variable.name

    @property
    def proposal(self) -> Proposal:
        result = self.finding.result
        assert isinstance(result, Proposal)
        return result


def collect(project: Project, components: Iterable[Component]) -> list[Need]:
    """What each slot needs, in the order of the files and of their texts."""
    needs: dict[int, Need] = {}
    for component in components:
        for finding in component.findings:
            assert isinstance(finding.result, Proposal)
            first = _first_file(finding)
            for slot, holding in (*finding.layers, (finding.variable.slot, finding.result.holding)):
                layer = "" if slot.document is first else slot.document.source.path.name.lstrip(".").rsplit(".", 1)[0]
                need = needs.setdefault(slot.key, Need(slot, finding, holding, layer))
                need.services.append(finding.case.service.name)
                need.variables.append(finding.variable.name)
                need.readers.append(finding.result)
    return sorted(needs.values(), key=lambda need: (project.order(need.slot.document), need.slot.start))


def _first_file(finding: Pending) -> Document:
    """The file whose value keeps the plain name: the first Compose file, else the first env file."""
    slots = [*(slot for slot, _ in finding.layers), finding.variable.slot]
    return next((slot.document for slot in slots if not isinstance(slot, EnvFileSlot)), slots[0].document)


class _Origin(NamedTuple):
    """Where a value comes from: the ``variables`` of the environment that supply it, none of a literal. A placeholder
    of a data store has the ``store`` (a service), whose accounts are its own."""

    variables: frozenset[str]
    store: str


@dataclass(eq=False, repr=False)
class _Group:
    """Slots that share a secret."""

    needs: list[Need] = field(default_factory=list)
    variables: frozenset[str] = frozenset()
    store: str = ""

    def takes(self, origin: _Origin) -> bool:
        """Whether a value of that origin may be this one: two variables of the environment, and two data stores, have
        two passwords, however equal they are."""
        is_nested = self.variables <= origin.variables or origin.variables <= self.variables
        return is_nested and (not origin.store or self.store in {"", origin.store})

    def add(self, need: Need, origin: _Origin) -> None:
        self.needs.append(need)
        self.variables |= origin.variables
        self.store = self.store or origin.store


def group_needs(needs: Sequence[Need]) -> list[list[Need]]:
    """Slots that share one secret, in text order.

    The same reference (``${X}``, an alias), the same variable with the same literal value, or the same distinctive
    value under another name; never two references whose variables happen to be equal, nor two placeholders.
    """
    leaders: dict[object, list[_Group]] = {}
    groups: list[_Group] = []
    for need in needs:
        origin, shared = _origin(need), ("alias", id(need.slot.content))
        keys = list(_group_keys(need, origin))
        group = next((one for key in keys for one in leaders.get(key, ()) if key == shared or one.takes(origin)), None)
        if group is None:
            group = _Group()
            groups.append(group)
        group.add(need, origin)
        for key in keys:
            known = leaders.setdefault(key, [])
            if group not in known:
                known.append(group)
    return [group.needs for group in groups]


def _origin(need: Need) -> _Origin:
    case = need.finding.case
    if need.slot.text is None:
        return _Origin(case.project.environment.origins(need.slot.name), "")
    references = case.project.effect(need.slot).references
    variables = frozenset().union(*(case.project.environment.origins(reference.name) for reference in references))
    is_store = not variables and not case.service.is_built and datastores.find(case.service.image) is not None
    value = need.holding.value
    is_placeholder = value is not None and not is_distinctive_in(case.project, value.reveal())
    return _Origin(variables, case.service.name if is_store and is_placeholder else "")


def _group_keys(need: Need, origin: _Origin) -> Iterator[object]:
    holding = need.holding
    if holding.source is SourceKind.ENVIRONMENT:
        yield (SourceKind.ENVIRONMENT, holding.variable)
        return
    assert holding.value is not None
    if not isinstance(need.slot, Argument):
        yield ("alias", id(need.slot.content))
        yield ("variable", need.name, origin.variables, holding.source, holding.value)
    reference = need.finding.case.project.effect(need.slot).whole_reference
    if reference is not None or need.slot.text is None:
        yield ("reference", origin.variables, holding.source, holding.value)
    if is_distinctive_in(need.finding.case.project, holding.value.reveal()):
        yield ("value", holding.source, holding.value)


def make_secrets(
    project: Project, options: Options, groups: Sequence[list[Need]], disk: files.Disk, values: Collection[str]
) -> list[PlannedSecret]:
    """One secret for each group. No name tells one of ``values``, those of all findings of the project.

    Raises UserError when no file name is free, when Swarm would refuse a name, or when a name cannot be had that was
    asked for.
    """
    existing = project.secrets
    style = style_of(existing, options.secrets_dir)
    taken = set(existing) | mounted.targets_in_use(project) | project.reserved
    member = member_of(project)

    def is_taken(name: str, wanted: Wanted) -> bool:
        return name in taken or project.folders.defines_otherwise(member, name, wanted.value.encode())

    contents = _contents(project, disk)
    reused: list[str | None] = []
    given: set[str] = set()
    for group in groups:
        found = _existing(project, group, contents, given)
        reused.append(found)
        if found is not None:
            given.add(found)
    leaders = [_leader(group) for group in groups]
    fresh = [n for n, name in enumerate(reused) if name is None]
    named: dict[int, str] = {}
    if options.rename:
        from dsec_migrate.planning import chosen

        named = chosen.names(
            project, options, groups, reused, style, lambda name, n: is_taken(name, _wanted(leaders[n])), values
        )
        taken |= set(named.values())
    unnamed = [n for n in fresh if n not in named]
    names = name_groups(
        [_wanted(leaders[n]) for n in unnamed],
        style,
        is_taken,
        values,
    )
    named.update(zip(unnamed, names, strict=True))
    secrets: list[PlannedSecret] = []
    for number, group in enumerate(groups):
        holding = leaders[number].holding
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
            secret = _with_own_file(project, secret, holding) or files.assign(project, secret, style, disk)
        secrets.append(secret)
    planned = {s.name: s.value.content() if s.value else None for s in secrets}
    project.folders.add(replace(member, secrets={**dict.fromkeys(existing), **planned}))
    return secrets


def _with_own_file(project: Project, secret: PlannedSecret, holding: Holding) -> PlannedSecret | None:
    """A secret whose file is there: a build copied it so far."""
    if holding.path is None:
        return None
    relative = Path(os.path.relpath(holding.path, project.directory)).as_posix()
    file = relative if relative.startswith("..") else f"./{relative}"
    return replace(secret, file=file, path=holding.path, has_file=True, is_in_place=True)


def member_of(project: Project) -> Member:
    overlays = frozenset(
        name for name, service in project.services.items() if not service.image and not service.is_built
    )
    mentioned = frozenset().union(*(mentions(document.source.text) for document in project.documents))
    return Member(project.source.path, mentioned, frozenset(project.services), overlays)


def _check_swarm_name(project: Project, name: str) -> None:
    if len(name) > SWARM_MAXIMUM_LENGTH:
        raise UserError(
            f"Swarm takes names of at most {SWARM_MAXIMUM_LENGTH} characters: {name} is too long",
            str(project.source.path),
            help="leave that variable out with --skip, or rename it",
        )


def _wanted(need: Need) -> Wanted:
    value = need.holding.value
    text = value.reveal() if value else ""
    return Wanted(need.name, need.finding.case.service.name, text, need.layer)


def _leader(group: Sequence[Need]) -> Need:
    """The slot that gives the secret its name: one of a known image (the server's), else the first."""
    variables = [need for need in group if not isinstance(need.slot, Argument)] or group
    variables = [need for need in variables if not any(need.proposal.frame) and not need.proposal.parts] or variables
    return next((need for need in variables if need.proposal.is_known_image), variables[0])


def _contents(project: Project, disk: files.Disk) -> dict[bytes, list[str]]:
    """The names of the project's own secrets by what their files hold today."""
    found: dict[bytes, list[str]] = {}
    for name, data in project.secrets.items():
        file = data.get("file")
        content = disk.read(files.resolve_path(project, file)) if isinstance(file, str) else None
        if content is not None:
            found.setdefault(content, []).append(name)
    return found


def _existing(
    project: Project, group: Sequence[Need], contents: Mapping[bytes, Sequence[str]], reused: Collection[str]
) -> str | None:
    """A secret of the project that holds exactly this value already, if it is sure to be the same secret. ``reused``
    are those that other groups found so."""
    holding = group[0].holding
    if any(need.slot.document in project.extended for need in group):
        # the extended file has to define what it mounts
        return None
    if holding.source is SourceKind.ENVIRONMENT:
        return next(
            (
                name
                for name, data in project.secrets.items()
                if data.get("environment") == holding.variable and _is_defined_for(project, name, group)
            ),
            None,
        )
    if holding.source is not SourceKind.FILE or holding.value is None or not contents:
        return None
    value = holding.value.reveal()
    own_names = {style_of({}, None).spell(need.name) for need in group}
    return next(
        (
            name
            for name in contents.get(value.encode(), ())
            if name not in reused
            and (name.lower() in own_names or is_distinctive(value))
            and _is_defined_for(project, name, group)
        ),
        None,
    )


def _is_defined_for(project: Project, name: str, group: Sequence[Need]) -> bool:
    """Whether a file that defines the secret is read before each file that is going to use it."""
    if len(project.documents) == 1:
        return True
    first = next(
        (number for number, document in enumerate(project.documents) if name in definitions(document.roots)), 0
    )
    return all(isinstance(need.slot, EnvFileSlot) or project.order(need.slot.document) >= first for need in group)
