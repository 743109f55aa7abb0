"""Dockerfiles after a change: the same instructions, but for arguments that are build secrets now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsec_migrate import document as yaml
from dsec_migrate.building import AddSyntax, DropWord, MountInRun, NameInRun
from dsec_migrate.changes import Plan
from dsec_migrate.document import Mapping
from dsec_migrate.errors import VerificationError
from dsec_migrate.finding import Action
from dsec_migrate.outcome import Rewritten
from dsec_migrate.planning.build_arguments import PREFIX
from dsec_migrate.project import DockerfileText, Project
from dsec_migrate.verify.buildkit import Node, Parsed, parse
from dsec_migrate.verify.stages import lacking

# the words of these mean the same with any space between them
_OF_WORDS = frozenset({"ADD", "ARG", "COPY"})


def check(before: Project, after: Project, plan: Plan, rewritten: Sequence[Rewritten]) -> None:
    """Raises VerificationError where a Dockerfile would build something else, or a build would lack a secret."""
    texts = {file.path: file.text for file in rewritten}
    changes = [one for one in plan.operations if isinstance(one, (DropWord, MountInRun, NameInRun))]
    for recipe in {id(one.document): one.document for one in changes}.values():
        path = recipe.source.path
        old, new = parse(recipe.source.text), parse(texts.get(str(path), ""))
        own = [one for one in changes if one.document is recipe]
        is_named = any(isinstance(one, AddSyntax) and one.document is recipe for one in plan.operations)
        if new.syntax != ("docker/dockerfile:1" if is_named else old.syntax) or new.escape != old.escape:
            raise VerificationError(f"{path} would be read in another way")
        if [_words(node) for node in _expected(recipe, old, own)] != [_words(node) for node in new.nodes]:
            raise VerificationError(f"{path} would not say what was planned")
        gone = [one.instruction.text[slice(*one.word)] for one in own if isinstance(one, DropWord)]
        arguments = {word.partition("=")[0] for word in gone}
        files = {word.strip("\"'").rpartition("/")[2] for word in gone}
        for node in lacking(old.nodes, new.nodes, arguments, files):
            raise VerificationError(f"{path}, line {node.line}: RUN would lack what it has today")
    for finding in plan.findings:
        if finding.action is Action.MIGRATE and finding.variable.startswith(PREFIX):
            _check_build(before, after, plan, finding.service, finding.variable.removeprefix(PREFIX), finding.secret)


def _expected(
    recipe: DockerfileText, old: Parsed, changes: Sequence[DropWord | MountInRun | NameInRun]
) -> Iterator[Node]:
    """What the file is to say: the second reader's nodes, changed as planned for the first reader's instructions."""
    instructions = recipe.content.instructions
    if len(old.nodes) != len(instructions):
        raise VerificationError(f"{recipe.source.path} is not understood")
    for instruction, node in zip(instructions, old.nodes, strict=True):
        own = [change for change in changes if change.instruction is instruction]
        if not own:
            yield node
            continue
        if (instruction.line, (instruction.trigger or instruction).text) != (node.line, node.arguments):
            raise VerificationError(f"{recipe.source.path}, line {node.line} is not understood")
        text = node.arguments
        cuts = {
            (one.word, "") if isinstance(one, DropWord) else (one.part, one.text)
            for one in own
            if not isinstance(one, MountInRun)
        }
        for span, new in sorted(cuts, reverse=True):
            text = text[: span.start] + new + text[span.end :]
        text = text.strip()
        # a COPY needs more than the place where it copies to
        if cuts and (not text or (node.keyword in {"ADD", "COPY"} and len(text.split()) == 1)):
            continue
        mounts = dict.fromkeys(one.flag.removeprefix("--") for one in own if isinstance(one, MountInRun))
        yield node._replace(flags=(*mounts, *node.flags), arguments=text)


def _words(node: Node) -> tuple[str, tuple[str, ...], list[str], tuple[str, ...]]:
    """What an instruction says, wherever it stands."""
    words = node.arguments.split() if node.keyword in _OF_WORDS else [node.arguments]
    return node.keyword, node.flags, words, node.contents


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
