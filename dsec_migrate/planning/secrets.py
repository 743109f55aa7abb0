"""Which declarations share a secret, its name and its file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dsec_migrate.compose.project import (
    Argument,
    EnvFileDeclaration,
    Project,
    definitions,
    mounted,
)
from dsec_migrate.compose.sibling_files import Member, mentions
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.planning import secret_files
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.naming import Wanted, name_groups, style_of
from dsec_migrate.planning.needs import Need
from dsec_migrate.planning.sources.holding import Holding
from dsec_migrate.stores.swarm_limits import SWARM_MAXIMUM_LENGTH
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace


def make_secrets(
    project: Project, options: Options, groups: Sequence[list[Need]], disk: secret_files.Disk, values: Collection[str]
) -> list[PlannedSecret]:
    """One secret for each group. No name reveals one of ``values``, those of all findings of the project.

    Raises UserError if no file name is free, if Swarm would refuse a name, or if a chosen name is refused.
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
            secret = _with_own_file(project, secret, holding) or secret_files.assign(project, secret, style, disk)
        secrets.append(secret)
    planned = {s.name: s.value.content() if s.value else None for s in secrets}
    project.folders.add(replace(member, secrets={**dict.fromkeys(existing), **planned}))
    return secrets


def _with_own_file(project: Project, secret: PlannedSecret, holding: Holding) -> PlannedSecret | None:
    """A secret whose file exists: a build has copied it so far."""
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
            f"Swarm accepts names of at most {SWARM_MAXIMUM_LENGTH} characters: {name} is too long",
            str(project.source.path),
            help="skip that variable with --skip, or choose a name with --rename",
        )


def _wanted(need: Need) -> Wanted:
    value = need.holding.value
    text = value.reveal() if value else ""
    return Wanted(need.name, need.finding.case.service.name, text, need.layer)


def _leader(group: Sequence[Need]) -> Need:
    """The declaration that gives the secret its name: one of a known image (the server's), else the first."""
    variables = [need for need in group if not isinstance(need.declaration, Argument)] or group
    variables = [need for need in variables if not any(need.fix.frame) and not need.fix.parts] or variables
    return next((need for need in variables if need.fix.is_known_image), variables[0])


def _contents(project: Project, disk: secret_files.Disk) -> dict[bytes, list[str]]:
    """The names of the project's own secrets by the current content of their files."""
    found: dict[bytes, list[str]] = {}
    for name, data in project.secrets.items():
        file = data.get("file")
        content = disk.read(secret_files.resolve_path(project, file)) if isinstance(file, str) else None
        if content is not None:
            found.setdefault(content, []).append(name)
    return found


def _existing(
    project: Project, group: Sequence[Need], contents: Mapping[bytes, Sequence[str]], reused: Collection[str]
) -> str | None:
    """A secret of the project that already holds exactly this value, if it is certainly the same secret. ``reused`` are
    those found by other groups."""
    holding = group[0].holding
    if any(need.declaration.document in project.extended for need in group):
        # the extended file must define what it mounts
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
    """Whether a file that defines the secret is read before each file that will use it."""
    if len(project.documents) == 1:
        return True
    first = next(
        (number for number, document in enumerate(project.documents) if name in definitions(document.roots)), 0
    )
    return all(
        isinstance(need.declaration, EnvFileDeclaration) or project.order(need.declaration.document) >= first
        for need in group
    )
