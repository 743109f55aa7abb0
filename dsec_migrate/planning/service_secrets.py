"""Which mapping receives which entry of ``secrets:``, so that exactly the services that need a secret receive it.

Facts of Compose 2.40 that decide it: a service with its own ``secrets:`` inherits nothing of the list that ``<<`` adds;
``extends`` and several documents append their lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingType
from typing import NamedTuple

from dsec_migrate.compose.document import Alias, Content, Mapping, ParsedNode, Scalar, Sequence, follow, inherited
from dsec_migrate.compose.project import EnvFileDeclaration, Layer, Project
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT
from dsec_migrate.config.options import Options
from dsec_migrate.planning.changes import MountOptions
from dsec_migrate.planning.patches import InsertItem
from dsec_migrate.text.records import dataclass, field, replace


def place(project: Project, needs: MappingType[int, Need], options: Options, readers: Readers) -> Iterator[InsertItem]:
    """The lists to extend, for what each layer needs (:func:`needs_of`). ``readers``: how a service mounts a secret."""
    mount_options = MountOptions(options.uid, options.gid, options.mode)
    bodies = {id(layer.service): layer.service for service in project.services.values() for layer in service.layers}
    done: set[int] = set()
    held: set[int] = set()
    for need in needs.values():
        body = need.layer.service
        if id(body) in done:
            continue
        provider = need.provider()
        if provider is not body and _can_hold(provider, need, bodies.values(), needs):
            holder = provider
            done.update(id(other) for other in bodies.values() if _provides(provider, other, need.key))
        else:
            holder = body
            done.add(id(body))
        if id(holder) not in held:
            held.add(id(holder))
            own = _own_options(need, readers)
            if options.needs_long_syntax:
                chosen = {
                    name: tuple(replace(mount_options, target=one.target) for one in ways) for name, ways in own.items()
                }
                own = {name: ways for name, ways in chosen.items() if ways != (mount_options,)}
            yield from _add(need.layer, holder, tuple(need.names), mount_options, own)


Reading = tuple[str, str]
"""A service, and a secret that it reads."""
Readers = MappingType[Reading, tuple[MountOptions, ...]]
_PLAIN = (MountOptions(),)


@dataclass(frozen=True, repr=False, eq=False)
class Need:
    """The secrets (by name) that a layer adds to ``services``, by the keys of the layer that add them."""

    layer: Layer
    services: dict[str, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    keys: dict[str, None] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``environment`` or ``env_file`` if one of them adds all of the secrets, otherwise empty."""
        return next(iter(self.keys)) if len(self.keys) == 1 else ""

    def provider(self) -> Mapping:
        """The mapping that contains the key that adds them."""
        entry = self.layer.service.effective().get(self.key)
        return self.layer.service if entry is None else entry.owner


class Other(NamedTuple):
    """A secret (by name) that a service needs for something below a ``key`` of the layer."""

    service: str
    layer: Layer
    name: str
    key: str


def needs_of(
    project: Project, secrets_by_declaration: MappingType[int, str], others: Iterable[Other] = ()
) -> dict[int, Need]:
    """What each layer needs, by the ``id`` of its mapping, in text order, for declarations (by ``Declaration.key``)
    that each need a secret (by name), and for ``others``, which no variable needs."""
    collected: dict[int, Need] = {}
    declarations: dict[int, set[int]] = {}

    def add(service: str, layer: Layer, name: str, key: str) -> None:
        need = collected.setdefault(id(layer.service), Need(layer))
        need.services[service] = None
        need.names[name] = None
        need.keys[key] = None

    for service in project.services.values():
        for variable in service.variables.values():
            for declaration in variable.declarations:
                name = secrets_by_declaration.get(declaration.key)
                if name is None:
                    continue
                if isinstance(declaration, EnvFileDeclaration):
                    for file in service.env_files:
                        for layer in file.layers if file.text is declaration.document else ():
                            add(service.name, layer, name, "env_file")
                    continue
                for layer in reversed(service.layers):
                    if id(layer.service) not in declarations:
                        declarations[id(layer.service)] = _slot_keys(layer.environment)
                    if declaration.key in declarations[id(layer.service)]:
                        add(service.name, layer, name, "environment")
                        break
    for service_name, layer, name, key in others:
        add(service_name, layer, name, key)
    ordered = sorted(
        collected.items(), key=lambda item: (project.order(item[1].layer.document), item[1].layer.service.start)
    )
    return dict(ordered)


def _slot_keys(environment: Content | None) -> set[int]:
    """The ``Declaration.key`` of all entries of an environment."""
    if isinstance(environment, Mapping):
        return {id(entry) for entry in environment.effective().values()}
    return {id(item) for item in environment.items} if isinstance(environment, Sequence) else set()


def _provides(provider: Mapping, body: Mapping, key: str) -> bool:
    entry = body.effective().get(key)
    return entry is not None and entry.owner is provider


def _can_hold(provider: Mapping, need: Need, bodies: Iterable[Mapping], needs: MappingType[int, Need]) -> bool:
    """Whether a list in ``provider`` reaches exactly the services that inherit what it adds."""
    for body in bodies:
        secrets = body.effective().get("secrets")
        inherits = provider in inherited(body) and (secrets is None or secrets.owner is provider)
        if body is provider or _provides(provider, body, need.key):
            other = needs.get(id(body))
            if (body is not provider and not inherits) or other is None or other.names.keys() != need.names.keys():
                return False
        elif inherits:
            return False
    return True


def _own_options(need: Need, readers: Readers) -> dict[str, tuple[MountOptions, ...]]:
    """The options of each secret that all services reached by the list read in the same way."""
    found: dict[str, tuple[MountOptions, ...]] = {}
    for name in need.names:
        wanted = {readers.get((service, name), _PLAIN) for service in need.services}
        if len(wanted) == 1 and (only := wanted.pop()) != _PLAIN:
            found[name] = only
    return found


def _add(
    layer: Layer,
    holder: Mapping,
    names: tuple[str, ...],
    options: MountOptions,
    own_options: MappingType[str, tuple[MountOptions, ...]],
) -> Iterator[InsertItem]:
    entry = holder.effective().get("secrets")
    mounted = entry and follow(entry.value)
    items: list[ParsedNode] = list(mounted.items) if isinstance(mounted, Sequence) else []
    present = {name for item in items if (name := _default_mount(item))}
    own_options = {
        name: tuple(one for one in ways if one.target is not None or name not in present)
        for name, ways in own_options.items()
    }
    missing = tuple(
        name for name in names if own_options.get(name) or (name not in own_options and name not in present)
    )
    if not missing:
        return
    is_own_list = entry is not None and entry.owner is holder and not isinstance(entry.value, Alias)
    repeated = () if is_own_list else tuple(items)
    for name in missing:
        for one in own_options.get(name, (options,)):
            yield InsertItem(layer.document, holder, "secrets", one.item(name), repeated, origin=f"the mount of {name}")


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
