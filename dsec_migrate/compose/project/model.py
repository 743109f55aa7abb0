"""Projects, services and variables, each with every place that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as MappingType
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.document import Content, Document, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.compose.dotenv import Entry as EnvFileEntry
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project.file_texts import EnvFileText
from dsec_migrate.compose.project.resolved_values import Value, passed_through, resolve
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config.exclusions import Exclusions
from dsec_migrate.images.image_table import Table
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field, replace
from dsec_migrate.text.source import Source, Span

if TYPE_CHECKING:
    from dsec_migrate.compose.project.file_texts import DockerfileText

RESET, OVERRIDE = yaml.RESET_TAG, yaml.OVERRIDE_TAG


@dataclass(frozen=True, eq=False, repr=False)
class Declaration:
    """One line where a variable is declared. Compared by identity: one declaration is one line.

    ``node`` is the value of a mapping entry or the whole list item, as it stands there (it may be an alias).
    ``text`` is the value before interpolation (``$$`` and ``${X}`` intact); None passes the shell's value through.
    """

    document: Document
    name: str
    text: str | None = field(repr=False)
    node: ParsedNode
    container: Mapping | Sequence | None
    entry: yaml.Entry | None = None

    @property
    def lead(self) -> str:
        """The text before the value in the same scalar: a list item contains its name as well."""
        if self.entry is not None or not isinstance(self.content, Scalar):
            return ""
        name, equals, _ = self.content.value.partition("=")
        return f"{name}{equals}"

    @property
    def key(self) -> int:
        """The identity of the location: services that share the line have declarations with the same key."""
        return id(self.entry if self.entry is not None else self.node)

    @property
    def start(self) -> int:
        return self.node.outer_start if self.entry is None else self.entry.key.outer_start

    @property
    def end(self) -> int:
        return self.node.end if self.entry is None else self.entry.end

    @property
    def content(self) -> Content:
        """The node that holds the text: the declaration's own, or the target of its alias."""
        return follow(self.node)

    @property
    def place(self) -> str:
        file, line, _ = self.document.place(self.start)
        return f"{file}:{line}"


@dataclass(frozen=True, eq=False, repr=False)
class EnvFileDeclaration(Declaration):
    """One line of an env file, and the value it gives the service. ``node`` is a scalar for its value, the same for all
    services that read the line."""

    line: EnvFileEntry | None = None
    given: Value | None = field(default=None, repr=False)

    @property
    def lead(self) -> str:
        return ""

    @property
    def start(self) -> int:
        assert self.line is not None
        return self.line.span.start

    @property
    def end(self) -> int:
        assert self.line is not None
        return self.line.span.end


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """A ``program`` that reads another service's label, and the name of the label that names a file instead;
    ``service`` and ``layer`` run the program, empty where none does."""

    program: str
    label: str
    service: str = ""
    layer: Layer | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Argument(Declaration):
    """A part of a string that the container runs: the characters ``part`` of the value of ``node``, under ``place_key``
    (such as ``command``) of ``layer``. ``noun`` is the name for a secret of it. For a label, ``reading`` identifies
    the reader of its file, which has one line for each part between ``separator``.
    """

    part: Span = Span(0, 0)
    place_key: str = ""
    layer: Layer | None = None
    noun: str = ""
    reading: Reading | None = None
    separator: str = ""

    @property
    def key(self) -> int:
        return hash((id(self.node), self.part))

    @property
    def lead(self) -> str:
        return self.content.value[: self.part.start] if isinstance(self.content, Scalar) else ""

    @property
    def start(self) -> int:
        place = self.text_span
        return self.node.start if place is None else place.start

    @property
    def end(self) -> int:
        place = self.text_span
        return self.node.end if place is None else place.end

    @property
    def text_span(self) -> Span | None:
        """Where it is in the file; None where escapes or folds make it ambiguous."""
        assert isinstance(self.content, Scalar)
        return yaml.text_span(self.document, self.content, self.part)


