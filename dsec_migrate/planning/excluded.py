"""Findings that a project excludes from migration."""

from __future__ import annotations

from dsec_migrate.compose.project import Argument, BuildArgument, BuildFile, BuildPart, Declaration
from dsec_migrate.config import exclusions
from dsec_migrate.planning.passes.fix import Case

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
"""The audit checks for what a migration moves."""


def reason(case: Case) -> str | None:
    """The reason for the exclusion; None if the finding is not excluded."""
    declaration, service, name = case.variable.declaration, case.service.name, case.variable.name
    source, heeded = declaration.document.source, case.project.exceptions
    if not heeded.may_speak_of(source):
        return None
    file, line, _ = declaration.document.place(declaration.start)
    return exclusions.reason_for(check_of(declaration), source, line, (name, f"{service}.{name}", file), heeded)


def check_of(declaration: Declaration) -> str:
    """The ID of the audit check for plaintext secrets in such a declaration."""
    if isinstance(declaration, BuildFile):
        return "secret-copied-into-image"
    if isinstance(declaration, BuildPart):
        is_line = declaration.instruction is not None and declaration.instruction.keyword == "ENV"
        return "secret-in-image-environment" if is_line else "secret-in-build-command"
    if isinstance(declaration, BuildArgument):
        return "secret-in-build-argument"
    return "plaintext-in-command" if isinstance(declaration, Argument) else "plaintext-in-environment"
