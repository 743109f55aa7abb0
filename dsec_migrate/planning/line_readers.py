"""What else reads a line that is going to move: lines of env files built from it, and `${X}` that see it in `.env`.

Facts of Compose 2.40: a reference in an env file sees the project's variables, then the service's own ``environment:``,
then the lines before it. ``env_file: .env`` and ``${X}`` read one line for two purposes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property, lru_cache

from dsec_migrate.document import Scalar
from dsec_migrate.dotenv import Entry
from dsec_migrate.options import SourceKind
from dsec_migrate.passes import Proposal
from dsec_migrate.planning.components import Component, is_moved
from dsec_migrate.planning.pending import Pending
from dsec_migrate.project import Argument, EnvFileSlot, EnvFileText, Project, Service, Slot, references_of
from dsec_migrate.source import Span
from dsec_migrate.stores import Left


def settle_references(project: Project, components: Collection[Component]) -> None:
    """Leaves what something reads that stays. That can be the reason to leave something else: until all is quiet."""
    if not project.env_texts:
        return
    is_quiet = False
    while not is_quiet:
        is_quiet = True
        moved = [component for component in components if is_moved(component)]
        moving = _Moving(moved)
        for component in moved:
            reason = next((r for finding in component.findings for r in _obstacles(project, finding, moving)), None)
            if reason is not None:
                is_quiet = False
                for finding in component.findings:
                    finding.result = Left(reason)


class _Moving:
    """The places that the plan changes so far."""

    def __init__(self, components: Iterable[Component]) -> None:
        self._components = components

    @cached_property
    def variables(self) -> set[str]:
        """The variables of the environment from which moved values are going to come."""
        holdings = [
            holding
            for component in self._components
            for finding in component.findings
            if isinstance(finding.result, Proposal)
            for holding in (finding.result.holding, *(holding for _, holding in finding.layers))
        ]
        return {holding.variable for holding in holdings if holding.source is SourceKind.ENVIRONMENT}

    @cached_property
    def places(self) -> set[int]:
        return {id(slot.content) for slot in self._slots if not isinstance(slot, Argument)}

    def rest(self, node: Scalar) -> str:
        """What stays of a text, parts of which may move."""
        text = node.value
        for part in sorted(self._parts.get(id(node), ()), reverse=True):
            text = text[: part.start] + text[part.end :]
        return text

    @cached_property
    def _slots(self) -> list[Slot]:
        return [slot for component in self._components for slot in component.slots.values()]

    @cached_property
    def _parts(self) -> dict[int, list[Span]]:
        parts: dict[int, list[Span]] = {}
        for slot in self._slots:
            if isinstance(slot, Argument):
                parts.setdefault(id(slot.content), []).append(slot.part)
        return parts


def _obstacles(project: Project, finding: Pending, moving: _Moving) -> Iterator[str]:
    service, name = finding.case.service, finding.variable.name
    if name not in project.environment.variables:
        for file in service.env_files:
            for entry in file.entries:
                if name in entry.references and not _is_moving(project, file.text, entry, moving):
                    yield f"{file.path}:{entry.line} builds {entry.name} from it"
    for slot in finding.variable.slots:
        if isinstance(slot, EnvFileSlot) and (place := _set_anew(project, service, slot)) is not None:
            yield f"{slot.place} is built from what {place} sets anew: without that file it is another value"
        if isinstance(slot, EnvFileSlot) and _is_project_env_file(project, slot):
            yield from _interpolated_uses(project, name, moving)
            if name in moving.variables:
                yield f"{slot.place} supplies another secret with --source environment"
            result = finding.result
            if isinstance(result, Proposal) and result.holding.source is SourceKind.ENVIRONMENT:
                yield f"{slot.place} would no longer supply it: use --source file"


def _set_anew(project: Project, service: Service, slot: EnvFileSlot) -> str | None:
    """Where a file that comes later than the one that names the env file sets what the line is built from."""
    names = list(slot.line.references) if slot.line is not None else []
    naming = [layer for file in service.env_files if file.text is slot.document for layer in file.layers]
    first = min((project.order(layer.document) for layer in naming), default=0)
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name in seen or name in project.environment.variables or name not in service.variables:
            continue
        seen.add(name)
        for other in service.variables[name].slots:
            if isinstance(other, EnvFileSlot):
                names += other.line.references if other.line is not None else ()
            elif project.order(other.document) > first:
                return other.place
    return None


def _is_moving(project: Project, text: EnvFileText | None, line: Entry, moving: _Moving) -> bool:
    slots = _slots_of_lines(project).get((id(text), line.span.start), ())
    return any(id(slot.content) in moving.places for slot in slots)


@lru_cache(maxsize=4)
def _slots_of_lines(project: Project) -> dict[tuple[int, int], list[EnvFileSlot]]:
    found: dict[tuple[int, int], list[EnvFileSlot]] = {}
    for service in project.services.values():
        for variable in service.variables.values():
            for slot in variable.slots:
                if isinstance(slot, EnvFileSlot):
                    found.setdefault((id(slot.document), slot.start), []).append(slot)
    return found


def _is_project_env_file(project: Project, slot: Slot) -> bool:
    real = slot.document.source.real_path
    return any(os.path.realpath(path) == real for path in project.environment.paths)


def _interpolated_uses(project: Project, name: str, moving: _Moving) -> Iterator[str]:
    """Where `${NAME}`, a variable without a value or a secret's ``environment:`` takes it from the same line."""
    for document in project.compose_texts:
        for node in document.templates:
            if name in node.value and id(node) not in moving.places and name in references_of(moving.rest(node)):
                place, line, _ = document.place(node.start)
                yield f"{place}:{line} reads ${{{name}}} from the same line"
    for service in project.services.values():
        variable = service.variables.get(name)
        for slot in variable.slots if variable else ():
            if slot.text is None and id(slot.content) not in moving.places:
                yield f"{slot.place} passes {name} on from the same line"
        for file in service.env_files:
            for entry in file.entries:
                if name in entry.references and not _is_moving(project, file.text, entry, moving):
                    yield f"{file.path}:{entry.line} builds {entry.name} from it"
    for secret, data in project.secrets.items():
        if data.get("environment") == name:
            yield f"the secret {secret} takes it from the same line"
    family = project.family or tuple(text.source.path for text in project.compose_texts)
    for neighbour in project.folders.interpolating(project.directory, family):
        if name in neighbour.text and name in _names_in(neighbour.text):
            yield f"{neighbour.path} reads ${{{name}}} from the same line"


def _names_in(text: str) -> set[str]:
    return {name for line in text.splitlines() if "$" in line for name in references_of(line)}
