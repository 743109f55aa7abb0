"""How a Dockerfile is written: words go, mounts come right behind RUN."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsec_migrate.building import AddSyntax, DropWord, MountInRun, NameInRun
from dsec_migrate.changes import Operation
from dsec_migrate.dockerfile import Instruction, words
from dsec_migrate.project import DockerfileText
from dsec_migrate.source import Edit, Span

SYNTAX = "# syntax=docker/dockerfile:1"


def edits(text: DockerfileText, operations: Iterable[Operation]) -> Iterator[Edit]:
    dropped: dict[int, tuple[Instruction, list[Span]]] = {}
    mounts: dict[int, tuple[Instruction, list[str]]] = {}
    for operation in operations:
        if isinstance(operation, AddSyntax):
            newline = "\r\n" if "\r\n" in text.source.text else "\n"
            yield Edit(0, 0, f"{SYNTAX}{newline}")
        elif isinstance(operation, DropWord):
            instruction = operation.instruction
            dropped.setdefault(id(instruction), (instruction, []))[1].append(operation.word)
        elif isinstance(operation, MountInRun):
            instruction = operation.instruction
            mounts.setdefault(id(instruction), (instruction, []))[1].append(operation.flag)
        elif isinstance(operation, NameInRun):
            run = operation.instruction
            if operation.text or operation.part != (0, len(run.text)):
                place = run.place(*operation.part)
                yield Edit(place.start, place.end, operation.text)
            else:
                yield Edit(*text.source.lines(*run.span), "")
    for instruction, gone in dropped.values():
        yield from _without(text, instruction, gone)
    for instruction, flags in mounts.values():
        start = (instruction.trigger or instruction).behind_keyword
        yield Edit(start, start, "".join(f"{flag} " for flag in dict.fromkeys(flags)))


def _without(text: DockerfileText, instruction: Instruction, gone: list[Span]) -> Iterator[Edit]:
    """An instruction without some of its words; no line is left where nothing is."""
    known = list(words(instruction.text, text.content.escape))
    # the last word of a COPY says where to
    if len(gone) == len(known) - (instruction.keyword != "ARG"):
        yield Edit(*text.source.lines(*instruction.span), "")
        return
    for word in gone:
        number = known.index(word)
        # those at the beginning take the space behind them along, the others that before them
        if all(each in gone for each in known[:number]):
            after = known[number + 1]
            yield Edit(instruction.offsets[word.start], instruction.offsets[after.start], "")
        else:
            before = known[number - 1]
            yield Edit(instruction.offsets[before.end - 1] + 1, instruction.offsets[word.end - 1] + 1, "")
