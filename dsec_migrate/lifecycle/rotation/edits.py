"""How a project's files change for a rotation: a second secret beside the first, or another name in Swarm.

What is added repeats the lines of the first secret, so it has their style; what is taken away is exactly that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dsec_migrate.compose.document import Document, Entry, ParsedNode, Scalar, Sequence, follow, parse, plain, walk
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, mounts
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Edit, splice

Changed = list[tuple[Document, list[Edit], str]]
"""Each file with its edits and its new text."""


def beside(
    project: Project, name: str, new: str, file: str, services: frozenset[str], *, with_variables: bool
) -> Changed:
    """Mounts and definitions of ``new`` beside those of ``name``, its value in ``file``, for ``services``; and
    ``X_NEW_FILE`` beside each ``X_FILE``. Raises UserError where a place cannot be repeated exactly."""

    for mount in (one for service in services for one in mounts(project.services[service])):
        content = follow(mount.item)
        source = content.get("source") if isinstance(content, MappingNode) else content
        if mount.source == name and isinstance(source, Scalar) and source.value != name:
            what = f"a variable makes this mount that of {name}: add the second secret by hand"
            raise mount.layer.document.error(what, mount.item.start)

    def edits(document: Document) -> Iterator[Edit]:
        for root in document.roots:
            if not isinstance(root, MappingNode):
                continue
            for entry in _definitions(root, name):
                yield from _again(document, entry, _renamed_definition(entry, new, file))
            for service in _services(root, services):
                for item in _mounts(service, name):
                    yield from _again(document, item, _renamed_mount(item, new))
                for place in _variables(service, name) if with_variables else ():
                    yield from _again(document, place, _renamed_variable(place, new))

    return _changed(project, edits)


def without(project: Project, new: str) -> Changed:
    """The files without all that speaks of the secret ``new``."""

    def edits(document: Document) -> Iterator[Edit]:
        for root in document.roots:
            if not isinstance(root, MappingNode):
                continue
            for entry in _definitions(root, new):
                yield _gone(document, entry)
            for service in _services(root, None):
                yield from (_gone(document, item) for item in _mounts(service, new))
                yield from (_gone(document, place) for place in _variables(service, new))

    return _changed(project, edits)


def called(project: Project, name: str, external_name: str) -> Changed:
    """The definition of the external secret ``name`` says that Swarm calls it ``external_name``."""

    def edits(document: Document) -> Iterator[Edit]:
        for root in document.roots:
            for entry in _definitions(root, name) if isinstance(root, MappingNode) else ():
                body = entry.value
                if not isinstance(body, MappingNode) or body.tag is not None:
                    raise document.error(f"the definition of {name} is shared or tagged", entry.value.start)
                yield _with_name(document, body, external_name)

    return _changed(project, edits)


def _with_name(document: Document, body: MappingNode, external_name: str) -> Edit:
    own = body.own("name")
    if own is not None:
        node = own.value
        if not isinstance(node, Scalar) or node.anchor is not None or "$" in node.value:
            raise document.error("its name is built from something else: change it by hand", node.start)
        quote = node.style if node.style in {"'", '"'} else ""
        return Edit(node.start, node.end, f"{quote}{external_name}{quote}")
    last = body.entries[-1]
    if body.flow:
        return Edit(last.end, last.end, f", name: {external_name}")
    source = document.source
    start = source.line_start(last.key.outer_start)
    text = f"{source.text[start : last.key.outer_start]}name: {external_name}"
    return _line_after(document, last.end, text)


def _changed(project: Project, edits: Callable[[Document], Iterator[Edit]]) -> Changed:
    found: Changed = []
    for document in project.documents:
        own = list(edits(document))
        if own:
            text = splice(document.source.text, own)
            found.append((document, own, text))
            # whatever was meant: a text that cannot be read is never written
            after = parse(replace(document.source, text=text))
            if after.problems or len(after.roots) != len(document.roots):
                raise VerificationError(f"{document.source.path} could not be read after the change")
    return found


def check(before: Changed, expected: Callable[[Any], Any]) -> None:
    """The new texts say what ``expected`` makes of the plain data of the old ones. Raises VerificationError."""
    for document, _, text in before:
        after = parse(replace(document.source, text=text))
        for old, new in zip(document.roots, after.roots, strict=True):
            if plain(new) != expected(plain(old)):
                raise VerificationError(f"{document.source.path} would not say what was planned")


# --- places ---

_Place = Entry | ParsedNode


def _definitions(root: MappingNode, name: str) -> Iterator[Entry]:
    secrets = root.own("secrets")
    content = follow(secrets.value) if secrets is not None else None
    entry = content.own(name) if isinstance(content, MappingNode) else None
    if entry is not None:
        yield entry


def _services(root: MappingNode, names: frozenset[str] | None) -> Iterator[MappingNode]:
    """The services in their own text, and blocks that they take through anchors."""
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
    """The lines that name the file of the secret."""
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

_Renaming = list[tuple[int, int, str]]


def _again(document: Document, place: _Place, renaming: _Renaming) -> Iterator[Edit]:
    """The text of ``place`` behind itself, parts of it under other names."""
    source = document.source
    start, end = _outer(place)
    if any(part.anchor is not None or part.tag is not None for part in _parts(place)):
        raise document.error("an anchor or a tag stands there: add the second secret by hand", start)
    line = source.line_start(start)
    before = source.text[line:start]
    if before.strip(" -\t") or ("-" in before) == isinstance(place, Entry):
        # between brackets or braces
        yield Edit(end, end, f", {_replaced(source.text[start:end], renaming, start)}")
        return
    yield _line_after(document, end, _replaced(source.text[line:end], renaming, line))


def _line_after(document: Document, end: int, text: str) -> Edit:
    """``text`` as lines of their own behind the line at ``end``."""
    source = document.source
    at = source.line_end(max(end - 1, 0))
    newline = "\r\n" if "\r\n" in source.text else "\n"
    if at and source.text[at - 1] == "\n":
        return Edit(at, at, f"{text}{newline}")
    return Edit(at, at, f"{newline}{text}")


def _gone(document: Document, place: _Place) -> Edit:
    source = document.source
    start, end = _outer(place)
    line = source.line_start(start)
    if source.text[line:start].strip(" -\t"):
        comma = source.text.rindex(",", 0, start)
        return Edit(comma, end, "")
    return Edit(*source.lines(start, end), "")


def _outer(place: _Place) -> tuple[int, int]:
    if isinstance(place, Entry):
        return place.key.outer_start, place.end
    return getattr(place, "outer_start", place.start), place.end


def _parts(place: _Place) -> Iterator[ParsedNode]:
    for node in (place.key, place.value) if isinstance(place, Entry) else (place,):
        yield from walk(node)


def _replaced(text: str, renaming: _Renaming, offset: int) -> str:
    for start, end, new in sorted(renaming, reverse=True):
        text = text[: start - offset] + new + text[end - offset :]
    return text


def _scalar(node: ParsedNode | None, text: str) -> _Renaming:
    """Another text in the same quotes."""
    if not isinstance(node, Scalar):
        return []
    quote = node.style if node.style in {"'", '"'} else ""
    return [(node.start, node.end, f"{quote}{text}{quote}")]


def _renamed_definition(entry: Entry, new: str, file: str) -> _Renaming:
    body = entry.value
    own = body.own("file") if isinstance(body, MappingNode) else None
    if own is None or not isinstance(body, MappingNode) or len(body.entries) != 1:
        raise UserError(
            f"the definition of {entry.name} says more than `file:`", help="rotate it with --strategy replace"
        )
    return [*_scalar(entry.key, new), *_scalar(own.value, file)]


def _renamed_mount(item: ParsedNode, new: str) -> _Renaming:
    if isinstance(item, MappingNode):
        source, target = item.own("source"), item.own("target")
        assert source is not None
        return [*_scalar(source.value, new), *(_scalar(target.value, new) if target is not None else [])]
    return _scalar(item, new)


def _renamed_variable(place: _Place, new: str) -> _Renaming:
    path = f"{SECRETS_MOUNT}/{new}"
    if isinstance(place, Entry):
        return [*_scalar(place.key, new_variable(place.name)), *_scalar(place.value, path)]
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
