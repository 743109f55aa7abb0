"""A command option that takes a secret becomes the image's option that takes the path of a file."""

from __future__ import annotations

from dsec_migrate.compose.document import Scalar, Sequence, text_span
from dsec_migrate.compose.project import Argument
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.planning.patches import ReplacePart
from dsec_migrate.planning.shell_texts import of_service
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_BEFORE = Pattern(r"(?:^|(?<=\s))(--?[A-Za-z0-9.-]+)(?:=|[ \t]+)[\"']?$")
_BEHIND = Pattern(r"[\"']?(?:\s|$)")


def find(case: Case, declaration: Argument) -> ReplacePart | None:
    """The change to the option in front of a secret in a service's ``command:``, None if the image has no such
    option."""
    row = None if case.service.is_built else case.project.images.find(case.service.image)
    node, layer = declaration.content, declaration.layer
    if row is None or not row.options or not row.is_sure or layer is None or declaration.place_key != "command":
        return None
    if (
        not isinstance(node, Scalar)
        or declaration.text_span is None
        or next(of_service(layer.service, "command"), None)
    ):
        return None
    if _BEHIND.match(node.value, declaration.part.end) is None:
        return None
    command = layer.service.get("command")
    place: tuple[Scalar, Span] | None = None
    if declaration.part.start == 0 and isinstance(command, Sequence):
        before = next((one for one, word in zip(command.items, command.items[1:], strict=False) if word is node), None)
        if isinstance(before, Scalar):
            place = before, Span(0, len(before.value))
    elif (match := _BEFORE.search(node.value, 0, declaration.part.start)) is not None:
        place = node, Span(*match.span(1))
    if place is None:
        return None
    name = row.options.get(place[0].value[slice(*place[1])])
    if name is None or text_span(layer.document, *place) is None:
        return None
    return ReplacePart(layer.document, *place, name, f"the option {name}")
