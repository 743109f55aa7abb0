"""Which secrets a service mounts, and where."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import NamedTuple

from dsec_migrate.compose.document import Mapping, ParsedNode, Scalar, Sequence, follow, plain
from dsec_migrate.compose.project.model import OVERRIDE, RESET, Layer, Project, Service

SECRETS_MOUNT = "/run/secrets"


def config_path(target: str) -> str:
    """The path in the container of a config's target, or of its name where it has none."""
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


class Mount(NamedTuple):
    """An entry of a service's ``secrets:`` (or ``configs``), as Compose resolves it; ``target`` is empty where it has
    none. ``item`` is where it stands."""

    source: str
    target: str
    item: ParsedNode
    layer: Layer

    @property
    def path(self) -> str:
        """The path of a secret in the container."""
        name = self.target or self.source
        return name if name.startswith("/") else f"{SECRETS_MOUNT}/{name}"


def mounts(service: Service, key: str = "secrets") -> Iterator[Mount]:
    """The entries of all files in Compose's order; ``!override`` and ``!reset`` remove those before them."""
    found: list[Mount] = []
    for layer in service.layers:
        node = layer.service.get(key)
        if node is not None and node.tag in {OVERRIDE, RESET}:
            found.clear()
        for item in node.items if isinstance(node, Sequence) and node.tag != RESET else []:
            source, target = _said(service, item)
            if source:
                found.append(Mount(source, target, item, layer))
    yield from found


def _said(service: Service, item: ParsedNode) -> tuple[str, str]:
    """Source and target of an entry."""
    content = follow(item)
    if isinstance(content, Mapping):
        return service.said(content.get("source")), service.said(content.get("target"))
    return service.said(content), ""


def sources(service: Service, key: str = "secrets") -> Iterator[str]:
    """The names of the secrets (or ``configs``) that a service mounts, in its order; one may occur twice."""
    yield from (mount.source for mount in mounts(service, key))


def of_build(service: Service) -> Iterator[tuple[str, str]]:
    """The secrets of a service's build, each with its id in the Dockerfile."""
    for layer in service.layers:
        build = layer.service.get("build")
        listed = build.get("secrets") if isinstance(build, Mapping) else None
        for item in listed.items if isinstance(listed, Sequence) else ():
            source, target = _said(service, item)
            if source:
                yield source, target or source


def by_path(service: Service) -> MappingType[str, str]:
    """Secret by path in the container; of two with one path Compose uses the later."""
    return {mount.path: mount.source for mount in mounts(service)}


def configs_by_path(service: Service) -> MappingType[str, tuple[str, MappingType[str, object]]]:
    """Config, and the owner and mode of its entry, by path in the container; of two with one path the later."""
    found: dict[str, tuple[str, MappingType[str, object]]] = {}
    for source, target, item, _ in mounts(service, "configs"):
        data = plain(item)
        options = data if isinstance(data, dict) else {}
        rest = {key: value for key, value in options.items() if key not in {"source", "target"}}
        found[config_path(target or source)] = (source, rest)
    return found


def targets_in_use(project: Project) -> set[str]:
    """Names of secrets that a service mounts, and names under /run/secrets that they take with a ``target``."""
    targets: set[str] = set()
    for service in project.services.values():
        # also what an override file removes: another choice of files may mount it
        for layer in service.layers:
            node = layer.service.get("secrets")
            for item in node.items if isinstance(node, Sequence) else []:
                source, target = _said(service, item)
                # what is mounted may be defined in another file
                targets.update({source, target, target.removeprefix(f"{SECRETS_MOUNT}/")} - {""})
    return targets
