"""Data stores move to their own internal network, which they share only with the services that use them.

No service is cut off from what it may need: each service that may use the store joins its network and keeps its own. A
store about which anything is in doubt is skipped, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from dsec_migrate.compose.document import Mapping, ParsedNode, Scalar, Sequence, is_given, walk
from dsec_migrate.compose.project import Layer, Project, Service
from dsec_migrate.config.options import Harden
from dsec_migrate.detectors.finding import Action, Site
from dsec_migrate.images import datastores
from dsec_migrate.planning import top_level_secrets
from dsec_migrate.planning.hardening import editable, image_behaviour
from dsec_migrate.planning.hardening.reach import Reach
from dsec_migrate.planning.hardening.users import NAMES_IT, Users, labels_of, links_of, volumes_from
from dsec_migrate.planning.isolation_changes import Hardened
from dsec_migrate.planning.patches import InsertEntry, InsertItem, Patch, Remove, RenameKey, SetValue
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, replace

_DRIVERS = {"", "bridge"}
_PROXY_LABELS = ("traefik.", "caddy", "sablier.")
_OWN_ADDRESS = Pattern(r"\bhostname\s+-[iI]\b|\beth[0-9]\b|\bip\s+(?:-\S+\s+)*addr\b")
_PROVIDER = Pattern(r"(?i)providers\.(?:docker|swarm)\.network=")


@dataclass(frozen=True, eq=False, repr=False)
class StoreDecision:
    """The decision on one data store. ``left`` says why it is skipped; otherwise it moves to ``network``, or, if that
    is empty, is on internal networks already. ``users`` name it, ``used`` are those that it names itself, ``kept`` may
    use it, with the reason; ``cut`` certainly do not; ``reached`` do not either, but can still reach it, with the
    reason."""

    store: Service
    network: str = ""
    users: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    cut: tuple[str, ...] = ()
    reached: tuple[tuple[str, str], ...] = ()
    left: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        """The services that join its network."""
        return (*self.users, *self.used, *(name for name, _ in self.kept))


def decide(project: Project) -> tuple[StoreDecision, ...]:
    """One decision for each data store of the project, in the order of the file. Reads what services mount and are
    built from, writes nothing."""
    reach = Reach(project)
    users = Users(project, reach)
    return tuple(_settled(project, reach, users, [_decide(project, reach, users, store) for store in users.stores]))


def _decide(project: Project, reach: Reach, users: Users, store: Service) -> StoreDecision:
    if all(map(reach.is_internal, reach.networks(store.name))) and not reach.services[store.name].mode:
        return StoreDecision(store)
    left = _obstacle(project, reach, users, store)
    if left:
        return StoreDecision(store, left=left)
    named: list[str] = []
    used: list[str] = []
    kept: list[tuple[str, str]] = []
    cut: list[str] = []
    for name in project.services:
        if name == store.name or not reach.shares(name, store.name):
            continue
        how = users.use(name, store)
        if how == NAMES_IT:
            named.append(name)
        elif how:
            kept.append((name, how))
        elif users.mentions(store.name, project.services[name]):
            used.append(name)
        else:
            cut.append(name)
    kind = datastores.find(store.image)
    mates = [one for one in (*named, *used, *(name for name, _ in kept)) if _kind(project, one) is kind]
    if mates:
        # they may exchange addresses of a network that the others have not joined
        return StoreDecision(store, left=f"it may form a cluster with {', '.join(mates)}")
    if not (named or used or kept):
        return StoreDecision(store, left="nothing in the files uses it: its clients are unknown")
    network = _name(project, reach, store)
    return StoreDecision(store, network, tuple(named), tuple(used), tuple(kept), tuple(cut))


def _kind(project: Project, name: str) -> datastores.DataStore | None:
    service = project.services[name]
    return None if service.is_built else datastores.find(service.image)


def _name(project: Project, reach: Reach, store: Service) -> str:
    taken = {*reach.definitions, *(name for one in reach.services.values() for name in one.networks)}
    stem = f"{store.name}_internal"
    return next(name for name in (stem, *(f"{stem}_{n}" for n in range(2, 99))) if name not in taken)


def _settled(project: Project, reach: Reach, users: Users, found: list[StoreDecision]) -> list[StoreDecision]:
    """The decisions, made consistent: a store is skipped if one of its members cannot join."""
    decisions = [_checked(project, reach, users, decision) for decision in found]
    moved = {decision.store.name for decision in decisions if decision.network}
    # a store that moves has its own network, which the service that names it has joined
    decisions = [replace(one, used=tuple(name for name in one.used if name not in moved)) for one in decisions]
    after = networks_after(reach, decisions)
    return [_as_it_will_be(reach, after, decision) for decision in decisions]


def _checked(project: Project, reach: Reach, users: Users, decision: StoreDecision) -> StoreDecision:
    if not decision.network:
        return decision
    left = next(filter(None, (_cannot_join(project, reach, users, decision, name) for name in decision.members)), "")
    for one, other in combinations(decision.members, 2):
        if not left and not reach.shares(one, other):
            left = f"{one} and {other}, which may use it, would reach each other"
    return StoreDecision(decision.store, left=left) if left else decision


def networks_after(reach: Reach, decisions: Iterable[StoreDecision]) -> dict[str, list[str]]:
    """The networks of each service that has its own, the new ones first."""
    own = {one.store.name: one.network for one in decisions if one.network}
    after = {name: [own[name]] if name in own else [] for name, one in reach.services.items() if not one.mode}
    for decision in decisions:
        for member in decision.members if decision.network else ():
            names = after[reach.owner(member)]
            if decision.network not in names:
                names.append(decision.network)
    return {name: [*new, *(() if name in own else reach.services[name].networks)] for name, new in after.items()}


def _as_it_will_be(reach: Reach, after: dict[str, list[str]], decision: StoreDecision) -> StoreDecision:
    """A service that still reaches the store through another store's network is not cut off."""
    own = set(after.get(decision.store.name, ()))
    still = {name: own & set(after.get(reach.owner(name), ())) for name in decision.cut}
    kept = [(name, f"both are on {', '.join(sorted(names))}") for name, names in still.items() if names]
    cut = tuple(name for name, names in still.items() if not names)
    return replace(decision, cut=cut, reached=tuple(kept))


