"""Dockerfiles after a change: the same instructions, but for arguments that are build secrets now."""

from __future__ import annotations

from collections.abc import Sequence

from dsec_migrate import document as yaml
from dsec_migrate.changes import AddSyntax, DropWord, MountInRun, NameInRun, Plan
from dsec_migrate.dockerfile import Dockerfile, Instruction, read, words
from dsec_migrate.document import Mapping
from dsec_migrate.errors import VerificationError
from dsec_migrate.finding import Action
from dsec_migrate.outcome import Rewritten
from dsec_migrate.planning.build_arguments import PREFIX
from dsec_migrate.project import DockerfileText, Project
from dsec_migrate.rewrite.dockerfile import SYNTAX
from dsec_migrate.source import Source

_Shape = tuple[str, tuple[str, ...], str, tuple[str, ...]]


def check(before: Project, after: Project, plan: Plan, rewritten: Sequence[Rewritten]) -> None:
    """Raises VerificationError where a Dockerfile would build something else, or a build would lack a secret."""
    texts = {file.path: file.text for file in rewritten}
    changes = [one for one in plan.operations if isinstance(one, (DropWord, MountInRun, NameInRun))]
    for recipe in {id(one.document): one.document for one in changes}.values():
        path = recipe.source.path
        new = read(Source(path, b"", texts.get(str(path), "")))
        own = [one for one in changes if one.document is recipe]
        is_named = any(isinstance(one, AddSyntax) and one.document is recipe for one in plan.operations)
        syntax = SYNTAX.partition("=")[2] if is_named else recipe.content.syntax
        if new.syntax != syntax or new.escape != recipe.content.escape:
            raise VerificationError(f"{path} would be read in another way")
        if list(_expected(recipe, own)) != [_shape(each, new) for each in new.instructions]:
            raise VerificationError(f"{path} would not say what was planned")
    for finding in plan.findings:
        if finding.action is Action.MIGRATE and finding.variable.startswith(PREFIX):
            _check_build(before, after, plan, finding.service, finding.variable.removeprefix(PREFIX), finding.secret)


def _expected(recipe: DockerfileText, changes: Sequence[DropWord | MountInRun | NameInRun]) -> list[_Shape]:
    found: list[_Shape] = []
    for instruction in recipe.content.instructions:
        own = [change for change in changes if change.instruction is instruction]
        keyword, flags, text, heredocs = _shape(instruction, recipe.content)
        gone = [change for change in own if isinstance(change, DropWord)]
        if gone:
            spans = [change.word for change in gone]
            kept = [word for word in words(instruction.text, recipe.content.escape) if word not in spans]
            text = " ".join(instruction.text[word.start : word.end] for word in kept)
            if not kept or (instruction.keyword != "ARG" and len(kept) == 1):
                continue
        for change in sorted(
            (one for one in own if isinstance(one, NameInRun)), key=lambda one: one.part, reverse=True
        ):
            text = text[: change.part.start] + change.text + text[change.part.end :]
        if not text:
            continue
        mounts = dict.fromkeys(change.flag.removeprefix("--") for change in own if isinstance(change, MountInRun))
        found.append((keyword, (*mounts, *flags), text, heredocs))
    return found


def _shape(instruction: Instruction, dockerfile: Dockerfile) -> _Shape:
    """What an instruction says, wherever it stands."""
    owner = instruction.trigger or instruction
    flags = tuple(f"{flag.name}={flag.value}" if flag.value is not None else flag.name for flag in owner.flags)
    source = dockerfile.source.text
    heredocs = tuple(source[each.content.start : each.content.end] for each in owner.heredocs)
    text = owner.text
    if instruction.keyword in {"ADD", "ARG", "COPY"}:
        text = " ".join(text[word.start : word.end] for word in words(text, dockerfile.escape))
    return f"{instruction.keyword} {owner.keyword}", flags, text, heredocs


def _check_build(before: Project, after: Project, plan: Plan, name: str, argument: str, secret: str | None) -> None:
    old, new = before.services[name].get("build"), after.services[name].get("build")
    planned = next((one for one in plan.secrets if one.name == secret), None)
    if old is None or not isinstance(new, Mapping) or planned is None:
        raise VerificationError(f"{name} would not be built as before")
    old_data, new_data = yaml.plain(old), yaml.plain(new)
    if not isinstance(old_data, dict):
        old_data = {"context": old_data}
    assert isinstance(new_data, dict)
    given = dict(_arguments(old_data))
    keys = {change.secret_id for change in plan.operations if isinstance(change, MountInRun) and change.is_of_agent}
    own_keys = {"args", "secrets", "ssh"} if keys else {"args", "secrets"}
    others = {**old_data, **new_data}.keys() - own_keys
    if any(old_data.get(key) != new_data.get(key) for key in others):
        raise VerificationError(f"{name} would not be built as before")
    left = dict(_arguments(new_data))
    if argument in left or any(left.get(key) != value for key, value in given.items() if key in left):
        raise VerificationError(f"{name} would be built with other arguments")
    if planned.name in keys:
        if new_data.get("ssh") != ["default"]:
            raise VerificationError(f"{name} would be built without the key {planned.name}")
        return
    ids = {_target(item) for item in new_data.get("secrets") or () if _source(item) == planned.name}
    wanted = {change.secret_id for change in plan.operations if isinstance(change, MountInRun)}
    is_defined = not planned.is_new or dict(after.secrets.get(planned.name, {})) == planned.as_data()
    if not wanted & ids or not is_defined:
        raise VerificationError(f"{name} would be built without the secret {planned.name}")


def _source(item: object) -> str:
    return str(item.get("source")) if isinstance(item, dict) else str(item)


def _arguments(build: dict[str, object]) -> list[tuple[str, object]]:
    block = build.get("args")
    if isinstance(block, dict):
        return list(block.items())
    return [(str(item).partition("=")[0], item) for item in block] if isinstance(block, list) else []


def _target(item: object) -> str:
    """The id of a mount in the Dockerfile: the target, else the secret's own name (observed)."""
    return str(item.get("target") or item.get("source")) if isinstance(item, dict) else str(item)
