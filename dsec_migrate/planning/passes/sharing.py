"""Blocks of variables that something else also uses through an anchor: build arguments, labels, a plugin's options."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from functools import lru_cache

from dsec_migrate.compose.document import Document, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.compose.project import Declaration, Project


def other_taker(project: Project, declaration: Declaration) -> str | None:
    """What uses the block of a variable's line, or a block around it, and is not a service's ``environment:``: a change
    to the line would reach it. None if there is nothing."""
    return _taken(project).get(id(declaration.container)) if declaration.container is not None else None


def is_merged(block: Mapping | Sequence, declaration: Declaration) -> bool:
    """Whether the line enters the block through a merge key, or its value has an anchor."""
    own = block.entries if isinstance(block, Mapping) else block.items
    return (declaration.entry or declaration.node) not in own or declaration.content.anchor is not None


@lru_cache(maxsize=4)
def _taken(project: Project) -> MappingType[int, str]:
    """Blocks by identity, each with the key that uses it and its location."""
    found: dict[int, str] = {}
    for document in project.compose_texts:
        for path, node in _starts(document) if document.aliases else ():
            file, line, _ = document.place(node.start)
            for block in _reached(node, set()):
                found.setdefault(id(block), f"{path} ({file}:{line})")
    return found


def _starts(document: Document) -> Iterator[tuple[str, ParsedNode]]:
    """All entries of a file except the variables of its services and ``x-`` blocks, each with its key."""
    for root in document.roots:
        for name, entry in root.effective().items() if isinstance(root, Mapping) else ():
            if name == "services" and isinstance(services := follow(entry.value), Mapping):
                for service, of_service in services.effective().items():
                    body = follow(of_service.value)
                    for key, value in body.effective().items() if isinstance(body, Mapping) else ():
                        if key != "environment":
                            yield f"{service}.{key}", value.value
            elif not name.startswith("x-"):
                yield name, entry.value


def _reached(node: ParsedNode, done: set[int]) -> Iterator[ParsedNode]:
    """The mappings and lists below a node, aliases followed."""
    stack = [node]
    while stack:
        content = follow(stack.pop())
        if isinstance(content, Scalar) or id(content) in done:
            continue
        done.add(id(content))
        yield content
        if isinstance(content, Mapping):
            stack.extend(entry.value for entry in content.entries)
        else:
            stack.extend(content.items)
