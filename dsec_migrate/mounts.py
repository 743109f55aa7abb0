"""Which mapping gets which entry of ``secrets:``, so that exactly the services that need a secret receive it.

Facts of Compose 2.40 that decide it: a service with its own ``secrets:`` gets nothing of the list that ``<<`` brings;
``extends`` and several documents append their lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType

from dsec_migrate.document import (
    Alias,
    Content,
    Mapping,
    ParsedNode,
    Scalar,
    Sequence,
    follow,
    is_merge_key,
    merge_sources,
)
from dsec_migrate.options import Options
from dsec_migrate.plan import SECRETS_MOUNT, AddMounts, MountOptions
from dsec_migrate.project import OVERRIDE, RESET, Layer, Project


def place(project: Project, secrets_by_slot: MappingType[int, str], options: Options) -> Iterator[AddMounts]:
    """The lists to extend, for slots (by ``Slot.key``) that each need a secret (by name)."""
    mount_options = MountOptions(options.uid, options.gid, options.mode)
    needs = dict(_needs(project, secrets_by_slot))
    bodies = [layer.service for service in project.services.values() for layer in service.layers if layer.editable]
    done: set[int] = set()
    held: set[int] = set()
    for layer, names in needs.values():
        body = layer.service
        if id(body) in done:
            continue
        provider = body.effective()["environment"].owner
        if provider is not body and _can_hold(provider, bodies, needs):
            holder = provider
            done.update(id(other) for other in bodies if _provides_environment(provider, other))
        else:
            holder = body
            done.add(id(body))
        if id(holder) not in held:
            held.add(id(holder))
            yield from _add(layer, holder, names, mount_options)


_Need = tuple[Layer, tuple[str, ...]]


def _needs(project: Project, secrets_by_slot: MappingType[int, str]) -> Iterator[tuple[int, _Need]]:
    """Names of secrets by the ``id`` of the mapping whose ``environment`` brings the slots, in text order."""
    collected: dict[int, tuple[Layer, dict[str, None]]] = {}
    slots: dict[int, set[int]] = {}
    for service in project.services.values():
        for variable in service.variables.values():
            name = secrets_by_slot.get(variable.slot.key)
            if name is None:
                continue
            for layer in reversed(service.layers):
                if id(layer.service) not in slots:
                    slots[id(layer.service)] = _slot_keys(layer.environment)
                if layer.editable and variable.slot.key in slots[id(layer.service)]:
                    collected.setdefault(id(layer.service), (layer, {}))[1][name] = None
                    break
    for key, (layer, names) in sorted(collected.items(), key=lambda item: item[1][0].service.start):
        yield key, (layer, tuple(names))


def _slot_keys(environment: Content | None) -> set[int]:
    """The ``Slot.key`` of all that an environment brings."""
    if isinstance(environment, Mapping):
        return {id(entry) for entry in environment.effective().values()}
    return {id(item) for item in environment.items} if isinstance(environment, Sequence) else set()


def _provides_environment(provider: Mapping, body: Mapping) -> bool:
    entry = body.effective().get("environment")
    return entry is not None and entry.owner is provider


def _can_hold(provider: Mapping, bodies: list[Mapping], needs: MappingType[int, _Need]) -> bool:
    """Whether a list in ``provider`` reaches all that inherit its ``environment``, and nobody else."""
    for body in bodies:
        secrets = body.effective().get("secrets")
        inherits = provider in _inherited(body) and (secrets is None or secrets.owner is provider)
        if body is provider or _provides_environment(provider, body):
            if (body is not provider and not inherits) or id(body) not in needs:
                return False
        elif inherits:
            return False
    return True


def _inherited(body: Mapping) -> Iterator[Mapping]:
    for entry in body.entries:
        if is_merge_key(entry.key):
            for source in merge_sources(entry.value):
                yield source
                yield from _inherited(source)


def _add(layer: Layer, holder: Mapping, names: tuple[str, ...], options: MountOptions) -> Iterator[AddMounts]:
    entry = holder.effective().get("secrets")
    mounted = entry and follow(entry.value)
    items: list[ParsedNode] = list(mounted.items) if isinstance(mounted, Sequence) else []
    present = {name for item in items if (name := _default_mount(item))}
    missing = tuple(name for name in names if name not in present)
    if not missing:
        return
    is_own_list = entry is not None and entry.owner is holder and not isinstance(entry.value, Alias)
    yield AddMounts(layer.document, holder, missing, options, () if is_own_list else tuple(items))


def _default_mount(item: ParsedNode) -> str | None:
    """The secret that an item mounts under its own name in /run/secrets."""
    content = follow(item)
    if isinstance(content, Scalar):
        return content.value
    if isinstance(content, Mapping):
        source, target = content.get("source"), content.get("target")
        if isinstance(source, Scalar):
            name = source.value
            if target is None or (isinstance(target, Scalar) and target.value in {name, f"{SECRETS_MOUNT}/{name}"}):
                return name
    return None


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


def definitions_root(project: Project) -> Mapping:
    """The document whose top-level ``secrets:`` takes new entries: the last that replaces those before it, else the
    first that has one, else the last."""
    roots = [root for root in project.document.roots if isinstance(root, Mapping)]
    for root in reversed(roots):
        definitions = root.get("secrets")
        if definitions is not None and definitions.tag in {OVERRIDE, RESET}:
            return root
    return next((root for root in roots if root.own("secrets") is not None), roots[-1])
