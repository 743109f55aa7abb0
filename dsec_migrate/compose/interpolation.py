"""Variables in a string, as Compose reads them: ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and the rest, nested too.

Observed with Compose 2.40 (docs/architecture.md). What surprises: ``$$`` is a literal ``$``; a ``$`` before anything
that cannot start a name is literal; every branch is evaluated, also one that is then discarded; no expression spans
a line break; quotes and backslashes mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple, cast

from dsec_migrate.text import limits
from dsec_migrate.text.patterns import Pattern

Operator = Literal["", ":-", "-", ":?", "?", ":+", "+"]
Reason = Literal["format", "required", "depth", "length"]

# Go folds case as Unicode does: the long s and the Kelvin sign count as "s" and "k"
_LETTER = "A-Za-z_\u017f\u212a"
_NAME = f"[{_LETTER}][{_LETTER}0-9]*"
_DOLLAR = Pattern(rf"\$(?:(\$)|({_NAME})|\{{(?:({_NAME})(:?[-?+])?)?)")
# a character right after an opening brace never closes one
_BRACE = Pattern(r"\}|\{.?")


class InterpolationError(Exception):
    """A text that Compose refuses to interpolate. ``str()`` names the variable at most, never a value.

    ``reason`` is ``"format"`` (not a reference that Compose knows) or ``"required"`` (``${NAME:?message}`` and
    NAME is unset or, with the colon, empty); ``name`` and ``message``, the author's own words after the ``?`` as
    written, belong to the latter. ``"depth"`` and ``"length"`` are limits of this program, which Compose does not have.
    ``offset`` is where the expression starts in the whole text.
    """

    def __init__(self, reason: Reason, offset: int, name: str = "", message: str = "") -> None:
        self.reason = reason
        self.offset = offset
        self.name = name
        self.message = message
        super().__init__(reason, offset, name)

    def __str__(self) -> str:
        if self.reason == "required":
            return f"required variable {self.name} is missing a value"
        if self.reason == "depth":
            return f"references are nested more than {limits.INTERPOLATION_DEPTH} deep"
        if self.reason == "length":
            return f"the value expands to more than {limits.UNFOLDED_CHARACTERS // 2**20} MiB"
        return "invalid interpolation format: write $NAME, ${NAME}, ${NAME:-default}, or $$ for a plain $"


class Reference(NamedTuple):
    """One reference to a variable: ``template[start:end]`` is the whole expression, starting at its ``$``.

    ``branch`` is what follows the operator, as written: the default, the alternative or the message.
    ``depth`` is 0 at the top level and one more inside each branch.
    """

    name: str
    start: int
    end: int
    operator: Operator
    branch: str
    depth: int


class Interpolated(NamedTuple):
    """The string with its variables replaced.

    ``unset``: names without a value and without an operator; Compose warns about each and inserts nothing.
    ``used``: names of the expressions that reached the result or decided it; those of discarded branches are absent.
    Both without repetitions, in the order of evaluation.
    """

    value: str
    unset: tuple[str, ...]
    used: tuple[str, ...]


@lru_cache(maxsize=1024)
def references(template: str) -> tuple[Reference, ...]:
    """Every variable that ``template`` refers to, by position, so an outer one before those in its branch.

    Raises InterpolationError (``"format"``) when Compose would refuse the text whatever the variables are.
    """
    if "$" not in template:
        return ()
    events = _events(template)
    if isinstance(events[-1], InterpolationError):
        raise events[-1].with_traceback(None)
    return tuple(event for event in events if isinstance(event, Reference))


def interpolate(template: str, variables: Mapping[str, str]) -> Interpolated:
    """``template`` with the values of ``variables``, which are inserted as they are and not expanded again.

    Raises InterpolationError, for the problem that Compose meets first.
    """
    if "$" not in template:
        return Interpolated(template, (), ())
    unset: dict[str, None] = {}
    frames = [_Frame(None, [], {})]
    length = 0
    for event in _events(template):
        if isinstance(event, Reference):
            frames.append(_Frame(event, [], {}))
        elif isinstance(event, InterpolationError):
            raise event.with_traceback(None)
        elif event is not None:
            frames[-1].parts.append(event)
        else:
            reference, parts, nested = frames.pop()
            assert reference is not None  # _walk closes only what it opened
            # a branch counts even where it is discarded: it is evaluated
            length += sum(map(len, parts)) or len(variables.get(reference.name, ""))
            if length > limits.UNFOLDED_CHARACTERS:
                raise InterpolationError("length", reference.start)
            value, takes_branch = _evaluate(reference, "".join(parts), variables)
            if not reference.operator and reference.name not in variables:
                unset[reference.name] = None
            outer = frames[-1]
            outer.parts.append(value)
            outer.used[reference.name] = None
            if takes_branch:
                outer.used.update(nested)
    return Interpolated("".join(frames[0].parts), tuple(unset), tuple(frames[0].used))


def interpolated(template: str, variables: Mapping[str, str]) -> str:
    """The value of ``template``; empty where Compose would refuse it."""
    try:
        return interpolate(template, variables).value
    except InterpolationError:
        return ""


def escape(text: str) -> str:
    """A template that interpolates to exactly ``text``, whatever the variables are."""
    return text.replace("$", "$$")


class _Frame(NamedTuple):
    """An expression whose branch is being read (None: the whole string): its result so far, and names used in it."""

    reference: Reference | None
    parts: list[str]
    used: dict[str, None]


def _evaluate(reference: Reference, branch: str, variables: Mapping[str, str]) -> tuple[str, bool]:
    """The string that replaces ``reference``, and whether it is the (already interpolated) branch."""
    value = variables.get(reference.name)
    operator = reference.operator
    missing = value is None or (operator[:1] == ":" and not value)
    kind = operator[-1:]
    if kind == "-" and missing:
        return branch, True
    if kind == "+" and not missing:
        return branch, True
    if kind == "?" and missing:
        raise InterpolationError("required", reference.start, reference.name, reference.branch)
    return value or "", False


# a project evaluates the same templates several times
@lru_cache(maxsize=1024)
def _events(template: str) -> tuple[Reference | str | InterpolationError | None, ...]:
    """What :func:`_walk` yields, with the error that ends it last: what precedes it counts first."""
    found: list[Reference | str | InterpolationError | None] = []
    try:
        for event in _walk(template):
            found.append(event)  # noqa: PERF402 - what comes before an error is kept
    except InterpolationError as error:
        found.append(error.with_traceback(None))
    return tuple(found)


def _walk(template: str) -> Iterator[Reference | str | None]:
    """The string in order: literal pieces, a Reference where an expression opens, None where the last opened one ends.

    A branch is separate: nothing in it sees what follows it. Raises InterpolationError ("format").
    """
    position, limit = 0, len(template)
    resume: list[tuple[int, int]] = []  # for each open expression: its end, and the limit that holds again there
    while True:
        match = _DOLLAR.search(template, position, limit)
        if match is None:
            yield template[position:limit]
            if not resume:
                return
            position, limit = resume.pop()
            yield None
            continue
        start, end = match.span()
        if start > position:
            yield template[position:start]
        position = end
        escaped, bare, name, operator = match.groups()
        if escaped:
            yield "$"
        elif bare:
            yield Reference(bare, start, end, "", "", len(resume))
            yield None
        elif not operator:
            if not name or template[end : end + 1] != "}" or end >= limit:
                raise InterpolationError("format", start)
            position = end + 1
            yield Reference(name, start, position, "", "", len(resume))
            yield None
        else:
            if len(resume) >= limits.INTERPOLATION_DEPTH:
                raise InterpolationError("depth", start)
            closing = _closing_brace(template, start, end, limit)
            yield Reference(name, start, closing + 1, cast("Operator", operator), template[end:closing], len(resume))
            resume.append((closing + 1, limit))
            limit = closing


def _closing_brace(template: str, start: int, branch: int, limit: int) -> int:
    """Where the expression at ``start``, whose branch begins at ``branch``, ends: at its balancing brace.

    Where braces do not balance, at the last closing brace of the line. Raises InterpolationError without one.
    """
    line_end = template.find("\n", branch, limit)
    last = template.rfind("}", branch, limit if line_end < 0 else line_end)
    if last < 0:
        raise InterpolationError("format", start)
    depth = 0
    for brace in _BRACE.finditer(template, start, last + 1):
        depth += -1 if brace[0] == "}" else 1
        if not depth:
            return brace.start()
    return last
