"""What a run finds in a project before any text changes: errors, what to mask, what git tracks."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dsec_migrate.compose.discovery.project_files import ProjectFiles, Said
from dsec_migrate.compose.interpolation import interpolated
from dsec_migrate.compose.project import Project, mounted
from dsec_migrate.config.options import Options
from dsec_migrate.migrate.companions import needs_folder
from dsec_migrate.migrate.families import Unit, with_copies
from dsec_migrate.migrate.surroundings import Surroundings
from dsec_migrate.outcome import Masks, ProjectOutcome, changed_outside
from dsec_migrate.planning.secret_files import secrets_folder
from dsec_migrate.reports.masking import masks
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.records import dataclass, replace


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """What is the same however often a project is planned. ``check``: git reports what it tracks."""

    files: ProjectFiles
    root: Project
    surroundings: Surroundings
    check: bool


def found(case: Case, units: list[Unit], options: Options) -> tuple[list[Unit], ProjectOutcome]:
    """What is known before a text changes; the units include copies found elsewhere."""
    exposed, unanswered = frozenset[tuple[str, str]](), None
    if case.check:
        from dsec_migrate.lifecycle.history import in_tracked_files

        exposed, unanswered = in_tracked_files((unit.project, unit.plan) for unit in units)
    units, silence = with_copies(units, options, tracked=case.check and unanswered is None)
    has_folder = needs_folder(options) or any(unit.plan.patches for unit in units)
    return units, ProjectOutcome(
        case.files.name,
        masks=sum((masks(unit.project, unit.plan) for unit in units), Masks()),
        warnings=tuple(warning for unit in units for warning in unit.warnings),
        errors=tuple(error for unit in units for error in unit.errors),
        tracked=exposed,
        unanswered=unanswered or silence,
        journal=secrets_folder(case.root, options) if has_folder else None,
        services=tuple(member for unit in units for member in mounted.members(unit.project)),
        boundary=case.root.boundary,
        paths=case.files.paths,
        said=_said(case.files, case.root, options),
    )


def _said(files: ProjectFiles, root: Project, options: Options) -> Said:
    """With what an undo must be told: a folder that it may change, and a secrets folder where it would not look."""
    more = [("--allow", str(folder)) for folder in options.allow]
    if options.secrets_dir and not root.boundary.is_at_home(os.path.realpath(secrets_folder(root, options))):
        more.append(("--secrets-dir", options.secrets_dir))
    return replace(files.said, options=(*files.said.options, *more))


def elsewhere(
    files: ProjectFiles, outcome: ProjectOutcome, options: Options, shell: Mapping[str, str]
) -> tuple[str, ...]:
    """What is neither in the project's folder nor in its secrets folder, both of which an undo knows."""
    alone = Boundary.around(files.folder, (), interpolated(options.secrets_dir or "", shell))
    return tuple(dict.fromkeys(changed_outside(outcome, alone)))
