"""The wrappers of a plan: one for each service, whatever number of its variables need it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dsec_migrate.passes import Proposal
from dsec_migrate.plan import PlannedSecret, WrapProgram
from dsec_migrate.planning.components import Component
from dsec_migrate.project import Argument
from dsec_migrate.records import replace


def notes(operations: Iterable[object]) -> Iterator[str]:
    """What a wrapper protects, and what it does not, once for all of them."""
    names = [name for operation in operations if isinstance(operation, WrapProgram) for name, _ in operation.variables]
    if names:
        yield (
            f"a shell reads {', '.join(dict.fromkeys(names))} when the container starts: `docker inspect` and `docker "
            "compose config` do not show the value; the program and its children have it as a variable, `docker "
            "compose exec` has not, and `docker compose run --entrypoint` goes around it"
        )


def place(moved: Iterable[Component], by_slot: Mapping[int, PlannedSecret]) -> Iterator[WrapProgram]:
    """For components that move, with the secrets of their slots (by ``Slot.key``)."""
    programs: dict[str, WrapProgram] = {}
    for component in moved:
        for finding in component.findings:
            result = finding.result
            if isinstance(result, Proposal) and result.program is not None:
                name = finding.case.service.name
                program = programs.get(name, result.program)
                path = by_slot[finding.variable.slot.key].mount_path
                if isinstance(finding.variable.slot, Argument):
                    programs[name] = replace(program, arguments=(*program.arguments, path))
                else:
                    variable = (finding.variable.name, path)
                    programs[name] = replace(program, variables=(*program.variables, variable))
    yield from programs.values()
