"""Other Compose files in the folder that belong to the same project and would set a moved variable again.

A sibling overrides a file when it extends or includes it, when its name continues the file's stem
(``compose.prod.yml`` of ``compose.yml``; an override file of a default name), or when it repeats the file's services
without image or build. Independent stacks that share a folder do not matter to each other.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import Literal

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.document import Content, Document, Mapping, Scalar, Sequence, follow
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import Source, read_bytes

DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
# in the order in which Compose 2.40 looks for them
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_FILE_NAME = Pattern(r"[\w.-]+\.ya?ml\b")
_ENDINGS = (".yml", ".yaml")


@dataclass(frozen=True, eq=False, repr=False)
class Neighbour:
    """One other Compose file of the folder; read on first use."""

    path: Path

    @cached_property
    def text(self) -> str:
        try:
            return Source.read(self.path).text
        except UserError:
            return ""

    @cached_property
    def document(self) -> Document | None:
        try:
            return yaml.parse(Source.read(self.path))
        except UserError:
            return None

    @cached_property
    def services(self) -> dict[str, Mapping]:
        found: dict[str, Mapping] = {}
        for root in self.document.roots if self.document else ():
            services = root.get("services") if isinstance(root, Mapping) else None
            for name, entry in services.effective().items() if isinstance(services, Mapping) else ():
                body = follow(entry.value)
                if isinstance(body, Mapping):
                    found[name] = body
        return found

    @cached_property
    def env_files(self) -> frozenset[str]:
        """The real paths that ``env_file:`` of its services names without a variable."""
        return frozenset(
            os.path.realpath(self.path.parent / Path(text).expanduser())
            for body in self.services.values()
            for text in _env_file_paths(body.get("env_file"))
        )

    def as_member(self) -> Member:
        secrets: dict[str, bytes | None] = {}
        for root in self.document.roots if self.document else ():
            definitions = root.get("secrets") if isinstance(root, Mapping) else None
            for name, entry in definitions.effective().items() if isinstance(definitions, Mapping) else ():
                definition = follow(entry.value)
                file = definition.get("file") if isinstance(definition, Mapping) else None
                secrets[name] = _content(self.path.parent / file.value) if isinstance(file, Scalar) else None
        overlays = frozenset(name for name in self.services if self.is_overlay_for(name))
        return Member(self.path, mentions(self.text), frozenset(self.services), overlays, secrets)

    def is_overlay_for(self, service: str) -> bool:
        """Whether it repeats a service without an image or a build."""
        body = self.services.get(service)
        return body is not None and not any(key in body.effective() for key in ("image", "build", "extends"))

    def extends(self, path: Path, service: str) -> Iterator[Mapping]:
        """Its services that extend ``service`` of the file ``path``."""
        for body in self.services.values():
            extended = body.get("extends")
            if isinstance(extended, Mapping):
                file, base = extended.get("file"), extended.get("service")
                if (
                    isinstance(file, Scalar)
                    and isinstance(base, Scalar)
                    and base.value == service
                    and (self.path.parent / file.value).name == path.name
                ):
                    yield body

    def references(self) -> Iterator[tuple[Literal["include", "extends"], str]]:
        """Files that it includes, and those whose services it extends, as written."""
        for root in self.document.roots if self.document else ():
            included = root.get("include") if isinstance(root, Mapping) else None
            for item in included.items if isinstance(included, Sequence) else ():
                entry = follow(item)
                path = entry.get("path") if isinstance(entry, Mapping) else entry
                for part in (follow(part) for part in path.items) if isinstance(path, Sequence) else (path,):
                    if isinstance(part, Scalar):
                        yield "include", part.value
        for body in self.services.values():
            extended = body.get("extends")
            file = extended.get("file") if isinstance(extended, Mapping) else None
            if isinstance(file, Scalar):
                yield "extends", file.value

    def place_of(self, service: str, variable: str) -> str | None:
        """Where it sets ``variable`` for its ``service``."""
        body = self.services.get(service)
        environment = body.get("environment") if body is not None else None
        offset: int | None = None
        if isinstance(environment, Mapping) and (entry := environment.effective().get(variable)) is not None:
            offset = entry.key.start
        elif isinstance(environment, Sequence):
            for item in environment.items:
                content = follow(item)
                if isinstance(content, Scalar) and content.value.partition("=")[0] == variable:
                    offset = item.start
        if offset is None or self.document is None:
            return None
        file, line, _ = self.document.place(offset)
        return f"{file}:{line}"


def _env_file_paths(node: Content | None) -> Iterator[str]:
    for item in node.items if isinstance(node, Sequence) else [node] if node is not None else []:
        content = follow(item)
        path = content.get("path") if isinstance(content, Mapping) else content
        if isinstance(path, Scalar):
            yield path.value


@dataclass(frozen=True, repr=False, eq=False)
class Member:
    """One file as a possible layer of a project, and the top-level secrets that it has or is going to have.

    ``mentions`` are the names of files that it extends or includes. ``overlays`` are its services without image and
    build. ``secrets`` gives the content of each, None where unknown.
    """

    path: Path
    mentions: frozenset[str]
    services: frozenset[str]
    overlays: frozenset[str]
    secrets: MappingType[str, bytes | None] = field(default_factory=dict, repr=False)

    @cached_property
    def name(self) -> str:
        return self.path.name

    def is_merged_with(self, other: Member) -> bool:
        """Whether Compose may merge the two files into one project."""
        return bool(
            self.name in other.mentions
            or other.name in self.mentions
            or (self.overlays and self.overlays & other.services)
            or (other.overlays and other.overlays & self.services)
            or continues(self.name, other.name)
            or continues(other.name, self.name)
        )


class Folders:
    """The Compose files of the folders that a run looks into, each folder and file read once.

    Files of the call itself are no obstacle: they are migrated as well.
    """

    def __init__(self, call: AbstractSet[Path] = frozenset()) -> None:
        self._call = call
        self._folders: dict[Path, list[Neighbour]] = {}
        self._mentions: dict[Path, dict[str, list[Neighbour]]] = {}
        self._members: dict[Path, set[Path]] = {}
        self._defining: dict[tuple[Path, str], list[Member]] = {}
        self._files: dict[Path, list[Neighbour]] = {}

    def add(self, member: Member) -> None:
        """Records what a file of this run is going to define."""
        folder = member.path.parent
        self._members.setdefault(folder, set()).add(member.path)
        for name in member.secrets:
            self._defining.setdefault((folder, name), []).append(member)

    def defines_otherwise(self, member: Member, name: str, content: bytes) -> bool:
        """Whether a file that may be merged with ``member`` has a top-level secret ``name`` with other content: where
        files are merged, two of one name become one, that of the later file."""
        folder = member.path.parent
        known: AbstractSet[Path] = self._members.get(folder, frozenset())
        others = [other for other in self._defining.get((folder, name), ()) if other.name != member.name]
        for neighbour in self.neighbours(member.path):
            if neighbour.path not in known and name in neighbour.text and "secrets" in neighbour.text:
                other = neighbour.as_member()
                if name in other.secrets:
                    others.append(other)
        return any(member.is_merged_with(other) and _as_seen(member, other)[name] != content for other in others)

    def neighbours(self, path: Path) -> list[Neighbour]:
        folder = path.parent
        found = self._folders.get(folder)
        if found is None:
            found = [Neighbour(path) for path in _compose_files(folder) if path not in self._call]
            self._folders[folder] = found
        return [neighbour for neighbour in found if neighbour.path.name != path.name]

    def extending(self, path: Path, service: str, own: Collection[Path] = ()) -> str | None:
        """Where another file of the folder extends ``service`` of ``path``, files of the call included but not the
        project's ``own``: a top-level definition does not come along with ``extends`` (observed with Compose 2.40)."""
        for neighbour in self._mentioning(path.parent).get(path.name, ()):
            is_other = neighbour.path != path and neighbour.path not in own
            body = next(neighbour.extends(path, service), None) if is_other else None
            if body is not None and neighbour.document is not None:
                file, line, _ = neighbour.document.place(body.start)
                return f"{file}:{line}"
        return None

    def _mentioning(self, folder: Path) -> dict[str, list[Neighbour]]:
        """The files of a folder by the names of the files that they extend or include."""
        found = self._mentions.get(folder)
        if found is None:
            found = {}
            for path in _compose_files(folder):
                neighbour = Neighbour(path)
                for name in mentions(neighbour.text):
                    found.setdefault(name, []).append(neighbour)
            self._mentions[folder] = found
        return found

    def reading(self, env_file: Path, directory: Path, own: Collection[Path]) -> str | None:
        """Another Compose file beside the env file or in the project's ``directory`` that names it in ``env_file:``."""
        real = os.path.realpath(env_file)
        for folder in dict.fromkeys((directory, env_file.parent)):
            for neighbour in self._reading(folder):
                if neighbour.path not in own and real in neighbour.env_files:
                    return str(neighbour.path)
        return None

    def _reading(self, folder: Path) -> list[Neighbour]:
        """The files of a folder that have an ``env_file:``."""
        return [neighbour for neighbour in self._all(folder) if "env_file" in neighbour.text]

    def interpolating(self, folder: Path, own: Collection[Path]) -> Iterator[Neighbour]:
        """The Compose files of a folder that have a ``$``, files of the call included but not the project's ``own``."""
        real = {os.path.realpath(path) for path in own}
        for neighbour in self._all(folder):
            if "$" in neighbour.text and os.path.realpath(neighbour.path) not in real:
                yield neighbour

    def passing(self, folder: Path, argument: str, own: Collection[Path]) -> str | None:
        """Another Compose file of a folder that names a build's argument, and builds something."""
        real = {os.path.realpath(path) for path in own}
        for neighbour in self._all(folder):
            is_other = os.path.realpath(neighbour.path) not in real
            if is_other and argument in neighbour.text and "build" in neighbour.text:
                return str(neighbour.path)
        return None

    def _all(self, folder: Path) -> list[Neighbour]:
        if folder not in self._files:
            self._files[folder] = [Neighbour(path) for path in _compose_files(folder)]
        return self._files[folder]

    def brings_back(
        self, path: Path, service: str, variable: str, own: Collection[Path] = (), *, is_overlay: bool
    ) -> str | None:
        """Where a sibling of ``path`` sets ``variable`` of ``service`` too, or None.

        ``is_overlay``: the service of ``path`` itself has neither image nor build, so that another file is its base.
        """
        for neighbour in self.neighbours(path):
            if variable not in neighbour.text or neighbour.path in own:
                continue
            is_layer = is_overlay or neighbour.is_overlay_for(service) or continues(neighbour.path.name, path.name)
            place = neighbour.place_of(service, variable) if is_layer else None
            if place is not None:
                return place
        return None


