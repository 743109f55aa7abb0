"""The name that Compose gives a project, and whether the project's files set it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsec_migrate.compose.document import Document, Mapping, Scalar
from dsec_migrate.compose.environment import PROJECT_NAME, Environment, is_name, normalized_name
from dsec_migrate.compose.project.model import Project, Service
from dsec_migrate.compose.project.resolved_values import resolve
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace


def of(documents: Sequence[Document], environment: Environment, directory: Path) -> str:
    """The name from the shell or an env file, else the last ``name:``, else the folder's name; an empty one is ignored
    (observed with Compose 2.40).

    Empty where Compose refuses the name.
    """
    if given := environment.given_name:
        return given if is_name(given) else ""
    named = _last_name(documents)
    if named is not None:
        return normalized_name(resolve(named[1].value, replace(environment, project_name="")).value or "")
    return normalized_name(os.path.basename(os.path.abspath(directory)))  # noqa: PTH100, PTH119


def refused(documents: Sequence[Document], environment: Environment, directory: Path) -> Iterator[UserError]:
    """A project name that Compose refuses, unless ``-p`` sets another."""
    if of(documents, environment, directory):
        return
    advice = "give it one with a letter or a digit, or run Compose with -p"
    if environment.given_name:
        path, line = environment.places.get(PROJECT_NAME, (None, 0))
        is_in_file = path is not None and not environment.is_from_shell(PROJECT_NAME)
        what = f"Compose refuses {PROJECT_NAME}: it takes lower-case letters, digits, - and _, and no - or _ first"
        yield UserError(what, str(path) if is_in_file else "", line if is_in_file else 0, 1, advice)
    elif (named := _last_name(documents)) is not None:
        document, node = named
        yield document.error("this `name:` is empty after interpolation: Compose refuses it", node.start, advice)


def is_said(project: Project, service: Service) -> bool:
    """Whether whatever says something about the service says the project's name, too, so that it has the same one in
    another folder and without the project's other files."""
    if project.environment.is_included:
        return False
    if project.environment.given_name:
        return True
    said = {document: {node.value for node in _names_in(document)} - {""} for document in project.documents}
    brought = {layer.users[-1] if layer.users else layer.document for layer in service.layers}
    return len(set().union(*said.values())) == 1 and all(said.get(document) for document in brought)


def _last_name(documents: Sequence[Document]) -> tuple[Document, Scalar] | None:
    named = [(document, node) for document in documents for node in _names_in(document) if node.value]
    return named[-1] if named else None


def _names_in(document: Document) -> Iterator[Scalar]:
    for root in document.roots:
        node = root.get("name") if isinstance(root, Mapping) else None
        if isinstance(node, Scalar):
            yield node
