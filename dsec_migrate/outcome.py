"""What a run found, planned and would write: plain data for reports, the exit status and the writer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dsec_migrate.compose.discovery.project_files import Said
from dsec_migrate.compose.project.mounted import Member
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import COMMENT, Action, Confidence, Exposure, Finding, Remaining
from dsec_migrate.planning.changes import Plan
from dsec_migrate.text.boundary import Boundary, outside
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.reserved_names import JOURNAL
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Rewritten, Span

DONE, REFUSED_BY_CHECK, BAD_INPUT, UNPROVED = 0, 1, 2, 3


@dataclass(frozen=True, repr=False, eq=False)
class Masks:
    """What no output may show: ``spans`` of the original text of each file, and values wherever they appear.

    ``common`` are values that are short or ordinary words: they are masked where they appear as a credential.
    ``names`` are names that contain a value, each with what is shown instead.
    """

    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    values: tuple[Secret, ...] = ()
    names: tuple[tuple[Secret, str], ...] = ()
    common: tuple[Secret, ...] = ()

    def __add__(self, other: Masks) -> Masks:
        spans = dict(self.spans)
        for file, places in other.spans.items():
            spans[file] = tuple(sorted({*spans.get(file, ()), *places}))
        return Masks(
            spans,
            tuple(dict.fromkeys((*self.values, *other.values))),
            tuple(dict.fromkeys((*self.names, *other.names))),
            tuple(dict.fromkeys((*self.common, *other.common))),
        )


@dataclass(frozen=True, repr=False, eq=False)
class ProjectOutcome:
    """The outcome of one project. ``error`` is bad input, ``failure`` a failed verification; then nothing is written.

    ``tracked`` are service and variable of findings whose value is in a file that git tracks (queried with
    ``--check``); ``unanswered``: git does not answer. ``path`` is the file's name as the user gave it. ``rewritten``
    are the files whose text changes, in the order in which they reach the disk: env files first. ``journal`` is the
    secrets folder, which contains the record of the run. ``services`` are those of the project and of what it includes,
    ``paths`` its Compose files. ``boundary`` is what the command may change, ``said`` how it named the project.
    ``elsewhere`` are the folders (real paths) outside the project's own in which something changes: an undo must name
    them. ``is_untouched``: no earlier run is known that could be undone (checked when writing).
    """

    path: str
    plan: Plan = field(default_factory=Plan)
    rewritten: tuple[Rewritten, ...] = ()
    masks: Masks = field(default_factory=Masks)
    remaining: tuple[Remaining, ...] = ()
    warnings: tuple[UserError, ...] = ()
    errors: tuple[UserError, ...] = ()
    tracked: frozenset[tuple[str, str]] = frozenset()
    unanswered: UserError | None = None
    failure: str = ""
    is_written: bool = False
    journal: Path | None = None
    services: tuple[Member, ...] = ()
    boundary: Boundary = Boundary()
    paths: tuple[Path, ...] = ()
    said: Said = Said()
    elsewhere: tuple[str, ...] = ()
    is_untouched: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.plan.findings

    @property
    def status(self) -> int:
        if self.failure:
            return UNPROVED
        return max((error.exit_status for error in self.errors), default=DONE)


@dataclass(frozen=True, repr=False, eq=False)
class Outcome:
    """The outcome of a run: its projects in the given order."""

    projects: tuple[ProjectOutcome, ...]
    options: Options

    def status(self, *, check: bool = False, strict: bool = False) -> int:
        """The exit status: the highest of all projects."""
        statuses = [project.status for project in self.projects]
        if check and any(refused_by_check(project, strict) for project in self.projects):
            statuses.append(REFUSED_BY_CHECK)
        return max(statuses, default=DONE)


def strays(project: ProjectOutcome) -> Iterator[UserError]:
    """Why ``--write`` will stop: paths outside of what the command may change, each folder once."""
    paths = [file.path for file in project.plan.files] + [file.source.path for file in project.rewritten]
    if any(file.is_secret for file in project.plan.files):
        # git does not follow links there, even if others do
        paths += [Path(folder) / ".gitignore" for folder in project.boundary.own[:1]]
    told: set[Path] = set()
    for path in (*((project.journal,) if paths and project.journal is not None else ()), *paths):
        if not project.boundary.surrounds(path) and told.isdisjoint({path, *path.parents}):
            told.add(path)
            yield outside(path)


def changed_outside(project: ProjectOutcome, alone: Boundary) -> Iterator[str]:
    """The folders outside the boundary ``alone`` in which the project will change something: real paths; of new
    folders, the topmost."""
    if project.journal is None:
        return
    # what is beside the journal may be where the journal is
    journal = os.path.realpath(project.journal) if alone.surrounds(project.journal) else ""
    files = [*(file.source.path for file in project.rewritten), *(file.path for file in project.plan.files)]
    for path in (*files, project.journal / JOURNAL):
        real = os.path.realpath(path)
        if not alone.holds(path) and not (journal and real.startswith(journal + os.sep)):
            folder = os.path.dirname(real)  # noqa: PTH120
            while not os.path.lexists(parent := os.path.dirname(folder)):  # noqa: PTH120
                folder = parent
            yield folder


def refused_by_check(project: ProjectOutcome, strict: bool) -> list[Finding]:
    """The findings that fail ``--check``: those that it counts, without exceptions."""
    return [finding for finding in _counted_by_check(project, strict) if not finding.is_excepted]


def excepted_from_check(project: ProjectOutcome, strict: bool) -> list[Finding]:
    """The findings that would fail ``--check`` without the project's exceptions."""
    return [finding for finding in _counted_by_check(project, strict) if finding.is_excepted]


def _counted_by_check(project: ProjectOutcome, strict: bool) -> list[Finding]:
    """The findings that are certain or likely, remain in the file after the run, and whose text is in it or in a file
    that git tracks (with ``strict``, any, including those in comments)."""
    return [
        finding
        for finding in project.findings
        if finding.verdict.confidence is not Confidence.POSSIBLE
        and not (project.is_written and finding.action is Action.MIGRATE)
        and (strict or _stands_there(finding, project))
    ]


_EXPOSED = frozenset({Exposure.LITERAL, Exposure.DEFAULT, Exposure.EMBEDDED})


def _stands_there(finding: Finding, project: ProjectOutcome) -> bool:
    if finding.kind == COMMENT:
        return False
    return finding.verdict.exposure in _EXPOSED or (finding.service, finding.variable) in project.tracked
