"""Projects, services and variables, each with every place that it comes from."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import field
from functools import cached_property, lru_cache
from pathlib import Path

from dsec_migrate import document as yaml
from dsec_migrate.document import Content, Document, Mapping, ParsedNode, Sequence, follow
from dsec_migrate.environment import Environment
from dsec_migrate.errors import UserError
from dsec_migrate.interpolation import InterpolationError, Reference, interpolate, references
from dsec_migrate.neighbours import Folders
from dsec_migrate.records import dataclass
from dsec_migrate.source import Source

RESET, OVERRIDE = yaml.RESET_TAG, "!override"


@dataclass(frozen=True, eq=False, repr=False)
class Slot:
    """One place where a variable is declared. Compared by identity: one slot is one place.

    ``node`` is the value of a mapping entry or the whole list item, as it stands there (it may be an alias).
    ``text`` is the value before interpolation (``$$`` and ``${X}`` intact); None passes the shell's value through.
    ``editable`` is False in a file that is only read (another file that ``extends`` names).
    """

    document: Document
    name: str
    text: str | None = field(repr=False)
    node: ParsedNode
    container: Mapping | Sequence
    entry: yaml.Entry | None = None
    editable: bool = True

    @property
    def key(self) -> int:
        """The identity of the place: services that share the line have slots with the same key."""
        return id(self.entry if self.entry is not None else self.node)

    @property
    def start(self) -> int:
        return self.node.outer_start if self.entry is None else self.entry.key.outer_start

    @property
    def end(self) -> int:
        return self.node.end if self.entry is None else self.entry.end

    @property
    def content(self) -> Content:
        """The node that holds the text: the slot's own, or the one that its alias names."""
        return follow(self.node)

    @property
    def place(self) -> str:
        file, line, _ = self.document.place(self.start)
        return f"{file}:{line}"


@dataclass(frozen=True, repr=False, eq=False)
class Value:
    """What one template means today. ``value`` is what the container gets, None where it gets nothing."""

    template: str | None = field(repr=False)
    value: str | None = field(repr=False)
    references: tuple[Reference, ...] = field(default=(), repr=False)
    unset: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()

    @property
    def whole_reference(self) -> Reference | None:
        """The reference that is all of the template (``${X}``, ``${X:-d}``), if it is one."""
        first = self.references[0] if self.references else None
        if first and self.template is not None and (first.start, first.end) == (0, len(self.template)):
            return first
        return None


@dataclass(frozen=True, eq=False, repr=False)
class Variable:
    """One environment variable of one service; ``slots`` in Compose's order, the last one is in effect."""

    service: str
    name: str
    slots: tuple[Slot, ...]
    effective: Value = field(repr=False)

    @property
    def slot(self) -> Slot:
        return self.slots[-1]


@dataclass(frozen=True, repr=False, eq=False)
class Layer:
    """One mapping that defines (a part of) a service: a document's, or one that ``extends`` brings in."""

    document: Document
    service: Mapping
    editable: bool = True

    @property
    def environment(self) -> Content | None:
        return self.service.get("environment")


@dataclass(frozen=True, repr=False, eq=False)
class EnvFile:
    """An ``env_file:`` of a service; ``node`` is where it is named."""

    path: Path
    node: ParsedNode
    required: bool = True
    raw: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Service:
    """``layers`` in Compose's order: what it extends first, then each document of the file.

    ``hidden`` are variables that stand in the file but reach no container: a later ``!override`` or ``!reset`` takes
    them away.
    """

    name: str
    layers: tuple[Layer, ...]
    variables: MappingType[str, Variable]
    hidden: tuple[Variable, ...]
    env_files: tuple[EnvFile, ...]
    image: str = ""

    def get(self, key: str) -> Content | None:
        """The effective value of a key of the service that layers override as a whole."""
        return next((node for layer in reversed(self.layers) if (node := layer.service.get(key)) is not None), None)

    @property
    def is_built(self) -> bool:
        return self.get("build") is not None


@dataclass(frozen=True, eq=False, repr=False)
class Project:
    """One Compose project: its documents, its services and the environment that `${…}` sees.

    ``problems`` are what Compose refuses; ``warnings`` are required variables that are not set here. ``is_part`` says
    that Compose refuses the file alone because something is missing that another file may supply.
    """

    document: Document
    environment: Environment
    services: MappingType[str, Service]
    folders: Folders
    problems: tuple[UserError, ...] = ()
    warnings: tuple[UserError, ...] = ()
    is_part: bool = False

    @cached_property
    def has_unusual_line_ends(self) -> bool:
        """Whether lines end in CR alone, as on old Macs, or in U+0085, U+2028 or U+2029, which YAML knows as well."""
        text = self.document.source.text
        is_ordinary = text.isascii() or not any(character in text for character in "\x85\u2028\u2029")
        return not is_ordinary or ("\r" in text and text.count("\r") != text.count("\r\n"))

    @property
    def directory(self) -> Path:
        return self.document.source.path.parent

    @property
    def source(self) -> Source:
        return self.document.source

    @cached_property
    def secrets(self) -> MappingType[str, MappingType[str, object]]:
        """The top-level ``secrets:`` as plain data, of all documents of the file."""
        merged: dict[str, MappingType[str, object]] = {}
        for root in self.document.roots:
            definitions = root.get("secrets") if isinstance(root, Mapping) else None
            if definitions is not None and definitions.tag in {OVERRIDE, RESET}:
                merged.clear()
            if definitions is not None and definitions.tag == RESET:
                continue
            if isinstance(definitions, Mapping):
                for name, definition in plain_mapping(definitions).items():
                    merged[name] = definition if isinstance(definition, dict) else {}
        return merged

    def resolve(self, template: str | None) -> Value:
        """What ``template`` means in this project. Never raises: what Compose would refuse counts as unset."""
        return resolve(template, self.environment)


def resolve(template: str | None, environment: Environment) -> Value:
    if template is None or "$" not in template:
        return Value(template, template)
    try:
        found = cached_references(template)
        names = {reference.name for reference in found}
        shell = tuple(sorted(name for name in names if environment.is_from_shell(name)))
        result = interpolate(template, environment.variables)
    except InterpolationError as error:
        return Value(template, None, unset=(error.name or "",))
    return Value(template, result.value, found, result.unset, shell)


# a project asks for the same templates several times
cached_references = lru_cache(maxsize=1024)(references)


def plain_mapping(node: Mapping) -> dict[str, object]:
    data = yaml.plain(node)
    return data if isinstance(data, dict) else {}
