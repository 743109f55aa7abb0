"""Documents -> projects, as Compose merges them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.compose import environment as env
from dsec_migrate.compose.document import Content, Document, Mapping, ParsedNode, Scalar, Sequence, follow, plain
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.interpolation import InterpolationError, interpolate
from dsec_migrate.compose.project import merging, project_name
from dsec_migrate.compose.project.env_files import env_files, with_env_files
from dsec_migrate.compose.project.file_cache import Texts
from dsec_migrate.compose.project.load_context import Body, LoadContext
from dsec_migrate.compose.project.model import OVERRIDE, RESET, Hidden, Layer, Project, Service, Variable
from dsec_migrate.compose.project.resolved_values import passed_through, resolve
from dsec_migrate.compose.project.tally import Tally
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.compose.validation import Problem
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace

# the message for a project of that size
_SPLIT = "split the project"
_REMOTE = {"oci:", "git:", "ssh:", "http:", "https:", "github.com"}


def place(document: Document, root: Content, path: SequenceType[str | int]) -> tuple[str, int, int]:
    """File, line and column of a path in a document's plain data: of the deepest part of it that is in the text."""
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
    """The validation errors, at their positions in the text."""
    help_text = problem.help or "correct it; `docker compose config` refuses it, too"
    return UserError(problem.what, *place(document, root, problem.path), help=help_text)


def reload(project: Project, texts: MappingType[str, str], paths: SequenceType[Path] | None = None) -> Project:
    """The project with other texts, by the real paths of their files; of all of its files, or of ``paths``.

    Raises UserError as :func:`load` does.
    """
    loaded = load(
        paths or [document.source.path for document in project.documents],
        project.environment,
        project.folders,
        directory=project.directory,
        texts=Texts(dict(texts)),
    )
    return replace(
        loaded,
        is_part=project.is_part,
        reserved=project.reserved,
        family=project.family,
        duplicate_services=project.duplicate_services,
        images=project.images,
        exceptions=project.exceptions,
    ).within(project.boundary, project.kept)


def load(
    paths: SequenceType[Path],
    environment: Environment,
    folders: Folders | None = None,
    *,
    directory: Path | None = None,
    texts: Texts | None = None,
    seen: frozenset[str] = frozenset(),
    tally: Tally | None = None,
    depth: int = 1,
) -> Project:
    """The project that files are, merged in this order, with those that they include.

    ``folders`` knows the files beside them; ``seen`` are the real paths of the files that led here in ``depth`` steps,
    and ``tally`` is what all of these have asked for.

    Raises UserError where a text is no YAML, a file that a service extends or an ``include:`` cannot be read, or the
    project asks for too much.
    """
    texts = texts or Texts()
    documents = tuple(texts.document(path) for path in paths)
    seen = seen | {document.source.real_path for document in documents}
    directory = paths[0].parent if directory is None else directory
    unnamed: tuple[UserError, ...] = ()
    if not environment.is_included:
        unnamed = tuple(project_name.refused(documents, environment, directory))
        environment = replace(environment, project_name=project_name.of(documents, environment, directory))
    context = LoadContext(texts, environment, directory, tally=tally or Tally())
    templates = [problem for document in documents for problem in _template_problems(document, environment)]
    bodies, dropped = _bodies(documents)
    services = {name: _service(name, bodies[name], dropped.get(name, ()), context) for name in bodies}
    included = tuple(_included(documents, context, folders or Folders(), seen, depth))
    problems = (
        *(problem for document in documents for problem in document.problems),
        *(problem for problem, is_required in templates if not is_required),
        *context.missing.values(),
    )
    return Project(
        documents,
        environment,
        services,
        folders or Folders(),
        context.directory,
        problems,
        (*unnamed, *(problem for problem, is_required in templates if is_required), *context.warnings.values()),
        tuple(document for document in context.extended.values() if document not in documents),
        tuple(context.env_texts.values()),
        included,
        duplicate_services=frozenset(context.duplicate_services),
        read=texts.source,
        is_whole=len(included) == len(list(_include_items(documents))),
    )


