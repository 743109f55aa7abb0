"""The env files of a service, and the variables that their lines bring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from pathlib import Path

from dsec_migrate import dotenv
from dsec_migrate import environment as env
from dsec_migrate.document import Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.errors import UserError
from dsec_migrate.project.model import (
    OVERRIDE,
    RESET,
    EnvFile,
    EnvFileSlot,
    Layer,
    Value,
    Variable,
    line_value,
    resolve,
)
from dsec_migrate.project.scene import Scene


def env_files(layers: SequenceType[Layer], own: MappingType[str, Variable], scene: Scene) -> Iterator[EnvFile]:
    """The env files of a service in their order, each read as this service reads it."""
    named = list(_named_env_files(layers, scene))
    if not named:
        return
    # references in an env file see the project's variables, then the service's own, then the lines before
    values = {name: v.effective.value for name, v in own.items() if v.effective.value is not None}
    earlier: dict[str, str] = {}
    for layer, path, node, required, raw in named:
        if not path.is_file():
            if path.exists() and not path.is_dir() and str(path) != os.devnull:
                what = f"the env file {path} is a pipe, a socket or a device, not a file"
                scene.lacks(layer.document.error(what, node.start, help="name a file"))
            yield EnvFile(path, node, layer, required, raw)
            continue
        try:
            text = scene.texts.env_text(path, raw)
            entries = env.read_entries(text.source, scene.environment.variables, values, earlier, raw)
        except UserError as problem:
            scene.lacks(problem)
            yield EnvFile(path, node, layer, required, raw)
            continue
        scene.env_texts[id(text)] = text
        if too_much := scene.tally.takes_values(entry.value for entry in entries):
            raise layer.document.error(too_much, node.start, help="read the file in fewer services")
        yield EnvFile(path, node, layer, required, raw, text, tuple(entries))
        earlier.update(dotenv.variables(entries))


def _named_env_files(layers: SequenceType[Layer], scene: Scene) -> Iterator[tuple[Layer, Path, ParsedNode, bool, bool]]:
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


def with_env_files(
    service: str, own: MappingType[str, Variable], files: SequenceType[EnvFile], scene: Scene
) -> dict[str, Variable]:
    """The variables of a service with those that its env files bring; ``environment:`` beats them."""
    lines: dict[str, list[EnvFileSlot]] = {}
    fixed = {name: variable.effective for name, variable in own.items() if variable.effective.value is not None}
    above = dict(fixed)
    for file in files:
        for line in file.entries:
            if file.text is not None and line.name:
                node = scene.texts.scalar(file.text, line)
                given = line_value(line, scene.environment, above)
                slot = EnvFileSlot(file.text, line.name, line.template, node, None, None, line, given)
                lines.setdefault(line.name, []).append(slot)
                if line.name not in fixed:
                    above[line.name] = given
    variables: dict[str, Variable] = {}
    for name, slots in lines.items():
        if name not in own:
            # a NAME alone that nobody sets is as if it were not there
            effective = next((slot for slot in reversed(slots) if _is_set(slot)), None)
            if effective is not None:
                last = slots.index(effective) + 1
                variables[name] = Variable(service, name, tuple(slots[:last]), effective.given or Value(None, None))
    for name, variable in own.items():
        covered = lines.get(name)
        variables[name] = variable
        if covered:
            variables[name] = Variable(service, name, (*covered, *variable.slots), variable.effective)
    return variables


def _is_set(slot: EnvFileSlot) -> bool:
    assert slot.line is not None
    return slot.line.value is not None or slot.line.passed is not None
