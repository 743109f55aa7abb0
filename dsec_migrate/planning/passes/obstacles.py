"""What prevents moving a variable, whatever its program reads."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from functools import lru_cache

from dsec_migrate.compose.document import Alias, Document, Mapping, Sequence, follow
from dsec_migrate.compose.project import (
    OVERRIDE,
    RESET,
    Argument,
    Declaration,
    EnvFileDeclaration,
    Layer,
    Service,
    has_unusual_line_ends,
)
from dsec_migrate.planning.passes import sharing
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.patterns import Pattern

RUN_INSIDE = ("healthcheck", "command", "entrypoint", "post_start", "pre_stop")
"""Keys whose text is run inside the container, where ``$$X`` is the container's variable."""

BESIDE = ("healthcheck", "post_start", "pre_stop")
"""Those that run beside the program: they see the container's variables, not those of its processes (observed)."""

_NAME = Pattern(r"[A-Za-z_][A-Za-z0-9_.-]*")


def find(case: Case, new_name: str | None) -> Skipped | None:
    """The first obstacle to renaming a variable to ``new_name``, None for what is not a variable."""
    service, variable = case.service, case.variable
    name = variable.name
    if service.name in case.project.duplicate_services:
        return Skipped(
            "its service is also defined in an included file: Compose accepts both only while they are equal"
        )
    if new_name is not None and not _NAME.fullmatch(name):
        return Skipped("its name has characters that are unusual in a variable name")
    if new_name is not None and new_name != name and new_name in service.variables:
        return Skipped(f"{new_name} is also set: remove one of the two by hand", "half-done")
    built = next(
        (
            declaration
            for declaration in variable.declarations
            if not isinstance(declaration, Argument) and "$" in declaration.lead
        ),
        None,
    )
    if built is not None:
        return Skipped(f"its name ({built.place}) is built from a variable: move it by hand")
    odd = next((declaration for declaration in variable.declarations if has_odd_line_ends(declaration.document)), None)
    if odd is not None:
        file = "the file" if odd.document is case.project.document else str(odd.document.source.path)
        return Skipped(f"{file} has line endings other than LF and CRLF: convert them first")
    replacing = replaces_mounts(service)
    if replacing is not None:
        file, line, _ = replacing.document.place(replacing.service.effective()["secrets"].key.start)
        return Skipped(f"{file}:{line} replaces its list of secrets: add the secret there by hand")
    named = next((declaration.place for declaration in variable.declarations if _has_shared_name(declaration)), None)
    if named is not None:
        return Skipped(f"its name ({named}) is shared through an alias")
    taker = next(
        (taker for declaration in variable.declarations if (taker := sharing.other_taker(case.project, declaration))),
        None,
    )
    if taker is not None:
        return Skipped(f"{taker} also uses its line through an anchor")
    neighbour = next(_neighbours(case), None)
    if neighbour is not None:
        return Skipped(neighbour)
    shared = next(_shared_lists(service), None)
    if shared is not None:
        return Skipped(f"another service shares its list of secrets through the alias at {shared}")
    return None


@lru_cache(maxsize=64)
def has_odd_line_ends(document: Document) -> bool:
    return has_unusual_line_ends(document.source.text)


def _neighbours(case: Case) -> Iterator[str]:
    """Other files that would restore the variable, lack the secret's definition, or read the same env file."""
    project, service, name = case.project, case.service, case.variable.name
    own = project.family or tuple(text.source.path for text in project.compose_texts)
    for layer in service.layers:
        body = _name_of_body(layer) or service.name
        extending = project.folders.extending(layer.document.source.path, body, own)
        if extending is not None:
            yield f"{extending} extends its service and would lack the definition of the secret"
    is_overlay = not service.is_built and not service.image
    for document in project.documents:
        place = project.folders.brings_back(document.source.path, service.name, name, own, is_overlay=is_overlay)
        if place is not None:
            yield f"{place} also sets it and would bring it back: migrate both files in one run"
    for declaration in case.variable.declarations:
        if isinstance(declaration, EnvFileDeclaration):
            if any(
                t is not declaration.document and t.path.samefile(declaration.document.source.path)
                for t in project.env_texts
            ):
                path = declaration.document.source.path
                yield f"{path} is read in two formats, in which its lines have different values"
            reader = project.folders.reading(declaration.document.source.path, project.directory, own)
            if reader is not None:
                yield f"{reader} also reads {declaration.document.source.path} and would lack the secret"


def _name_of_body(layer: Layer) -> str | None:
    """The name under which the layer's file lists the mapping."""
    return _names_of_bodies(layer.document).get(id(layer.service))


@lru_cache(maxsize=64)
def _names_of_bodies(document: Document) -> MappingType[int, str]:
    """The names of a file's services by the identity of their mappings, the first if an alias repeats one."""
    names: dict[int, str] = {}
    for root in document.roots:
        services = root.get("services") if isinstance(root, Mapping) else None
        for name, entry in services.effective().items() if isinstance(services, Mapping) else ():
            names.setdefault(id(follow(entry.value)), name)
    return names


def replaces_mounts(service: Service) -> Layer | None:
    """The first layer that replaces the list of secrets of those before it."""
    return next((layer for layer in service.layers[1:] if _replaces(layer.service)), None)


def _replaces(service: Mapping) -> bool:
    node = service.get("secrets")
    return node is not None and node.tag in {OVERRIDE, RESET}


def _has_shared_name(declaration: Declaration) -> bool:
    """Whether the variable's name is an alias, or others use it through an anchor: renaming would reach them."""
    key = declaration.entry.key if declaration.entry is not None else None
    if isinstance(key, Alias):
        return True
    return key is not None and key.anchor is not None and bool(declaration.document.aliases_of(key))


def _shared_lists(service: Service) -> Iterator[str]:
    """Aliases that use the service's own ``secrets:`` list elsewhere: they would receive what is added to it."""
    for layer in service.layers:
        entry = layer.service.effective().get("secrets")
        if entry is not None and isinstance(entry.value, Sequence) and entry.value.anchor is not None:
            for alias in layer.document.aliases_of(entry.value):
                file, line, _ = layer.document.place(alias.start)
                yield f"{file}:{line}"
