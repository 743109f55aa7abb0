"""The edits of a project's files for a rotation: a second secret beside the first, or a new name in Swarm.

What is added repeats the lines of the first secret, in their style; what is removed is exactly what was added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dsec_migrate.compose.document import Document, Entry, ParsedNode, Scalar, Sequence, follow, parse, plain, walk
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, mounts
from dsec_migrate.planning.patches import InsertEntry, Patch, Remove, Repeat, SetValue
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Edit
from dsec_migrate.verify.interpreter import Interpreter

Changed = list[tuple[Document, tuple[Edit, ...], str]]
"""Each file with its edits and its new text."""


def beside(
    project: Project, name: str, new: str, file: str, services: frozenset[str], *, with_variables: bool
) -> Changed:
    """Mounts and definitions of ``new`` beside those of ``name``, its value in ``file``, for ``services``; and
    ``X_NEW_FILE`` beside each ``X_FILE``. Raises UserError where lines cannot be repeated exactly."""

    for mount in (one for service in services for one in mounts(project.services[service])):
        content = follow(mount.item)
        source = content.get("source") if isinstance(content, MappingNode) else content
        if mount.source == name and isinstance(source, Scalar) and source.value != name:
            what = f"this mount refers to {name} through a variable: add the second secret by hand"
            raise mount.layer.document.error(what, mount.item.start)

    def patches(document: Document, root: MappingNode) -> Iterator[Patch]:
        for entry in _definitions(root, name):
            yield _again(document, entry, _renamed_definition(entry, new, file))
        for service in _services(root, services):
            for item in _mounts(service, name):
                yield _again(document, item, _renamed_mount(item, new))
            for place in _variables(service, name) if with_variables else ():
                yield _again(document, place, _renamed_variable(place, new))

    return _changed(project, patches)


def without(project: Project, new: str) -> Changed:
    """The files without anything that refers to the secret ``new``."""

    def patches(document: Document, root: MappingNode) -> Iterator[Patch]:
        places: list[_Place] = list(_definitions(root, new))
        for service in _services(root, None):
            places += (*_mounts(service, new), *_variables(service, new))
        yield from (Remove(document, place, origin=new) for place in places)

    return _changed(project, patches)


def called(project: Project, name: str, external_name: str) -> Changed:
    """Sets ``external_name`` in the definition of the external secret ``name``."""

    def patches(document: Document, root: MappingNode) -> Iterator[Patch]:
        for entry in _definitions(root, name):
            body = entry.value
            if not isinstance(body, MappingNode) or body.tag is not None:
                raise document.error(f"the definition of {name} is shared or tagged", entry.value.start)
            own = body.own("name")
            if own is None:
                yield InsertEntry(document, body, ("name",), external_name, origin=name)
            elif not isinstance(own.value, Scalar) or own.value.anchor is not None or "$" in own.value.value:
                raise document.error("its name is interpolated: change it by hand", own.value.start)
            else:
                yield SetValue(document, own.value, external_name, name)

    return _changed(project, patches)


def _changed(project: Project, patches: Callable[[Document, MappingNode], Iterable[Patch]]) -> Changed:
    """The files that change, proved. Raises VerificationError."""
    found: Changed = []
    for document in project.documents:
        own = [patch for root in document.roots if isinstance(root, MappingNode) for patch in patches(document, root)]
        if own:
            text, edits = rewrite(document, own)
            found.append((document, edits, text))
            expected = Interpreter(own)
            after = parse(document.source.with_text(text))
            # a text that cannot be parsed is never written
            if after.problems or list(map(plain, after.roots)) != list(map(expected.data, document.roots)):
                raise VerificationError(f"{document.source.path} would not contain what was planned")
    return found


def check(before: Changed, expected: Callable[[Any], Any]) -> None:
    """Checks that the new texts mean what ``expected`` makes of the plain data of the old ones. Raises
    VerificationError."""
    for document, _, text in before:
        after = parse(replace(document.source, text=text))
        for old, new in zip(document.roots, after.roots, strict=True):
            if plain(new) != expected(plain(old)):
                raise VerificationError(f"{document.source.path} would not contain what was planned")


# --- places ---

_Place = Entry | ParsedNode


def _definitions(root: MappingNode, name: str) -> Iterator[Entry]:
    secrets = root.own("secrets")
    content = follow(secrets.value) if secrets is not None else None
    entry = content.own(name) if isinstance(content, MappingNode) else None
    if entry is not None:
        yield entry


def _services(root: MappingNode, names: frozenset[str] | None) -> Iterator[MappingNode]:
    """The services in the text, and blocks that they reference through anchors."""
    services = root.get("services")
    seen: set[int] = set()
    for entry in services.entries if isinstance(services, MappingNode) else ():
        body = follow(entry.value)
        if isinstance(body, MappingNode) and (names is None or entry.name in names) and id(body) not in seen:
            seen.add(id(body))
            yield body


def _mounts(service: MappingNode, name: str) -> Iterator[ParsedNode]:
    mounted = service.get("secrets")
    for item in mounted.items if isinstance(mounted, Sequence) else ():
        content = follow(item)
        source = content.get("source") if isinstance(content, MappingNode) else content
        if isinstance(source, Scalar) and source.value == name:
            yield item


def _variables(service: MappingNode, name: str) -> Iterator[_Place]:
    """The lines that refer to the file of the secret."""
    path = f"{SECRETS_MOUNT}/{name}"
    block = service.get("environment")
    if isinstance(block, MappingNode):
        for entry in block.effective().values():
            value = follow(entry.value)
            if isinstance(value, Scalar) and value.value == path:
                yield entry
    elif isinstance(block, Sequence):
        for item in block.items:
            content = follow(item)
            if isinstance(content, Scalar) and content.value.partition("=")[2] == path:
                yield item


# --- a place once more ---

_Renaming = tuple[tuple[Scalar, str], ...]


def _again(document: Document, place: _Place, renaming: _Renaming) -> Patch:
    """``place`` once more, parts of it under other names."""
    nodes = (place.key, place.value) if isinstance(place, Entry) else (place,)
    if any(part.anchor is not None or part.tag is not None for node in nodes for part in walk(node)):
        raise document.error("there is an anchor or a tag: add the second secret by hand", nodes[0].outer_start)
    return Repeat(document, place, renaming, "a second secret")


def _scalar(node: ParsedNode | None, text: str) -> _Renaming:
    return ((node, text),) if isinstance(node, Scalar) else ()


def _renamed_definition(entry: Entry, new: str, file: str) -> _Renaming:
    body = entry.value
    own = body.own("file") if isinstance(body, MappingNode) else None
    if own is None or not isinstance(body, MappingNode) or len(body.entries) != 1:
        raise UserError(
            f"the definition of {entry.name} has more keys than `file:`", help="rotate it with --strategy replace"
        )
    return (*_scalar(entry.key, new), *_scalar(own.value, file))


def _renamed_mount(item: ParsedNode, new: str) -> _Renaming:
    if isinstance(item, MappingNode):
        source, target = item.own("source"), item.own("target")
        assert source is not None
        return (*_scalar(source.value, new), *(_scalar(target.value, new) if target is not None else ()))
    return _scalar(item, new)


def _renamed_variable(place: _Place, new: str) -> _Renaming:
    path = f"{SECRETS_MOUNT}/{new}"
    if isinstance(place, Entry):
        return (*_scalar(place.key, new_variable(place.name)), *_scalar(place.value, path))
    assert isinstance(place, Scalar)
    return _scalar(place, f"{new_variable(place.value.partition('=')[0])}={path}")


def new_variable(name: str) -> str:
    """The variable for the new value beside ``name``."""
    for ending in ("__FILE", "_FILE"):
        if name.endswith(ending):
            return f"{name.removesuffix(ending)}_NEW{ending}"
    return f"{name}_NEW"


def defined(data: Any, name: str, definition: Mapping[str, Any]) -> Any:
    """``data`` of a Compose file with another definition of the secret ``name``, for :func:`check`."""
    return {**data, "secrets": {**data["secrets"], name: dict(definition)}}
