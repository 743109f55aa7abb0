"""What a migrated project is lived with: one module for each verb of the command line besides migrating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dsec_migrate.discovery import ProjectFiles
from dsec_migrate.errors import UserError
from dsec_migrate.options import Options
from dsec_migrate.records import dataclass, field
from dsec_migrate.reports.page import Page


@dataclass(frozen=True, repr=False, eq=False)
class Task:
    """What a verb works on. ``shell`` are the variables that ``${…}`` sees before any file. Without ``write`` nothing
    changes."""

    projects: Sequence[ProjectFiles]
    options: Options
    shell: Mapping[str, str] = field(repr=False)
    page: Page
    write: bool = False


class Result(NamedTuple):
    """``errors`` are those of single projects; the others went on. ``is_refused``: a check found what is to be done."""

    page: Page
    errors: Sequence[UserError]
    is_refused: bool = False
