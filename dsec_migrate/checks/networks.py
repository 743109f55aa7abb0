"""Which services reach each other, and which name each other."""

from __future__ import annotations

import re

from dsec_migrate.document import Mapping, Scalar, Sequence, follow, walk
from dsec_migrate.patterns import Pattern
from dsec_migrate.project import Project, Service

_DEFAULT = "default"


def networks_of(project: Project, service: Service) -> frozenset[str] | None:
    """The networks of a service; None where it has another service's, the host's, or none."""
    if service.get("network_mode") is not None:
        return None
    found: set[str] = set()
    for layer in service.layers:
        node = layer.service.get("networks")
        if isinstance(node, Mapping):
            found.update(node.effective())
        for item in node.items if isinstance(node, Sequence) else ():
            content = follow(item)
            if isinstance(content, Scalar):
                found.add(project.resolve(content.value).value or content.value)
    return frozenset(found or {_DEFAULT})


def shared(project: Project, one: Service, other: Service) -> bool:
    """Whether the two share a network."""
    own, others = networks_of(project, one), networks_of(project, other)
    return bool(own and others and own & others)


# people name the server in their pages
_TOOLS = Pattern(
    r"(?i)(?:.*/)?(?:adminer|adminerevo|phpmyadmin|phppgadmin|pgadmin4?|pgweb|cloudbeaver|dbgate|mongo-express|nosqlclient|"
    r"redis-?insight|redis-commander|dbeaver|sqlpad|metabase|kafka-ui|kafdrop|elasticvue|cerebro|dejavu)(?:[:@].*)?"
)


def may_use(project: Project, service: Service, store: Service) -> bool:
    """Whether a service may use a data store, as far as the files tell: it names it, it is a member of the same
    cluster, or a tool with which people look into any."""
    if service.image and service.image == store.image:
        return True
    return _TOOLS.fullmatch(service.image) is not None or mentions(project, service, store)


def mentions(project: Project, service: Service, other: Service) -> bool:
    """Whether something in ``service`` names ``other``, so that it may use it."""
    names = {other.name, other.name.replace("_", "-")}
    for key in ("container_name", "hostname"):
        node = other.get(key)
        if isinstance(node, Scalar):
            names.add(project.resolve(node.value).value or node.value)
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(re.escape(name) for name in sorted(names) if name)})(?![\w-])")
    texts = [variable.effective.value or "" for variable in service.variables.values()]
    texts += [
        part.value
        for layer in service.layers
        for key, entry in layer.service.effective().items()
        if key not in {"image", "container_name"}
        for part in (entry.key, *walk(entry.value))
        if isinstance(part, Scalar)
    ]
    return any(pattern.search(text) for text in texts)
