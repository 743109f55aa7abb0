"""What Compose calls a project, and whether the project's files say so."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsec_migrate.document import Document, Mapping, Scalar
from dsec_migrate.environment import Environment, normalized_name
from dsec_migrate.project.model import Project, Service
from dsec_migrate.project.values import resolve
from dsec_migrate.records import replace


def of(documents: Sequence[Document], environment: Environment, directory: Path) -> str:
    """What the shell or an env file says, else the last ``name:``, else what the folder is called.

    Empty where Compose refuses the name.
    """
    if environment.given_name:
        return environment.given_name
    unnamed = replace(environment, project_name="")
    for node in reversed([node for document in documents for node in _names_in(document)]):
        if node.value:
            return normalized_name(resolve(node.value, unnamed).value or "")
    return normalized_name(os.path.basename(os.path.abspath(directory)))  # noqa: PTH100, PTH119


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


def _names_in(document: Document) -> Iterator[Scalar]:
    for root in document.roots:
        node = root.get("name") if isinstance(root, Mapping) else None
        if isinstance(node, Scalar):
            yield node