def env_file_scalar(line: EnvFileEntry) -> Scalar:
    start, end = line.value_span
    return Scalar(start, end, start, None, None, line.template or "", line.quote)


@dataclass(frozen=True, eq=False, repr=False)
class Variable:
    """One environment variable of one service; ``declarations`` in Compose's order, the last one is in effect."""

    service: str
    name: str
    declarations: tuple[Declaration, ...]
    effective: Value = field(repr=False)

    @property
    def declaration(self) -> Declaration:
        return self.declarations[-1]


@dataclass(frozen=True, eq=False, repr=False)
class Hidden(Variable):
    """A variable's line that does not reach the container: ``!override`` or ``!reset`` in ``by``, the same file or a
    later one, removes it. ``reset`` is the line that removes only this one."""

    by: Document
    reset: Declaration | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Layer:
    """One mapping that defines (a part of) a service: a document's, or one that ``extends`` brings in.

    ``name`` is the service's name in its file. ``users`` are the documents of the project that add it from another
    file.
    """

    document: Document
    service: Mapping
    name: str
    users: tuple[Document, ...] = ()

    @property
    def environment(self) -> Content | None:
        return self.service.get("environment")


@dataclass(frozen=True, repr=False, eq=False)
class EnvFile:
    """An ``env_file:`` of a service, which each of ``layers`` names; ``node`` is where the last one does.

    ``text`` is None where the file is missing or cannot be read. ``entries`` are its lines as the service reads them.
    """

    path: Path
    node: ParsedNode
    layers: tuple[Layer, ...]
    required: bool = True
    raw: bool = False
    text: EnvFileText | None = None
    entries: tuple[EnvFileEntry, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Service:
    """``layers`` in Compose's order: what it extends first, then each document of each file. ``environment`` is what
    ``${…}`` in it sees."""

    name: str
    layers: tuple[Layer, ...]
    variables: MappingType[str, Variable]
    hidden: tuple[Hidden, ...]
    env_files: tuple[EnvFile, ...]
    image: str
    environment: Environment

    def get(self, key: str) -> Content | None:
        """The effective value of a key of the service that later files override as a whole."""
        return next((node for layer in reversed(self.layers) if (node := layer.service.get(key)) is not None), None)

    def said(self, node: Content | None) -> str:
        """The value of a scalar of the service; empty where it is null, or not a scalar."""
        return resolve(node.value, self.environment).value or "" if isinstance(node, Scalar) else ""

    @property
    def is_built(self) -> bool:
        return self.get("build") is not None


@dataclass(frozen=True, eq=False, repr=False)
class Project:
    """One Compose project: its files, its services and the environment that `${…}` sees.

    ``documents`` are its Compose files in the order in which Compose merges them, ``extended`` other files whose
    services they extend, ``env_texts`` the files that ``env_file:`` names. ``included`` are separate projects added by
    ``include:``: a secret's name used in one of them is ``reserved`` for the others, and ``family`` are the Compose
    files of all. ``duplicate_services`` are services that are in an included file as well. ``images`` is the table
    with the project's own additions, ``exceptions`` are the project's exceptions from checks. Relative paths start at
    ``directory``; ``boundary`` is what the call may change; ``kept`` are files to leave unchanged, by real path, each
    with the reason. ``problems`` are what Compose refuses; ``warnings`` are required variables and files that are not
    here. ``is_part`` says that Compose refuses the files because something is missing that another file may define.
    ``read`` returns the text of another file, current or planned (it raises UserError); ``dockerfiles`` are
    Dockerfiles that were read so, by their real paths. ``is_whole``: what its ``include:`` names is all here.
    """

    documents: tuple[Document, ...]
    environment: Environment
    services: MappingType[str, Service]
    folders: Folders
    directory: Path
    problems: tuple[UserError, ...] = ()
    warnings: tuple[UserError, ...] = ()
    extended: tuple[Document, ...] = ()
    env_texts: tuple[EnvFileText, ...] = ()
    included: tuple[Project, ...] = ()
    is_part: bool = False
    reserved: frozenset[str] = frozenset()
    family: tuple[Path, ...] = ()
    duplicate_services: frozenset[str] = frozenset()
    images: Table = field(default_factory=Table)
    exceptions: Exclusions = Exclusions()
    boundary: Boundary = Boundary()
    kept: MappingType[str, str] = field(default_factory=dict)
    read: Callable[[Path], Source] = Source.read
    dockerfiles: dict[str, DockerfileText] = field(default_factory=dict)
    is_whole: bool = True

    def units(self) -> Iterator[Project]:
        """The projects that it includes, each before the one that includes it, and itself at the end."""
        for project in self.included:
            yield from project.units()
        yield self

    def within(self, boundary: Boundary, kept: MappingType[str, str] | None = None) -> Project:
        """The same project, with those that it includes, in a call that may change what is inside of ``boundary``, but
        for files that are ``kept``."""
        kept = kept or {}
        included = tuple(one.within(boundary, kept) for one in self.included)
        return replace(self, boundary=boundary, kept=kept, included=included)

    @property
    def document(self) -> Document:
        """The first file, after which the project is named."""
        return self.documents[0]

    @property
    def source(self) -> Source:
        return self.document.source

    @property
    def compose_texts(self) -> tuple[Document, ...]:
        """Every Compose file that defines a part of the service."""
        return (*self.documents, *self.extended)

    @cached_property
    def roots(self) -> tuple[tuple[Document, Mapping], ...]:
        """The YAML documents of all files in the order in which Compose merges them."""
        return tuple(
            (document, root) for document in self.documents for root in document.roots if isinstance(root, Mapping)
        )

    @cached_property
    def secrets(self) -> MappingType[str, MappingType[str, object]]:
        """The top-level ``secrets:`` as plain data, of all files of the project."""
        return definitions(root for _, root in self.roots)

    def resolve(self, template: str | None) -> Value:
        """The value of ``template`` in this project. Never raises: what Compose would refuse counts as unset."""
        return resolve(template, self.environment)

    def effect(self, declaration: Declaration) -> Value:
        """The value that ``declaration`` by itself would give its container."""
        if isinstance(declaration, EnvFileDeclaration):
            assert declaration.given is not None
            return declaration.given
        if declaration.text is None:
            return passed_through(declaration.name, self.environment, is_listed=declaration.entry is None)
        return resolve(declaration.text, self.environment)

    def value_at(self, declaration: Declaration) -> str | None:
        """Like :meth:`effect`; None where that is empty, or unknown here."""
        value = self.effect(declaration)
        return None if value.unset else value.value

    def order(self, document: Document) -> int:
        """The position of a file among all files of the project."""
        return self._order.get(id(document), len(self._order))

    @cached_property
    def _order(self) -> dict[int, int]:
        return {id(text): number for number, text in enumerate((*self.documents, *self.extended, *self.env_texts))}


def definitions(roots: Iterable[Content], key: str = "secrets") -> dict[str, MappingType[str, object]]:
    """The top-level ``secrets:`` (or ``configs``) of YAML documents, merged, as plain data."""
    merged: dict[str, MappingType[str, object]] = {}
    for root in roots:
        found = root.get(key) if isinstance(root, Mapping) else None
        if found is not None and found.tag in {OVERRIDE, RESET}:
            merged.clear()
        if found is not None and found.tag == RESET:
            continue
        if isinstance(found, Mapping):
            for name, definition in plain_mapping(found).items():
                merged[name] = definition if isinstance(definition, dict) else {}
    return merged


def has_unusual_line_ends(text: str) -> bool:
    """Whether lines end in CR alone, as on old Macs, or in U+0085, U+2028 or U+2029, which YAML knows as well."""
    is_ordinary = text.isascii() or not any(character in text for character in "\x85\u2028\u2029")
    return not is_ordinary or ("\r" in text and text.count("\r") != text.count("\r\n"))


def plain_mapping(node: Mapping) -> dict[str, object]:
    data = yaml.plain(node)
    return data if isinstance(data, dict) else {}
