"""Which services reach each other, and the outside, as Compose connects them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from functools import cached_property

from dsec_migrate.compose.document import Content, Mapping, Scalar, Sequence, follow, is_given, plain
from dsec_migrate.compose.project import OVERRIDE, RESET, Project, Service
from dsec_migrate.text.records import dataclass

DEFAULT = "default"
_TRUE = {"true", "yes", "on", "y", "1"}


@dataclass(frozen=True, eq=False, repr=False)
class Attachment:
    """How a service is connected: ``mode`` is its ``network_mode:`` (then it has no networks); ``networks`` are
    options by network, None if there are none."""

    mode: str
    networks: MappingType[str, MappingType[str, object] | None]


class Reach:
    """The connections of a project's services."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.services = {name: _attachment(project, service) for name, service in project.services.items()}

    @cached_property
    def definitions(self) -> dict[str, dict[str, object]]:
        """The top-level ``networks:``, merged, as plain data."""
        merged: dict[str, dict[str, object]] = {}
        for _, root in self.project.roots:
            found = root.get("networks")
            if found is not None and found.tag in {OVERRIDE, RESET}:
                merged.clear()
            data = plain(found) if isinstance(found, Mapping) and found.tag != RESET else None
            for name, definition in data.items() if isinstance(data, dict) else ():
                merged[name] = {**merged.get(name, {}), **(definition if isinstance(definition, dict) else {})}
        return merged

    def owner(self, name: str) -> str:
        """The service whose connections ``name`` uses: itself, or the one that ``network_mode: service:X`` names."""
        seen: set[str] = set()
        while name in self.services and name not in seen:
            seen.add(name)
            kind, _, other = self.services[name].mode.partition(":")
            if kind != "service" or other not in self.services:
                break
            name = other
        return name

    def networks(self, name: str) -> frozenset[str]:
        return frozenset(self.services[self.owner(name)].networks)

    def shares(self, one: str, other: str) -> bool:
        """Whether the two can talk: they have a network in common, or are one host."""
        return self.owner(one) == self.owner(other) or bool(self.networks(one) & self.networks(other))

    def is_internal(self, network: str) -> bool:
        told = self.definitions.get(network, {}).get("internal")
        return told is True or (isinstance(told, str) and told.lower() in _TRUE)

    def has_way_out(self, name: str) -> bool:
        """Whether a service has external access, and published ports reach it."""
        attachment = self.services[self.owner(name)]
        if attachment.mode:
            return attachment.mode != "none"
        return any(not self.is_internal(network) for network in attachment.networks)


def _attachment(project: Project, service: Service) -> Attachment:
    mode = service.get("network_mode")
    if isinstance(mode, Scalar) and is_given(mode):
        return Attachment(project.resolve(mode.value).value or mode.value, {})
    found: dict[str, MappingType[str, object] | None] = {}
    for layer in service.layers:
        node = layer.service.get("networks")
        if node is not None and node.tag in {OVERRIDE, RESET}:
            found.clear()
        if node is None or node.tag == RESET:
            continue
        for name, options in _named(project, node):
            found[name] = {**(found.get(name) or {}), **options} if options else found.get(name)
    return Attachment("", found or {DEFAULT: None})


def _named(project: Project, node: Content) -> Iterator[tuple[str, MappingType[str, object]]]:
    if isinstance(node, Mapping):
        for name, entry in node.effective().items():
            data = plain(entry.value)
            yield name, data if isinstance(data, dict) else {}
    for item in node.items if isinstance(node, Sequence) else ():
        content = follow(item)
        if isinstance(content, Scalar):
            yield project.resolve(content.value).value or content.value, {}
