"""Dockerfiles: text -> instructions with exact positions, as BuildKit reads them, and stages."""

from dsec_migrate.dockerfile.argument_flow import ArgumentLine, Journey, follow
from dsec_migrate.dockerfile.presence import Presence, Travels, folder_of, travels
from dsec_migrate.dockerfile.reader import Dockerfile, Flag, Heredoc, Instruction, read
from dsec_migrate.dockerfile.run_steps import handling
from dsec_migrate.dockerfile.stages import Stage, launch, stages, target_of
from dsec_migrate.dockerfile.syntax_errors import mistake
from dsec_migrate.dockerfile.variables import Declared, declared, unquoted, words

__all__ = [
    "ArgumentLine",
    "Declared",
    "Dockerfile",
    "Flag",
    "Heredoc",
    "Instruction",
    "Journey",
    "Presence",
    "Stage",
    "Travels",
    "declared",
    "folder_of",
    "follow",
    "handling",
    "launch",
    "mistake",
    "read",
    "stages",
    "target_of",
    "travels",
    "unquoted",
    "words",
]
