"""Documents -> services and their variables, each with every place that it comes from.

A *slot* is one place in a text where a variable is declared: a line of an ``environment:`` mapping or an item of a
list. One slot can reach several services (anchors, merge keys, ``extends``), and one service's variable can have
several slots (a name twice in a list, several documents, ``extends``); Compose lets the last one win.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from dsec_migrate import document as yaml
from dsec_migrate import dotenv
from dsec_migrate import environment as env
from dsec_migrate.document import Content, Document, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.dotenv import Entry as EnvFileEntry
from dsec_migrate.environment import Environment
from dsec_migrate.errors import UserError
from dsec_migrate.interpolation import InterpolationError, Reference, interpolate, references
from dsec_migrate.neighbours import Folders
from dsec_migrate.scalars import environment_text
from dsec_migrate.source import Source
from dsec_migrate.validation import Problem

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

    @property
    def own_layer(self) -> Layer:
        return self.layers[-1]

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
    def has_lone_carriage_returns(self) -> bool:
        """Whether a line ends in CR alone, as on old Macs: Compose takes it, but no line can be added there."""
        text = self.document.source.text
        return "\r" in text and text.count("\r") != text.count("\r\n")

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
        found = _references(template)
        names = {reference.name for reference in found}
        shell = tuple(sorted(name for name in names if environment.is_from_shell(name)))
        result = interpolate(template, environment.variables)
    except InterpolationError as error:
        return Value(template, None, unset=(error.name or "",))
    return Value(template, result.value, found, result.unset, shell)


# a project asks for the same templates several times
_references = lru_cache(maxsize=1024)(references)


def plain_mapping(node: Mapping) -> dict[str, object]:
    data = yaml.plain(node)
    return data if isinstance(data, dict) else {}


def place(project: Project, root: Content, path: SequenceType[str | int]) -> tuple[str, int, int]:
    """File, line and column of a path in a document's plain data: of the deepest part of it that stands in the text."""
    node: Content = root
    offset = root.start
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and (entry := node.effective().get(step)) is not None:
            offset = entry.key.start
            node = follow(entry.value)
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
            offset = node.items[step].start
            node = follow(node.items[step])
        else:
            break
    return project.document.place(offset)


def located(project: Project, root: Content, problem: Problem) -> UserError:
    """What the validation found, at its place in the text."""
    help_text = problem.help or "correct it; `docker compose config` refuses it too"
    return UserError(problem.what, *place(project, root, problem.path), help=help_text)


def load(source: Source, environment: Environment, folders: Folders | None = None) -> Project:
    """The project that one file is. ``folders`` knows the files beside it.

    Raises UserError where the text is no YAML, or a file that it extends cannot be read.
    """
    document = yaml.parse(source)
    templates = list(_template_problems(document, environment))
    services: dict[str, Service] = {}
    bodies, dropped = _bodies(document)
    for name in bodies:
        services[name] = _service(name, bodies, dropped.get(name, ()), document, environment)
    problems = (*document.problems, *(problem for problem, is_required in templates if not is_required))
    warnings = tuple(problem for problem, is_required in templates if is_required)
    return Project(document, environment, services, folders or Folders(), problems, warnings)


def _bodies(document: Document) -> tuple[dict[str, list[Layer]], dict[str, list[Layer]]]:
    """The layers of each service, and those that a later ``!override`` of the whole service replaces."""
    bodies: dict[str, list[Layer]] = {}
    dropped: dict[str, list[Layer]] = {}
    for root in document.roots:
        services = root.get("services") if isinstance(root, Mapping) else None
        if not isinstance(services, Mapping):
            continue
        for name, entry in services.effective().items():
            body = follow(entry.value)
            if not isinstance(body, Mapping):
                continue
            if body.tag == OVERRIDE:
                dropped.setdefault(name, []).extend(bodies.pop(name, ()))
            bodies.setdefault(name, []).append(Layer(document, body))
    return bodies, dropped


def _template_problems(document: Document, environment: Environment) -> Iterator[tuple[UserError, bool]]:
    """Each template that Compose refuses, and whether that is only because a required variable is not set here."""
    for node in document.templates:
        try:
            if any(reference.operator in {"?", ":?"} for reference in _references(node.value)):
                interpolate(node.value, environment.variables)
        except InterpolationError as error:
            yield _interpolation_problem(document, node, error), error.reason == "required"


def _interpolation_problem(document: Document, node: Scalar, error: InterpolationError) -> UserError:
    if error.reason == "required":
        what = f"the required variable {error.name} is not set"
        return document.error(
            what, node.start, help=f"set {error.name} in .env or in the shell; Compose asks for it too"
        )
    what = "invalid interpolation: `$` is not followed by a form that Compose knows"
    return document.error(what, node.start, help="write ${NAME}, ${NAME:-default} or, for a plain dollar sign, $$")


