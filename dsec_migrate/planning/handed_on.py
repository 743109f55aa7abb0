"""Who reads an env file besides Compose: services that mount it, builds that copy it, scripts that source it.

They read its lines directly: one that is removed or renamed is gone for them, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dsec_migrate.compose import builds
from dsec_migrate.compose.builds import Build
from dsec_migrate.compose.document import Content, Mapping, ParsedNode, Scalar, Sequence, follow, plain
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.planning.host_scripts import loading, naming

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Dockerfile, Instruction


class HandedOn(NamedTuple):
    """``reason`` says who reads the file. ``is_sure``: the file itself is named, not only its folder."""

    reason: str
    is_sure: bool


def reader_of(project: Project, path: Path) -> HandedOn | None:
    """Who reads an env file of the project besides Compose; None if nobody is known."""
    found = list(_readers(project, os.path.realpath(path)))
    return next((one for one in found if one.is_sure), found[0] if found else None)


@lru_cache(maxsize=64)
def _readers(project: Project, real: str) -> tuple[HandedOn, ...]:
    return (
        *_definitions(project, real),
        *_mounts(project, real),
        *_builds(project, real),
        *(HandedOn(f"{place} names it", is_sure=False) for place in naming(real)),
        *(HandedOn(f"{place} loads it", is_sure=False) for place in loading(real)),
    )


def _definitions(project: Project, real: str) -> Iterator[HandedOn]:
    """Secrets and configs whose file it is."""
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
                yield HandedOn(f"the volume {name} contains its folder", is_sure=False)


def _sources(service: Service) -> Iterator[str]:
    """The host paths that a service mounts or syncs, as written."""
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
        # ${…:-…} may contain a colon
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
    # YAML can express a NUL, which no path contains
    value = (project.resolve(text).value or "").replace("\0", "")
    for name in ("${PWD}", "$PWD"):
        if text.startswith(name):
            # wherever this runs, Compose usually runs in the project's folder
            value = f".{text[len(name) :]}"
    return os.path.realpath(os.path.join(project.directory, os.path.expanduser(value)))  # noqa: PTH111, PTH118


def _is_below(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip(os.sep) + os.sep)


def _builds(project: Project, real: str) -> Iterator[HandedOn]:
    """Builds that copy the file into the image of a service."""
    built = [service for service in project.services.values() if service.is_built]
    if not built:
        return
    from dsec_migrate import dockerfile

    for service in built:
        build = builds.find(project, service)
        if build is None:
            continue
        text = builds.dockerfile_of(project, build)
        if text is not None:
            yield from _copies(build, text.content, os.path.normpath(text.source.path), service, real)
        elif build.inline is not None and (source := build.source()) is not None:
            place = f"the inline Dockerfile of {service.name}"
            yield from _copies(build, dockerfile.read(source), place, service, real)


def _copies(build: Build, content: Dockerfile, where: str, service: Service, real: str) -> Iterator[HandedOn]:
    from dsec_migrate.planning.build_parts import ignored_in

    # where the file is in each context that has it
    names: dict[str | None, str] = {}
    contexts: list[tuple[str | None, Path]] = [(None, build.context), *build.others.items()]
    for context, folder in contexts:
        if _is_below(real, os.path.realpath(folder)):
            name = os.path.relpath(real, os.path.realpath(folder))
            if not ignored_in(folder)(name):
                names[context] = name
    for instruction in content.instructions if names else ():
        for taken_from, source in _taken(instruction, content.escape):
            text = source.strip("/").removeprefix("./").strip("/")
            known = names.get(taken_from)
            if known is not None and (text in {"", "."} or fnmatchcase(known, text) or known.startswith(f"{text}/")):
                place = f"{where}:{instruction.line}"
                how = "mounts it in the build" if instruction.keyword == "RUN" else "copies it into the image"
                yield HandedOn(f"{place} {how} of {service.name}", is_sure=text == known)


def _taken(instruction: Instruction, escape: str) -> Iterator[tuple[str | None, str]]:
    """What an instruction takes from outside: the name of the context or stage, None for the build's own, and the path
    in it."""
    from dsec_migrate.dockerfile import words

    if instruction.keyword in {"ADD", "COPY"}:
        texts = instruction.words() or [instruction.text[slice(*word)] for word in words(instruction.text, escape)]
        yield from ((instruction.flag("from"), text) for text in texts[:-1])
    for flag in instruction.flags if instruction.keyword == "RUN" else ():
        pairs = (word.partition("=") for word in (flag.value or "").split(","))
        options = {name: value for name, _, value in pairs}
        if flag.name == "mount" and options.get("type", "bind") == "bind":
            yield options.get("from"), options.get("source") or options.get("src") or "."


__all__ = ["HandedOn", "reader_of"]