def _compose_files(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.suffix in _ENDINGS)
    except OSError:
        return []


def mentions(text: str) -> frozenset[str]:
    """Names of the YAML files that a Compose file may extend or include."""
    if "extends" not in text and "include" not in text:
        return frozenset()
    # most lines name no file, and a text of many words takes long
    lines = "\n".join(line for line in text.split("\n") if ".y" in line)
    return frozenset(_FILE_NAME.findall(lines))


def _as_seen(member: Member, other: Member) -> MappingType[str, bytes | None]:
    """With ``include``, the same name twice is a conflict even where both mean the same file (Compose 2.40)."""
    if member.path.name in other.mentions or other.path.name in member.mentions:
        return dict.fromkeys(other.secrets)
    return other.secrets


def _content(path: Path) -> bytes | None:
    try:
        return read_bytes(path)
    except OSError:
        return None


def base_of(path: Path) -> str | None:
    """The file beside ``path`` whose name it continues; the shortest of several."""
    try:
        names = os.listdir(path.parent)  # noqa: PTH208
    except OSError:
        return None
    bases = [name for name in names if name.endswith(_ENDINGS) and continues(path.name, name)]
    return min(bases, key=lambda name: (len(name), name), default=None)


def continues(name: str, base: str) -> bool:
    """Whether ``name`` is ``base`` with something more, as ``compose.prod.yml`` is of ``compose.yml``."""
    if name in OVERRIDE_NAMES and base in DEFAULT_NAMES:
        return True
    stem = base.rsplit(".", 1)[0]
    return name.startswith(f"{stem}.") and name.rsplit(".", 1)[0] != stem
