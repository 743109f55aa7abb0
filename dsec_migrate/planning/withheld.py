"""Services that a moving line does not reach, although what they extend has it: ``!reset`` or ``!override`` removes it.

The variable's replacement must not reach them either. An ``X: !reset`` is renamed with X; what a service inherits
besides variables (a wrapper script, a file that the image reads) is removed by neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.project import Declaration, Hidden, Project
from dsec_migrate.planning.changes import Move
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.patches import RenameKey


@lru_cache(maxsize=4)
def _by_declaration(project: Project) -> Mapping[int, tuple[Hidden, ...]]:
    found: dict[int, list[Hidden]] = {}
    for service in project.services.values():
        for one in service.hidden:
            found.setdefault(one.declaration.key, []).append(one)
    return {key: tuple(withheld) for key, withheld in found.items()}


@lru_cache(maxsize=4)
def reaching(project: Project) -> frozenset[int]:
    """The lines that reach a container, by ``Declaration.key``."""
    return frozenset(
        declaration.key
        for service in project.services.values()
        for variable in service.variables.values()
        for declaration in variable.declarations
    )


def obstacle(project: Project, declarations: Iterable[Declaration], user: str, fix: Fix) -> str | None:
    """Why the lines cannot move as ``fix`` says of the service ``user``: a service would receive what is withheld."""
    for declaration in declarations:
        for one in _by_declaration(project).get(declaration.key, ()):
            if not fix.new_name or fix.parts:
                return f"{one.service} extends {user} without this variable, but would inherit what replaces it"
            if one.reset is not None and one.reset.document is not declaration.document:
                return (
                    f"{one.reset.place} removes it from {one.service}: move it by hand, and let that line remove "
                    f"{fix.new_name}"
                )
    return None


def followers(project: Project, moves: Iterable[Move]) -> Iterator[RenameKey]:
    """The lines ``X: !reset`` follow X."""
    for move in moves:
        for one in _by_declaration(project).get(move.declaration.key, ()):
            reset = one.reset
            block = reset.container if reset is not None else None
            # a service that sets the new variable itself inherits no other value
            is_free = isinstance(block, MappingNode) and block.own(move.name) is None
            if reset is not None and reset.entry is not None and is_free:
                yield RenameKey(reset.document, reset.entry, move.name, f"the reset of what moves to {move.secret}")