def _service(
    name: str,
    bodies: MappingType[str, list[Layer]],
    replaced: SequenceType[Layer],
    document: Document,
    environment: Environment,
) -> Service:
    layers = tuple(_layers(name, bodies, document, environment, ()))
    slots: dict[str, list[Slot]] = {}
    dropped = [slot for layer in replaced for slot in _slots(layer, layer.environment)]
    for layer in layers:
        node = layer.environment
        if node is not None and node.tag in {OVERRIDE, RESET}:
            dropped += [slot for places in slots.values() for slot in places]
            slots.clear()
        if node is not None and node.tag == RESET:
            continue
        for slot in _slots(layer, node):
            slots.setdefault(slot.name, []).append(slot)
    variables: dict[str, Variable] = {}
    for variable, places in slots.items():
        if places[-1].node.tag == RESET:
            dropped += places[:-1]
            continue
        template = places[-1].text
        value = resolve(template, environment) if template is not None else _passed_through(variable, environment)
        variables[variable] = Variable(name, variable, tuple(places), value)
    image = next((node for layer in reversed(layers) if (node := layer.service.get("image")) is not None), None)
    image_name = resolve(image.value, environment).value if isinstance(image, Scalar) else None
    hidden = tuple(
        Variable(name, slot.name, (slot,), resolve(slot.text, environment)) for slot in dropped if slot.editable
    )
    return Service(name, layers, variables, hidden, tuple(_env_files(layers, environment)), image_name or "")


def _passed_through(name: str, environment: Environment) -> Value:
    """A variable without a value takes the project environment's; where that has none, it is removed."""
    value = environment.variables.get(name)
    return Value(
        None,
        value,
        unset=() if value is not None else (name,),
        shell=(name,) if environment.is_from_shell(name) else (),
    )


def _layers(
    name: str,
    bodies: MappingType[str, list[Layer]],
    document: Document,
    environment: Environment,
    seen: tuple[str, ...],
) -> Iterator[Layer]:
    for layer in bodies.get(name, ()):
        extended = layer.service.get("extends")
        if extended is not None:
            yield from _extended(extended, layer, bodies, document, environment, (*seen, name))
        yield layer


def _extended(
    node: Content,
    layer: Layer,
    bodies: MappingType[str, list[Layer]],
    document: Document,
    environment: Environment,
    seen: tuple[str, ...],
) -> Iterator[Layer]:
    if isinstance(node, Scalar):
        service, file = node.value, None
    elif isinstance(node, Mapping):
        named, other = node.get("service"), node.get("file")
        service = named.value if isinstance(named, Scalar) else ""
        file = resolve(other.value, environment).value if isinstance(other, Scalar) else None
    else:
        return
    if file is None:
        if service in seen:
            raise document.error(
                f"the service {service} extends itself", node.start, help="remove one of the `extends`"
            )
        yield from _layers(service, bodies, document, environment, seen)
        return
    path = document.source.path.parent / Path(file).expanduser()
    if str(path) in seen:
        raise document.error("the files extend each other", node.start, help="remove one of the `extends`")
    if not path.is_file():
        # Compose refuses it, but what can be told about this file is told
        return
    other_document = yaml.parse(Source.read(path))
    other_bodies, _ = _bodies(other_document)
    for inherited in _layers(service, other_bodies, other_document, environment, (*seen, str(path))):
        yield Layer(inherited.document, inherited.service, editable=False)


def _slots(layer: Layer, node: Content | None) -> Iterator[Slot]:
    document, editable = layer.document, layer.editable
    if isinstance(node, Mapping):
        for name, entry in node.effective().items():
            for place in (*node.shadowed().get(name, ()), entry):
                content = follow(place.value)
                if isinstance(content, Scalar):
                    text = None if place.value.tag == RESET else scalar_text(content)
                    yield Slot(document, name, text, place.value, place.owner, place, editable)
    elif isinstance(node, Sequence):
        for item in node.items:
            content = follow(item)
            if isinstance(content, Scalar):
                name, equals, text = content.value.partition("=")
                if "$" not in name:
                    yield Slot(document, name, text if equals else None, item, node, None, editable)


def scalar_text(node: Scalar) -> str | None:
    """The value of a mapping's entry before interpolation, with Compose's conversion of numbers and booleans."""
    value = node.resolved()
    if isinstance(value, str):
        return value
    try:
        return environment_text(value)
    except ValueError:
        # Compose refuses a date; the schema check says so
        return node.value


def _env_files(layers: SequenceType[Layer], environment: Environment) -> Iterator[EnvFile]:
    for layer in layers:
        node = layer.service.get("env_file")
        items: SequenceType[ParsedNode] = node.items if isinstance(node, Sequence) else [node] if node else []
        directory = layer.document.source.path.parent
        for item in items:
            content = follow(item)
            required, raw = True, False
            if isinstance(content, Mapping):
                flag, format_node, path_node = content.get("required"), content.get("format"), content.get("path")
                required = not (isinstance(flag, Scalar) and flag.resolved() is False)
                raw = isinstance(format_node, Scalar) and format_node.value == "raw"
                content = path_node if path_node is not None else content
            if isinstance(content, Scalar) and (path := resolve(content.value, environment).value):
                yield EnvFile(directory / Path(path).expanduser(), item, required, raw)


def env_file_entries(project: Project, service: Service) -> Iterator[tuple[EnvFile, list[EnvFileEntry]]]:
    """The entries of each readable env file of ``service``; a file that cannot be read is skipped."""
    values = {name: v.effective.value for name, v in service.variables.items() if v.effective.value is not None}
    earlier: dict[str, str] = {}
    for file in service.env_files:
        if not file.path.is_file():
            continue
        try:
            source = Source.read(file.path)
            entries = env.read_entries(source, project.environment.variables, values, earlier, file.raw)
        except UserError:
            continue
        yield file, entries
        earlier.update(dotenv.variables(entries))
