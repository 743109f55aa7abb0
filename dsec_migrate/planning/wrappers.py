"""The wrappers of a plan: one for each service, whatever number of its variables need it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate.changes import MoveArgument, PlannedSecret, WrapProgram
from dsec_migrate.document import Content, Scalar, follow, inherited
from dsec_migrate.document import Mapping as MappingNode
from dsec_migrate.document import Sequence as SequenceNode
from dsec_migrate.passes import Proposal
from dsec_migrate.planning.components import Component
from dsec_migrate.project import Argument, Project
from dsec_migrate.records import replace
from dsec_migrate.scripts import edited
from dsec_migrate.wrapping import Supply


def notes(operations: Iterable[object]) -> Iterator[str]:
    """What a wrapper protects, and what it does not, once for all of them."""
    names = [supply.name for one in operations if isinstance(one, WrapProgram) for supply in one.variables]
    if names:
        yield (
            f"a shell reads {', '.join(dict.fromkeys(names))} when the container starts: `docker inspect` and `docker "
            "compose config` do not show the value; the program and its children have it as a variable, `docker "
            "compose exec` has not, and `docker compose run --entrypoint` goes around it"
        )


def place(project: Project, moved: Iterable[Component], by_slot: Mapping[int, PlannedSecret]) -> Iterator[WrapProgram]:
    """For components that move, with the secrets of their slots (by ``Slot.key``)."""
    programs = _by_service(moved, by_slot)
    held: dict[int, WrapProgram] = {}
    for name, program in programs.items():
        shared = _shared(project, programs, project.services[name].layers[0].service)
        one = shared if shared is not None else program
        held.setdefault(id(one.holder), one)
    yield from held.values()


def _shared(project: Project, programs: Mapping[str, WrapProgram], body: MappingNode) -> WrapProgram | None:
    """The program of all services that take their variables from the same mapping, written there once; None where
    they differ, or where a service without it would get it as well."""
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
    found: list[WrapProgram] = []
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


def _by_service(moved: Iterable[Component], by_slot: Mapping[int, PlannedSecret]) -> dict[str, WrapProgram]:
    programs: dict[str, WrapProgram] = {}
    moves: dict[str, list[MoveArgument]] = {}
    for component in moved:
        for finding in component.findings:
            result = finding.result
            if isinstance(result, Proposal) and result.program is not None:
                name = finding.case.service.name
                program = programs.get(name, result.program)
                path = by_slot[finding.variable.slot.key].mount_path
                if isinstance(finding.variable.slot, Argument):
                    programs[name] = replace(program, arguments=(*program.arguments, path))
                    if finding.variable.slot.place_key == "entrypoint":
                        move = MoveArgument(finding.variable.slot, "", path, is_read=False)
                        moves.setdefault(name, []).append(move)
                else:
                    variable = Supply(finding.variable.name, path, result.frame)
                    programs[name] = replace(program, variables=(*program.variables, variable))
    for name, own in moves.items():
        program = programs[name]
        if program.script is None:
            programs[name] = replace(program, entrypoint=_words(program.holder.get("entrypoint"), own))
    return programs


def _words(entrypoint: Content | None, moves: Sequence[MoveArgument]) -> tuple[str, ...]:
    """The words of an entrypoint, of which some say a path in place of a secret."""
    if isinstance(entrypoint, SequenceNode):
        words = [content for item in entrypoint.items if isinstance(content := follow(item), Scalar)]
        return tuple(edited(word, [move for move in moves if move.node is word]) for word in words)
    assert isinstance(entrypoint, Scalar)
    return tuple(shlex.split(edited(entrypoint, moves)))
