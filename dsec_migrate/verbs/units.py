"""The projects that a verb works on, one after the other: a bad one is told, and the others go on."""

from __future__ import annotations

from collections.abc import Callable

from dsec_migrate.errors import UserError, told
from dsec_migrate.holdings import masks
from dsec_migrate.migrate import load
from dsec_migrate.project import Project
from dsec_migrate.reports.hiding import hider
from dsec_migrate.verbs import Result, Task


def each(task: Task, perform: Callable[[Project], None]) -> Result:
    """``perform`` gets each project with those that it includes. An error without a place gets that of its project."""
    errors: list[UserError] = []
    for files in task.projects:
        try:
            root = load(files, task.options, task.shell)
            task.page.hide = hider(masks(root, task.options))
            for unit in root.units():
                perform(unit)
        except Exception as error:
            errors.append(told(error, files.name))
    return Result(task.page, errors)
