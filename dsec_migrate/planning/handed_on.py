"""Who reads an env file besides Compose: services that mount it, builds that copy it, scripts that source it.

They get its lines as they are: one that goes, or gets another name, is gone for them, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.compose import builds
from dsec_migrate.compose.document import Content, Mapping, ParsedNode, Scalar, Sequence, follow, plain
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.planning.host_scripts import naming


class HandedOn(NamedTuple):
    """``reason`` says who reads the file. ``is_sure``: it is named, not only one of a folder's files."""

    reason: str
    is_sure: bool


def reader_of(project: Project, path: Path) -> HandedOn | None:
    """Who reads an env file of the project besides Compose; None where nobody is known to."""
    found = list(_readers(project, os.path.realpath(path)))
    return next((one for one in found if one.is_sure), found[0] if found else None)


@lru_cache(maxsize=64)
def _readers(project: Project, real: str) -> tuple[HandedOn, ...]:
    return (
        *_definitions(project, real),
        *_mounts(project, real),
        *_builds(project, real),
        *(HandedOn(f"{place} names it", is_sure=False) for place in naming(real)),
    )


def _definitions(project: Project, real: str) -> Iterator[HandedOn]:
    """The file is a secret or a config itself."""
    for _, root in project.roots:
        for kind in ("secrets", "configs"):
            block = root.get(kind)
            for name, entry in block.effective().items() if isinstance(block, Mapping) else ():
                definition = follow(entry.value)
                file = definition.get("file") if isinstance(definition, Mapping) else None
                if isinstance(file, Scalar) and _path(project, file.value) == real:
                    yield HandedOn(f"it is the file of the {kind[:-1]} {name}", is_sure=True)


def _mounts(project: Project, real: str) -> Iterator[HandedOn]:
    for service in project.services.values():
        for text in _sources(service):
            source = _path(project, text)
            if source == real:
                yield HandedOn(f"{service.name} mounts it", is_sure=True)
            elif _is_below(real, source):
                yield HandedOn(f"{service.name} mounts its folder", is_sure=False)
    for _, root in project.roots:
        volumes = root.get("volumes")
        for name, entry in volumes.effective().items() if isinstance(volumes, Mapping) else ():
            data = plain(entry.value)
            options = data.get("driver_opts") if isinstance(data, dict) else None
            device = options.get("device") if isinstance(options, dict) else None
            if isinstance(device, str) and _is_below(real, _path(project, device)):
                yield HandedOn(f"the volume {name} holds its folder", is_sure=False)


def _sources(service: Service) -> Iterator[str]:
    """What a service mounts, or is sent, from the host: paths as they are written."""
    for layer in service.layers:
        node = layer.service.get("volumes")
        for item in node.items if isinstance(node, Sequence) else ():
            yield from _source(item)
        develop = layer.service.get("develop")
        watched = develop.get("watch") if isinstance(develop, Mapping) else None
        for item in watched.items if isinstance(watched, Sequence) else ():
            rule = follow(item)
            path = rule.get("path") if isinstance(rule, Mapping) else None
            if isinstance(path, Scalar):
                yield path.value


def _source(item: ParsedNode) -> Iterator[str]:
    content = follow(item)
    if isinstance(content, Mapping):
        source: Content | None = content.get("source") or content.get("src")
        if isinstance(source, Scalar) and _is_path(source.value):
            yield source.value
    elif isinstance(content, Scalar):
        # a colon may stand inside of ${…:-…}
        depth = 0
        for position, letter in enumerate(content.value):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            if letter == ":" and depth == 0:
                if _is_path(content.value[:position]):
                    yield content.value[:position]
                return


def _is_path(text: str) -> bool:
    """Whether a volume's source is a path, not the name of a volume."""
    return text.startswith((".", "/", "~", "$"))


def _path(project: Project, text: str) -> str:
    # a NUL, which YAML can say, is in no path
    value = (project.resolve(text).value or "").replace("\0", "")
    for name in ("${PWD}", "$PWD"):
        if text.startswith(name):
            # wherever this call is made, Compose is called in the project's folder as a rule
            value = f".{text[len(name) :]}"
    return os.path.realpath(os.path.join(project.directory, os.path.expanduser(value)))  # noqa: PTH111, PTH118


def _is_below(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip(os.sep) + os.sep)


def _builds(project: Project, real: str) -> Iterator[HandedOn]:
    """The file is copied into an image that a service is built from."""
    built = [service for service in project.services.values() if service.is_built]
    if not built:
        return
    from dsec_migrate.dockerfile import stages, words
    from dsec_migrate.planning.build_parts import ignored_in

    for service in built:
        build = builds.find(project, service)
        dockerfile = builds.dockerfile_of(project, build) if build is not None else None
        if build is None or dockerfile is None or not _is_below(real, os.path.realpath(build.context)):
            continue
        name = os.path.relpath(real, os.path.realpath(build.context))
        if ignored_in(build.context)(name):
            continue
        for stage in stages(dockerfile.content):
            for copy in stage.instructions:
                if copy.keyword not in {"ADD", "COPY"} or copy.flag("from") is not None:
                    continue
                named = [copy.text[slice(*word)] for word in list(words(copy.text, dockerfile.content.escape))[:-1]]
                for text in (word.removeprefix("./").strip("/") for word in named):
                    if text in {"", "."} or fnmatchcase(name, text) or name.startswith(f"{text}/"):
                        place = f"{os.path.normpath(dockerfile.source.path)}:{copy.line}"
                        yield HandedOn(f"{place} copies it into the image of {service.name}", is_sure=text == name)


__all__ = ["HandedOn", "reader_of"]
