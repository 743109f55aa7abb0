"""Project -> Plan: findings, the changes that resolve them, the secrets they need, and what is skipped, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dsec_migrate.compose.document import Scalar
from dsec_migrate.compose.document import Sequence as SequenceNode
from dsec_migrate.compose.project import Argument, BuildArgument, EnvFileDeclaration, Project, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Finding
from dsec_migrate.detectors.placeholder import is_telling
from dsec_migrate.planning import (
    bare_dockerfile,
    claimed,
    command_arguments,
    commented,
    config_contents,
    elsewhere,
    half_done,
    labels,
    plan_notes,
    secret_files,
    service_secrets,
    text_places,
    top_level_secrets,
    unused,
    withheld,
    wrappers,
)
from dsec_migrate.planning.changes import Change, MountOptions, Move, Plan, PlannedSecret, Read
from dsec_migrate.planning.components import Component, is_moved, join, make_change, settle
from dsec_migrate.planning.decision import Decision, cases, decide, hidden_findings, report, reports
from dsec_migrate.planning.line_readers import settle_references
from dsec_migrate.planning.needs import Need, collect, group_needs
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.patches import Bare, InsertEntry, InsertItem, Patch, ReplaceComment, ReplacePart
from dsec_migrate.planning.secrets import make_secrets
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.planning.x_fields import named_paths, unused_copies
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import MASK
from dsec_migrate.text.source import Span

# a comment that follows a value (and the brackets that close a flow collection)
_COMMENT = Pattern(r"[\]},]*[ \t]+#")


def make_plan(project: Project, options: Options, disk: secret_files.Disk | None = None) -> Plan:
    """Everything that a run would do to ``project``. Reads existing secret files through ``disk``, writes nothing.

    What is found is decided first, then which secrets that takes; each stage behind adds its part of the plan.

    Raises UserError if a secret's file name is taken by other content and no other name is free.
    """
    found = _look(project, options, disk or secret_files.Disk())
    if not found.decisions and not found.mended and not found.contents:
        return Plan((*(one.report(None, options) for one in found.begun), *found.hidden))
    moving = _decide(project, options, found)
    builds, build_needs = _of_builds(moving)
    return (
        _of_findings(moving)
        + _of_declarations(moving)
        + Plan(patches=tuple(text_places.patches(moving.reads)), reads=moving.reads)
        + _of_services(moving)
        + _of_definitions(moving, build_needs)
        + _of_starts(moving)
        + builds
        + _of_x_fields(moving)
    )


class _Found(NamedTuple):
    """What the project has: ``decisions`` about variables and arguments, migrations that are half done (``begun``),
    of which some are ``mended``, configs whose ``contents`` are secrets, and findings elsewhere, which stay."""

    decisions: list[Decision]
    begun: list[half_done.HalfDone]
    mended: list[half_done.HalfDone]
    hidden: tuple[Finding, ...]
    contents: list[config_contents.Content]
    disk: secret_files.Disk


def _look(project: Project, options: Options, disk: secret_files.Disk) -> _Found:
    decisions = [decide(case) for case in cases(project, options)]
    decisions += _in_commands(project, options, decisions)
    begun = half_done.find(project, options, disk)
    hidden = (
        *(report(finding, {}) for finding in hidden_findings(project, options)),
        *unused.find(project, options),
        *elsewhere.find(project, options, {id(one.variable.declaration.content) for one in decisions}),
        *commented.find(project, options),
    )
    mended = [one for one in begun if one.is_mended(options)]
    return _Found(decisions, begun, mended, hidden, config_contents.candidates(project, options, hidden), disk)


class _Moving(NamedTuple):
    """What moves, and the secrets that this takes: one of ``secrets`` for each of ``groups``, by the keys of their
    declarations in ``by_declaration``; ``configs`` have secrets of their own. ``layers`` are the services that need
    them. ``reads``: texts that read a file from now on."""

    project: Project
    options: Options
    found: _Found
    components: list[Component]
    groups: list[list[Need]]
    secrets: list[PlannedSecret]
    configs: list[config_contents.Moved]
    by_declaration: dict[int, PlannedSecret]
    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    reads: tuple[Read, ...]
    layers: dict[int, service_secrets.Need]

    @property
    def new_secrets(self) -> list[PlannedSecret]:
        return [*self.secrets, *(one.secret for one in self.configs)]

    @property
    def fixes(self) -> Iterator[tuple[Decision, Fix]]:
        for component in self.components:
            for decision in component.findings:
                if isinstance(decision.result, Fix):
                    yield decision, decision.result


def _decide(project: Project, options: Options, found: _Found) -> _Moving:
    components = join(project, found.decisions)
    settle(components)
    settle_references(project, components)
    moved = [component for component in components if is_moved(component)]
    groups = group_needs(collect(project, moved))
    values = {one.variable.effective.value or "" for one in found.decisions}
    secrets = make_secrets(project, options, groups, found.disk, values)
    configs = config_contents.move(project, options, found.contents, secrets, found.disk)
    by_declaration = {
        need.declaration.key: secret for group, secret in zip(groups, secrets, strict=True) for need in group
    }
    # whose file a place reads is known when it is known which of them share one
    for decision, reason in list(text_places.unclear(moved, by_declaration)):
        decision.result = claimed.reviewed(decision.case, decision.result, reason)
    if options.safe and any(isinstance(one.result, Skipped) for component in moved for one in component.findings):
        return _decide(project, options, found)
    changes = tuple(make_change(component, by_declaration) for component in moved)
    taken = [move for change in changes for move in change.moves]
    moves = (
        *taken,
        *unused_copies(project, [move for move in taken if move.name]),
        *(move for one in found.mended if (move := one.move()) is not None),
    )
    reads = tuple(text_places.reads(moved, by_declaration))
    others = [
        *_needs_of_arguments(_arguments(found.decisions), by_declaration),
        *half_done.needs(found.mended),
        *config_contents.needs(configs),
    ]
    layers = service_secrets.needs_of(project, {key: secret.name for key, secret in by_declaration.items()}, others)
    return _Moving(
        project, options, found, moved, groups, secrets, configs, by_declaration, changes, moves, reads, layers
    )


# --- the stages: each adds its part ---


def _of_findings(moving: _Moving) -> Plan:
    """The findings, made when all is decided, the changes that resolve them, and the secrets with their files."""
    project, options, found, secrets = moving.project, moving.options, moving.found, moving.new_secrets
    settled = {id(one): tuple(reports(one, moving.by_declaration)) for one in found.decisions}
    changes = (
        Change(change.moves, tuple(row for one in component.findings for row in settled[id(one)]), change.applicability)
        for change, component in zip(moving.changes, moving.components, strict=True)
    )
    return Plan(
        (
            *_rows(found.decisions, settled, found.begun, options),
            *elsewhere.staying(config_contents.told(found.hidden, moving.configs, options), moving.reads),
        ),
        (*changes, *(one.change for one in moving.configs)),
        tuple(secrets),
        files=tuple(secret_files.new_files(project, options, secrets, found.disk)) if secrets else (),
        notes=(
            *plan_notes.of_secrets(project, options, moving.secrets, moving.groups, moving.layers),
            *secret_files.notes(project, secrets),
            *plan_notes.named_after_project(found.decisions),
        ),
        arguments=_arguments(found.decisions),
    )


def _of_declarations(moving: _Moving) -> Plan:
    """The lines that declare a value, comments beside them, options that name another file, and what depends on
    them."""
    taken = [move for change in moving.changes for move in change.moves]
    renamed = [move for move in taken if move.name]
    patches: list[Patch] = [patch for move in moving.moves for patch in move.patches()]
    patches += (fix.option for _, fix in moving.fixes if fix.option is not None)
    patches += _parts(moving)
    patches += withheld.followers(moving.project, renamed)
    patches += config_contents.drops(moving.configs)
    patches += repeated_in_comments(move for move in taken if move.name or isinstance(move.declaration, Argument))
    return Plan(patches=tuple(patches), moves=moving.moves)


def _of_services(moving: _Moving) -> Plan:
    """The mounts."""
    readers = {**_readers(moving), **config_contents.targets(moving.configs)}
    return Plan(patches=tuple(service_secrets.place(moving.project, moving.layers, moving.options, readers)))


def _of_definitions(moving: _Moving, build_needs: Iterable[service_secrets.Need]) -> Plan:
    """The entries of the top-level ``secrets:``."""
    needs = [*moving.layers.values(), *build_needs]
    defined = tuple(top_level_secrets.place(moving.project, needs, moving.new_secrets))
    return Plan(patches=defined, notes=tuple(top_level_secrets.notes(moving.project, defined)))


def _of_starts(moving: _Moving) -> Plan:
    """Entrypoints that a wrapper script takes over."""
    started = list(wrappers.place(moving.project, moving.components, moving.by_declaration))
    return Plan(patches=tuple(wrappers.patches(started)), notes=tuple(wrappers.notes(started)))


def _of_builds(moving: _Moving) -> tuple[Plan, list[service_secrets.Need]]:
    """Dockerfiles and ``build:``, and the services whose builds need a secret."""
    project, by_declaration = moving.project, moving.by_declaration
    if not _is_built(project):
        return Plan(), []
    from dsec_migrate.planning import build_secrets

    patches, needs = build_secrets.place(
        project, moving.components, by_declaration, is_named=moving.options.syntax_line
    )
    keys = build_secrets.agent_keys(moving.components, by_declaration)
    notes = list(build_secrets.notes(project, moving.components))
    if bare_dockerfile.is_in_memory(project.source.path):
        notes += bare_dockerfile.command(project, moving.secrets, keys)
    return Plan(patches=tuple(patches), notes=tuple(notes), agent_keys=keys), needs


def _of_x_fields(moving: _Moving) -> Plan:
    """Texts of ``x-`` blocks that tell a value in passing."""
    rewritten = {id(move.declaration.content) for move in moving.moves if move.name}
    named = [
        patch
        for group in moving.groups
        for need in group
        if (secret := moving.by_declaration[need.declaration.key]).value is not None
        for patch in named_paths(moving.project, need.declaration, secret.value, secret.mount_path)
        if id(patch.target) not in rewritten
    ]
    return Plan(patches=tuple(named), notes=tuple(_tell_named_paths(named)))


# --- their parts ---


def _rows(
    found: Iterable[Decision],
    settled: Mapping[int, Sequence[Finding]],
    begun: Sequence[half_done.HalfDone],
    options: Options,
) -> Iterator[Finding]:
    """The findings; for a half-done variable, its fix."""
    told = {(one.service.name, one.variable.name) for one in begun if one.mend is not None}
    for finding in found:
        yield from (row for row in settled[id(finding)] if (row.service, row.variable) not in told)
    verdicts = {(f.case.service.name, f.variable.name): f.case.verdict for f in found}
    yield from (one.report(verdicts.get((one.service.name, one.variable.name)), options) for one in begun)


def _readers(moving: _Moving) -> service_secrets.Readers:
    """How each service mounts each secret: under which names, and with an owner and a mode if they can be chosen and
    all variables agree."""
    found: dict[service_secrets.Reading, dict[str | None, set[MountOptions]]] = {}
    for decision, fix in moving.fixes:
        name = moving.by_declaration[decision.variable.declaration.key].name
        # a file that a healthcheck or a command reads may be read by others, too
        options = (fix.reader if not fix.reads else None) or MountOptions()
        if options.target == name:
            options = replace(options, target=None)
        by_target = found.setdefault((decision.case.service.name, name), {})
        by_target.setdefault(options.target, set()).add(options)
    return {
        reading: tuple(
            ways.pop() if len(ways) == 1 else MountOptions(target=target) for target, ways in by_target.items()
        )
        for reading, by_target in found.items()
    }


def _needs_of_arguments(
    variables: Iterable[Variable], by_declaration: Mapping[int, PlannedSecret]
) -> Iterator[service_secrets.Other]:
    for variable in variables:
        declaration = variable.declaration
        secret = by_declaration.get(declaration.key)
        if secret is None or not isinstance(declaration, Argument):
            continue
        reading = declaration.reading
        service, layer = (variable.service, declaration.layer) if reading is None else (reading.service, reading.layer)
        if layer is not None:
            yield service_secrets.Other(
                service, layer, secret.name, declaration.place_key if reading is None else "command"
            )


def _is_built(project: Project) -> bool:
    """Whether Dockerfiles must be read: their parser is loaded only for this."""
    return any(service.is_built for service in project.services.values())


def _in_commands(project: Project, options: Options, found: Iterable[Decision]) -> list[Decision]:
    """The secrets of commands, healthchecks, labels and builds, except those that change with a variable."""
    done = {place for finding in found for place in _places(finding)}
    decided: list[Decision] = []
    for case in command_arguments.cases(project, options, done):
        decided.append(decide(case))
        done.update(_places(decided[-1]))
    decided += map(decide, labels.cases(project, options))
    if _is_built(project):
        from dsec_migrate.planning import build_arguments

        decided += map(decide, build_arguments.cases(project, options))
    return decided


def report_only(project: Project, options: Options) -> Plan:
    """The findings of a file that cannot be migrated because Compose refuses it."""
    left = Skipped("the file has an error: fix it first")
    rows = (row for case in cases(project, options) for row in reports(Decision(case, left), {}))
    return Plan((*rows, *elsewhere.find(project, options), *commented.find(project, options)))


def _places(finding: Decision) -> Iterator[command_arguments.Covered]:
    return command_arguments.places(finding.result.reads) if isinstance(finding.result, Fix) else iter(())


def _arguments(decisions: Iterable[Decision]) -> tuple[Variable, ...]:
    """The secrets of commands, labels and builds, as variables that no container has."""
    variables = (one.variable for one in decisions)
    return tuple(one for one in variables if isinstance(one.declaration, (Argument, BuildArgument)))


def _parts(moving: _Moving) -> Iterator[Patch]:
    for decision, fix in moving.fixes:
        declaration = decision.variable.declaration
        for name, value in fix.parts:
            origin = f"the variable {name}, a part of a URL"
            if declaration.entry is not None:
                holder = declaration.entry.owner
                yield InsertEntry(declaration.document, holder, (name,), value, declaration.entry, origin)
            elif isinstance(declaration.container, SequenceNode):
                item = Bare(f"{name}={value}")
                yield InsertItem(
                    declaration.document, declaration.container, "", item, before=declaration.node, origin=origin
                )


def _tell_named_paths(patches: Iterable[ReplacePart]) -> Iterator[str]:
    for node, path, document in dict.fromkeys((patch.target, patch.text, patch.document) for patch in patches):
        assert isinstance(node, Scalar)
        file, line, _ = document.place(node.start)
        yield f"the string in the x- block at {file}:{line} names {path} instead of the value"


def repeated_in_comments(moves: Iterable[Move]) -> Iterator[ReplaceComment]:
    """Repetitions of the value in the comment behind its own line."""
    for move in moves:
        text = move.declaration.text
        if not text or not is_telling(text) or isinstance(move.declaration, EnvFileDeclaration):
            continue
        source = move.declaration.document.source
        end = source.line_end(move.declaration.end)
        comment = _COMMENT.match(source.text, move.declaration.end, end)
        position = source.text.find(text, comment.end(), end) if comment else -1
        while position >= 0:
            place = Span(position, position + len(text))
            yield ReplaceComment(
                move.declaration.document, place, MASK, f"the comment beside what moves to {move.secret}"
            )
            position = source.text.find(text, position + len(text), end)


__all__ = ["make_plan", "report_only"]
