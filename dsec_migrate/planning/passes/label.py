"""The users of a login in a label: another program reads the label, and may take them from a file."""

from __future__ import annotations

from dsec_migrate.document import Mapping, Scalar, Sequence, text_span
from dsec_migrate.passes import Case, Delivery, Proposal, obstacles
from dsec_migrate.passes.settling import hold_value, weigh
from dsec_migrate.patches import ReplacePart
from dsec_migrate.patterns import Pattern
from dsec_migrate.project import Argument
from dsec_migrate.records import replace
from dsec_migrate.secret import Secret
from dsec_migrate.source import Span
from dsec_migrate.stores import Left

# how a program splits these, and whether it takes a line for a comment, is its own affair
_ODD = Pattern(r"\s|,,|^,|,$|(?:^|,)#")


def propose(case: Case, slot: Argument) -> Proposal | Left:
    """``slot`` is the value of a label, which its ``reading`` service turns into settings."""
    node, reading = slot.content, slot.reading
    assert isinstance(node, Scalar)
    assert reading is not None
    if not reading.service:
        return Left(
            f"{reading.program} reads it, which no service here runs: mount a secret with one user a line there, and "
            f"say {reading.label}=/run/secrets/NAME"
        )
    if obstacles.has_odd_line_ends(slot.document):
        return Left("the file has line ends other than LF and CRLF: save it with ordinary ones first")
    service = case.project.services[reading.service]
    if len(service.layers) != 1 or service.layers[0].users or service.name in case.project.twins:
        return Left(f"{service.name}, which reads it, stands in several files: mount the secret there by hand")
    if _is_set(case, reading.label):
        return Left(f"{reading.label} is set beside it: remove one of the two by hand", "half-done")
    holding = hold_value(case)
    if isinstance(holding, Left):
        return holding
    if holding.value is None:
        return Left("its value is not known here")
    users = holding.value.reveal()
    if _ODD.search(users):
        return Left("its list of users is written in an odd way: move it by hand")
    key, part = _name(slot)
    if slot.text_span is None or text_span(slot.document, key, part) is None:
        return Left("no change of this text is sure to be exact: move it by hand")
    weighed = weigh(case, holding, ())
    if isinstance(weighed, Left):
        return weighed
    applicability, notes = weighed
    lines = users.replace(slot.separator, "\n")
    return Proposal(
        Delivery.INLINE,
        "",
        "",
        applicability,
        replace(holding, value=Secret(lines)),
        (*notes, f"{service.name} reads the file, one user a line"),
        True,
        option=ReplacePart(slot.document, key, part, reading.label, f"the label {reading.label}"),
    )


def _name(slot: Argument) -> tuple[Scalar, Span]:
    """Where the label's name stands: a key, or the first part of an item."""
    node = slot.content
    assert isinstance(node, Scalar)
    if slot.entry is not None and isinstance(slot.entry.key, Scalar):
        return slot.entry.key, Span(0, len(slot.entry.key.value))
    return node, Span(0, node.value.index("="))


def _is_set(case: Case, label: str) -> bool:
    for layer in case.service.layers:
        node = layer.service.get("labels")
        if isinstance(node, Mapping):
            if label in node.effective():
                return True
        elif isinstance(node, Sequence):
            texts = (item.value for item in node.items if isinstance(item, Scalar))
            if any(text.startswith(f"{label}=") for text in texts):
                return True
    return False
