"""What else reads a line that will move: lines of env files built from it, and `${X}` that see it in `.env`.

Facts of Compose 2.40: a reference in an env file sees the project's variables, then the service's own ``environment:``,
then the lines before it. ``env_file: .env`` and ``${X}`` read one line for two purposes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property, lru_cache

from dsec_migrate.compose.document import Scalar
from dsec_migrate.compose.dotenv import Entry
from dsec_migrate.compose.project import (
    Argument,
    Declaration,
    EnvFileDeclaration,
    EnvFileText,
    Project,
    Service,
    references_of,
)
from dsec_migrate.config.options import SourceKind
from dsec_migrate.planning.components import Component, is_moved
from dsec_migrate.planning.decision import Decision
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.source import Span


def settle_references(project: Project, components: Collection[Component]) -> None:
    """Skips lines that something unmoved reads. That can make other lines unmovable: repeats until nothing changes."""
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
                    finding.result = Skipped(reason)


class _Moving:
    """The declarations that the plan changes so far."""

    def __init__(self, components: Iterable[Component]) -> None:
        self._components = components

    @cached_property
    def variables(self) -> set[str]:
        """The environment variables from which moved values will come."""
        holdings = [
            holding
            for component in self._components
            for finding in component.findings
            if isinstance(finding.result, Fix)
            for holding in (finding.result.holding, *(holding for _, holding in finding.layers))
        ]
        return {holding.variable for holding in holdings if holding.source is SourceKind.ENVIRONMENT}

    @cached_property
    def places(self) -> set[int]:
        return {id(declaration.content) for declaration in self._declarations if not isinstance(declaration, Argument)}

    def rest(self, node: Scalar) -> str:
        """What remains of a text, parts of which may move."""
        text = node.value
        for part in sorted(self._parts.get(id(node), ()), reverse=True):
            text = text[: part.start] + text[part.end :]
        return text

    @cached_property
    def _declarations(self) -> list[Declaration]:
        return [declaration for component in self._components for declaration in component.declarations.values()]

    @cached_property
    def _parts(self) -> dict[int, list[Span]]:
        parts: dict[int, list[Span]] = {}
        for declaration in self._declarations:
            if isinstance(declaration, Argument):
                parts.setdefault(id(declaration.content), []).append(declaration.part)
        return parts


def _obstacles(project: Project, finding: Decision, moving: _Moving) -> Iterator[str]:
    service, name = finding.case.service, finding.variable.name
    if name not in project.environment.variables:
        for file in service.env_files:
            for entry in file.entries:
                if name in entry.references and not _is_moving(project, file.text, entry, moving):
                    yield f"{file.path}:{entry.line} builds {entry.name} from it"
    for declaration in finding.variable.declarations:
        if (
            isinstance(declaration, EnvFileDeclaration)
            and (place := _set_anew(project, service, declaration)) is not None
        ):
            yield f"{declaration.place} is built from what {place} overrides: without that file its value differs"
        if isinstance(declaration, EnvFileDeclaration) and _is_project_env_file(project, declaration):
            yield from _interpolated_uses(project, name, moving)
            if name in moving.variables:
                yield f"{declaration.place} sets another secret with --source environment"
            result = finding.result
            if isinstance(result, Fix) and result.holding.source is SourceKind.ENVIRONMENT:
                yield f"{declaration.place} would no longer set it: use --source file"


def _set_anew(project: Project, service: Service, declaration: EnvFileDeclaration) -> str | None:
    """Where a file that follows the one with the ``env_file:`` sets what the line is built from."""
    names = list(declaration.line.references) if declaration.line is not None else []
    naming = [layer for file in service.env_files if file.text is declaration.document for layer in file.layers]
    first = min((project.order(layer.document) for layer in naming), default=0)
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name in seen or name in project.environment.variables or name not in service.variables:
            continue
        seen.add(name)
        for other in service.variables[name].declarations:
            if isinstance(other, EnvFileDeclaration):
                names += other.line.references if other.line is not None else ()
            elif project.order(other.document) > first:
                return other.place
    return None


def _is_moving(project: Project, text: EnvFileText | None, line: Entry, moving: _Moving) -> bool:
    declarations = _declarations_of_lines(project).get((id(text), line.span.start), ())
    return any(id(declaration.content) in moving.places for declaration in declarations)


@lru_cache(maxsize=4)
def _declarations_of_lines(project: Project) -> dict[tuple[int, int], list[EnvFileDeclaration]]:
    found: dict[tuple[int, int], list[EnvFileDeclaration]] = {}
    for service in project.services.values():
        for variable in service.variables.values():
            for declaration in variable.declarations:
                if isinstance(declaration, EnvFileDeclaration):
                    found.setdefault((id(declaration.document), declaration.start), []).append(declaration)
    return found


def _is_project_env_file(project: Project, declaration: Declaration) -> bool:
    real = declaration.document.source.real_path
    return any(os.path.realpath(path) == real for path in project.environment.paths)


def _interpolated_uses(project: Project, name: str, moving: _Moving) -> Iterator[str]:
    """Where `${NAME}`, a variable without a value or a secret's ``environment:`` reads the same line."""
    for document in project.compose_texts:
        for node in document.templates:
            if name in node.value and id(node) not in moving.places and name in references_of(moving.rest(node)):
                place, line, _ = document.place(node.start)
                yield f"{place}:{line} reads ${{{name}}} from the same line"
    for service in project.services.values():
        variable = service.variables.get(name)
        for declaration in variable.declarations if variable else ():
            if declaration.text is None and id(declaration.content) not in moving.places:
                yield f"{declaration.place} passes {name} through from the same line"
        for file in service.env_files:
            for entry in file.entries:
                if name in entry.references and not _is_moving(project, file.text, entry, moving):
                    yield f"{file.path}:{entry.line} builds {entry.name} from it"
    for secret, data in project.secrets.items():
        if data.get("environment") == name:
            yield f"the secret {secret} reads it from the same line"
    family = project.family or tuple(text.source.path for text in project.compose_texts)
    for neighbour in project.folders.interpolating(project.directory, family):
        if name in neighbour.text and name in _names_in(neighbour.text):
            yield f"{neighbour.path} reads ${{{name}}} from the same line"


def _names_in(text: str) -> set[str]:
    return {name for line in text.splitlines() if "$" in line for name in references_of(line)}
