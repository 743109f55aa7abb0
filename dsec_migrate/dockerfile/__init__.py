"""Dockerfiles: text -> instructions with exact positions, as BuildKit reads them, and stages."""

from dsec_migrate.dockerfile.reader import Dockerfile, Flag, Heredoc, Instruction, read
from dsec_migrate.dockerfile.stages import Stage, launch, stages, target_of

__all__ = [
    "Dockerfile",
    "Flag",
    "Heredoc",
    "Instruction",
    "Stage",
    "launch",
    "read",
    "stages",
    "target_of",
]
