"""Documents -> projects, as Compose puts them together."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from pathlib import Path

from dsec_migrate import document as yaml
from dsec_migrate import dotenv
from dsec_migrate import environment as env
from dsec_migrate.document import Content, Document, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.dotenv import Entry as EnvFileEntry
from dsec_migrate.environment import Environment
from dsec_migrate.errors import UserError
from dsec_migrate.interpolation import InterpolationError, interpolate
from dsec_migrate.neighbours import Folders
from dsec_migrate.project.model import (
    OVERRIDE,
    RESET,
    EnvFile,
    Layer,
    Project,
    Service,
    Slot,
    Value,
    Variable,
    cached_references,
    resolve,
)
from dsec_migrate.scalars import environment_text
from dsec_migrate.source import Source
from dsec_migrate.validation import Problem


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
            if any(reference.operator in {"?", ":?"} for reference in cached_references(node.value)):
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
