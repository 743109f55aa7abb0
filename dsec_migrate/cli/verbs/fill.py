"""``fill``: asks for the values that a fresh clone lacks, and writes exactly their bytes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.filling import Vacancy, fill_by_asking, fill_from_lines
from dsec_migrate.inspection import FileState
from dsec_migrate.project import Project
from dsec_migrate.readers import mode_for
from dsec_migrate.vacancies import states, users
from dsec_migrate.verbs.parameters import switch
from dsec_migrate.verbs.task import ALLOW, ENV_FILES, FILES, LAYERS, WRITE, ProjectCall, Result, Task, each, tell_git


class Call(ProjectCall):
    """Ask for the secrets whose files are missing or empty, as in a fresh clone. What is typed is not shown."""

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    from_stdin: bool = switch("--stdin", "Read NAME=value lines from standard input; do not ask.")
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    return perform(Task.of(call), from_stdin=call.from_stdin).tell()


def perform(task: Task, *, from_stdin: bool = False) -> Result:
    """Without ``task.write`` it only tells what it would ask for."""
    vacancies: list[Vacancy] = []
    errors = each(task, lambda unit: vacancies.extend(_vacancies(unit))).errors
    unique = list({vacancy.path: vacancy for vacancy in vacancies}.values())
    page = task.page
    if not unique:
        page.sentence("no secret file is missing or empty")
        return Result(page, errors)
    if not task.write:
        page.heading("Would ask for")
        page.table([(vacancy.name, str(vacancy.path), f"{vacancy.mode:04o}") for vacancy in unique])
        page.blank()
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return Result(page, errors)
    filled = fill_from_lines(unique, sys.stdin.buffer.read()) if from_stdin else fill_by_asking(unique)
    page.heading("Written")
    page.table([(vacancy.name, str(vacancy.path)) for vacancy in filled])
    tell_git(page, [vacancy.path for vacancy in filled])
    left = [vacancy.name for vacancy in unique if vacancy not in filled]
    if left:
        page.sentence(f"still without a value: {', '.join(left)}")
    return Result(page, errors)


def _vacancies(project: Project) -> list[Vacancy]:
    mounted = users(project)
    return [
        Vacancy(
            name,
            state.secret.path,
            mode_for(project, name),
            tuple(service.name for service in mounted.get(name, [])),
            project.boundary,
        )
        for name, state in states(project)
        if isinstance(state, FileState) and state.needs_value
    ]