def _cannot_join(project: Project, reach: Reach, users: Users, decision: StoreDecision, name: str) -> str:
    owner = reach.owner(name)
    service = project.services[owner]
    who = f"{owner}, which may use it, cannot join a network"
    if reach.services[owner].mode:
        return f"{who}: it has network_mode: {reach.services[owner].mode}"
    joining = {reach.owner(member) for member in decision.members}
    left = editable.obstacle(project, service, joining=joining)
    if left:
        return f"{who}: {left}"
    if any("network_mode" in body.effective() for body in _elsewhere(project, owner)):
        return f"{who}: another file sets its network_mode"
    if any(_OWN_ADDRESS.search(text) for text in users.setup(owner).texts):
        return f"{who}: it looks up its own address, and would have several"
    labels = labels_of(service)
    if any(label.startswith("traefik.") for label in labels) and not _names_its_network(project, labels):
        return f"{who}: without the label traefik.docker.network, Traefik picks any of its networks"
    return ""


def _names_its_network(project: Project, labels: dict[str, str]) -> bool:
    if "traefik.docker.network" in labels or "traefik.swarm.network" in labels:
        return True
    return any(_PROVIDER.search(text) for _, root in project.roots for text in _texts(root))


def _elsewhere(project: Project, name: str) -> Iterator[Mapping]:
    """The definitions of a service in other files of the folder."""
    own = {text.source.path for text in project.compose_texts}
    for neighbour in project.folders.neighbours(project.source.path):
        if neighbour.path not in own and name in neighbour.text and name in neighbour.services:
            yield neighbour.services[name]


# --- why a store is skipped ---


def _obstacle(project: Project, reach: Reach, users: Users, store: Service) -> str:
    return next(filter(None, _obstacles(project, reach, users, store)), "")


