"""``--stack-output``: the same project as a file for ``docker stack deploy``, as far as that can express it.

The Compose file is unchanged. Each construct that Swarm refuses and that has an exact equivalent is rewritten in the
copy; all others are errors, as without it. Facts of Docker Engine 28: ``docker stack`` reads no ``.env``, knows neither
a reference in a default nor a lone ``$``, takes a list only for ``depends_on`` (and ignores it), and builds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from typing import NamedTuple

from dsec_migrate.compose import project as projects
from dsec_migrate.compose import swarm_rules
from dsec_migrate.compose.document import Document, Mapping, Scalar, follow
from dsec_migrate.compose.document import Sequence as SequenceNode
from dsec_migrate.compose.environment import PROJECT_NAME
from dsec_migrate.compose.interpolation import InterpolationError, Reference, references
from dsec_migrate.compose.project import EnvFileDeclaration, Project
from dsec_migrate.compose.project.mounted import of_build, sources
from dsec_migrate.detectors.finding import Finding
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.patches import Bare, InsertWord, Octal, Patch, Quoted, Remove, SetValue
from dsec_migrate.planning.secret_files import Disk, resolve_path, written_anew
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Rewritten

MARK = "# Made by dsec-migrate from {name}; `--stack-output` regenerates it."
_PLAIN = Pattern(r"[A-Za-z0-9_./][A-Za-z0-9_./:@-]*(?<![.:])")
_OCTAL = Pattern(r"0?[0-7]{3}")
_NUMBER = Pattern(r"[0-9]+")
_LONE_DOLLAR = Pattern(r"(?<!\$)(?:\$\$)*\$(?![\w{$])")


class _Place(NamedTuple):
    """``at`` is the offset that an error of :mod:`swarm_rules` about it would have."""

    at: int
    patch: Patch


def unhandled(project: Project, problems: Sequence[UserError]) -> Iterator[UserError]:
    """Those of Swarm's problems that also apply to the copy."""
    handled = {document.place(place.at) for document in project.documents for place in _places(document, project, ())}
    yield from (one for one in problems if (one.file, one.line, one.column) not in handled)


def plan(
    project: Project, rewritten: Sequence[Rewritten], output: str, disk: Disk, findings: Sequence[Finding]
) -> Plan:
    """The copy of what ``project`` becomes. No value of ``findings`` is put in the place of its ``${X}``.

    Raises UserError where the project is no single file, or a file of that name is not ours.
    """
    source = project.source.path
    if len(project.documents) != 1 or project.included or len(project.document.roots) != 1:
        what = "a stack file is made from a single file with a single document"
        raise UserError(what, str(source), help="merge them first with `docker compose config`")
    path = resolve_path(project, output)
    if path.parent != resolve_path(project, "."):
        what = "the stack file must be next to the Compose file: its relative paths refer to that folder"
        raise UserError(what, str(path))
    texts = {file.source.real_path: file.text for file in rewritten}
    after = projects.reload(project, texts)
    document = after.document
    secrets = list(_values(project, findings))
    places = list(_places(document, after, secrets))
    mark = MARK.format(name=source.name)
    text, _ = rewrite(document, [InsertWord(document, None, mark), *(place.patch for place in places)])
    copy = _checked(after, text, texts)
    # what the copy still takes from the deploying shell
    used = {one.name for node in copy.document.templates for one in _references(node.value)}
    names = ", ".join(sorted(used & project.environment.unexported))
    notes = [f"`docker stack deploy` reads no .env: export {names} in the shell that deploys"] if names else []
    notes += _env_file_notes(after)
    return Plan(
        files=written_anew(path, text, mark, disk),
        notes=(*notes, f"deploy it with: docker stack deploy -c {output} NAME"),
    )


def _values(project: Project, findings: Sequence[Finding]) -> Iterator[Secret]:
    for finding in findings:
        variable = project.services[finding.service].variables.get(finding.variable)
        if variable is not None and variable.effective.value:
            yield Secret(variable.effective.value)


def _checked(after: Project, text: str, texts: MappingType[str, str]) -> Project:
    """The copy, which Swarm takes, and with which every container gets the values that Compose gives it; ``texts`` are
    those of the files that change, by their real paths.

    Raises VerificationError.
    """
    source = after.document.source
    # without its `name:` the project keeps this name
    known = after.environment
    known = replace(known, files={**known.files, PROJECT_NAME: known.project_name}) if known.project_name else known
    copy = projects.reload(replace(after, environment=known), {**texts, source.real_path: text})
    problem = next(iter(swarm_rules.problems(copy)), None)
    if problem is not None:
        raise VerificationError(f"the stack file would be refused: {problem.what}")
    for name, service in after.services.items():
        other = copy.services.get(name)
        values = {one.name: one.effective.value for one in service.variables.values()}
        if other is None or values != {one.name: one.effective.value for one in other.variables.values()}:
            raise VerificationError(f"{name} would get other values from the stack file")
    return copy


def _places(document: Document, project: Project, secrets: Sequence[Secret]) -> Iterator[_Place]:
    root = document.roots[0] if document.roots else None
    if not isinstance(root, Mapping):
        return
    for key in ("name", "version"):
        entry = root.own(key)
        if entry is not None and not root.flow:
            at = entry.key.start if key == "name" else follow(entry.value).start
            yield _Place(at, Remove(document, entry, origin=key))
    services = root.get("services")
    seen: set[int] = set()
    written: set[int] = set()
    for one in services.entries if isinstance(services, Mapping) else ():
        body = follow(one.value)
        if isinstance(body, Mapping) and id(body) not in seen:
            seen.add(id(body))
            yield from _of_service(document, body)
            yield from _of_env_files(document, project, body, secrets, written)
    yield from _of_builds(document, root, project)
    for node in document.templates:
        patch = _resolved(document, project, node, secrets)
        if patch is not None and id(node) not in written:
            yield _Place(node.start, patch)


