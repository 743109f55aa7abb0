"""Runs the commands between the phases of a rotation (``--apply``)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dsec_migrate.lifecycle.rotation.steps import Step
from dsec_migrate.text import programs
from dsec_migrate.text.errors import UserError

TIMEOUT_SECONDS = 600


def run(step: Step, folder: Path) -> None:
    """Raises UserError where the command fails. Its output is not repeated: a program may quote a value."""
    name, *words = step.words
    program = programs.find(name)
    if program is None:
        raise UserError(f"{name} is not installed here")
    try:
        result = subprocess.run(
            [program, *words],
            input=step.data.encode(),
            cwd=folder,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"no answer within {TIMEOUT_SECONDS} seconds: {' '.join(step.words)}") from None
    if result.returncode:
        raise UserError(
            f"this failed with status {result.returncode}: {' '.join(step.words)}",
            help=f"its purpose: {step.why}. Run it by hand to see its output; no value was lost",
        )
