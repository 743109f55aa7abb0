"""The wrapper scripts of a plan: one per service, for all variables that need it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate.compose.document import Content, Entry, Scalar, follow, inherited, is_merge_key
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.document import Sequence as SequenceNode
from dsec_migrate.compose.project import Argument, Project
from dsec_migrate.planning import wrapper_script
from dsec_migrate.planning.changes import PlannedSecret, WrappedStart
from dsec_migrate.planning.components import Component, is_block
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.patches import Bare, InsertEntry, InsertItem, Patch, ReplacePart, SetValue
from dsec_migrate.planning.wrapper_script import Supply
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Edit, Span, splice


def notes(started: Iterable[WrappedStart]) -> Iterator[str]:
    """What a wrapper script protects, and what it does not, once for all of them."""
    names = [supply.name for one in started for supply in one.variables]
    if names:
        yield (
            f"a shell reads {', '.join(dict.fromkeys(names))} when the container starts: `docker inspect` and `docker "
            "compose config` do not show the value; the program and its children have it as a variable, `docker "
            "compose exec` does not, and `docker compose run --entrypoint` bypasses the wrapper script"
        )


def place(
    project: Project, moved: Iterable[Component], by_declaration: Mapping[int, PlannedSecret]
) -> Iterator[WrappedStart]:
    """For components that move, with the secrets of their declarations (by ``Declaration.key``)."""
    programs = _by_service(moved, by_declaration)
    held: dict[int, WrappedStart] = {}
    for name, program in programs.items():
        shared = _shared(project, programs, project.services[name].layers[0].service)
        one = shared if shared is not None else program
        held.setdefault(id(one.holder), one)
    yield from held.values()


def _shared(project: Project, programs: Mapping[str, WrappedStart], body: MappingNode) -> WrappedStart | None:
    """The program of all services that use variables from the same mapping, written there once; None if they differ, or
    if a service without it would receive it as well."""
    variables = body.effective().get("environment")
    if variables is None or variables.owner is body or variables.owner.flow:
        return None
    provider = variables.owner
    heirs = [
        (programs.get(name), layer.service)
        for name, service in project.services.items()
        for layer in service.layers
        if layer.service is provider or provider in inherited(layer.service)
    ]
    found: list[WrappedStart] = []
    for program, heir in heirs:
        entry = heir.effective().get("environment")
        if program is None or program.script is not None or entry is None or entry.owner is not provider:
            return None
        if heir.get("entrypoint") is not None:
            return None
        found.append(program)
    commands = {program.command for program in found} - {None}
    first = next((program for program in found if program.command is not None), found[0])
    same = {(program.shell, program.entrypoint, program.variables, program.arguments) for program in found}
    return replace(first, holder=provider) if len(same) == 1 and len(commands) <= 1 else None


def _by_service(moved: Iterable[Component], by_declaration: Mapping[int, PlannedSecret]) -> dict[str, WrappedStart]:
    programs: dict[str, WrappedStart] = {}
    edits: dict[str, list[tuple[Argument, str]]] = {}
    for component in moved:
        for finding in component.findings:
            result = finding.result
            if isinstance(result, Fix) and result.program is not None:
                name = finding.case.service.name
                program = programs.get(name, result.program)
                path = by_declaration[finding.variable.declaration.key].mount_path
                if isinstance(finding.variable.declaration, Argument):
                    programs[name] = replace(program, arguments=(*program.arguments, path))
                    if finding.variable.declaration.place_key == "entrypoint":
                        edits.setdefault(name, []).append((finding.variable.declaration, path))
                else:
                    variable = Supply(finding.variable.name, path, result.frame)
                    programs[name] = replace(program, variables=(*program.variables, variable))
    for name, own in edits.items():
        program = programs[name]
        if program.script is None:
            programs[name] = replace(program, entrypoint=_words(program.holder.get("entrypoint"), own))
    return programs


def _words(entrypoint: Content | None, paths: Sequence[tuple[Argument, str]]) -> tuple[str, ...]:
    """The words of an entrypoint, some of which contain a path instead of a secret."""

    def said(word: Scalar) -> str:
        return splice(
            word.value, [Edit(*declaration.part, path) for declaration, path in paths if declaration.content is word]
        )

    if isinstance(entrypoint, SequenceNode):
        return tuple(said(content) for item in entrypoint.items if isinstance(content := follow(item), Scalar))
    assert isinstance(entrypoint, Scalar)
    return tuple(shlex.split(said(entrypoint)))


# --- what changes in the files ---


def patches(started: Iterable[WrappedStart]) -> Iterator[Patch]:
    for one in started:
        origin = f"the wrapper that reads {', '.join((*(supply.path for supply in one.variables), *one.arguments))}"
        if one.script is not None:
            yield _longer(one, one.script, origin)
        else:
            yield from _wrapped(one, origin)


def _longer(one: WrappedStart, script: Scalar, origin: str) -> Patch:
    """Further lines before the last one of an earlier wrapper's script."""
    position = script.value.rindex(wrapper_script.LAST_LINE.replace("$", "$$"))
    lines = wrapper_script.lines(one.variables, one.arguments)
    text = "".join(f"{line}\n" for line in lines).replace("$", "$$")
    return ReplacePart(one.document, script, Span(position, position), text, origin)


def _wrapped(one: WrappedStart, origin: str) -> Iterator[Patch]:
    document, holder = one.document, one.holder
    script = wrapper_script.script(one.variables, one.comment, one.arguments).replace("$", "$$")
    own_words = [one.shell, Bare(wrapper_script.OPTIONS), script, wrapper_script.NAME]
    own, command = holder.own("entrypoint"), holder.own("command")
    if own is not None and is_block(own.value):
        assert isinstance(own.value, SequenceNode)
        first = own.value.items[0]
        yield from (InsertItem(document, own.value, "", word, before=first, origin=origin) for word in own_words)
        return
    words = [*own_words, *one.entrypoint]
    before: Entry | None = command or holder.own("environment") or holder.own("env_file") or _first(holder)
    if own is not None:
        yield SetValue(document, own.value, words, origin)
        before = next((entry for entry in holder.entries if entry.key.start > own.key.start), None)
    else:
        yield InsertEntry(document, holder, ("entrypoint",), words, before, origin)
    if one.command is not None:
        yield InsertEntry(document, holder, ("command",), one.command, before, origin)


def _first(holder: MappingNode) -> Entry:
    """The first entry of a service, except those that a merge key adds."""
    return next((entry for entry in holder.entries if not is_merge_key(entry.key)), holder.entries[0])
