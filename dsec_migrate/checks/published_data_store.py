"""No data store publishes its port to the network.

`ports: "5432:5432"` binds all addresses of the host, and Docker's rules come before those of most firewalls (ufw lets
it through). The services of the project reach the store without any published port.

What to do: remove the line, or bind it to this host alone: `127.0.0.1:5432:5432`.

Source: Docker's documentation, "Packet filtering and firewalls"; Compose, `ports`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.compose.document import Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.detectors.finding import Site
from dsec_migrate.images import datastores

_LOCAL = ("127.", "[::1]", "::1", "localhost")
# host addresses, host ports, container ports, protocol
_SHORT = re.compile(r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[\w.]+):)?(?P<host>[\d-]*):(?P<port>[\d-]+)(?:/\w+)?")


def look(subject: Subject) -> Iterator[Item | Done]:
    closed: list[str] = []
    for service in subject.project.services.values():
        store = None if service.is_built else datastores.find(service.image)
        if store is None:
            continue
        found = [(site, port) for site, port in _published(subject.project, service) if port in store.ports]
        for site, port in found:
            yield Item(
                site,
                f"{service.name}:{port}",
                f"{store.name} listens on every address of the host",
                "remove the line, or prefix it with 127.0.0.1: if programs on this host need it",
                Weight.MEDIUM,
            )
        if not found:
            closed.append(service.name)
    if closed:
        yield Done(f"{', '.join(closed)}: reachable only from inside the project or from this host")


def _published(project: Project, service: Service) -> Iterator[tuple[Site, int]]:
    """The container ports that other hosts can reach, with their locations."""
    for layer in service.layers:
        node = layer.service.get("ports")
        for item in node.items if isinstance(node, Sequence) else ():
            site = Site(*layer.document.place(item.start))
            content = follow(item)
            if isinstance(content, Mapping):
                address, port, published = (_text(project, content, key) for key in ("host_ip", "target", "published"))
                if published and port.isdigit() and not address.startswith(_LOCAL):
                    yield site, int(port)
            elif isinstance(content, Scalar):
                match = _SHORT.fullmatch(project.resolve(content.value).value or content.value)
                if match is not None and not (match["address"] or "").startswith(_LOCAL):
                    first, _, last = match["port"].partition("-")
                    yield from ((site, port) for port in range(int(first), int(last or first) + 1))


def _text(project: Project, node: Mapping, key: str) -> str:
    value = node.get(key)
    return (project.resolve(value.value).value or "") if isinstance(value, Scalar) else ""
