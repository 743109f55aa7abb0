"""Plan -> text edits: the only place that thinks about indentation, quotes, line ends and the file's own habits."""

from __future__ import annotations

from collections.abc import Iterable

from dsec_migrate.document import Document
from dsec_migrate.errors import VerificationError
from dsec_migrate.plan import AddMounts, DefineSecret, MaskComment, MoveVariable, NamePath, Operation
from dsec_migrate.rewrite.writer import Writer
from dsec_migrate.secret import MASK
from dsec_migrate.source import Edit, splice


def rewrite(document: Document, operations: Iterable[Operation]) -> tuple[str, tuple[Edit, ...]]:
    """The new text of ``document`` and the edits that made it.

    Raises VerificationError when two edits overlap, which is a bug.
    """
    writer = Writer(document)
    mounts: list[AddMounts] = []
    definitions: list[DefineSecret] = []
    for operation in operations:
        if isinstance(operation, MoveVariable):
            writer.move(operation)
        elif isinstance(operation, AddMounts):
            mounts.append(operation)
        elif isinstance(operation, DefineSecret):
            definitions.append(operation)
        elif isinstance(operation, NamePath):
            writer.name_path(operation)
        elif isinstance(operation, MaskComment):
            writer.replace(operation.span.start, operation.span.end, MASK)
    for mount in mounts:
        writer.mount(mount)
    if definitions:
        writer.define(definitions)
    edits = tuple(dict.fromkeys(writer.edits))
    try:
        return splice(document.source.text, edits), edits
    except ValueError as error:
        raise VerificationError(f"the edits contradict each other: {error}") from None
