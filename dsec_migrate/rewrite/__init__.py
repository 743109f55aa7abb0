"""Plan -> text edits: the only place that thinks about indentation, quotes, line ends and a file's own habits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from dsec_migrate.changes import (
    AddMounts,
    AddVariables,
    DefineSecret,
    LengthenBuild,
    MaskComment,
    MoveArgument,
    MoveVariable,
    NameOption,
    NamePath,
    Operation,
    ReadInScript,
    ReadInTest,
    RemoveLine,
    RemoveVariable,
    RenameReset,
    WrapProgram,
    document_of,
)
from dsec_migrate.document import Document
from dsec_migrate.errors import VerificationError
from dsec_migrate.isolation import DefineNetwork, DropConfig, DropMounts, JoinNetworks
from dsec_migrate.project import DockerfileText, EnvFileSlot, EnvFileText
from dsec_migrate.rewrite.isolation import IsolationWriter
from dsec_migrate.rewrite.program import is_block
from dsec_migrate.secret import MASK
from dsec_migrate.source import Edit, splice


def rewrite(document: Document, operations: Iterable[Operation]) -> tuple[str, tuple[Edit, ...]]:
    """The new text of ``document``, for those of ``operations`` that speak of it, and the edits that made it.

    Raises VerificationError when two edits overlap, which is a bug.
    """
    own = [operation for operation in operations if document_of(operation) is document]
    edits: Iterable[Edit]
    if isinstance(document, EnvFileText):
        edits = _env_file_edits(document, own)
    elif isinstance(document, DockerfileText):
        from dsec_migrate.rewrite import dockerfile

        edits = dockerfile.edits(document, own)
    else:
        edits = _compose_edits(document, own)
    unique = tuple(dict.fromkeys(edits))
    try:
        return splice(document.source.text, unique), unique
    except ValueError as error:
        raise VerificationError(f"the edits contradict each other: {error}") from None


def _env_file_edits(text: EnvFileText, operations: Iterable[Operation]) -> Iterator[Edit]:
    from dsec_migrate.rewrite.env_file import move, remove

    removed = []
    for operation in operations:
        if isinstance(operation, MoveVariable) and isinstance(operation.slot, EnvFileSlot):
            assert operation.slot.line is not None
            line = operation.slot.line
            yield from move(text.source.text, line, operation.new_name, operation.value, raw=text.is_raw)
        elif isinstance(operation, RemoveLine):
            removed.append(operation.line)
        elif isinstance(operation, RemoveVariable) and isinstance(operation.slot, EnvFileSlot):
            assert operation.slot.line is not None
            removed.append(operation.slot.line)
    yield from remove(text.source.text, removed)


def _is_written_anew(operation: MoveArgument) -> bool:
    """Whether the argument stands in an entrypoint that the wrapper restates."""
    slot = operation.slot
    if operation.is_read or slot.place_key != "entrypoint" or slot.layer is None:
        return False
    entry = slot.layer.service.own("entrypoint")
    return entry is not None and not is_block(entry.value)


_Kind = TypeVar("_Kind")


def _of(operations: Iterable[object], kind: type[_Kind]) -> list[_Kind]:
    return [operation for operation in operations if isinstance(operation, kind)]


def _compose_edits(document: Document, operations: Iterable[Operation]) -> list[Edit]:
    writer = IsolationWriter(document)
    known = tuple(operations)
    for operation in known:
        if isinstance(operation, MoveVariable):
            writer.move(operation)
        elif isinstance(operation, RenameReset) and operation.slot.entry is not None:
            writer.name_key(operation.slot.entry, operation.slot.name, operation.new_name)
        elif isinstance(operation, AddVariables):
            writer.add_variables(operation)
        elif isinstance(operation, LengthenBuild):
            writer.lengthen(operation)
        elif isinstance(operation, NamePath):
            writer.name_path(operation)
        elif isinstance(operation, MoveArgument) and _is_written_anew(operation):
            continue
        elif isinstance(operation, (ReadInScript, MoveArgument, NameOption)):
            writer.read_in_script(operation)
        elif isinstance(operation, MaskComment):
            writer.replace(operation.span.start, operation.span.end, MASK)
    # the others are written together, or behind what stands in the same place
    joins, mounts, networks = _of(known, JoinNetworks), _of(known, AddMounts), _of(known, DefineNetwork)
    writer.read_in_tests(_of(known, ReadInTest))
    writer.remove(_of(known, RemoveVariable))
    # a list that gets longer before what may stand behind it
    for join in (one for one in joins if one.holder.own("networks") is not None):
        writer.join(join)
    for mount in mounts:
        writer.mount(mount)
    # behind a list of mounts that ends where they begin
    for program in _of(known, WrapProgram):
        writer.wrap(program)
    for join in (one for one in joins if one.holder.own("networks") is None):
        writer.join(join)
    extended = {id(mount.holder) for mount in mounts if mount.key == "secrets"}
    for drop in _of(known, DropMounts):
        writer.drop(drop, is_extended=drop.key == "secrets" and id(drop.holder) in extended)
    if configs := _of(known, DropConfig):
        writer.drop_configs(configs)
    # likewise
    if networks and networks[0].root.own("networks") is not None:
        writer.define_networks(networks)
    if definitions := _of(known, DefineSecret):
        writer.define(definitions)
    if networks and networks[0].root.own("networks") is None:
        writer.define_networks(networks)
    return writer.edits
