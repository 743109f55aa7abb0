"""User names and password hashes in labels, which Traefik reads.

Traefik's documentation (middlewares/http/basicauth, digestauth) has ``users``, a comma-separated list, and
``usersFile``, a file with one line per user.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.compose.document import Content, Entry, Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.project import Argument, Layer, Project, Reading, Service, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Confidence, Verdict
from dsec_migrate.detectors.literal_parts import template
from dsec_migrate.images import image_table
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_PROGRAM = "traefik"
_USERS = Pattern(r"(?i)traefik\.http\.middlewares\.([^.=]+)\.(?:basic|digest)auth\.users(?![^=])")
_WHY = "a label with user names and password hashes"


def cases(project: Project, options: Options) -> Iterator[Case]:
    """Each label with users, as a variable that no container receives; a shared label once."""
    done: set[int] = set()
    for service in project.services.values():
        for layer in service.layers:
            for label in _labels(layer):
                if id(label.node) not in done and label.node.value[label.start :]:
                    done.add(id(label.node))
                    yield _case(project, service, layer, label, options)


class _Label(NamedTuple):
    """``start`` is where the users begin in the value of ``node``; ``entry`` contains it unless it is a list item."""

    name: str
    middleware: str
    node: Scalar
    start: int = 0
    entry: Entry | None = None


def _labels(layer: Layer) -> Iterator[_Label]:
    deploy = layer.service.get("deploy")
    for block in (layer.service.get("labels"), deploy.get("labels") if isinstance(deploy, Mapping) else None):
        yield from _with_users(block)


def _with_users(block: Content | None) -> Iterator[_Label]:
    for entry in block.effective().values() if isinstance(block, Mapping) else ():
        node, named = follow(entry.value), _USERS.match(entry.name)
        if named is not None and isinstance(node, Scalar):
            yield _Label(named[0], named[1], node, 0, entry)
    for item in block.items if isinstance(block, Sequence) else ():
        node = follow(item)
        named = _USERS.match(node.value) if isinstance(node, Scalar) else None
        if named is not None and isinstance(node, Scalar) and node.value.startswith("=", named.end()):
            yield _Label(named[0], named[1], node, named.end() + 1)


def _case(project: Project, service: Service, layer: Layer, label: _Label, options: Options) -> Case:
    text = label.node.value[label.start :]
    exposure, parts = template(text).expose(0, len(text))
    declaration = Argument(
        layer.document,
        label.name,
        text,
        label.node,
        None,
        label.entry,
        Span(label.start, len(label.node.value)),
        "labels",
        layer,
        f"{label.middleware}_users",
        _reading(project, f"{label.name}file"),
        ",",
    )
    variable = Variable(service.name, f"labels:{label.name}", (declaration,), project.resolve(text))
    return Case(project, service, variable, Verdict(Confidence.LIKELY, exposure, _WHY, "label", parts), options)


def _reading(project: Project, name: str) -> Reading:
    for service in project.services.values():
        if not service.is_built and image_table.repository(service.image) == _PROGRAM:
            return Reading(_PROGRAM, name, service.name, service.layers[0])
    return Reading(_PROGRAM, name)
