"""Which files define a secret in their top-level ``secrets:``, so that Compose accepts every use of them.

Facts of Compose 2.40 that decide it: files that are merged need one definition among them, and two equal ones are one;
``extends`` does not bring the definitions of the other file along; a path is relative to the directory of the *first*
file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingType
from pathlib import Path

from dsec_migrate.compose.document import Document, Mapping
from dsec_migrate.compose.project import OVERRIDE, RESET, Layer, Project, definitions
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.patches import InsertEntry
from dsec_migrate.planning.service_secrets import Need


def place(project: Project, needs: Iterable[Need], secrets: Iterable[PlannedSecret]) -> Iterator[InsertEntry]:
    """The entries that ``secrets`` need, for the layers that mount them (``mounts.needs``)."""
    by_name: dict[str, list[Need]] = {}
    for need in needs:
        for name in need.names:
            by_name.setdefault(name, []).append(need)
    present = {id(text): definitions(text.roots) for text in project.compose_texts}
    for secret in secrets:
        if secret.is_new:
            for document in _documents(project, by_name.get(secret.name, ()), secret.name, present):
                data = secret.as_data()
                path = _path(project, document, secret) if "file" in data else ""
                value = {**data, "file": path} if path else data
                origin = f"the definition of {secret.name}"
                yield InsertEntry(document, definitions_root(document), ("secrets", secret.name), value, origin=origin)


def _documents(
    project: Project, needs: Iterable[Need], name: str, present: MappingType[int, MappingType[str, object]]
) -> Iterator[Document]:
    """The files that must define the secret: each that may be used without another one that does."""
    uses: dict[int, tuple[Document, dict[str, Layer]]] = {}
    for need in needs:
        # several files of a project may extend the same service
        brought = [one for name in need.services for one in project.services[name].layers]
        users = {user: None for one in brought if one.service is need.layer.service for user in one.users}
        for document in (need.layer.document, *users):
            services = uses.setdefault(id(document), (document, {}))[1]
            services.update(dict.fromkeys(need.services, need.layer))
    defined: set[int] = set()
    ordered = sorted(uses.values(), key=lambda use: project.order(use[0]))
    for document, services in ordered:
        if name not in present[id(document)]:
            bases = {id(_base(project, service)) for service, layer in services.items() if is_overlay(layer)}
            if bases & defined and document in project.documents:
                continue
            yield document
        defined.add(id(document))
    first = min((project.order(document) for document, _ in ordered), default=0)
    for document in project.documents[first:]:
        if _replaces(document) and id(document) not in defined and name not in present[id(document)]:
            yield document


def notes(project: Project, defined: Iterable[InsertEntry]) -> Iterator[str]:
    """Files in another folder that can be used on their own: their paths would then refer to that folder. ``defined``
    is the result of :func:`place`."""
    if len(project.documents) == 1:
        return
    directory = os.path.realpath(project.directory)
    if os.path.realpath(project.source.path.parent) != directory:
        # with --project-directory they are used already
        return
    paths = {
        patch.document.source.path: None
        for patch in defined
        if patch.document in project.documents[1:] and os.path.realpath(patch.document.source.path.parent) != directory
    }
    overlays = {
        layer.document.source.path
        for service in project.services.values()
        for layer in service.layers
        if is_overlay(layer)
    }
    for path in paths:
        if path not in overlays:
            yield f"{path} used on its own finds its secrets only with --project-directory {project.directory}"


def is_overlay(layer: Layer) -> bool:
    """Whether a layer changes a service without saying what it runs: it needs the file that does."""
    return not any(key in layer.service.effective() for key in ("image", "build", "extends"))


def _base(project: Project, service: str) -> Document | None:
    """The first file that says what a service runs."""
    for layer in project.services[service].layers:
        if any(key in layer.service.effective() for key in ("image", "build")):
            return layer.users[-1] if layer.users else layer.document
    return None


def _replaces(document: Document) -> bool:
    return any(
        found is not None and found.tag in {OVERRIDE, RESET}
        for root in document.roots
        if isinstance(root, Mapping)
        for found in (root.get("secrets"),)
    )


def definitions_root(document: Document, key: str = "secrets") -> Mapping:
    """The YAML document whose top-level ``secrets:`` (or other ``key``) takes new entries: the last that replaces those
    before it, else the first that has one, else the last."""
    roots = [root for root in document.roots if isinstance(root, Mapping)]
    for root in reversed(roots):
        found = root.get(key)
        if found is not None and found.tag in {OVERRIDE, RESET}:
            return root
    return next((root for root in roots if root.own(key) is not None), roots[-1])


def _path(project: Project, document: Document, secret: PlannedSecret) -> str:
    """The file of the secret as ``document`` must name it, if that differs from the project."""
    if document in project.documents or secret.path is None or "$" in secret.file:
        return ""
    folder = os.path.abspath(document.source.path.parent)  # noqa: PTH100
    relative = Path(os.path.relpath(os.path.abspath(secret.path), folder)).as_posix()  # noqa: PTH100
    return relative if relative.startswith("../") else f"./{relative}"
