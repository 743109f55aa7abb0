"""A secret in a command or a healthcheck: a script reads it from its file, a wrapper script inserts it into the
words."""

from __future__ import annotations

from typing import NamedTuple

from dsec_migrate.compose.document import Scalar
from dsec_migrate.compose.project import Argument, Layer
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT
from dsec_migrate.planning import shell_texts
from dsec_migrate.planning.changes import Read, WrappedStart
from dsec_migrate.planning.passes import file_option, label, obstacles, uses, wrapper
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix
from dsec_migrate.planning.passes.settling import hold_value, weigh
from dsec_migrate.planning.patches import ReplacePart
from dsec_migrate.planning.shell_texts import Script
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_END_IN_SHELL = Pattern(r"[;|<>()\[\]{}\\]")


def propose(case: Case) -> Fix | Skipped:
    declaration = case.variable.declaration
    assert isinstance(declaration, Argument)
    if declaration.reading is not None:
        return label.fix(case, declaration)
    obstacle = obstacles.find(case, None)
    if obstacle is not None:
        return obstacle
    holding = hold_value(case)
    if isinstance(holding, Skipped):
        return holding
    if holding.value is None:
        return Skipped("its value is unknown here")
    value = holding.value.reveal()
    if "\n" in value:
        return Skipped("it spans several lines: move it by hand")
    found = _way(case, declaration, value)
    if isinstance(found, Skipped):
        return found
    program, reads, doubts, option = found
    repeated = tuple(
        read for read in uses.repetitions(case, obstacles.BESIDE, value) if read.node is not declaration.node
    )
    weighed = weigh(case, holding, doubts)
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    delivery = Delivery.INLINE if program is None else Delivery.WRAPPER
    return Fix(
        delivery, "", "", applicability, holding, notes, True, program=program, reads=(*reads, *repeated), option=option
    )


class _Way(NamedTuple):
    program: WrappedStart | None = None
    reads: tuple[Read, ...] = ()
    doubts: tuple[str, ...] = ()
    option: ReplacePart | None = None


def _way(case: Case, declaration: Argument, value: str) -> _Way | Skipped:
    node, layer = declaration.content, declaration.layer
    assert isinstance(node, Scalar)
    assert layer is not None
    other = uses.obstacle(case, layer, node)
    if other is not None:
        return Skipped(other)
    if _is_split(declaration, layer) and not _is_one_word(case, node, declaration.part, value):
        return Skipped(
            f"Compose splits the {declaration.place_key} into words, and the value with it: write it as a list first"
        )
    option = file_option.find(case, declaration)
    if option is not None:
        return _Way(option=option)
    for text in shell_texts.of_service(layer.service, declaration.place_key):
        if isinstance(text, Script) and text.node is node and text.start <= declaration.part.start:
            return _Way() if uses.is_exact(case, layer, text, declaration.part, value) else Skipped(_BY_HAND)
        if not isinstance(text, Script) and any(word is node for word in text.words):
            if _goes_on(declaration):
                return Skipped(_BY_HAND)
            reads = tuple(
                read
                for read in uses.in_words(case, layer, text, value)
                if read.node is node and declaration.part in read.spans
            )
            return _Way(reads=reads) if reads else Skipped(_BY_HAND)
    if declaration.place_key not in {"command", "entrypoint"} or declaration.text_span is None or _goes_on(declaration):
        return Skipped(_BY_HAND)
    if SECRETS_MOUNT in node.value:
        return Skipped(f"its {declaration.place_key} already names secret files: move it by hand")
    found = wrapper.around(case)
    if isinstance(found, Skipped):
        return Skipped(f"only a wrapper script could insert it into the {declaration.place_key}: {found.reason}")
    return _Way(found.program, doubts=found.doubts)


def _goes_on(declaration: Argument) -> bool:
    """Whether a word that no shell sees continues after the secret with what would end it in a shell."""
    return (
        isinstance(declaration.content, Scalar)
        and _END_IN_SHELL.match(declaration.content.value, declaration.part.end) is not None
    )


def _is_split(declaration: Argument, layer: Layer) -> bool:
    """Whether Compose splits the string into words after interpolation."""
    return (
        declaration.place_key in {"command", "entrypoint"}
        and layer.service.get(declaration.place_key) is declaration.content
    )


def _is_one_word(case: Case, node: Scalar, part: Span, value: str) -> bool:
    """Whether the value is a word, or part of one, if the string is split as a shell does."""
    if shell_texts.PLAIN.fullmatch(value):
        return True
    (quotes,) = uses.quotes_at(case, Script(node, 0, len(node.value)), [part])
    return bool(quotes) and not any(character in value for character in "\"'\\`$")


_BY_HAND = "this string cannot be edited exactly: move it by hand"