def _included(
    documents: SequenceType[Document], context: LoadContext, folders: Folders, seen: frozenset[str], depth: int
) -> Iterator[Project]:
    """The projects that ``include:`` names, each with its own directory and env file."""
    for document, root, item in _include_items(documents):
        include = _include(follow(item), context)
        if include is None:
            continue
        absent = [path for path in include.paths if not path.is_file()]
        if any(map(_is_remote, absent)):
            what = "this `include` refers to a remote file: skipped"
            advice = "files that Compose fetches from elsewhere are never changed"
            context.warn(document.error(what, item.start, help=advice))
        elif absent:
            what = f"there is no such file: {absent[0]}"
            context.lacks(document.error(what, item.start, help="name a file that exists"))
        if absent:
            continue
        if seen & {os.path.realpath(path) for path in include.paths}:
            raise document.error("the files include each other", item.start, help="remove one `include`")
        if too_much := context.tally.takes_include(depth):
            raise document.error(too_much, item.start, help="name the files of the project with -f")
        environment = env.load(include.directory, {}, include.env_files, parent=context.environment)
        project = load(
            include.paths,
            environment,
            folders,
            directory=include.directory,
            texts=context.texts,
            seen=seen,
            tally=context.tally,
            depth=depth + 1,
        )
        _check_imports(document, root, project, context)
        yield project


def _include_items(documents: SequenceType[Document]) -> Iterator[tuple[Document, Mapping, ParsedNode]]:
    for document in documents:
        for root in document.roots:
            node = root.get("include") if isinstance(root, Mapping) else None
            for item in node.items if isinstance(node, Sequence) else []:
                assert isinstance(root, Mapping)
                yield document, root, item


def _check_imports(document: Document, root: Mapping, included: Project, context: LoadContext) -> None:
    """A service of the importing file must equal the imported one (observed with Compose 2.40), and an edit ends that:
    such a duplicate stays as it is. A later file, or a later document, may change an imported service.
    """
    services = root.get("services")
    entries = services.effective() if isinstance(services, Mapping) else {}
    imported = _imported(included)
    for name in (name for name in entries if name in imported):
        context.duplicate_services.add(name)
        if plain(entries[name].value) in imported[name]:
            continue
        what = f"the service {name} is also defined in an included file: both must be identical"
        context.lacks(
            document.error(what, entries[name].key.start, help="change an included service in an override file")
        )


def _imported(project: Project) -> dict[str, list[object]]:
    """The services of a project, each as plain data where it is one mapping."""
    found: dict[str, list[object]] = {}
    for unit in project.units():
        for name, service in unit.services.items():
            found[name] = [plain(layer.service) for layer in service.layers] if len(service.layers) == 1 else []
    return found


def _is_remote(path: Path) -> bool:
    """A repository or an artifact that Compose fetches, its ``//`` read as a path."""
    return any(part in _REMOTE or part.startswith("git@") for part in path.parts)


class _Include(NamedTuple):
    paths: tuple[Path, ...]
    directory: Path
    env_files: tuple[Path, ...]


def _include(node: Content, context: LoadContext) -> _Include | None:
    def texts(content: Content | None) -> tuple[str, ...]:
        items = content.items if isinstance(content, Sequence) else [content] if content is not None else []
        scalars = [scalar for item in items if isinstance(scalar := follow(item), Scalar)]
        return tuple(text for scalar in scalars if (text := resolve(scalar.value, context.environment).value))

    if isinstance(node, Mapping):
        paths, env_files = texts(node.get("path")), texts(node.get("env_file"))
        directory = next(iter(texts(node.get("project_directory"))), None)
    else:
        paths, env_files, directory = texts(node), (), None
    if not paths:
        return None
    files = tuple(Path(os.path.normpath(context.directory / Path(path).expanduser())) for path in paths)
    return _Include(
        files,
        files[0].parent if directory is None else context.directory / Path(directory).expanduser(),
        tuple(context.directory / Path(path).expanduser() for path in env_files if path != "/dev/null"),
    )


def _bodies(
    documents: SequenceType[Document],
) -> tuple[dict[str, list[Body]], dict[str, list[tuple[Body, Document]]]]:
    """The bodies of each service, and those that a later ``!override`` or ``!reset`` of the whole service replaces,
    with the file where that stands."""
    bodies: dict[str, list[Body]] = {}
    dropped: dict[str, list[tuple[Body, Document]]] = {}
    for document in documents:
        for root in document.roots:
            services = root.get("services") if isinstance(root, Mapping) else None
            if services is not None and services.tag in {OVERRIDE, RESET}:
                for name in list(bodies):
                    dropped.setdefault(name, []).extend((body, document) for body in bodies.pop(name))
            if not isinstance(services, Mapping) or services.tag == RESET:
                continue
            for name, entry in services.effective().items():
                body = follow(entry.value)
                if entry.value.tag in {OVERRIDE, RESET} or body.tag == OVERRIDE:
                    dropped.setdefault(name, []).extend((old, document) for old in bodies.pop(name, ()))
                if isinstance(body, Mapping) and entry.value.tag != RESET:
                    bodies.setdefault(name, []).append(Body(document, body))
    return bodies, dropped


