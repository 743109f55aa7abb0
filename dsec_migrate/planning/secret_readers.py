"""Who reads the files of a service's secrets, and with which permissions: decides the mode of a file.

Facts of Docker Engine 28: Compose mounts a file with the owner and mode that it has on the host; without a group in
``user:`` the group is 0 if the image has no such account; root without its capabilities (``cap_drop``) or in its own
namespace (``userns_mode``) reads only what others may.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from dsec_migrate.compose.document import Mapping, Scalar, is_given, walk
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.project.mounted import by_path, mounts, of_build
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Image

READABLE_BY_ALL, ONLY_OWNER = 0o444, 0o600
"""Modes of a secret's file: the folder above protects it from other users on the host."""

# a healthcheck runs as the container's user; the other keys contain no string that a program runs
_READ_BY_THE_USER = frozenset({"environment", "env_file", "healthcheck", "secrets"})


class Account(NamedTuple):
    """The numeric user and group in the container."""

    user: int
    group: int

    @property
    def is_root(self) -> bool:
        return self.user == 0


ROOT = Account(0, 0)


def account(service: Service, row: Image | None) -> Account | None:
    """The user that reads the files of a service: its own, otherwise the image's; None if its number is unknown."""
    node = service.get("user")
    if is_given(node):
        user, _, group = (node.value if isinstance(node, Scalar) else "").partition(":")
        user, group = (number if number != "root" else "0" for number in (user, group or "0"))
        return Account(int(user), int(group)) if _is_number(user) and _is_number(group) else None
    if row is None:
        return None
    if row.is_read_by_root:
        return ROOT
    user, _, group = row.reads_as.partition(":")
    # the same account has another number in images based on Alpine
    is_told = _is_number(user) and _is_number(group) and "alpine" not in (image_table.tag_of(service.image) or "")
    return Account(int(user), int(group)) if is_told else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def has_capabilities(service: Service) -> bool:
    """Whether root in the service has root's access to files of the host."""
    return service.get("cap_drop") is None and service.get("userns_mode") is None


def is_root_alone(service: Service, rows: Collection[Image | None], is_use: Callable[[Scalar], bool]) -> bool:
    """Whether only root with its capabilities reads a file, as far as the files of the project and the table show.

    ``rows`` are the images that the service may run; ``is_use`` recognizes a string that reads the file itself: the
    program that a command starts may have dropped root, and a hook may have a ``user`` of its own.
    """
    users = [user for layer in service.layers if is_given(user := layer.service.get("user"))]
    if not all(isinstance(user, Scalar) and user.value in {"root", "0", "0:0", "root:root"} for user in users):
        return False
    if not has_capabilities(service) or not all(row is not None and row.is_read_by_root for row in rows):
        return False
    return not any(is_use(text) for text in _texts(service))


def _texts(service: Service) -> Iterator[Scalar]:
    for layer in service.layers:
        for key, entry in layer.service.effective().items():
            if key not in _READ_BY_THE_USER:
                yield from (part for part in walk(entry.value) if isinstance(part, Scalar))


def mode_for(project: Project, secret: str) -> int:
    """The octal mode of a new file for a secret that the project mounts: only for its owner if every reader is root
    with its capabilities, or a build, which reads it as the user who starts it."""
    services = [
        service
        for service in project.services.values()
        if secret in by_path(service).values() and not _only_inherits(project, service, secret)
    ]
    if not services:
        is_of_build = any(secret == name for service in project.services.values() for name, _ in of_build(service))
        return ONLY_OWNER if is_of_build else READABLE_BY_ALL
    return ONLY_OWNER if all(is_closed(project, service, secret) for service in services) else READABLE_BY_ALL


def _only_inherits(project: Project, service: Service, secret: str) -> bool:
    """Whether the service inherits the mount with ``extends`` from a service with the same image, and nothing in it
    reads the file: what Compose passes on with the list is not its own need."""
    paths = [path for path, name in by_path(service).items() if name == secret]
    if any(path in (v.effective.value or "") for v in service.variables.values() for path in paths):
        return False
    if any(path in text.value for text in _texts(service) for path in paths):
        return False
    mounting = {id(mount.layer.service) for mount in mounts(service) if mount.source == secret}
    others = (one for one in project.services.values() if one is not service and one.image == service.image)
    own = {id(one.layers[-1].service) for one in others if one.layers}
    return bool(mounting) and mounting <= own


def is_closed(project: Project, service: Service, secret: str) -> bool:
    """Whether only root with its capabilities reads the file of a secret in a service that mounts it."""
    paths = [path for path, name in by_path(service).items() if name == secret]
    row = None if service.is_built else project.images.find(service.image)
    if row is None or not all(_is_taken(service, row, path) for path in paths):
        return False

    def names_it(text: Scalar) -> bool:
        return any(path in text.value for path in paths)

    # a label of any service may name the file to the program that mounts it (Traefik)
    labels = (part for one in project.services.values() for layer in one.layers for part in _labels(layer.service))
    return is_root_alone(service, [row], names_it) and not any(map(names_it, labels))


def _labels(service: Mapping) -> Iterator[Scalar]:
    node = service.get("labels")
    return (part for part in walk(node) if isinstance(part, Scalar)) if node is not None else iter(())


def _is_taken(service: Service, row: Image, path: str) -> bool:
    """Whether the image itself reads the file, through one of its variables."""
    # Pi-hole takes only the name
    own_name = path.rpartition("/")[2]
    for name, variable in service.variables.items():
        # each override file names its own file, and any selection of them may run
        texts = (variable.effective.value, *(declaration.text for declaration in variable.declarations))
        if any(text is not None and (path in text or text == own_name) for text in texts):
            bases = (name, name.removesuffix("__FILE"), name.removesuffix("_FILE"), name.removeprefix("FILE__"))
            if any((way := row.way(base)) is not None and way.name == name for base in bases):
                return True
    return False
