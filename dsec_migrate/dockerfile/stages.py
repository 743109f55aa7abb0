"""Stages of a Dockerfile, and the ENTRYPOINT and CMD of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsec_migrate.dockerfile.reader import Dockerfile, Instruction
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass

_SHELL = ("/bin/sh", "-c")
_FROM = Pattern(r"(\S+)(?:\s+[aA][sS]\s+(\S+))?\s*\Z")
_ARGUMENT = Pattern(r"\$(?:\{([A-Za-z_]\w*)(?::?([-+])([^}]*))?\}|([A-Za-z_]\w*))")


@dataclass(frozen=True, repr=False, eq=False)
class Stage:
    """What starts with a FROM. ``base`` is an earlier stage's number, or None where ``image`` is pulled from a
    registry; ``image`` has its arguments expanded as far as the Dockerfile and ``arguments`` define them."""

    number: int
    name: str | None
    image: str
    base: int | None
    instructions: tuple[Instruction, ...]


def stages(dockerfile: Dockerfile, arguments: Mapping[str, str | None] | None = None) -> tuple[Stage, ...]:
    """``arguments`` are those of the call (``--build-arg``)."""
    known: dict[str, str] = {}
    found: list[Stage] = []
    body: list[Instruction] = []
    head: Instruction | None = None
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            if head is not None:
                found.append(_stage(head, body, found, known))
            head, body = instruction, []
        elif head is not None:
            body.append(instruction)
        elif instruction.keyword == "ARG":
            for name, default in _pairs(instruction.text):
                given = (arguments or {}).get(name)
                if given is not None or default is not None:
                    known[name] = given if given is not None else _filled(default or "", known)
    if head is not None:
        found.append(_stage(head, body, found, known))
    return tuple(found)


def _stage(head: Instruction, body: Sequence[Instruction], earlier: Sequence[Stage], known: Mapping[str, str]) -> Stage:
    match = _FROM.match(head.text)
    image, name = (_filled(match[1], known), match[2]) if match is not None else (head.text, None)
    base = next((stage.number for stage in reversed(earlier) if (stage.name or "").lower() == image.lower()), None)
    return Stage(len(earlier), name, image, base, tuple(body))


def _pairs(text: str) -> Iterator[tuple[str, str | None]]:
    for word in text.split():
        name, sign, value = word.partition("=")
        yield name, value.strip("\"'") if sign else None


def _filled(text: str, known: Mapping[str, str]) -> str:
    """``text`` with the values of known arguments; for ``${X:-y}`` the default where X is unknown."""

    def value(match: object) -> str:
        name, sign, word, bare = match.groups()  # type: ignore[attr-defined]
        own = known.get(name or bare)
        if sign == "+":
            return str(word) if own else ""
        return own or (str(word) if sign == "-" else "")

    return str(_ARGUMENT.sub(value, text))


def target_of(found: Sequence[Stage], target: str | None) -> Stage | None:
    """The stage that is built: the last one, or ``target`` by its name or number."""
    if not found:
        return None
    if target is None:
        return found[-1]
    named = next((stage for stage in found if (stage.name or "").lower() == target.lower()), None)
    if named is not None:
        return named
    return found[int(target)] if target.isdigit() and int(target) < len(found) else None


@dataclass(frozen=True, repr=False, eq=False)
class Launched:
    """ENTRYPOINT and CMD as lists of words, None where the stages do not set them; ``user`` of USER. ``image`` is the
    base image of the first stage: what is None comes from there, except for the CMD of an image whose ENTRYPOINT is
    replaced."""

    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    user: str | None
    image: str


def launch(found: Sequence[Stage], stage: Stage) -> Launched:
    """How a container of ``stage`` starts. A new ENTRYPOINT resets the CMD of the base, but not one that the stage
    itself has set (observed with Docker Engine 28)."""
    if stage.base is not None:
        below = launch(found, found[stage.base])
        entrypoint, command, user, image = below.entrypoint, below.command, below.user, below.image
    else:
        entrypoint, command, user, image = None, None, None, stage.image
    shell: tuple[str, ...] = _SHELL
    is_own_command = False
    for instruction in stage.instructions:
        words = instruction.words()
        if instruction.keyword == "SHELL" and words:
            shell = tuple(words)
        elif instruction.keyword == "USER":
            user = instruction.text
        elif instruction.keyword == "CMD":
            command = tuple(words) if words is not None else (*shell, instruction.text)
            is_own_command = True
        elif instruction.keyword == "ENTRYPOINT":
            entrypoint = tuple(words) if words is not None else (*shell, instruction.text)
            if not is_own_command:
                command = ()
    return Launched(entrypoint, command, user, image)
