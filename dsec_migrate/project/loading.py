"""Documents -> projects, as Compose puts them together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import field
from pathlib import Path
from typing import NamedTuple

from dsec_migrate import dotenv
from dsec_migrate import environment as env
from dsec_migrate.document import Content, Document, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.environment import Environment
from dsec_migrate.errors import UserError
from dsec_migrate.interpolation import InterpolationError, interpolate
from dsec_migrate.neighbours import Folders
from dsec_migrate.project.model import (
    OVERRIDE,
    RESET,
    EnvFile,
    EnvFileSlot,
    EnvFileText,
    Layer,
    Project,
    Service,
    Slot,
    Value,
    Variable,
    cached_references,
    line_value,
    passed_through,
    resolve,
)
from dsec_migrate.project.texts import Texts
from dsec_migrate.records import dataclass
from dsec_migrate.scalars import environment_text
from dsec_migrate.validation import Problem

_Root = tuple[Document, Mapping]


@dataclass(frozen=True, repr=False, eq=False)
class _Scene:
    """What all services of a project share while they are put together."""

    texts: Texts
    environment: Environment
    directory: Path
    extended: dict[str, Document] = field(default_factory=dict)
    env_texts: dict[int, EnvFileText] = field(default_factory=dict)
    env_problems: dict[tuple[Path, bool], UserError] = field(default_factory=dict)
    # by place: several services may come by one `extends`
    problems: dict[tuple[int, int], UserError] = field(default_factory=dict)
    warnings: dict[tuple[int, int], UserError] = field(default_factory=dict)


def place(document: Document, root: Content, path: SequenceType[str | int]) -> tuple[str, int, int]:
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
    return document.place(offset)


def located(document: Document, root: Content, problem: Problem) -> UserError:
    """What the validation found, at its place in the text."""
    help_text = problem.help or "correct it; `docker compose config` refuses it too"
    return UserError(problem.what, *place(document, root, problem.path), help=help_text)


def load(
    paths: SequenceType[Path],
    environment: Environment,
    folders: Folders | None = None,
    *,
    directory: Path | None = None,
    texts: Texts | None = None,
    seen: frozenset[str] = frozenset(),
) -> Project:
    """The project that files are, merged in this order, with those that they include.

    ``folders`` knows the files beside them; ``seen`` are the real paths of the files that led here.

    Raises UserError where a text is no YAML, or a file that a service extends or an ``include:`` cannot be read.
    """
    texts = texts or Texts()
    seen = seen | {os.path.realpath(path) for path in paths}
    documents = tuple(texts.document(path) for path in paths)
    scene = _Scene(texts, environment, paths[0].parent if directory is None else directory)
    templates = [problem for document in documents for problem in _template_problems(document, environment)]
    bodies, dropped = _bodies(documents)
    services = {name: _service(name, bodies[name], dropped.get(name, ()), scene) for name in bodies}
    included = tuple(_included(documents, scene, folders or Folders(), seen))
    problems = (
        *(problem for document in documents for problem in document.problems),
        *(problem for problem, is_required in templates if not is_required),
        *scene.env_problems.values(),
        *scene.problems.values(),
    )
    return Project(
        documents,
        environment,
        services,
        folders or Folders(),
        scene.directory,
        problems,
        (*(problem for problem, is_required in templates if is_required), *scene.warnings.values()),
        tuple(document for document in scene.extended.values() if document not in documents),
        tuple(scene.env_texts.values()),
        included,
    )


def _included(
    documents: SequenceType[Document], scene: _Scene, folders: Folders, seen: frozenset[str]
) -> Iterator[Project]:
    """The projects that ``include:`` names, each with its own directory and env file."""
    for document in documents:
        for root in document.roots:
            node = root.get("include") if isinstance(root, Mapping) else None
            for item in node.items if isinstance(node, Sequence) else []:
                include = _include(follow(item), scene)
                if include is None or not all(path.is_file() for path in include.paths):
                    # Compose refuses it, or fetches it from elsewhere: what can be told without it is told
                    scene.warnings[id(document), item.start] = document.error(
                        "what this `include` names is not here: it is not looked at",
                        item.start,
                        help="run it where all files are; what Compose fetches from elsewhere is never changed",
                    )
                    continue
                if seen & {os.path.realpath(path) for path in include.paths}:
                    raise document.error("the files include each other", item.start, help="remove one `include`")
                environment = env.load(include.directory, {}, include.env_files, parent=scene.environment)
                project = load(
                    include.paths, environment, folders, directory=include.directory, texts=scene.texts, seen=seen
                )
                _check_imports(document, root, project, scene)
                yield project


def _check_imports(document: Document, root: Content, included: Project, scene: _Scene) -> None:
    """A service of the importing file must equal the imported one (observed with Compose 2.40), and an edit ends that.

    A later file, or a later document, may change an imported service.
    """
    services = root.get("services") if isinstance(root, Mapping) else None
    entries = services.effective() if isinstance(services, Mapping) else {}
    imported = _imported(included)
    for name in (name for name in entries if name in imported):
        start = entries[name].key.start
        scene.problems[id(document), start] = document.error(
            f"the service {name} is also in a file that `include` names: Compose takes both only while they are equal",
            start,
            help="change an included service in an override file",
        )


def _imported(project: Project) -> frozenset[str]:
    return frozenset(project.services).union(*(_imported(included) for included in project.included))


class _Include(NamedTuple):
    paths: tuple[Path, ...]
    directory: Path
    env_files: tuple[Path, ...]


def _include(node: Content, scene: _Scene) -> _Include | None:
    def texts(content: Content | None) -> tuple[str, ...]:
        items = content.items if isinstance(content, Sequence) else [content] if content is not None else []
        scalars = [scalar for item in items if isinstance(scalar := follow(item), Scalar)]
        return tuple(text for scalar in scalars if (text := resolve(scalar.value, scene.environment).value))

    if isinstance(node, Mapping):
        paths, env_files = texts(node.get("path")), texts(node.get("env_file"))
        directory = next(iter(texts(node.get("project_directory"))), None)
    else:
        paths, env_files, directory = texts(node), (), None
    if not paths:
        return None
    files = tuple(scene.directory / Path(path).expanduser() for path in paths)
    return _Include(
        files,
        files[0].parent if directory is None else scene.directory / Path(directory).expanduser(),
        tuple(scene.directory / Path(path).expanduser() for path in env_files if path != "/dev/null"),
    )


@dataclass(frozen=True, repr=False, eq=False)
class _Body:
    """One mapping of a service, and the file whose services its ``extends`` can name."""

    document: Document
    service: Mapping


def _bodies(documents: SequenceType[Document]) -> tuple[dict[str, list[_Body]], dict[str, list[_Body]]]:
    """The bodies of each service, and those that a later ``!override`` or ``!reset`` of the whole service replaces."""
    bodies: dict[str, list[_Body]] = {}
    dropped: dict[str, list[_Body]] = {}
    for document in documents:
        for root in document.roots:
            services = root.get("services") if isinstance(root, Mapping) else None
            if services is not None and services.tag in {OVERRIDE, RESET}:
                for name in list(bodies):
                    dropped.setdefault(name, []).extend(bodies.pop(name))
            if not isinstance(services, Mapping) or services.tag == RESET:
                continue
            for name, entry in services.effective().items():
                body = follow(entry.value)
                if entry.value.tag in {OVERRIDE, RESET} or body.tag == OVERRIDE:
                    dropped.setdefault(name, []).extend(bodies.pop(name, ()))
                if isinstance(body, Mapping) and entry.value.tag != RESET:
                    bodies.setdefault(name, []).append(_Body(document, body))
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


def _service(name: str, bodies: SequenceType[_Body], replaced: SequenceType[_Body], scene: _Scene) -> Service:
    layers = tuple(layer for body in bodies for layer in _layers(name, body, scene, ()))
    environment = scene.environment
    slots: dict[str, list[Slot]] = {}
    dropped = [slot for body in replaced for slot in _slots(body.document, body.service.get("environment"))]
    for layer in layers:
        node = layer.environment
        if node is not None and node.tag in {OVERRIDE, RESET}:
            dropped += [slot for places in slots.values() for slot in places]
            slots.clear()
        if node is not None and node.tag == RESET:
            continue
        for slot in _slots(layer.document, node):
            slots.setdefault(slot.name, []).append(slot)
    own: dict[str, Variable] = {}
    for variable, places in slots.items():
        if places[-1].node.tag == RESET:
            dropped += places[:-1]
            continue
        template = places[-1].text
        value = resolve(template, environment) if template is not None else passed_through(variable, environment)
        own[variable] = Variable(name, variable, tuple(places), value)
    env_files = tuple(_env_files(layers, own, scene))
    variables = _with_env_files(name, own, env_files, scene) if env_files else own
    image = next((node for layer in reversed(layers) if (node := layer.service.get("image")) is not None), None)
    image_name = resolve(image.value, environment).value if isinstance(image, Scalar) else None
    hidden = tuple(Variable(name, slot.name, (slot,), resolve(slot.text, environment)) for slot in dropped)
    return Service(name, layers, variables, hidden, env_files, image_name or "")


def _layers(name: str, body: _Body, scene: _Scene, seen: tuple[str, ...]) -> Iterator[Layer]:
    extended = body.service.get("extends")
    if extended is not None:
        yield from _extended(extended, body, scene, (*seen, f"{body.document.source.path}:{name}"))
    yield Layer(body.document, body.service)


def _extended(node: Content, body: _Body, scene: _Scene, seen: tuple[str, ...]) -> Iterator[Layer]:
    document = body.document
    if isinstance(node, Scalar):
        service, file = node.value, None
    elif isinstance(node, Mapping):
        named, other = node.get("service"), node.get("file")
        service = named.value if isinstance(named, Scalar) else ""
        file = resolve(other.value, scene.environment).value if isinstance(other, Scalar) else None
    else:
        return
    if file is None:
        base = document
    else:
        # beside the file that names it, not in the project directory
        path = document.source.path.parent / Path(file).expanduser()
        if not path.is_file():
            # Compose refuses it, but what can be told about this file is told
            scene.warnings[id(document), node.start] = document.error(
                "the file that `extends` names is not here: nothing is known about what the service takes from it",
                node.start,
                help="run it where all files are, or see that it sets no variable that moves",
            )
            return
        base = scene.texts.document(path)
        scene.extended[os.path.realpath(path)] = base
    if f"{base.source.path}:{service}" in seen:
        what = f"the service {service} extends itself" if file is None else "the files extend each other"
        raise document.error(what, node.start, help="remove one of the `extends`")
    bodies, _ = _bodies((base,))
    if service not in bodies and base is not document:
        scene.problems[id(document), node.start] = document.error(
            f"`extends` names no service of {base.source.path.name}",
            node.start,
            help="correct it; `docker compose config` refuses it too",
        )
    for inherited in bodies.get(service, ()):
        for layer in _layers(service, inherited, scene, seen):
            users = layer.users if file is None else (*layer.users, document)
            yield Layer(layer.document, layer.service, users)


def _slots(document: Document, node: Content | None) -> Iterator[Slot]:
    if isinstance(node, Mapping):
        for name, entry in node.effective().items():
            for place in (*node.shadowed().get(name, ()), entry):
                content = follow(place.value)
                if isinstance(content, Scalar):
                    text = None if place.value.tag == RESET else scalar_text(content)
                    yield Slot(document, name, text, place.value, place.owner, place)
    elif isinstance(node, Sequence):
        for item in node.items:
            content = follow(item)
            if isinstance(content, Scalar):
                name, equals, text = content.value.partition("=")
                if "$" not in name:
                    yield Slot(document, name, text if equals else None, item, node, None)


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


# --- env files ---


def _env_files(layers: SequenceType[Layer], own: MappingType[str, Variable], scene: _Scene) -> Iterator[EnvFile]:
    """The env files of a service in their order, each read as this service reads it."""
    named = list(_named_env_files(layers, scene))
    if not named:
        return
    # references in an env file see the project's variables, then the service's own, then the lines before
    values = {name: v.effective.value for name, v in own.items() if v.effective.value is not None}
    earlier: dict[str, str] = {}
    for layer, path, node, required, raw in named:
        if not path.is_file():
            yield EnvFile(path, node, layer, required, raw)
            continue
        try:
            text = scene.texts.env_text(path, raw)
            entries = env.read_entries(text.source, scene.environment.variables, values, earlier, raw)
        except UserError as problem:
            scene.env_problems.setdefault((path, raw), problem)
            yield EnvFile(path, node, layer, required, raw)
            continue
        scene.env_texts[id(text)] = text
        yield EnvFile(path, node, layer, required, raw, text, tuple(entries))
        earlier.update(dotenv.variables(entries))


def _named_env_files(
    layers: SequenceType[Layer], scene: _Scene
) -> Iterator[tuple[Layer, Path, ParsedNode, bool, bool]]:
    found: list[tuple[Layer, Path, ParsedNode, bool, bool]] = []
    for layer in layers:
        node = layer.service.get("env_file")
        if node is not None and node.tag in {OVERRIDE, RESET}:
            found.clear()
        if node is None or node.tag == RESET:
            continue
        # with `extends` a path means the folder of the extended file
        directory = layer.document.source.path.parent if layer.users else scene.directory
        for item in node.items if isinstance(node, Sequence) else [node]:
            content = follow(item)
            required, raw = True, False
            if isinstance(content, Mapping):
                flag, format_node, path_node = content.get("required"), content.get("format"), content.get("path")
                required = not (isinstance(flag, Scalar) and flag.resolved() is False)
                raw = isinstance(format_node, Scalar) and format_node.value == "raw"
                content = path_node if path_node is not None else content
            if isinstance(content, Scalar) and (path := resolve(content.value, scene.environment).value):
                # like Compose: `..` goes before a symbolic link is followed
                file = Path(os.path.normpath(directory / Path(path).expanduser()))
                found.append((layer, file, item, required, raw))
    yield from found


def _with_env_files(
    service: str, own: MappingType[str, Variable], files: SequenceType[EnvFile], scene: _Scene
) -> dict[str, Variable]:
    """The variables of a service with those that its env files bring; ``environment:`` beats them."""
    lines: dict[str, list[EnvFileSlot]] = {}
    for file in files:
        for line in file.entries:
            if file.text is not None and line.name:
                node = scene.texts.scalar(file.text, line)
                slot = EnvFileSlot(file.text, line.name, line.template, node, None, None, line)
                lines.setdefault(line.name, []).append(slot)
    variables: dict[str, Variable] = {}
    for name, slots in lines.items():
        if name not in own:
            # a NAME alone that nobody sets is as if it were not there
            effective = next((slot for slot in reversed(slots) if _is_set(slot)), None)
            if effective is not None:
                last = slots.index(effective) + 1
                variables[name] = Variable(service, name, tuple(slots[:last]), _effect(effective, scene))
    for name, variable in own.items():
        above = lines.get(name)
        slots_of_all = (*above, *variable.slots) if above else variable.slots
        variables[name] = Variable(service, name, slots_of_all, variable.effective) if above else variable
    return variables


def _is_set(slot: EnvFileSlot) -> bool:
    assert slot.line is not None
    return slot.line.value is not None or slot.line.passed is not None


def _effect(slot: EnvFileSlot, scene: _Scene) -> Value:
    assert slot.line is not None
    return line_value(slot.line, scene.environment)
