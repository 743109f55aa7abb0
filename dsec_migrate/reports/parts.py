"""What reports need of one project: data that may leave the process, without documents and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.changes import NewFile
from dsec_migrate.reports.look import Look
from dsec_migrate.text.records import dataclass, field

if TYPE_CHECKING:
    from dsec_migrate.reports.html_page.sheet import Sheet


class FileLine(NamedTuple):
    """A file to be written, as a report shows it. ``text`` is what is added to an ignore file, never a secret."""

    path: Path
    mode: int
    append: bool
    is_secret: bool
    text: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Sealed(ProjectOutcome):
    """``diffs`` are those that the reports of the run will show; the rest of the texts is dropped.

    ``json`` is the project's part of the JSON report, encoded, and ``sheet`` what the page needs besides, where the run
    is going to write them.
    """

    diffs: Mapping[Look, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[FileLine, ...] = ()
    json: Mapping[str, tuple[str, ...]] | None = None
    sheet: Sheet | None = None


OPEN_MODE = (
    "0444: readable by whichever user the container runs as; on the host, the folder keeps other users out (0700 when "
    "new)."
)


def has_open_files(files: Iterable[FileLine]) -> bool:
    """Whether the file of a secret has such a mode."""
    return any(file.is_secret and file.mode & 0o044 for file in files)


def files_of(project: ProjectOutcome) -> tuple[FileLine, ...]:
    if isinstance(project, Sealed):
        return project.files
    return tuple(map(_line, project.plan.files))


def _line(file: NewFile) -> FileLine:
    text = file.content.reveal() if file.append and not file.is_secret else ""
    return FileLine(file.path, file.mode, file.append, file.is_secret, text)