def _obstacles(project: Project, reach: Reach, users: Users, store: Service) -> Iterator[str]:
    if project.included or len(project.family) > len(project.documents):
        yield "the project includes other projects, or is included: they may use it"
    if project.is_part or any(not one.image and not one.is_built for one in project.services.values()):
        yield "these files are only part of a project, whose other files may use it"
    attachment = reach.services[store.name]
    if attachment.mode:
        yield f"it has network_mode: {attachment.mode}"
    if any(_has(layer.service, "ports") for layer in store.layers):
        yield "it publishes ports, which does not work on an internal network"
    if store.is_built:
        yield "it is built here: what its image connects to is unknown"
    elif not image_behaviour.is_of_a_known_maker(store.image):
        yield "what else its image does is unknown"
    yield editable.obstacle(project, store)
    yield from _of_networks(reach, store)
    yield from _of_others(project, reach, users, store)
    for key in ("external_links", "extra_hosts", "dns", "mac_address"):
        if any(_has(layer.service, key) for layer in store.layers):
            yield f"it has {key}"
    yield from _of_needs(project, users, store)


def _has(service: Mapping, key: str) -> bool:
    node = service.get(key)
    return is_given(node) and not (isinstance(node, Sequence) and not node.items)


def _of_networks(reach: Reach, store: Service) -> Iterator[str]:
    for name, options in reach.services[store.name].networks.items():
        if options:
            yield f"it has {', '.join(sorted(options))} on the network {name}"
        definition = reach.definitions.get(name, {})
        if definition.get("external"):
            yield f"the network {name} is external: other projects may reach it there"
        if definition.get("name"):
            yield f"the network {name} has a custom name: other projects may be on it"
        if str(definition.get("driver") or "") not in _DRIVERS:
            yield f"the network {name} has the driver {definition['driver']}"
        if definition.get("ipam") or definition.get("enable_ipv4") is False:
            yield f"the network {name} has custom addresses, which something may rely on"


def _of_others(project: Project, reach: Reach, users: Users, store: Service) -> Iterator[str]:
    """How other services, or other files, use the store."""
    names = users.names(store)
    for name, service in project.services.items():
        kind, _, other = reach.services[name].mode.partition(":")
        if kind in {"service", "container"} and other in names:
            yield f"{name} shares its network"
        if any(source.partition(":")[0] == store.name for source in volumes_from(service)):
            yield f"{name} uses its volumes: it may exist only for these"
        if any(linked == store.name and alias not in names for linked, alias in links_of(service)):
            yield f"{name} links to it under another name"
    labels = labels_of(store)
    if any(label.startswith(_PROXY_LABELS) for label in labels) or "VIRTUAL_HOST" in store.variables:
        yield "a proxy exposes it"
    own = {text.source.path for text in project.compose_texts}
    word = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, sorted(names)))})(?![A-Za-z0-9])")
    for neighbour in project.folders.neighbours(project.source.path):
        is_other = neighbour.path not in own and neighbour.services.keys() & project.services.keys()
        if is_other and any(word.search(text) for body in neighbour.services.values() for text in _texts(body)):
            yield f"{neighbour.path.name} also refers to it: add that file with -f"


def _texts(node: ParsedNode) -> Iterator[str]:
    return (part.value for part in walk(node) if isinstance(part, Scalar))


def _of_needs(project: Project, users: Users, store: Service) -> Iterator[str]:
    """The external access that the store may need."""
    found = users.setup(store.name)
    if found.gap:
        yield f"not all of its settings are known: {found.gap}"
    yield image_behaviour.fetches_by_itself(store.image, " ".join((*store.variables, *found.texts)))
    inside = frozenset(name for service in project.services.values() for name in users.names(service))
    for name, variable in store.variables.items():
        value = variable.effective.value or ""
        if image_behaviour.is_outside_variable(name) and not _is_switch(value) and not _is_inside(value, inside):
            yield f"{name} may need external access"
        if image_behaviour.names_outside(value, inside):
            yield f"{name} names a host outside the project"
    for key in ("command", "entrypoint"):
        node = store.get(key)
        for part in walk(node) if node is not None else ():
            if isinstance(part, Scalar):
                text = project.resolve(part.value).value or part.value
                if image_behaviour.is_outside_command(text) or image_behaviour.names_outside(text, inside):
                    yield f"its {key} may need external access"
    if any(image_behaviour.is_outside_script(text) for text in found.texts):
        yield "its settings mention replicas or other servers"


