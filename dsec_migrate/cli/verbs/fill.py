"""``fill``: prompts for the values that a fresh clone lacks, and writes exactly their bytes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.cli.parameters import switch
from dsec_migrate.cli.verbs.task import (
    ALLOW,
    ENV_FILES,
    FILES,
    LAYERS,
    WRITE,
    ProjectCall,
    Result,
    Task,
    each,
    tell_git,
)
from dsec_migrate.compose.project import Project
from dsec_migrate.lifecycle.file_state import FileState
from dsec_migrate.lifecycle.filling import MissingValue, fill_by_asking, fill_from_lines
from dsec_migrate.lifecycle.secret_state import states, users
from dsec_migrate.planning.secret_readers import mode_for


class Call(ProjectCall):
    """Prompt for the secrets whose files are missing or empty, as in a fresh clone. Input is not echoed."""

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    from_stdin: bool = switch("--stdin", "Read NAME=value lines from standard input instead of prompting.")
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    return perform(Task.of(call), from_stdin=call.from_stdin).tell()


def perform(task: Task, *, from_stdin: bool = False) -> Result:
    """Without ``task.write``, only lists what it would prompt for."""
    missing_values: list[MissingValue] = []
    errors = each(task, lambda unit: missing_values.extend(_missing_values(unit))).errors
    unique = list({missing.path: missing for missing in missing_values}.values())
    page = task.page
    if not unique:
        page.sentence("no secret file is missing or empty")
        return Result(page, errors)
    if not task.write:
        page.heading("Would prompt for")
        page.table([(missing.name, str(missing.path), f"{missing.mode:04o}") for missing in unique])
        page.blank()
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return Result(page, errors)
    filled = fill_from_lines(unique, sys.stdin.buffer.read()) if from_stdin else fill_by_asking(unique)
    page.heading("Written")
    page.table([(missing.name, str(missing.path)) for missing in filled])
    tell_git(page, [missing.path for missing in filled])
    left = [missing.name for missing in unique if missing not in filled]
    if left:
        page.sentence(f"still missing: {', '.join(left)}")
    return Result(page, errors)


def _missing_values(project: Project) -> list[MissingValue]:
    mounted = users(project)
    return [
        MissingValue(
            name,
            state.secret.path,
            mode_for(project, name),
            tuple(service.name for service in mounted.get(name, [])),
            project.boundary,
        )
        for name, state in states(project)
        if isinstance(state, FileState) and state.needs_value
    ]
