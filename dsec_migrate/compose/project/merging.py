"""The lines that set a service's variables, file by file, as Compose merges them.

Facts of Compose 2.40: ``X: !reset`` removes X from what earlier files define, while that is one mapping: two merged
environments are a list, in which it matches nothing, as in one that is written as a list. It applies where it is
written, not where an alias repeats it. (For a service that another one extends in turn, Compose drops it in some runs.)
``!override`` removes everything before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dsec_migrate.compose.document import Content, Document, Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project.load_context import Body
from dsec_migrate.compose.project.model import OVERRIDE, RESET, Declaration, Layer
from dsec_migrate.compose.project.resolved_values import resolve
from dsec_migrate.compose.scalars import environment_text


class Dropped(NamedTuple):
    """A line that does not reach the service; something in ``by`` removes it, the line ``reset`` if it removes only
    that one."""

    declaration: Declaration
    by: Document
    reset: Declaration | None = None


class Merged(NamedTuple):
    """``declarations`` by variable, the last in effect. ``is_list``: the variables of several layers are merged."""

    declarations: dict[str, list[Declaration]]
    dropped: list[Dropped]
    is_list: bool


def merge(layers: Iterable[Layer], replaced: Iterable[tuple[Body, Document]], environment: Environment) -> Merged:
    """``replaced`` are bodies of the service that a later file removes, each with that file."""
    declarations: dict[str, list[Declaration]] = {}
    dropped = [
        Dropped(declaration, by)
        for body, by in replaced
        for declaration in _declarations(body.document, body.service.get("environment"), environment)
    ]
    said: list[Content] = []
    count = 0
    for layer in layers:
        node = layer.environment
        if node is None:
            continue
        count += 1
        if node.tag in {OVERRIDE, RESET}:
            dropped += [
                Dropped(declaration, layer.document) for places in declarations.values() for declaration in places
            ]
            declarations.clear()
            said.clear()
        if node.tag == RESET:
            continue
        is_reset = len(said) == 1 and isinstance(said[0], Mapping)
        for reset in _resets(layer, node) if is_reset else ():
            dropped += [Dropped(declaration, layer.document, reset) for declaration in declarations.pop(reset.name, ())]
        for declaration in _declarations(layer.document, node, environment):
            declarations.setdefault(declaration.name, []).append(declaration)
        said.append(node)
    return Merged(declarations, dropped, is_list=count > 1)


def _resets(layer: Layer, node: Content) -> Iterator[Declaration]:
    """The lines ``X: !reset`` in the text of the layer itself."""
    for name, entry in node.effective().items() if isinstance(node, Mapping) else ():
        if entry.value.tag == RESET:
            path = layer.document.path_at(entry.key.start) or ()
            if [step for step in path if step != "<<"] == ["services", layer.name, "environment", name]:
                yield Declaration(layer.document, name, None, entry.value, entry.owner, entry)


def _declarations(document: Document, node: Content | None, environment: Environment) -> Iterator[Declaration]:
    if isinstance(node, Mapping):
        for name, entry in node.effective().items():
            for place in (*node.shadowed().get(name, ()), entry):
                content = follow(place.value)
                if isinstance(content, Scalar) and place.value.tag != RESET:
                    yield Declaration(document, name, scalar_text(content), place.value, place.owner, place)
    elif isinstance(node, Sequence):
        for item in node.items:
            content = follow(item)
            if isinstance(content, Scalar) and item.tag != RESET:
                written, equals, text = content.value.partition("=")
                # in a list the name is interpolated, too
                name = resolve(written, environment).value or ""
                if name and "=" not in name:
                    yield Declaration(document, name, text if equals else None, item, node, None)


def scalar_text(node: Scalar) -> str | None:
    """The value of a mapping's entry before interpolation, with Compose's conversion of numbers and booleans."""
    value = node.resolved()
    if isinstance(value, str):
        return value
    try:
        return environment_text(value)
    except ValueError:
        # Compose refuses a date; the schema check says so
        return node.value
