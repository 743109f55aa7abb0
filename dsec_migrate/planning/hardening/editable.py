"""Whether the networks of a service can be edited exactly, and only for that service."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dsec_migrate.compose.document import (
    Alias,
    Content,
    Mapping,
    Scalar,
    Sequence,
    follow,
    inherited,
    is_given,
    is_merge_key,
)
from dsec_migrate.compose.project import Layer, Project, Service, claim_on


def obstacle(project: Project, service: Service, key: str = "networks", joining: Collection[str] = frozenset()) -> str:
    """Why a service's list ``key`` is not edited; empty if nothing prevents it. The services ``joining`` will have
    their own lists, whatever they inherit."""
    layers = service.layers
    texts = set(map(id, project.documents))
    for layer in layers:
        claim = claim_on(project, layer.document.source.path, layer.document.source.real_path)
        if claim is not None:
            return claim.reason
    if any(id(layer.document) not in texts or "extends" in layer.service.effective() for layer in layers):
        return "it extends another service"
    own = [id(layer.service) for layer in layers]
    for other in project.services.values():
        if other is not service and any(id(layer.service) in own for layer in other.layers):
            return f"{other.name} extends it"
    for layer in layers:
        heirs = list(_heirs(project, service, layer)) if layer.document.aliases_of(layer.service) else None
        if heirs == [] or any(one.name not in joining and not _has_own(one, key) for one in heirs or ()):
            return "other services inherit it through an anchor"
    told = [layer for layer in layers if key in layer.service.effective()]
    if any(layer is not layers[0] for layer in told):
        return f"an override file also sets its {key}"
    if not told:
        # what an override file lacks, the file below it may define
        return "" if layers[0].service.entries else "its definition is empty"
    return _obstacle_of_list(project, told[0].service, key)


def _obstacle_of_list(project: Project, holder: Mapping, key: str) -> str:
    entry = holder.own(key)
    if entry is None and key == "networks" and _is_names_only(holder.get(key)):
        # its own list repeats them
        return ""
    if entry is None or isinstance(entry.value, Alias):
        return f"it shares its {key} through an anchor"
    value = entry.value
    if not is_given(follow(value)):
        return f"its {key} are empty"
    is_shared = value.anchor is not None and any(text.aliases_of(value) for text in project.compose_texts)
    if is_shared:
        return f"it shares its {key} through an anchor"
    if value.tag is not None or entry.key.tag is not None:
        return f"its {key} have a YAML tag"
    if isinstance(value, Sequence):
        is_plain = all(isinstance(item, (Scalar, Mapping)) and item.tag is None for item in value.items)
        return "" if value.items and is_plain else f"its {key} use an unusual syntax"
    if isinstance(value, Mapping):
        is_plain = not any(is_merge_key(one.key) or isinstance(one.value, Alias) for one in value.entries)
        return "" if value.entries and is_plain else f"its {key} use an unusual syntax"
    return f"its {key} use an unusual syntax"


def _heirs(project: Project, service: Service, layer: Layer) -> Iterator[Service]:
    """The services that inherit the content of ``layer`` through a merge key."""
    for other in project.services.values():
        bodies = (body for one in other.layers for body in inherited(one.service))
        if other is not service and any(body is layer.service for body in bodies):
            yield other


def _has_own(service: Service, key: str) -> bool:
    return any(layer.service.own(key) is not None for layer in service.layers)


def _is_names_only(node: Content | None) -> bool:
    """Whether networks are listed by name only, without an expression or options."""
    if isinstance(node, Mapping):
        return all(not is_given(follow(entry.value)) for entry in node.effective().values())
    items = [follow(item) for item in node.items] if isinstance(node, Sequence) else []
    return bool(items) and all(isinstance(item, Scalar) and "$" not in item.value for item in items)
