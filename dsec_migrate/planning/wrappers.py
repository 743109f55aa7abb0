"""The wrappers of a plan: one for each service, whatever number of its variables need it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dsec_migrate.passes import Proposal, Start
from dsec_migrate.plan import PlannedSecret, WrapProgram
from dsec_migrate.planning.components import Component
from dsec_migrate.project import Service


def place(moved: Iterable[Component], by_slot: Mapping[int, PlannedSecret]) -> Iterator[WrapProgram]:
    """For components that move, with the secrets of their slots (by ``Slot.key``)."""
    services: dict[str, tuple[Service, Start]] = {}
    variables: dict[str, dict[str, str]] = {}
    for component in moved:
        for finding in component.findings:
            result = finding.result
            if isinstance(result, Proposal) and result.start is not None:
                service = finding.case.service
                services.setdefault(service.name, (service, result.start))
                path = by_slot[finding.variable.slot.key].mount_path
                variables.setdefault(service.name, {})[finding.variable.name] = path
    for name, (service, start) in services.items():
        (layer,) = service.layers
        yield WrapProgram(
            layer.document,
            layer.service,
            tuple(variables[name].items()),
            start.shell,
            start.entrypoint,
            start.command,
            start.script,
        )
