"""A secret in a command or a healthcheck: a script reads it from its file, a wrapper puts it among the words."""

from __future__ import annotations

from typing import NamedTuple

from dsec_migrate import scripts
from dsec_migrate.changes import Read, WrappedStart
from dsec_migrate.document import Scalar
from dsec_migrate.passes import Case, Delivery, Proposal, file_option, label, obstacles, uses, wrapper
from dsec_migrate.passes.settling import hold_value, weigh
from dsec_migrate.patches import ReplacePart
from dsec_migrate.patterns import Pattern
from dsec_migrate.project import Argument, Layer
from dsec_migrate.project.mounted import SECRETS_MOUNT
from dsec_migrate.scripts import Script
from dsec_migrate.source import Span
from dsec_migrate.stores import Left

_END_IN_SHELL = Pattern(r"[;|<>()\[\]{}\\]")


def propose(case: Case, slot: Argument) -> Proposal | Left:
    if slot.reading is not None:
        return label.propose(case, slot)
    obstacle = obstacles.find(case, None)
    if obstacle is not None:
        return obstacle
    holding = hold_value(case)
    if isinstance(holding, Left):
        return holding
    if holding.value is None:
        return Left("its value is not known here")
    value = holding.value.reveal()
    if "\n" in value:
        return Left("it has more than one line: move it by hand")
    found = _way(case, slot, value)
    if isinstance(found, Left):
        return found
    program, reads, doubts, option = found
    repeated = tuple(read for read in uses.repetitions(case, obstacles.BESIDE, value) if read.node is not slot.node)
    weighed = weigh(case, holding, doubts)
    if isinstance(weighed, Left):
        return weighed
    applicability, notes = weighed
    delivery = Delivery.INLINE if program is None else Delivery.WRAPPER
    return Proposal(
        delivery, "", "", applicability, holding, notes, True, program=program, reads=(*reads, *repeated), option=option
    )


class _Way(NamedTuple):
    program: WrappedStart | None = None
    reads: tuple[Read, ...] = ()
    doubts: tuple[str, ...] = ()
    option: ReplacePart | None = None


def _way(case: Case, slot: Argument, value: str) -> _Way | Left:
    node, layer = slot.content, slot.layer
    assert isinstance(node, Scalar)
    assert layer is not None
    other = uses.obstacle(case, layer, node)
    if other is not None:
        return Left(other)
    if _is_split(slot, layer) and not _is_one_word(case, node, slot.part, value):
        return Left(
            f"Compose splits the {slot.place_key} into words, the value too: write it as a list, then it can be moved"
        )
    option = file_option.find(case, slot)
    if option is not None:
        return _Way(option=option)
    for text in scripts.of_service(layer.service, slot.place_key):
        if isinstance(text, Script) and text.node is node and text.start <= slot.part.start:
            return _Way() if uses.is_exact(case, layer, text, slot.part, value) else Left(_BY_HAND)
        if not isinstance(text, Script) and any(word is node for word in text.words):
            if _goes_on(slot):
                return Left(_BY_HAND)
            reads = tuple(
                read
                for read in uses.in_words(case, layer, text, value)
                if read.node is node and slot.part in read.spans
            )
            return _Way(reads=reads) if reads else Left(_BY_HAND)
    if slot.place_key not in {"command", "entrypoint"} or slot.text_span is None or _goes_on(slot):
        return Left(_BY_HAND)
    if SECRETS_MOUNT in node.value:
        return Left(f"its {slot.place_key} names files of secrets already: move it by hand")
    found = wrapper.around(case)
    if isinstance(found, Left):
        return Left(f"only a wrapper could put it into the {slot.place_key}: {found.reason}")
    return _Way(found.program, doubts=found.doubts)


def _goes_on(slot: Argument) -> bool:
    """Whether a word that no shell sees goes on behind the secret with what would end it in a shell."""
    return isinstance(slot.content, Scalar) and _END_IN_SHELL.match(slot.content.value, slot.part.end) is not None


def _is_split(slot: Argument, layer: Layer) -> bool:
    """Whether Compose makes words of the text, after it has put the values of references in."""
    return slot.place_key in {"command", "entrypoint"} and layer.service.get(slot.place_key) is slot.content


def _is_one_word(case: Case, node: Scalar, part: Span, value: str) -> bool:
    """Whether the value is a word, or a part of one, to whoever splits the text as a shell does."""
    if scripts.PLAIN.fullmatch(value):
        return True
    (quotes,) = uses.quotes_at(case, Script(node, 0, len(node.value)), [part])
    return bool(quotes) and not any(character in value for character in "\"'\\`$")


_BY_HAND = "no change of this text is sure to be exact: move it by hand"