def _of_service(document: Document, body: Mapping) -> Iterator[_Place]:
    depends = body.own("depends_on")
    if depends is not None and isinstance(depends.value, Mapping) and not body.flow:
        names = tuple(Quoted(entry.name) for entry in depends.value.entries)
        yield _Place(depends.key.start, SetValue(document, depends.value, names, "depends_on"))
    build = body.own("build")
    listed = build.value.own("secrets") if build is not None and isinstance(build.value, Mapping) else None
    if listed is not None and build is not None and isinstance(build.value, Mapping) and not build.value.flow:
        # nothing is built there, so nothing is lost
        yield _Place(listed.key.start, Remove(document, listed, origin="the secrets of a build"))
    environment = body.own("environment")
    block = environment.value if environment is not None else None
    for entry in block.entries if isinstance(block, Mapping) else ():
        value = entry.value
        if isinstance(value, Scalar) and isinstance(value.resolved(), bool):
            text = "true" if value.resolved() else "false"
            yield _Place(value.start, SetValue(document, value, Quoted(text), "a truth value"))
    yield from _typed(document, body)


def _of_env_files(
    document: Document, project: Project, body: Mapping, secrets: Sequence[Secret], written: set[int]
) -> Iterator[_Place]:
    """Paths in the long form, which is not known there; those that are ``written`` with it, by their identity."""
    files = body.get("env_file")
    for item in files.items if isinstance(files, SequenceNode) else ():
        path = item.get("path") if isinstance(item, Mapping) else None
        if isinstance(item, Mapping) and isinstance(path, Scalar) and set(item.effective()) == {"path"}:
            resolved = _resolved(document, project, path, secrets)
            written.add(id(path))
            value = Quoted(path.value) if resolved is None else resolved.value
            yield _Place(item.start, SetValue(document, item, value, "env_file"))


def _of_builds(document: Document, root: Mapping, project: Project) -> Iterator[_Place]:
    """Definitions of secrets that only builds have: nothing is built there, and Swarm refuses those from variables."""
    block = root.own("secrets")
    found = follow(block.value) if block is not None else None
    if block is None or not isinstance(found, Mapping) or found.flow:
        return
    services = project.services.values()
    mounted = {name for service in services for name in sources(service)}
    of_builds = {name for service in services for name, _ in of_build(service)}
    gone = [one for one in found.entries if one.name in of_builds - mounted]
    is_all = len(gone) == len(found.entries)
    for one in gone:
        body = follow(one.value)
        variable = body.own("environment") if isinstance(body, Mapping) else None
        at = one.key.start if variable is None else variable.key.start
        yield _Place(at, Remove(document, block if is_all else one, origin="the secrets of builds"))


def _typed(document: Document, body: Mapping) -> Iterator[_Place]:
    """Numbers in quotes, which Swarm requires unquoted."""
    mounts, ports = body.get("secrets"), body.get("ports")
    for item in mounts.items if isinstance(mounts, SequenceNode) else ():
        mode = item.get("mode") if isinstance(item, Mapping) else None
        if isinstance(mode, Scalar) and mode.style in {"'", '"'} and _OCTAL.fullmatch(mode.value):
            yield _Place(mode.start, SetValue(document, mode, Octal(int(mode.value, 8)), "mode"))
    for item in ports.items if isinstance(ports, SequenceNode) else ():
        port = item.get("published") if isinstance(item, Mapping) else None
        if isinstance(port, Scalar) and port.style in {"'", '"'} and _NUMBER.fullmatch(port.value):
            yield _Place(port.start, SetValue(document, port, int(port.value), "published"))


def _references(text: str) -> tuple[Reference, ...]:
    try:
        return references(text)
    except InterpolationError:
        return ()


def _resolved(document: Document, project: Project, node: Scalar, secrets: Sequence[Secret]) -> SetValue | None:
    """The string as Compose resolves it here, where Swarm would resolve it differently."""
    found = _references(node.value)
    names = {one.name for one in found}
    of_files = names & project.environment.unexported
    is_odd = any(one.operator in {"+", ":+"} or one.depth for one in found) or _LONE_DOLLAR.search(node.value)
    if not of_files and not is_odd:
        return None
    if any(project.environment.is_from_shell(name) for name in names):
        return None
    value = project.resolve(node.value).value
    if value is None or any(secret.reveal() in value for secret in secrets if secret):
        return None
    text = value.replace("$", "$$")
    is_plain = not node.style and _PLAIN.fullmatch(text) and not _is_variable(document, node)
    return SetValue(document, node, Bare(text) if is_plain else Quoted(text), "a reference")


def _is_variable(document: Document, node: Scalar) -> bool:
    """Whether it is a value of an environment, where a number would be formatted differently."""
    path = document.path_at(node.start) or ()
    return "environment" in path or "labels" in path


def _env_file_notes(project: Project) -> Iterator[str]:
    """Stack reads env files literally: no quotes, no references."""
    odd: dict[str, dict[str, None]] = {}
    for service in project.services.values():
        for variable in service.variables.values():
            declaration = variable.declaration
            if (
                isinstance(declaration, EnvFileDeclaration)
                and declaration.line is not None
                and declaration.line.value is not None
            ):
                source = declaration.document.source
                if (
                    declaration.line.value
                    != source.text[declaration.line.value_span.start : declaration.line.value_span.end]
                ):
                    odd.setdefault(str(source.path), {})[variable.name] = None
    for path, names in odd.items():
        yield f"`docker stack deploy` takes {', '.join(names)} of {path} literally, with quotes and references"
