"""The env files of a service, and the variables that their lines set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from pathlib import Path

from dsec_migrate.compose import dotenv
from dsec_migrate.compose import environment as env
from dsec_migrate.compose.document import Content, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.compose.project.load_context import LoadContext
from dsec_migrate.compose.project.model import OVERRIDE, RESET, EnvFile, EnvFileDeclaration, Layer, Variable
from dsec_migrate.compose.project.resolved_values import Value, line_value, resolve
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, replace

# strings that Compose reads as false, in any case
_NO = frozenset({"false", "n", "no", "off"})


@dataclass(frozen=True, repr=False, eq=False)
class _Named:
    """One entry of ``env_file:``, as it counts: what it says, and the layers that say it."""

    path: Path
    node: ParsedNode
    layers: tuple[Layer, ...]
    required: bool
    raw: bool


def env_files(layers: SequenceType[Layer], own: MappingType[str, Variable], context: LoadContext) -> Iterator[EnvFile]:
    """The env files of a service in order, each read as this service reads it."""
    named = _named_env_files(layers, context)
    if not named:
        return
    # references in an env file see the project's variables, then the service's own, then the lines before
    values = {name: v.effective.value for name, v in own.items() if v.effective.value is not None}
    earlier: dict[str, str] = {}
    for one in named:
        file = EnvFile(one.path, one.node, one.layers, one.required, one.raw)
        document = one.layers[-1].document
        if not one.path.is_file():
            if one.path.exists() and not one.path.is_dir() and str(one.path) != os.devnull:
                what = f"the env file {one.path} is a pipe, a socket or a device, not a file"
                context.lacks(document.error(what, one.node.start, help="name a file"))
            yield file
            continue
        try:
            text = context.texts.env_text(one.path, one.raw)
            entries = env.read_entries(text.source, context.environment.outermost.variables, values, earlier, one.raw)
        except UserError as problem:
            context.lacks(problem)
            yield file
            continue
        context.env_texts[id(text)] = text
        if too_much := context.tally.takes_values(entry.value for entry in entries):
            raise document.error(too_much, one.node.start, help="read the file in fewer services")
        yield replace(file, text=text, entries=tuple(entries))
        earlier.update(dotenv.variables(entries))


def _named_env_files(layers: SequenceType[Layer], context: LoadContext) -> SequenceType[_Named]:
    """The merged entries of all files. An entry with the same spelling as an earlier one replaces it in its position
    (observed with Compose 2.40: of `[a, b, a]`, b comes last). Included entries are compared once more, then by the
    whole path."""
    found: dict[str, _Named] = {}
    for layer in layers:
        node = layer.service.get("env_file")
        if node is not None and node.tag in {OVERRIDE, RESET}:
            found.clear()
        if node is None or node.tag == RESET:
            continue
        for item in node.items if isinstance(node, Sequence) else [node]:
            one = _entry(item, layer, context)
            if one is not None:
                _put(found, *one)
    if not context.environment.is_included:
        return list(found.values())
    by_path: dict[str, _Named] = {}
    for entry in found.values():
        _put(by_path, str(entry.path), entry)
    return list(by_path.values())


def _put(found: dict[str, _Named], spelling: str, entry: _Named) -> None:
    known = found.get(spelling)
    found[spelling] = entry if known is None else replace(entry, layers=(*known.layers, *entry.layers))


def _entry(item: ParsedNode, layer: Layer, context: LoadContext) -> tuple[str, _Named] | None:
    """An entry with the spelling by which Compose identifies it."""
    content = follow(item)
    required, raw = True, False
    if isinstance(content, Mapping):
        required = _said(content.get("required"), context).lower() not in _NO
        raw = _said(content.get("format"), context) == "raw"
        content = named if (named := content.get("path")) is not None else content
    name = _said(content, context)
    if not name:
        return None
    path = Path(name).expanduser()
    directory = layer.document.source.path.parent if layer.users else context.directory
    # like Compose: `..` is resolved before symbolic links
    file = Path(os.path.normpath(directory / path))
    if layer.users:
        # with `extends` a path is relative to the extended file's folder, and Compose rewrites it
        name = str(path) if path.is_absolute() else os.path.relpath(file, context.directory)
    return name, _Named(file, item, (layer,), required, raw)


def _said(node: Content | None, context: LoadContext) -> str:
    return resolve(node.value, context.environment).value or "" if isinstance(node, Scalar) else ""


def with_env_files(
    service: str, own: MappingType[str, Variable], files: SequenceType[EnvFile], context: LoadContext
) -> dict[str, Variable]:
    """The variables of a service with those from its env files; ``environment:`` overrides them."""
    lines: dict[str, list[EnvFileDeclaration]] = {}
    fixed = {name: variable.effective for name, variable in own.items() if variable.effective.value is not None}
    above = dict(fixed)
    for file in files:
        for line in file.entries:
            if file.text is not None and line.name:
                node = context.texts.scalar(file.text, line)
                given = line_value(line, context.environment, above)
                declaration = EnvFileDeclaration(file.text, line.name, line.template, node, None, None, line, given)
                lines.setdefault(line.name, []).append(declaration)
                if line.name not in fixed:
                    above[line.name] = given
    variables: dict[str, Variable] = {}
    for name, declarations in lines.items():
        if name not in own:
            # a bare NAME that is not set is ignored
            effective = next((declaration for declaration in reversed(declarations) if _is_set(declaration)), None)
            if effective is not None:
                last = declarations.index(effective) + 1
                variables[name] = Variable(
                    service, name, tuple(declarations[:last]), effective.given or Value(None, None)
                )
    for name, variable in own.items():
        covered = lines.get(name)
        variables[name] = variable
        if covered:
            variables[name] = Variable(service, name, (*covered, *variable.declarations), variable.effective)
    return variables


def _is_set(declaration: EnvFileDeclaration) -> bool:
    assert declaration.line is not None
    return declaration.line.value is not None or declaration.line.passed is not None
