"""Lines of ``x-`` blocks that no service uses, because each service overrides the block that contains them.

Compose still interpolates and prints such blocks, so a value that has moved everywhere else would still be visible
there. A line equal to a moved one moves with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.compose.document import Document, Mapping, ParsedNode, Scalar, Sequence, walk
from dsec_migrate.compose.project import Declaration, Project, scalar_text
from dsec_migrate.detectors.namesakes import names_of
from dsec_migrate.detectors.placeholder import MINIMUM_LENGTH
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.planning.changes import Move
from dsec_migrate.planning.patches import ReplacePart
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Span


def unused_copies(project: Project, moves: Iterable[Move]) -> Iterator[Move]:
    """The same move for each line of an ``x-`` block with the name and the text of a moved one."""
    known = {(move.declaration.name, move.declaration.text): move for move in moves}
    for declaration in unused_lines(project) if known else ():
        move = known.get((declaration.name, declaration.text))
        if move is not None and declaration.content.anchor is None:
            yield Move(declaration, move.secret, move.name, move.value)


@lru_cache(maxsize=4)
def unused_lines(project: Project) -> tuple[Declaration, ...]:
    """The lines of ``x-`` blocks that no service uses."""
    lines = list(_lines(project))
    taken = {
        declaration.key
        for service in project.services.values()
        for variable in (*service.variables.values(), *service.hidden)
        for declaration in (variable.declarations if lines else ())
    }
    return tuple(declaration for declaration in lines if declaration.key not in taken)


def _lines(project: Project) -> Iterator[Declaration]:
    for document, block in _blocks(project):
        for node in walk(block):
            if isinstance(node, Mapping):
                for entry in node.entries:
                    if isinstance(entry.key, Scalar) and isinstance(entry.value, Scalar):
                        yield Declaration(document, entry.name, scalar_text(entry.value), entry.value, node, entry)
            elif isinstance(node, Sequence):
                for item in node.items:
                    if isinstance(item, Scalar) and "=" in item.value:
                        name, _, text = item.value.partition("=")
                        yield Declaration(document, name, text, item, node)


def _blocks(project: Project) -> Iterator[tuple[Document, ParsedNode]]:
    """The ``x-`` blocks at the top of each file."""
    for document in project.compose_texts:
        for root in document.roots:
            for entry in root.entries if isinstance(root, Mapping) else ():
                if entry.name.startswith("x-"):
                    yield document, entry.value


def readable_copy(project: Project, declaration: Declaration, value: str) -> str | None:
    """Where an ``x-`` block shows ``value`` of ``declaration`` in a way that cannot be fixed, or None."""
    for document, node, is_key in _copies(project, declaration, value):
        if is_key or not _can_name_path(project, document, node, value):
            file, line, _ = document.place(node.start)
            return f"{file}:{line}"
    return None


def named_paths(project: Project, declaration: Declaration, value: Secret, path: str) -> Iterator[ReplacePart]:
    """The strings of ``x-`` blocks that mention ``value``, changed to name its ``path`` instead. A word that also names
    a user, a database or a host is assumed to be that name."""
    if value.reveal() in names_of(project):
        return
    said = value.reveal()
    for document, node, _ in _copies(project, declaration, said):
        position = node.value.find(said)
        while position >= 0:
            yield ReplacePart(document, node, Span(position, position + len(said)), path, f"a text that names {path}")
            position = node.value.find(said, position + len(said))


def _copies(project: Project, declaration: Declaration, value: str) -> Iterator[_Text]:
    """Strings of ``x-`` blocks that contain ``value``, except lines equal to ``declaration``, which move with it."""
    if len(value) < MINIMUM_LENGTH:
        return
    found = [text for text in _own_texts(project) if value in text.node.value]
    if found:
        same = (line for line in _lines(project) if (line.name, line.text) == (declaration.name, declaration.text))
        moving = {id(line.node) for line in same}
        yield from (text for text in found if id(text.node) not in moving)


def _can_name_path(project: Project, document: Document, node: Scalar, value: str) -> bool:
    """Whether the value is a verbatim word of a longer text, and not a common word."""
    raw = document.source.text[node.start : node.end]
    is_prose = node.value != value and node.anchor is None and raw.count(value) == node.value.count(value)
    return is_prose and is_distinctive_in(project, value) and isinstance(node.resolved(), str)


class _Text(NamedTuple):
    document: Document
    node: Scalar
    is_key: bool


@lru_cache(maxsize=4)
def _own_texts(project: Project) -> tuple[_Text, ...]:
    """The strings of all ``x-`` blocks that are not values of a service's variable, and whether each is a key."""
    values = {
        id(declaration.content)
        for service in project.services.values()
        for variable in (*service.variables.values(), *service.hidden)
        for declaration in variable.declarations
    }
    nodes = [(document, node) for document, block in _blocks(project) for node in walk(block)]
    keys = {id(entry.key) for _, node in nodes if isinstance(node, Mapping) for entry in node.entries}
    return tuple(
        _Text(document, node, id(node) in keys)
        for document, node in nodes
        if isinstance(node, Scalar) and id(node) not in values
    )
