"""The names in a project: if a password equals one of them, its occurrences elsewhere prove nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from dsec_migrate.compose.document import Mapping, Scalar
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.detectors import namesakes
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.detectors.value_shapes import looks_random
from dsec_migrate.images import reference
from dsec_migrate.text.patterns import Pattern

_KEYS = ("container_name", "hostname", "domainname")
_BLOCKS = ("volumes", "networks", "configs")
_PART = Pattern(r"[a-z0-9]+")


def is_distinctive_in(project: Project, value: str) -> bool:
    """As :func:`~dsec_migrate.detectors.placeholder.is_distinctive`, if nothing in the project has that name."""
    return is_distinctive(value) and not is_own_word(project, value)


def is_own_word(project: Project, value: str) -> bool:
    """Whether ``value`` is (a part of) a name: of a service, an image, a volume, a user and the like."""
    words, parts = _words(project)
    word = value.lower()
    if not parts.issuperset(_PART.findall(word)) or looks_random(value):
        return False
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", words) is not None


def is_name_of_project(project: Project, service: str, value: str) -> bool:
    """Whether ``value`` is the first guess for ``service``: the name of the project, or of the program for which the
    service exists."""
    word = value.lower()
    if word in {project.environment.project_name.lower(), project.directory.name.lower()}:
        return True
    return any(name != service for name in _services_called(project).get(word, ()))


@lru_cache(maxsize=4)
def _services_called(project: Project) -> dict[str, set[str]]:
    """The services by their own names and those of their programs, in lower case."""
    found: dict[str, set[str]] = {}
    for name, service in project.services.items():
        for word in (service.name.lower(), _product(service)):
            found.setdefault(word, set()).add(name)
    return found


@lru_cache(maxsize=4)
def _words(project: Project) -> tuple[str, frozenset[str]]:
    """All names in lower case, one per line, and their parts: called for each finding of a project."""
    words = "\n".join(dict.fromkeys(name.lower() for name in _names(project) if name))
    return words, frozenset(_PART.findall(words))


def _names(project: Project) -> Iterator[str]:
    yield from (project.environment.project_name, project.directory.name)
    yield from namesakes.names_of(project)
    for service in project.services.values():
        if service.image:
            yield reference.parse(service.image).path
        for key in _KEYS:
            node = service.get(key)
            if isinstance(node, Scalar):
                yield node.value
    for _, root in project.roots:
        for key in _BLOCKS:
            block = root.get(key)
            yield from block.effective() if isinstance(block, Mapping) else ()


def _product(service: Service) -> str:
    return reference.parse(service.image).path.rpartition("/")[2].lower() if service.image else ""
