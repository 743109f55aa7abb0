"""Edits of a Dockerfile: words are removed, flags are inserted right after the keyword."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose.project import DockerfileText
from dsec_migrate.dockerfile import Instruction, words
from dsec_migrate.planning.patches import InsertWord, Patches, Remove, ReplacePart, Word
from dsec_migrate.rewrite.layout import Made, newline_at
from dsec_migrate.text.source import Edit, Span


def made(text: DockerfileText, patches: Patches) -> Iterator[Made]:
    patches.only(InsertWord, Remove, ReplacePart)
    for patch in patches.of(ReplacePart):
        assert isinstance(patch.target, Instruction)
        yield Made(Edit(*patch.target.place(*patch.span), patch.text), patch)
    gone: dict[int, tuple[Instruction, list[Remove], list[Span]]] = {}
    for removed in patches.of(Remove):
        if isinstance(removed.target, Word):
            instruction, span = removed.target
            _, own, spans = gone.setdefault(id(instruction), (instruction, [], []))
            own.append(removed)
            spans.append(span)
        elif isinstance(removed.target, Instruction):
            yield Made(Edit(*text.source.lines(*removed.target.span), ""), removed)
    for instruction, own, spans in gone.values():
        yield from (Made(edit, own[0]) for edit in _without(text, instruction, spans))
    for inserted in patches.of(InsertWord):
        if inserted.instruction is None:
            yield Made(Edit(0, 0, f"{inserted.text}{newline_at(text.source.text, 0)}"), inserted)
        else:
            start = (inserted.instruction.trigger or inserted.instruction).behind_keyword
            yield Made(Edit(start, start, f"{inserted.text} "), inserted)


def _without(text: DockerfileText, instruction: Instruction, gone: list[Span]) -> Iterator[Edit]:
    """An instruction without some of its words; no empty line remains."""
    known = list(words(instruction.text, text.content.escape))
    # the last word of a COPY is its destination
    if len(gone) == len(known) - (instruction.keyword != "ARG"):
        yield Edit(*text.source.lines(*instruction.span), "")
        return
    for word in gone:
        number = known.index(word)
        # the first words are removed with the space after them, the others with the space before
        if all(each in gone for each in known[:number]):
            after = known[number + 1]
            yield Edit(instruction.offsets[word.start], instruction.offsets[after.start], "")
        else:
            before = known[number - 1]
            yield Edit(instruction.offsets[before.end - 1] + 1, instruction.offsets[word.end - 1] + 1, "")
