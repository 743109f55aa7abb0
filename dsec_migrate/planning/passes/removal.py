"""Whether the lines of a variable can be removed: what replaces it needs no variable."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose.document import Alias, Scalar
from dsec_migrate.compose.project import Argument, Declaration, EnvFileDeclaration
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.planning.x_fields import unused_lines


def problems(case: Case) -> Iterator[str]:
    """Why one of the lines cannot be removed as a whole."""
    variable = case.variable
    if any("environment" in layer.service.shadowed() for layer in case.service.layers):
        yield "a merge key would set other variables instead of its own"
    for declaration in variable.declarations:
        # a line of an env file is removed when none of its readers needs it
        if not isinstance(declaration, (Argument, EnvFileDeclaration)) and not _is_whole_line(declaration):
            yield f"its line ({declaration.place}) cannot be removed as a whole"
    text = variable.declaration.text
    if any(
        declaration.name == variable.name and declaration.text == text for declaration in unused_lines(case.project)
    ):
        yield "an x- block repeats its line"


def is_own(case: Case) -> bool:
    """Whether the lines belong only to this service, with nothing that others may use through an anchor."""
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
        and all(declaration.container is block for declaration in case.variable.declarations)
    )


def _is_whole_line(declaration: Declaration) -> bool:
    """Whether the declaration is a whole line (or several) of a block of variables."""
    block = declaration.container
    if block is None or block.flow or block.tag is not None:
        return False
    if isinstance(declaration.node, Alias) or declaration.node.anchor is not None:
        return False
    if declaration.entry is not None and declaration.entry.key.anchor is not None:
        return False
    source = declaration.document.source
    before = source.text[source.line_start(declaration.start) : declaration.start].strip()
    if before != ("" if declaration.entry is not None else "-"):
        return False
    # the comment in the first line of a block scalar could not be kept
    is_block = isinstance(declaration.node, Scalar) and declaration.node.style in {"|", ">"}
    return not is_block or "#" not in source.text[declaration.node.start : source.line_end(declaration.node.start)]
