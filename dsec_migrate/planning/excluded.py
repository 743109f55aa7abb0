"""Findings that a project's people want to stay where they are."""

from __future__ import annotations

from dsec_migrate import exceptions
from dsec_migrate.passes import Case
from dsec_migrate.project import Argument, BuildArgument, BuildFile, BuildPart, Slot

CHECKS = (
    "plaintext-in-environment",
    "plaintext-in-command",
    "plaintext-elsewhere",
    "commented-secret",
    "secret-in-build-argument",
    "secret-in-image-environment",
    "secret-in-build-command",
    "secret-copied-into-image",
)
"""The checks that tell of what a migration moves."""


def reason(case: Case) -> str | None:
    """Why they want it so; None where nobody said it."""
    slot, service, name = case.variable.slot, case.service.name, case.variable.name
    source, heeded = slot.document.source, case.project.exceptions
    if not heeded.may_speak_of(source):
        return None
    file, line, _ = slot.document.place(slot.start)
    return exceptions.reason_for(check_of(slot), source, line, (name, f"{service}.{name}", file), heeded)


def check_of(slot: Slot) -> str:
    """The ID of the check that tells of a secret in plaintext in such a place."""
    if isinstance(slot, BuildFile):
        return "secret-copied-into-image"
    if isinstance(slot, BuildPart):
        is_line = slot.instruction is not None and slot.instruction.keyword == "ENV"
        return "secret-in-image-environment" if is_line else "secret-in-build-command"
    if isinstance(slot, BuildArgument):
        return "secret-in-build-argument"
    return "plaintext-in-command" if isinstance(slot, Argument) else "plaintext-in-environment"
