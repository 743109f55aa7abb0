"""Dockerfiles after a change: the same instructions, except for arguments that are now build secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.document import Mapping
from dsec_migrate.compose.project import DockerfileText, Project
from dsec_migrate.detectors.finding import Action
from dsec_migrate.planning.build_arguments import PREFIX
from dsec_migrate.planning.changes import Plan
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Rewritten
from dsec_migrate.verify.buildkit import Node, Parsed, parse
from dsec_migrate.verify.dockerfile_stages import lacking
from dsec_migrate.verify.interpreter import Interpreter, said

# the words of these mean the same whatever the space between them
_OF_WORDS = frozenset({"ADD", "ARG", "COPY"})
_SECRET_MOUNT = Pattern(r"mount=type=secret,id=([^,]+)")


def check(before: Project, after: Project, plan: Plan, expected: Interpreter, rewritten: Sequence[Rewritten]) -> None:
    """Raises VerificationError where a Dockerfile would build something else, or a build would lack a secret."""
    texts = {file.path: file.text for file in rewritten}
    flags: list[str] = []
    documents = {id(patch.document): patch.document for patch in plan.patches}
    for dockerfile in documents.values():
        if not isinstance(dockerfile, DockerfileText):
            continue
        path = dockerfile.source.path
        old, new = parse(dockerfile.source.text), parse(texts.get(str(path), ""))
        is_named = "# syntax=docker/dockerfile:1" in expected.first_lines(dockerfile)
        if new.syntax != ("docker/dockerfile:1" if is_named else old.syntax) or new.escape != old.escape:
            raise VerificationError(f"{path} would be read in another way")
        if [_words(node) for node in _expected(dockerfile, old, expected)] != [_words(node) for node in new.nodes]:
            raise VerificationError(f"{path} would not say what was planned")
        gone = list(_gone(dockerfile, expected))
        arguments = {word.partition("=")[0] for word in gone}
        files = {word.strip("\"'").rpartition("/")[2] for word in gone}
        for node in lacking(old.nodes, new.nodes, arguments, files):
            raise VerificationError(f"{path}, line {node.line}: RUN would lack what it has today")
        flags += (flag for node in new.nodes for flag in node.flags)
    for finding in plan.findings:
        if finding.action is Action.MIGRATE and finding.variable.startswith(PREFIX):
            argument = finding.variable.removeprefix(PREFIX)
            _check_build(before, after, plan, finding.service, argument, finding.secret, flags)


def _gone(dockerfile: DockerfileText, expected: Interpreter) -> Iterator[str]:
    """The words removed from declarations and copies."""
    for one in dockerfile.content.instructions:
        if one.keyword in _OF_WORDS:
            yield from (one.text[slice(*span)] for span, _ in expected.parts.get(id(one), ()))


def _expected(dockerfile: DockerfileText, old: Parsed, expected: Interpreter) -> Iterator[Node]:
    """The expected file: the second reader's nodes, changed as planned for the first reader's instructions."""
    instructions = dockerfile.content.instructions
    if len(old.nodes) != len(instructions):
        raise VerificationError(f"{dockerfile.source.path} is not understood")
    for instruction, node in zip(instructions, old.nodes, strict=True):
        parts, flags = expected.parts.get(id(instruction), []), expected.flags(instruction)
        is_removed = expected.is_removed(instruction)
        if not parts and not flags and not is_removed:
            yield node
            continue
        if (instruction.line, (instruction.trigger or instruction).text) != (node.line, node.arguments):
            raise VerificationError(f"{dockerfile.source.path}, line {node.line} is not understood")
        text = said(node.arguments, parts).strip()
        # a COPY needs more than its destination
        is_empty = parts and (not text or (node.keyword in {"ADD", "COPY"} and len(text.split()) == 1))
        if not is_removed and not is_empty:
            yield node._replace(flags=(*(flag.removeprefix("--") for flag in flags), *node.flags), arguments=text)


def _words(node: Node) -> tuple[str, tuple[str, ...], list[str], tuple[str, ...]]:
    """The content of an instruction, regardless of its position."""
    words = node.arguments.split() if node.keyword in _OF_WORDS else [node.arguments]
    return node.keyword, node.flags, words, node.contents


def _check_build(
    before: Project,
    after: Project,
    plan: Plan,
    name: str,
    argument: str,
    secret: str | None,
    flags: Sequence[str],
) -> None:
    """``flags`` are all that the new Dockerfiles have."""
    old, new = before.services[name].get("build"), after.services[name].get("build")
    planned = next((one for one in plan.secrets if one.name == secret), None)
    if old is None or not isinstance(new, Mapping) or planned is None:
        raise VerificationError(f"{name} would not be built as before")
    old_data, new_data = yaml.plain(old), yaml.plain(new)
    if not isinstance(old_data, dict):
        old_data = {"context": old_data}
    assert isinstance(new_data, dict)
    given = dict(_arguments(old_data))
    own_keys = {"args", "secrets", "ssh"} if plan.agent_keys else {"args", "secrets"}
    others = {**old_data, **new_data}.keys() - own_keys
    if any(old_data.get(key) != new_data.get(key) for key in others):
        raise VerificationError(f"{name} would not be built as before")
    left = dict(_arguments(new_data))
    if argument in left or any(left.get(key) != value for key, value in given.items() if key in left):
        raise VerificationError(f"{name} would be built with other arguments")
    if planned.name in plan.agent_keys:
        is_asked_for = any(flag.startswith("mount=type=ssh") for flag in flags)
        if new_data.get("ssh") != ["default"] or not is_asked_for:
            raise VerificationError(f"{name} would be built without the key {planned.name}")
        return
    ids = {_target(item) for item in new_data.get("secrets") or () if _source(item) == planned.name}
    wanted = {match[1] for flag in flags if (match := _SECRET_MOUNT.match(flag)) is not None}
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
