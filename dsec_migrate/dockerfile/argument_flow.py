"""The scope of a Dockerfile's argument: which lines declare it, which RUN instructions see it, and what else reads it.

Facts (BuildKit 0.24, Docker Engine 28): an ARG is a variable of every later RUN in its stage, and in the stages that
start from that one (``FROM name``), and is not set in the image; one above the first FROM is visible only to FROM lines
and to stages that declare it again. Its value is in the history of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dsec_migrate.dockerfile.reader import Dockerfile, Instruction
from dsec_migrate.dockerfile.run_commands import may_read_variables
from dsec_migrate.dockerfile.stages import stages
from dsec_migrate.dockerfile.variables import Declared, declared, references

# instructions in which BuildKit itself expands arguments
_EXPANDING = frozenset({"ADD", "ARG", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"})


class ArgumentLine(NamedTuple):
    """An ARG, and the part of it that declares the argument."""

    instruction: Instruction
    declared: Declared


class Journey(NamedTuple):
    """``runs`` are the RUN instructions that may read the argument; ``obstacle`` is what else reads it, with the line,
    or empty."""

    declarations: tuple[ArgumentLine, ...]
    runs: tuple[Instruction, ...]
    obstacle: str


def follow(dockerfile: Dockerfile, name: str) -> Journey:
    """The scope of the argument ``name``."""
    declarations: list[ArgumentLine] = []
    runs: list[Instruction] = []
    obstacle = ""
    bases = [None, *(stage.base for stage in stages(dockerfile))]
    having: set[int] = set()
    for stage, instructions in enumerate(_stages(dockerfile), -1):
        known = bases[stage + 1] in having
        for instruction in instructions:
            here = [each for each in declared(instruction, dockerfile.escape) if each.name == name]
            if instruction.keyword == "ARG" and here:
                known = True
                declarations.append(ArgumentLine(instruction, here[0]))
                continue
            if not known:
                continue
            inner = instruction.trigger or instruction
            if instruction.keyword == "ONBUILD" and _mentions(dockerfile, inner, name):
                obstacle = obstacle or f"line {instruction.line}: ONBUILD passes it to another build"
            elif inner.keyword in _EXPANDING and _mentions(dockerfile, inner, name):
                obstacle = obstacle or f"line {instruction.line}: {inner.keyword} reads it{_WHY.get(inner.keyword, '')}"
            elif instruction.keyword == "ENV" and here:
                obstacle = obstacle or f"line {instruction.line}: ENV sets a variable of the same name"
            elif instruction.keyword == "RUN" and stage >= 0:
                runs.append(instruction)
        if known and stage >= 0:
            having.add(stage)
        if stage < 0 and known and any(_mentions(dockerfile, head, name) for head in _heads(dockerfile)):
            obstacle = obstacle or "a FROM line reads it"
    if not declarations:
        obstacle = obstacle or "no ARG declares it"
    elif not runs:
        obstacle = obstacle or "no RUN reads it"
    return Journey(tuple(declarations), tuple(_taken(dockerfile, runs, name)), obstacle)


_WHY = {
    "ENV": ", which puts it into the image: at run time it is a secret of the service",
    "LABEL": ", which puts it into the image",
}


def _taken(dockerfile: Dockerfile, own: Sequence[Instruction], name: str) -> Sequence[Instruction]:
    """The RUN instructions that name it or run something that may read it unnamed; if there is none, all of them."""
    return [run for run in own if name in _script(dockerfile, run) or may_read_variables(dockerfile, run)] or own


def _script(dockerfile: Dockerfile, run: Instruction) -> str:
    """The whole text of a RUN, here-documents included."""
    return dockerfile.source.text[run.span.start : run.span.end]


def _mentions(dockerfile: Dockerfile, instruction: Instruction, name: str) -> bool:
    """Whether BuildKit expands the argument: in the instruction, or in a here-document that becomes a file."""
    contents = (dockerfile.source.text[slice(*each.content)] for each in instruction.heredocs if each.expands)
    texts = [instruction.text, *(flag.value or "" for flag in instruction.flags), *contents]
    return any(name in references(text, dockerfile.escape) for text in texts)


def _stages(dockerfile: Dockerfile) -> Iterator[list[Instruction]]:
    """The instructions above the first FROM, then those of each stage."""
    body: list[Instruction] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            yield body
            body = []
        else:
            body.append(instruction)
    yield body


def _heads(dockerfile: Dockerfile) -> Iterator[Instruction]:
    return (instruction for instruction in dockerfile.instructions if instruction.keyword == "FROM")