def _is_inside(value: str, inside: frozenset[str]) -> bool:
    """Whether all hosts of a list are services of the project."""
    return all(word.partition(":")[0] in inside for word in value.replace(",", " ").split())


def _is_switch(value: str) -> bool:
    return value.strip().lower() in {"", "0", "1", "true", "false", "yes", "no", "on", "off", "none"}


# --- what changes in the files ---


def patches(project: Project, decisions: tuple[StoreDecision, ...]) -> Iterator[Patch]:
    reach = Reach(project)
    own = {decision.store.name for decision in decisions if decision.network}
    for name, networks in networks_after(reach, decisions).items():
        present = reach.services[name].networks
        new = tuple(network for network in networks if network not in present)
        if not new:
            continue
        layer = project.services[name].layers[0]
        yield from _joined(layer, new, tuple(present), name, is_instead=name in own)
        root = top_level_secrets.definitions_root(layer.document, "networks")
        for network in new:
            origin = f"the network {network}"
            yield InsertEntry(layer.document, root, ("networks", network), {"internal": True}, origin=origin)


def _joined(
    layer: Layer, names: tuple[str, ...], present: tuple[str, ...], service: str, *, is_instead: bool
) -> Iterator[Patch]:
    """The service also joins the networks ``names``; with ``is_instead`` only these. A new list must repeat the
    networks that the service is on (``present``)."""
    document, holder, origin = layer.document, layer.service, f"the networks of {service}"
    entry = holder.own("networks")
    if entry is None:
        listed = names if is_instead else (*present, *names)
        yield from (InsertItem(document, holder, "networks", name, origin=origin) for name in listed)
        return
    block = entry.value
    assert isinstance(block, (Mapping, Sequence))
    if is_instead:
        # the first one is renamed, the others are removed
        first, *others = names
        if isinstance(block, Mapping):
            yield RenameKey(document, block.entries[0], first, origin)
            yield from (Remove(document, one, origin=origin) for one in block.entries[1:])
        else:
            yield SetValue(document, block.items[0], first, origin)
            yield from (Remove(document, item, origin=origin) for item in block.items[1:])
    for name in others if is_instead else names:
        if isinstance(block, Mapping):
            yield InsertEntry(document, holder, ("networks", name), None, origin=origin)
        else:
            yield InsertItem(document, holder, "networks", name, origin=origin)


# --- what is reported ---


def told(decisions: tuple[StoreDecision, ...]) -> Iterator[Hardened]:
    for decision in decisions:
        layer = decision.store.layers[0]
        site = Site(*layer.document.place(_key_start(decision.store)))
        name = decision.store.name
        if decision.left:
            yield Hardened(Harden.NETWORKS, site, name, Action.KEEP, note=decision.left)
        elif decision.network:
            notes = "; ".join(_notes(decision))
            yield Hardened(
                Harden.NETWORKS, site, name, Action.MIGRATE, decision.network, decision.members, decision.cut, notes
            )


def _key_start(service: Service) -> int:
    """The position of a service's name."""
    layer = service.layers[0]
    for root in layer.document.roots:
        block = root.get("services") if isinstance(root, Mapping) else None
        entry = block.effective().get(service.name) if isinstance(block, Mapping) else None
        if entry is not None:
            return entry.key.start
    return layer.service.start


def _notes(decision: StoreDecision) -> Iterator[str]:
    if decision.cut:
        verb = "reaches" if len(decision.cut) == 1 else "reach"
        yield f"{', '.join(decision.cut)} no longer {verb} it: nothing in the files refers to it there"
    by_reason: dict[str, list[str]] = {}
    for name, why in decision.kept:
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        yield f"{', '.join(names)} may use it and can still reach it: {why}"
    for name, why in decision.reached:
        yield f"{name} does not use it but can still reach it: {why}"
    yield (
        "it loses external access, and nothing outside these files can reach it: backups to other hosts, replicas on "
        "other servers and queries that connect to other servers would fail"
    )


__all__ = ["StoreDecision", "decide", "patches", "told"]
