"""Which services use a data store, as far as the files show. In doubt, a service counts as a user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from dsec_migrate.compose.document import Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.service_texts import SOCKET, Setup, setup
from dsec_migrate.images import datastores
from dsec_migrate.planning.hardening import image_behaviour
from dsec_migrate.planning.hardening.reach import Reach
from dsec_migrate.text.patterns import Pattern

NAMES_IT = "names it"
_OF_A_HOST = Pattern(r"(?i)host|server|addr|endpoint")


class Users:
    """Answers for the services of a project; reads the files of each once."""

    def __init__(self, project: Project, reach: Reach) -> None:
        self.project = project
        self.reach = reach
        self._setups: dict[str, Setup] = {}

    def setup(self, name: str) -> Setup:
        if name not in self._setups:
            service = self.project.services[name]
            is_store = datastores.find(service.image) is not None and not service.is_built
            self._setups[name] = setup(self.project, service, is_store=is_store)
        return self._setups[name]

    @cached_property
    def stores(self) -> tuple[Service, ...]:
        return tuple(one for one in self.project.services.values() if datastores.find(one.image) is not None)

    def names(self, service: Service) -> frozenset[str]:
        """The names under which others may reach a service."""
        found = {service.name, service.name.replace("_", "-")}
        for key in ("container_name", "hostname"):
            node = service.get(key)
            if isinstance(node, Scalar):
                found.add(self.project.resolve(node.value).value or node.value)
        for options in self.reach.services[service.name].networks.values():
            aliases = (options or {}).get("aliases")
            found.update(str(alias) for alias in (aliases if isinstance(aliases, list) else ()))
        return frozenset(name for name in found if name)

    def mentions(self, one: str, other: Service) -> bool:
        """Whether a text of ``one`` contains a name of ``other`` as a word; parts of longer names count, too."""
        words = "|".join(re.escape(name) for name in sorted(self.names(other)))
        pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")
        return any(pattern.search(text) is not None for text in self.setup(one).texts)

    def use(self, one: str, store: Service) -> str:
        """How ``one`` uses ``store``: that it names it, or why it may; empty if it certainly does not."""
        service = self.project.services[one]
        if one == store.name:
            return ""
        if self.mentions(one, store):
            return NAMES_IT
        kind = datastores.find(store.image)
        assert kind is not None
        if image_behaviour.is_one_of_a_kind(kind.name) and self._names_another(service, store, kind):
            return ""
        own_kind = datastores.find(service.image)
        if own_kind is not None and not service.is_built:
            return self._of_store(service, store, own_kind, is_same_kind=own_kind is kind)
        return self._of_program(service, store, kind.name)

    def _names_another(self, service: Service, store: Service, kind: datastores.DataStore) -> bool:
        """Whether the service's variables name the host of another store of this kind."""
        others = [one for one in self.stores if one is not store and datastores.find(one.image) is kind]
        words = "|".join(re.escape(name) for one in others for name in sorted(self.names(one)))
        if not words:
            return False
        address = re.compile(rf"(?:.*(?://|@)(?:{words})|(?:{words}):\d+)(?![\w.-]).*")
        bare = re.compile(words)
        return any(
            address.fullmatch(value) or (_OF_A_HOST.search(variable.name) and bare.fullmatch(value))
            for variable in service.variables.values()
            if (value := variable.effective.value)
        )

    def _of_store(self, service: Service, store: Service, own_kind: datastores.DataStore, *, is_same_kind: bool) -> str:
        if image_behaviour.reads_others(own_kind.name):
            return "its queries may read from other data stores"
        if image_behaviour.is_built_on_others(service.image):
            return "it keeps its data in another data store"
        found = self.setup(service.name)
        if found.gap:
            return found.gap
        if not is_same_kind:
            return ""
        texts = (*found.texts, *self.setup(store.name).texts, service.name, store.name)
        is_alone = image_behaviour.may_be_alone(own_kind.name) and not any(map(image_behaviour.speaks_of_others, texts))
        return "" if is_alone else "both may belong to one cluster"

    def _of_program(self, service: Service, store: Service, kind: str) -> str:
        found = self.setup(service.name)
        if not service.is_built and not image_behaviour.is_quiet(service.image):
            return "its image may connect to it by default"
        if found.gap and not (SOCKET in found.gap and image_behaviour.works_through_the_engine(service.image)):
            return found.gap
        if image_behaviour.is_proxy_of_labels(service.image) and image_behaviour.has_pages(kind):
            told = " ".join(found.texts).lower()
            if not re.search(r"exposedbydefault[\"']?\s*[=:]?\s*[\"']?false", told):
                return "it exposes all containers by default"
        return ""


def links_of(service: Service) -> list[tuple[str, str]]:
    """Service and alias of each ``links:`` entry."""
    split = (text.partition(":") for text in _items(service, "links"))
    return [(name, alias or name) for name, _, alias in split]


def volumes_from(service: Service) -> list[str]:
    return list(_items(service, "volumes_from"))


def _items(service: Service, key: str) -> Iterator[str]:
    for layer in service.layers:
        node = layer.service.get(key)
        for item in node.items if isinstance(node, Sequence) else ():
            content = follow(item)
            if isinstance(content, Scalar):
                yield content.value


def labels_of(service: Service) -> dict[str, str]:
    found: dict[str, str] = {}
    for layer in service.layers:
        for holder in (layer.service, layer.service.get("deploy")):
            node = holder.get("labels") if isinstance(holder, Mapping) else None
            if isinstance(node, Mapping):
                for name, entry in node.effective().items():
                    value = follow(entry.value)
                    found[name] = value.value if isinstance(value, Scalar) else ""
            for item in node.items if isinstance(node, Sequence) else ():
                content = follow(item)
                if isinstance(content, Scalar):
                    name, _, value_text = content.value.partition("=")
                    found[name] = value_text
    return found
