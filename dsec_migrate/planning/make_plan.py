"""Project -> Plan: findings, the changes that settle them, the secrets they need, and what is left, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from dsec_migrate.compose.document import Scalar
from dsec_migrate.compose.document import Sequence as SequenceNode
from dsec_migrate.compose.project import Argument, BuildArgument, EnvFileDeclaration, Project, Variable
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.detectors.finding import Confidence, Exposure, Finding
from dsec_migrate.detectors.names import Kind, meaning
from dsec_migrate.detectors.placeholder import is_distinctive, is_telling
from dsec_migrate.detectors.vocabulary import is_name_of_project
from dsec_migrate.planning import (
    bare_dockerfile,
    command_arguments,
    commented,
    config_contents,
    elsewhere,
    half_done,
    labels,
    secret_files,
    service_secrets,
    text_places,
    top_level_secrets,
    unused,
    withheld,
    wrappers,
)
from dsec_migrate.planning.changes import Change, MountOptions, Move, Plan, PlannedSecret
from dsec_migrate.planning.components import Component, is_moved, join, make_change, settle
from dsec_migrate.planning.decision import Decision, cases, decide, hidden_findings, report, reports
from dsec_migrate.planning.line_readers import settle_references
from dsec_migrate.planning.needs import Need, collect, group_needs
from dsec_migrate.planning.passes import obstacles
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.patches import Bare, InsertEntry, InsertItem, Patch, ReplaceComment, ReplacePart
from dsec_migrate.planning.secrets import make_secrets
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.planning.x_fields import named_paths, unused_copies
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import MASK, Secret
from dsec_migrate.text.source import Span

# a comment that begins right behind a value (and the brackets that close a flow collection)
_COMMENT = Pattern(r"[\]},]*[ \t]+#")


def make_plan(project: Project, options: Options, disk: secret_files.Disk | None = None) -> Plan:
    """Everything that a run would do to ``project``. Reads existing secret files through ``disk``, writes nothing.

    Raises UserError when a secret's file name is taken by other content and no other name is free.
    """
    disk = disk or secret_files.Disk()
    found = [decide(case) for case in cases(project, options)]
    found += _in_commands(project, options, found)
    begun = half_done.find(project, options, disk)
    mended = [one for one in begun if one.is_mended(options)]
    hidden = (
        *(report(finding, {}) for finding in hidden_findings(project, options)),
        *unused.find(project, options),
        *elsewhere.find(project, options, {id(finding.variable.declaration.content) for finding in found}),
        *commented.find(project, options),
    )
    contents = config_contents.candidates(project, options, hidden)
    if not found and not mended and not contents:
        rows = tuple(one.report(None, options) for one in begun)
        return Plan((*rows, *hidden))
    components = join(project, found)
    settle(components)
    settle_references(project, components)
    moved = [component for component in components if is_moved(component)]
    needs = collect(project, moved)
    groups = group_needs(needs)
    values = {finding.variable.effective.value or "" for finding in found}
    secrets = make_secrets(project, options, groups, disk, values)
    configs = config_contents.move(project, options, contents, secrets, disk)
    new_secrets = [*secrets, *(one.secret for one in configs)]
    by_declaration: dict[int, PlannedSecret] = {}
    for group, secret in zip(groups, secrets, strict=True):
        for need in group:
            by_declaration[need.declaration.key] = secret
    changes = tuple(make_change(component, by_declaration) for component in moved)
    taken = [move for change in changes for move in change.moves]
    moves = [
        *taken,
        *unused_copies(project, [move for move in taken if move.name]),
        *(move for one in mended if (move := one.move()) is not None),
    ]
    in_commands = tuple(f.variable for f in found if isinstance(f.variable.declaration, (Argument, BuildArgument)))
    others = [
        *_needs_of_arguments(in_commands, by_declaration),
        *half_done.needs(mended),
        *config_contents.needs(configs),
    ]
    layers = service_secrets.needs_of(project, {key: secret.name for key, secret in by_declaration.items()}, others)
    started = list(wrappers.place(project, moved, by_declaration))
    reads = list(text_places.reads(moved, by_declaration))
    mounted = {**_readers(moved, by_declaration), **config_contents.targets(configs)}
    patches: list[Patch] = [patch for move in moves for patch in move.patches()]
    patches += text_places.patches(reads)
    patches += _options(moved)
    patches += _parts(moved)
    patches += withheld.followers(project, [move for move in taken if move.name])
    patches += service_secrets.place(project, layers, options, mounted)
    patches += wrappers.patches(started)
    patches += config_contents.drops(configs)
    build_patches, build_needs, build_notes, agent_keys = _of_builds(project, options, moved, by_declaration)
    patches += build_patches
    defined = list(top_level_secrets.place(project, [*layers.values(), *build_needs], new_secrets))
    patches += defined
    patches += repeated_in_comments(move for move in taken if move.name or isinstance(move.declaration, Argument))
    rewritten = {id(move.declaration.content) for move in moves if move.name}
    named = [path for path in _named_paths(project, needs, by_declaration) if id(path.target) not in rewritten]
    patches += named
    # everything above speaks of the same objects; the findings are told last, when all is decided
    settled = {id(finding): tuple(reports(finding, by_declaration)) for finding in found}
    final = tuple(
        Change(change.moves, tuple(row for f in component.findings for row in settled[id(f)]), change.applicability)
        for change, component in zip(changes, moved, strict=True)
    )
    return Plan(
        (
            *_rows(found, settled, begun, options),
            *elsewhere.staying(config_contents.told(hidden, configs, options), reads),
        ),
        (*final, *(one.change for one in configs)),
        tuple(new_secrets),
        tuple(patches),
        tuple(secret_files.new_files(project, options, new_secrets, disk)) if new_secrets else (),
        (
            *make_notes(project, options, secrets, groups, layers),
            *secret_files.notes(project, new_secrets),
            *_named_after_project(found),
            *top_level_secrets.notes(project, defined),
            *wrappers.notes(started),
            *build_notes,
            *(
                bare_dockerfile.command(project, secrets, agent_keys)
                if bare_dockerfile.is_in_memory(project.source.path)
                else ()
            ),
            *_tell_named_paths(named),
        ),
        in_commands,
        moves=tuple(moves),
        reads=tuple(reads),
        agent_keys=agent_keys,
    )


def _rows(
    found: Iterable[Decision],
    settled: Mapping[int, Sequence[Finding]],
    begun: Sequence[half_done.HalfDone],
    options: Options,
) -> Iterator[Finding]:
    """The findings; of a variable that is half done, what mends it."""
    told = {(one.service.name, one.variable.name) for one in begun if one.mend is not None}
    for finding in found:
        yield from (row for row in settled[id(finding)] if (row.service, row.variable) not in told)
    verdicts = {(f.case.service.name, f.variable.name): f.case.verdict for f in found}
    yield from (one.report(verdicts.get((one.service.name, one.variable.name)), options) for one in begun)


def _readers(moved: Iterable[Component], by_declaration: Mapping[int, PlannedSecret]) -> service_secrets.Readers:
    """How each service mounts each secret: under which names, and with an owner and a mode where they can be chosen and
    all variables agree."""
    found: dict[service_secrets.Reading, dict[str | None, set[MountOptions]]] = {}
    for component in moved:
        for finding in component.findings:
            if isinstance(finding.result, Fix):
                name = by_declaration[finding.variable.declaration.key].name
                # what a healthcheck or a command reads, others may read
                options = finding.result.reader if not finding.result.reads else None
                options = options or MountOptions()
                if options.target == name:
                    options = replace(options, target=None)
                by_target = found.setdefault((finding.case.service.name, name), {})
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
    """Whether Dockerfiles have to be looked at: what reads them is loaded for nothing else."""
    return any(service.is_built for service in project.services.values())


def _of_builds(
    project: Project, options: Options, moved: Sequence[Component], by_declaration: Mapping[int, PlannedSecret]
) -> tuple[list[Patch], list[service_secrets.Need], list[str], frozenset[str]]:
    """The patches, the needs and the notes of build secrets, and those that are keys of an agent."""
    if not _is_built(project):
        return [], [], [], frozenset()
    from dsec_migrate.planning import build_secrets

    patches, needs = build_secrets.place(project, moved, by_declaration, is_named=options.syntax_line)
    return patches, needs, list(build_secrets.notes(project, moved)), build_secrets.agent_keys(moved, by_declaration)


def _in_commands(project: Project, options: Options, found: Iterable[Decision]) -> list[Decision]:
    """The secrets of commands, healthchecks, labels and builds, but for those that change with a variable."""
    done = {place for finding in found for place in _places(finding)}
    pending: list[Decision] = []
    for case in command_arguments.cases(project, options, done):
        pending.append(decide(case))
        done.update(_places(pending[-1]))
    pending += map(decide, labels.cases(project, options))
    if _is_built(project):
        from dsec_migrate.planning import build_arguments

        pending += map(decide, build_arguments.cases(project, options))
    return pending


def report_only(project: Project, options: Options) -> Plan:
    """The findings of a file that cannot be migrated because Compose refuses it."""
    left = Skipped("the file has an error that comes first")
    rows = (row for case in cases(project, options) for row in reports(Decision(case, left), {}))
    return Plan((*rows, *elsewhere.find(project, options), *commented.find(project, options)))


def _named_paths(
    project: Project, needs: Sequence[Need], by_declaration: Mapping[int, PlannedSecret]
) -> Iterator[ReplacePart]:
    for need in needs:
        secret = by_declaration[need.declaration.key]
        if secret.value is not None:
            yield from named_paths(project, need.declaration, secret.value, secret.mount_path)


def _places(finding: Decision) -> Iterator[command_arguments.Covered]:
    return command_arguments.places(finding.result.reads) if isinstance(finding.result, Fix) else iter(())


def _options(moved: Iterable[Component]) -> Iterator[ReplacePart]:
    for component in moved:
        for finding in component.findings:
            if isinstance(finding.result, Fix) and finding.result.option is not None:
                yield finding.result.option


def _parts(moved: Iterable[Component]) -> Iterator[Patch]:
    for component in moved:
        for finding in component.findings:
            declaration = finding.variable.declaration
            for name, value in finding.result.parts if isinstance(finding.result, Fix) else ():
                origin = f"{name} beside {declaration.name}"
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
        yield f"the text of the x- block at {file}:{line} names {path} in place of the value"


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
            yield ReplaceComment(move.declaration.document, place, MASK, f"the comment beside {move.declaration.name}")
            position = source.text.find(text, position + len(text), end)


def _passwords_within(secrets: Sequence[PlannedSecret], groups: Sequence[list[Need]]) -> Iterator[str]:
    """Secrets that hold the value of another one, a URL its password: who changes one has to change both."""
    whole = {secret.value.reveal(): secret.name for secret in secrets if secret.value is not None}
    for secret, group in zip(secrets, groups, strict=True):
        need = group[0]
        text = need.finding.variable.effective.value or ""
        if need.finding.case.verdict.exposure is not Exposure.EMBEDDED or secret.value != Secret(text):
            continue
        for start, end in need.finding.case.verdict.parts:
            part = (need.declaration.text or "")[start:end]
            plain = unquote(part)
            name = whole.get(part) or whole.get(plain)
            if name is not None and name != secret.name and is_distinctive(plain):
                how = "" if part == plain else ", percent-encoded"
                yield f"{secret.name} holds the value of {name}{how}: who changes one has to change both"


def _named_after_project(found: Iterable[Decision]) -> Iterator[str]:
    """Passwords that everybody tries first. Where such a word stands elsewhere it tells nothing."""
    told: dict[tuple[str, str], dict[str, None]] = {}
    for finding in found:
        case, variable = finding.case, finding.variable
        value = variable.effective.value
        if not value or variable.effective.is_named or case.verdict.confidence is Confidence.POSSIBLE:
            continue
        if is_name_of_project(case.project, case.service.name, value):
            what = "the password" if meaning(variable.name).kind is Kind.PASSWORD else variable.name
            told.setdefault((what, value), {})[case.service.name] = None
    for (what, _), services in told.items():
        yield f"{what} of {' and '.join(services)} is the project's own name: everybody tries it first; change it"


def make_notes(
    project: Project,
    options: Options,
    secrets: Sequence[PlannedSecret],
    groups: Sequence[list[Need]],
    layers: Mapping[int, service_secrets.Need],
) -> Iterator[str]:
    for secret, group in zip(secrets, groups, strict=True):
        # lines that stand apart were joined; services that share one line share its secret anyway
        if len(group) > 1 and secret.source is not SourceKind.ENVIRONMENT:
            names, uses = " and ".join(secret.variables), ", ".join(secret.services)
            paths = ", ".join(dict.fromkeys(need.declaration.place.rpartition(":")[0] for need in group))
            where = uses if len(secret.services) > 1 or len(secret.variables) > 1 else f"{uses} of {paths}"
            yield f"{secret.name}: one secret for {names} in {where}, which have the same value today"
    yield from _passwords_within(secrets, groups)
    has_files = any(secret.source is SourceKind.FILE for secret in secrets)
    if has_files and options.needs_long_syntax and options.target is Target.COMPOSE:
        yield "Compose ignores uid, gid and mode of a secret that comes from a file; Swarm heeds them"
    for name, service in project.services.items():
        mounted = service.layers[:-1] if not obstacles.replaces_mounts(service) else ()
        inherited = [layers[id(layer.service)] for layer in mounted if id(layer.service) in layers]
        for secret in secrets if inherited else ():
            services = {user for need in inherited if secret.name in need.names for user in need.services}
            base = next((user for user in secret.services if user in services), None)
            if base is not None and name not in secret.services:
                yield f"{name} receives {secret.name} too, because it extends {base}: Compose adds the lists up"


__all__ = ["make_plan", "report_only"]