def _template_problems(document: Document, environment: Environment) -> Iterator[tuple[UserError, bool]]:
    """Each template that Compose refuses, and whether that is only because a required variable is not set here."""
    for node in document.templates:
        try:
            interpolate(node.value, environment.variables)
        except InterpolationError as error:
            yield _interpolation_problem(document, node, error), error.reason == "required"


def _interpolation_problem(document: Document, node: Scalar, error: InterpolationError) -> UserError:
    if error.reason == "required":
        what = f"the required variable {error.name} is not set"
        return document.error(
            what, node.start, help=f"set {error.name} in .env or in the shell; Compose requires it, too"
        )
    if error.reason != "format":
        return document.error(str(error), node.start, help="write the value out: no program can use it like this")
    what = "invalid interpolation: `$` is not followed by a valid expression"
    return document.error(what, node.start, help="write ${NAME}, ${NAME:-default} or, for a plain dollar sign, $$")


def _service(
    name: str, bodies: SequenceType[Body], replaced: SequenceType[tuple[Body, Document]], context: LoadContext
) -> Service:
    layers = tuple(layer for body in bodies for layer in _layers(name, body, context, context.directory, ()))
    environment = context.environment
    declarations, dropped, is_list = merging.merge(layers, replaced, environment)
    own: dict[str, Variable] = {}
    for variable, places in declarations.items():
        template = places[-1].text
        value = (
            resolve(template, environment)
            if template is not None
            else passed_through(variable, environment, is_listed=is_list or places[-1].entry is None)
        )
        own[variable] = Variable(name, variable, tuple(places), value)
        if too_much := context.tally.takes_values([value.value]):
            raise places[-1].document.error(too_much, places[-1].start, help=_SPLIT)
    files = tuple(env_files(layers, own, context))
    variables = with_env_files(name, own, files, context) if files else own
    image = next((node for layer in reversed(layers) if (node := layer.service.get("image")) is not None), None)
    image_name = resolve(image.value, environment).value if isinstance(image, Scalar) else None
    hidden = tuple(
        Hidden(name, declaration.name, (declaration,), resolve(declaration.text, environment), by, reset)
        for declaration, by, reset in dropped
    )
    return Service(name, layers, variables, hidden, files, image_name or "", environment)


def _layers(name: str, body: Body, context: LoadContext, directory: Path, seen: tuple[str, ...]) -> Iterator[Layer]:
    if too_much := context.tally.takes_layer(len(seen)):
        raise body.document.error(too_much, body.service.start, help=_SPLIT)
    extended = body.service.get("extends")
    if extended is not None:
        yield from _extended(extended, body, context, directory, (*seen, f"{body.document.source.path}:{name}"))
    yield Layer(body.document, body.service, name)


def _extended(
    node: Content, body: Body, context: LoadContext, directory: Path, seen: tuple[str, ...]
) -> Iterator[Layer]:
    """What ``extends`` adds. Its ``file`` is relative to ``directory``: the project's, and for what an extended file
    extends in turn, that file's own (observed with Compose 2.40)."""
    document = body.document
    if isinstance(node, Scalar):
        service, file = _said(node, context), None
    elif isinstance(node, Mapping):
        named, other = node.get("service"), node.get("file")
        service = _said(named, context)
        file = _said(other, context) if isinstance(other, Scalar) and not other.is_null else None
    else:
        return
    if file is None:
        base = document
    else:
        # by its path as written, links or not, as Compose does
        path = Path(os.path.normpath(directory / Path(file).expanduser()))
        if not path.is_file():
            if _is_remote(path):
                what = "the file in `extends` is not here: what the service inherits from it is unknown"
                advice = "make sure that it sets no migrated variable"
                context.warn(document.error(what, node.start, help=advice))
            else:
                what = f"there is no such file: {path}"
                context.lacks(document.error(what, node.start, help="name a file that exists"))
            return
        base = context.texts.document(path)
        context.extended[os.path.realpath(path)] = base
        directory = path.parent
    if f"{base.source.path}:{service}" in seen:
        what = f"the service {service} extends itself" if file is None else "the files extend each other"
        raise document.error(what, node.start, help="remove one of the `extends`")
    bodies = context.bodies.get(id(base))
    if bodies is None:
        bodies = context.bodies[id(base)] = _bodies((base,))[0]
    if service not in bodies:
        what = f"{base.source.path} has no service {service} to extend"
        context.lacks(document.error(what, node.start, help="name a service of that file"))
    for inherited in bodies.get(service, ()):
        for layer in _layers(service, inherited, context, directory, seen):
            users = layer.users if file is None else (*layer.users, document)
            yield Layer(layer.document, layer.service, layer.name, users)


def _said(node: Content | None, context: LoadContext) -> str:
    return resolve(node.value, context.environment).value or "" if isinstance(node, Scalar) else ""
