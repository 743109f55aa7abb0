"""Whether the lines of a variable can be taken out: what supplies it instead needs no variable."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.document import Alias, Scalar
from dsec_migrate.extensions import unused_lines
from dsec_migrate.passes import Case
from dsec_migrate.project import Argument, EnvFileSlot, Slot


def problems(case: Case) -> Iterator[str]:
    """Why one of the lines cannot go as a whole."""
    variable = case.variable
    if any("environment" in layer.service.shadowed() for layer in case.service.layers):
        yield "a merge key would bring other variables in the place of its own"
    for slot in variable.slots:
        # a line of an env file goes when all its readers do without it
        if not isinstance(slot, (Argument, EnvFileSlot)) and not _is_whole_line(slot):
            yield f"its line ({slot.place}) cannot be taken out as a whole"
    text = variable.slot.text
    if any(slot.name == variable.name and slot.text == text for slot in unused_lines(case.project)):
        yield "an x- block repeats its line"


def is_own(case: Case) -> bool:
    """Whether the lines are the service's alone, with nothing that others may take through an anchor."""
    layers = case.service.layers
    body = layers[0].service
    entry = body.own("environment")
    block = entry.value if entry is not None else None
    return (
        len(layers) == 1
        and body.anchor is None
        and block is not None
        and not isinstance(block, Alias)
        and block.anchor is None
        and all(slot.container is block for slot in case.variable.slots)
    )


def _is_whole_line(slot: Slot) -> bool:
    """Whether the slot is a whole line (or several) of a block of variables."""
    block = slot.container
    if block is None or block.flow or block.tag is not None:
        return False
    if isinstance(slot.node, Alias) or slot.node.anchor is not None:
        return False
    if slot.entry is not None and slot.entry.key.anchor is not None:
        return False
    source = slot.document.source
    before = source.text[source.line_start(slot.start) : slot.start].strip()
    if before != ("" if slot.entry is not None else "-"):
        return False
    # the comment in the first line of a block scalar could not stay
    is_block = isinstance(slot.node, Scalar) and slot.node.style in {"|", ">"}
    return not is_block or "#" not in source.text[slot.node.start : source.line_end(slot.node.start)]
