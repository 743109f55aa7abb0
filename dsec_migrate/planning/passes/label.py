"""User names with password hashes in a label: another program reads the label, and may read them from a file."""

from __future__ import annotations

from dsec_migrate.compose.document import Mapping, Scalar, Sequence, text_span
from dsec_migrate.compose.project import Argument
from dsec_migrate.planning.passes import obstacles
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix
from dsec_migrate.planning.passes.settling import hold_value, weigh
from dsec_migrate.planning.patches import ReplacePart
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Span

# it is up to the program how it splits these, and whether a line is a comment
_ODD = Pattern(r"\s|,,|^,|,$|(?:^|,)#")


def fix(case: Case, declaration: Argument) -> Fix | Skipped:
    """``declaration`` is the value of a label, which its ``reading`` service turns into settings."""
    node, reading = declaration.content, declaration.reading
    assert isinstance(node, Scalar)
    assert reading is not None
    if not reading.service:
        return Skipped(
            f"{reading.program} reads it, and no service here runs it: mount a secret with one user per line there, "
            f"and set {reading.label}=/run/secrets/NAME"
        )
    if obstacles.has_odd_line_ends(declaration.document):
        return Skipped("the file has line endings other than LF and CRLF: convert them first")
    service = case.project.services[reading.service]
    if len(service.layers) != 1 or service.layers[0].users or service.name in case.project.duplicate_services:
        return Skipped(f"{service.name}, which reads it, is defined in several files: mount the secret there by hand")
    if _is_set(case, reading.label):
        return Skipped(f"{reading.label} is also set: remove one of the two by hand", "half-done")
    holding = hold_value(case)
    if isinstance(holding, Skipped):
        return holding
    if holding.value is None:
        return Skipped("its value is unknown here")
    users = holding.value.reveal()
    if _ODD.search(users):
        return Skipped("its list of users uses an unusual syntax: move it by hand")
    key, part = _name(declaration)
    if declaration.text_span is None or text_span(declaration.document, key, part) is None:
        return Skipped("this string cannot be edited exactly: move it by hand")
    weighed = weigh(case, holding, ())
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    lines = users.replace(declaration.separator, "\n")
    return Fix(
        Delivery.INLINE,
        "",
        "",
        applicability,
        replace(holding, value=Secret(lines)),
        (*notes, f"{service.name} reads the file, one user per line"),
        True,
        option=ReplacePart(declaration.document, key, part, reading.label, f"the label {reading.label}"),
    )


def _name(declaration: Argument) -> tuple[Scalar, Span]:
    """Where the label's name is: a key, or the first part of an item."""
    node = declaration.content
    assert isinstance(node, Scalar)
    if declaration.entry is not None and isinstance(declaration.entry.key, Scalar):
        return declaration.entry.key, Span(0, len(declaration.entry.key.value))
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
