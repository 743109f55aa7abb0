"""Outcomes that may leave their process, or outlive thousands of others: no documents, no values."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dsec_migrate.changes import Change, NewFile, Plan
from dsec_migrate.errors import InternalError, UserError
from dsec_migrate.git import NoAnswerError
from dsec_migrate.outcome import Masks, ProjectOutcome, Rewritten
from dsec_migrate.records import dataclass, field, replace
from dsec_migrate.reports.look import Look
from dsec_migrate.reports.shown import shown
from dsec_migrate.source import Source

if TYPE_CHECKING:
    from dsec_migrate.reports.html.sheet import Sheet

# an exception is pickled by its positional arguments alone, and ours is made with keywords
for _kind in (UserError, InternalError, NoAnswerError):
    copyreg.pickle(_kind, lambda error: (type(error), (error.what, error.file, error.line, error.column, error.help)))


class FileLine(NamedTuple):
    """A file to be written, as a report tells of it. ``text`` is what an ignore file gets, never a secret."""

    path: Path
    mode: int
    append: bool
    is_secret: bool
    text: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Sealed(ProjectOutcome):
    """``diffs`` are those that the reports of the run are going to show; the rest of the texts is gone.

    ``json`` is the project's part of the JSON report, encoded, and ``sheet`` what the page needs besides, where the run
    is going to write them.
    """

    diffs: Mapping[Look, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[FileLine, ...] = ()
    json: Mapping[str, tuple[str, ...]] | None = None
    sheet: Sheet | None = None


def seal(project: ProjectOutcome, looks: Iterable[Look], *, has_json: bool = False, has_page: bool = False) -> Sealed:
    """What reports need of ``project``: the diffs in these looks, sentences without values, no secret's value."""
    project = shown(project)
    sealed = _sealed(project, looks)
    if has_page:
        from dsec_migrate.reports.html import sheet

        sealed = replace(sealed, sheet=sheet.of(project))
    if not has_json:
        return sealed
    from dsec_migrate.reports import json

    # encoding is work for the process that has it at hand
    return replace(sealed, json=json.lines(sealed))


def _sealed(project: ProjectOutcome, looks: Iterable[Look]) -> Sealed:
    from dsec_migrate.reports.diff import render

    plan = project.plan
    return Sealed(
        path=project.path,
        plan=Plan(
            plan.findings,
            tuple(Change((), (), change.applicability) for change in plan.changes),
            tuple(replace(secret, value=None) for secret in plan.secrets),
            notes=plan.notes,
            hardened=plan.hardened,
        ),
        rewritten=tuple(
            Rewritten(Source(file.source.path, b"", ""), "", (), file.is_env_file) for file in project.rewritten
        ),
        masks=Masks(),
        remaining=project.remaining,
        warnings=project.warnings,
        errors=project.errors,
        tracked=project.tracked,
        failure=project.failure,
        is_written=project.is_written,
        journal=project.journal,
        said=project.said,
        boundary=project.boundary,
        elsewhere=project.elsewhere,
        is_untouched=project.is_untouched,
        diffs={look: render(project, look) for look in looks},
        files=files_of(project),
    )


OPEN_MODE = (
    "0444: whichever user the container runs as can read the file; on the host its folder keeps others out (0700 when "
    "it is new)."
)


def has_open_files(files: Iterable[FileLine]) -> bool:
    """Whether a secret's file has such a mode."""
    return any(file.is_secret and file.mode & 0o044 for file in files)


def files_of(project: ProjectOutcome) -> tuple[FileLine, ...]:
    if isinstance(project, Sealed):
        return project.files
    return tuple(map(_line, project.plan.files))


def _line(file: NewFile) -> FileLine:
    text = file.content.reveal() if file.append and not file.is_secret else ""
    return FileLine(file.path, file.mode, file.append, file.is_secret, text)
