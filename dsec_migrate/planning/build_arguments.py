"""Secrets among the arguments of a build: lines below ``args:``, and defaults in the Dockerfile itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dsec_migrate.compose import builds
from dsec_migrate.compose.document import Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.compose.project import BuildArgument, DockerfileText, Layer, Project, Service, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.dockerfile import declared, unquoted
from dsec_migrate.planning import bare_dockerfile, build_parts, slips
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.text.records import replace

PREFIX = "build:"


def cases(project: Project, options: Options) -> Iterator[Case]:
    """Each build argument that is a secret, as a variable that no container receives."""
    given: set[tuple[int, str]] = set()
    rest: list[tuple[Service, Layer, Mapping | None, DockerfileText, Path]] = []
    for service in project.services.values():
        layer = next((one for one in reversed(service.layers) if one.service.get("build") is not None), None)
        node = layer.service.get("build") if layer is not None else None
        if layer is None or node is None:
            continue
        body = node if isinstance(node, Mapping) else None
        build = builds.find(project, service)
        dockerfile = builds.dockerfile_of(project, build) if build is not None else None
        for declaration in _lines(layer, body, dockerfile):
            if dockerfile is not None:
                given.add((id(dockerfile), declaration.name))
            variable = Variable(service.name, PREFIX + declaration.name, (declaration,), project.effect(declaration))
            yield from _judged(project, service, variable, options)
        if dockerfile is not None and build is not None:
            rest.append((service, layer, body, dockerfile, build.context))
    for service, layer, body, dockerfile, context in rest:
        # without a Compose file, an argument without a default is passed on the command line
        is_alone = bare_dockerfile.is_in_memory(project.source.path)
        for declaration in _defaults(dockerfile, layer, body):
            if (id(dockerfile), declaration.name) not in given and (declaration.text is not None or is_alone):
                variable = Variable(
                    service.name, PREFIX + declaration.name, (declaration,), project.effect(declaration)
                )
                yield from _judged(project, service, variable, options)
        for part, verdict in (*build_parts.parts(dockerfile), *build_parts.files(dockerfile, context)):
            own = replace(part, dockerfile=dockerfile, build=body, layer=layer)
            name = f"{PREFIX}{own.name}"
            variable = Variable(service.name, name, (own,), project.resolve(own.text))
            yield Case(project, service, variable, verdict, options)


def _judged(project: Project, service: Service, variable: Variable, options: Options) -> Iterator[Case]:
    declaration = variable.declaration
    verdict = slips.verdict(service, declaration, variable.effective.value)
    if verdict is not None:
        yield Case(project, service, variable, verdict, options)


def _lines(layer: Layer, body: Mapping | None, dockerfile: DockerfileText | None) -> Iterator[BuildArgument]:
    """The entries of ``args:``, a mapping or a list."""
    block = body.get("args") if body is not None else None
    if isinstance(block, Mapping):
        for name, entry in block.effective().items():
            value = follow(entry.value)
            if isinstance(value, Scalar):
                text = None if value.is_null else value.value
                yield BuildArgument(
                    layer.document,
                    name,
                    text,
                    entry.value,
                    entry.owner,
                    entry,
                    dockerfile=dockerfile,
                    build=body,
                    layer=layer,
                )
    if not isinstance(block, Sequence):
        return
    for item in block.items:
        content = follow(item)
        if isinstance(content, Scalar):
            name, sign, given = content.value.partition("=")
            text = given if sign else None
            yield BuildArgument(layer.document, name, text, item, block, dockerfile=dockerfile, build=body, layer=layer)


def _defaults(dockerfile: DockerfileText, layer: Layer, body: Mapping | None) -> Iterator[BuildArgument]:
    for name, node, value in _declared(dockerfile):
        text = value.replace("$", "$$") if value is not None else None
        yield BuildArgument(dockerfile, name, text, node, None, dockerfile=dockerfile, build=body, layer=layer)


@lru_cache(maxsize=64)
def _declared(dockerfile: DockerfileText) -> tuple[tuple[str, ParsedNode, str | None], ...]:
    """The arguments of a Dockerfile: name, location and default, if any. One node each, shared by all its builds."""
    found: dict[str, tuple[str, ParsedNode, str | None]] = {}
    for instruction in dockerfile.content.instructions:
        if instruction.keyword != "ARG":
            continue
        for each in declared(instruction, dockerfile.content.escape):
            value = unquoted(each.text, dockerfile.content.escape) if each.text else None
            if each.text and value is None:
                # built from other arguments
                continue
            if each.name not in found or (found[each.name][2] is None and value):
                place = instruction.place(each.word.start, each.word.end)
                text = dockerfile.source.text[place.start : place.end]
                node = Scalar(place.start, place.end, place.start, None, None, text, "")
                found[each.name] = (each.name, node, value or None)
    return tuple(found.values())
