"""Which secrets a service mounts, and where."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import NamedTuple

from dsec_migrate.document import Mapping, Scalar, Sequence, follow, plain
from dsec_migrate.project.model import OVERRIDE, RESET, Layer, Project, Service

SECRETS_MOUNT = "/run/secrets"


def config_path(target: str) -> str:
    """Where a config's target, or its name where it has none, stands in the container."""
    return target if target.startswith("/") else f"/{target}"


class Member(NamedTuple):
    """A service in a picture of its project: its image as it is written, empty where it has none, and the secrets that
    it mounts."""

    name: str
    image: str
    mounts: tuple[str, ...]


def members(project: Project) -> Iterator[Member]:
    for service in project.services.values():
        image = service.get("image")
        mounts = tuple(dict.fromkeys(by_path(service).values()))
        yield Member(service.name, image.value if isinstance(image, Scalar) else "", mounts)


def sources(service: Service, key: str = "secrets") -> Iterator[str]:
    """The names of the secrets (or ``configs``) that a service mounts, in its order; one may come twice."""
    for layer in service.layers:
        yield from sources_of(layer, key)


def sources_of(layer: Layer, key: str = "secrets") -> Iterator[str]:
    """As :func:`sources`, of one layer."""
    node = layer.service.get(key)
    for item in node.items if isinstance(node, Sequence) else []:
        content = follow(item)
        source = content.get("source") if isinstance(content, Mapping) else content
        if isinstance(source, Scalar):
            yield source.value


def of_build(service: Service) -> Iterator[tuple[str, str]]:
    """The secrets that a service's build gets, each with the id under which its Dockerfile knows it."""
    for layer in service.layers:
        build = layer.service.get("build")
        listed = build.get("secrets") if isinstance(build, Mapping) else None
        for item in listed.items if isinstance(listed, Sequence) else ():
            content = follow(item)
            source = content.get("source") if isinstance(content, Mapping) else content
            target = content.get("target") if isinstance(content, Mapping) else None
            if isinstance(source, Scalar):
                yield source.value, target.value if isinstance(target, Scalar) else source.value


def by_path(service: Service) -> MappingType[str, str]:
    """Secret by path in the container; of two with one path Compose takes the later."""
    mounted: dict[str, str] = {}
    for layer in service.layers:
        node = layer.service.get("secrets")
        if node is not None and node.tag in {OVERRIDE, RESET}:
            mounted.clear()
        if node is not None and node.tag == RESET:
            continue
        for item in node.items if isinstance(node, Sequence) else []:
            content = follow(item)
            if isinstance(content, Scalar):
                mounted[f"{SECRETS_MOUNT}/{content.value}"] = content.value
            elif isinstance(content, Mapping):
                source, target = content.get("source"), content.get("target")
                if isinstance(source, Scalar):
                    name = target.value if isinstance(target, Scalar) else source.value
                    mounted[name if name.startswith("/") else f"{SECRETS_MOUNT}/{name}"] = source.value
    return mounted


def configs_by_path(service: Service) -> MappingType[str, tuple[str, MappingType[str, object]]]:
    """Config, and the owner and mode that its entry says, by path in the container; of two with one path the later."""
    found: dict[str, tuple[str, MappingType[str, object]]] = {}
    for layer in service.layers:
        node = layer.service.get("configs")
        if node is not None and node.tag in {OVERRIDE, RESET}:
            found.clear()
        for item in node.items if isinstance(node, Sequence) and node.tag != RESET else []:
            content = follow(item)
            data = plain(content)
            options = data if isinstance(data, dict) else {"source": data}
            source = str(options.get("source"))
            rest = {key: value for key, value in options.items() if key not in {"source", "target"}}
            found[config_path(str(options.get("target") or source))] = (source, rest)
    return found


def targets_in_use(project: Project) -> set[str]:
    """Names of secrets that a service mounts, and names under /run/secrets that they take with a ``target``."""
    targets: set[str] = set()
    for service in project.services.values():
        for layer in service.layers:
            node = layer.service.get("secrets")
            for item in node.items if isinstance(node, Sequence) else []:
                content = follow(item)
                target = content.get("target") if isinstance(content, Mapping) else None
                source = content.get("source") if isinstance(content, Mapping) else content
                # what is mounted may be defined in another file
                targets.update(node.value for node in (target, source) if isinstance(node, Scalar))
                if isinstance(target, Scalar):
                    targets.add(target.value.removeprefix(f"{SECRETS_MOUNT}/"))
    return targets
