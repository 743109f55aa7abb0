"""How a Dockerfile is written: declarations go, mounts come right behind RUN."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsec_migrate.dockerfile import Instruction, declared
from dsec_migrate.plan import DropArgument, MountInRun
from dsec_migrate.project import DockerfileText
from dsec_migrate.source import Edit, Span


def edits(text: DockerfileText, operations: Iterable[DropArgument | MountInRun]) -> Iterator[Edit]:
    dropped: dict[int, tuple[Instruction, list[Span]]] = {}
    mounts: dict[int, tuple[Instruction, list[str]]] = {}
    for operation in operations:
        instruction = operation.instruction
        if isinstance(operation, DropArgument):
            dropped.setdefault(id(instruction), (instruction, []))[1].append(operation.word)
        else:
            mounts.setdefault(id(instruction), (instruction, []))[1].append(operation.flag)
    for instruction, words in dropped.values():
        yield from _without(text, instruction, words)
    for instruction, flags in mounts.values():
        owner = instruction.trigger or instruction
        start = owner.flags[0].span.start if owner.flags else owner.offsets[0]
        yield Edit(start, start, "".join(f"{flag} " for flag in dict.fromkeys(flags)))


def _without(text: DockerfileText, instruction: Instruction, words: list[Span]) -> Iterator[Edit]:
    """An ARG without some of what it declares; without all of it no line is left."""
    source = text.source
    known = declared(instruction, text.content.escape)
    if len(words) == len(known):
        start = source.line_start(instruction.span.start)
        yield Edit(start, source.line_end(max(instruction.span.end - 1, start)), "")
        return
    for word in words:
        number = next(number for number, each in enumerate(known) if each.word == word)
        # those at the beginning take the space behind them along, the others that before them
        if all(each.word in words for each in known[:number]):
            after = known[number + 1].word
            yield Edit(instruction.offsets[word.start], instruction.offsets[after.start], "")
        else:
            before = known[number - 1].word
            yield Edit(instruction.offsets[before.end - 1] + 1, instruction.offsets[word.end - 1] + 1, "")
