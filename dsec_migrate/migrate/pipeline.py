"""The pipeline: one project, from its files' bytes to verified new texts. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action, Remaining
from dsec_migrate.migrate import interruptions
from dsec_migrate.migrate.companions import with_companions
from dsec_migrate.migrate.families import Unit, plan_units, planned, rewritten_of
from dsec_migrate.migrate.found import Case, elsewhere, found
from dsec_migrate.migrate.load import load, settings_of, surroundings_of
from dsec_migrate.migrate.surroundings import Surroundings
from dsec_migrate.migrate.writing import commit
from dsec_migrate.outcome import ProjectOutcome, strays
from dsec_migrate.planning import bare_dockerfile
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.env_lines import prune, remaining_lines
from dsec_migrate.planning.make_plan import report_only
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.text.errors import VerificationError, told
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Rewritten
from dsec_migrate.verify import blame
from dsec_migrate.verify.prove import verify


def migrate(
    files: ProjectFiles,
    options: Options,
    shell: Mapping[str, str],
    disk: Disk | None = None,
    folders: Folders | None = None,
    surroundings: Surroundings | None = None,
    *,
    check: bool = False,
    write: bool = False,
) -> ProjectOutcome:
    """One project, from its files' bytes to verified new texts. Changes nothing on disk, except that with ``write`` an
    interrupted run is finished or rolled back first."""
    try:
        root = load(files, options, shell, folders)
        interrupted = tuple(interruptions.found(root, options, write=write))
        if interrupted and write:
            root = load(files, options, shell, folders)
        options = replace(options, skip_settled=settings_of(files, options).skips)
        if surroundings is None:
            surroundings = surroundings_of((files,), options, shell)
            surroundings.join((files,))
        outcome = _proved(Case(files, root, surroundings, check), options, disk or Disk())
        is_late = options.prune_env and not outcome.rewritten
        late = tuple(interruptions.too_late_to_prune(root, files, options)) if is_late else ()
        outcome = replace(
            outcome,
            warnings=(*files.warnings, *interrupted, *outcome.warnings, *late),
            elsewhere=elsewhere(files, outcome, options, shell),
            is_untouched=write and not interruptions.has_runs(files, root, options),
        )
        is_sound = not outcome.errors and not write
        return replace(outcome, warnings=(*outcome.warnings, *strays(outcome))) if is_sound else outcome
    except VerificationError as error:
        return ProjectOutcome(files.name, failure=str(error))
    except Exception as error:
        return failed(files, error)


def _proved(case: Case, options: Options, disk: Disk) -> ProjectOutcome:
    """The verified outcome. A change that fails verification is skipped, as far as it can be isolated.

    Raises VerificationError.
    """

    def attempt(left: Sequence[tuple[str, str]], said: str = "") -> tuple[ProjectOutcome, Disk]:
        own, reasons = disk.attempt(), tuple((*place, said) for place in left)
        return _attempt(case, replace(options, unproved=reasons), own), own

    try:
        outcome, tried = attempt(())
    except VerificationError as error:
        units = plan_units(case.root, options, disk.attempt())
        moved = [f for unit in units for f in unit.plan.findings if f.action is Action.MIGRATE]
        places = list(dict.fromkeys((f.service, f.variable or f.path) for f in moved))
        outcome, tried = blame.isolate(places, partial(attempt, said=str(error)), error)
    disk.settle(tried)
    return outcome


def _attempt(case: Case, options: Options, disk: Disk) -> ProjectOutcome:
    """The outcome of these options. Consumes ``disk``. Raises VerificationError."""
    units = planned(case.root, options, disk, case.surroundings)
    units, outcome = found(case, units, options)
    if outcome.errors:
        return replace(outcome, plan=sum((report_only(unit.project, options) for unit in units), Plan()))
    plans = _with_lines(case, units, options, disk)
    rewritten, remaining = _rewritten(case, plans, options)
    readers = partial(case.surroundings.readers, root=case.root)
    plan, texts = with_companions(plans, rewritten, options, disk, readers)
    unasked = case.surroundings.unasked(case.root) if rewritten else None
    warnings = (*outcome.warnings, *filter(None, (unasked,)))
    on_disk = tuple(file for file in texts if not bare_dockerfile.is_in_memory(file.source.path))
    return replace(outcome, warnings=warnings, plan=plan, rewritten=on_disk, remaining=tuple(remaining))


def _with_lines(case: Case, units: Sequence[Unit], options: Options, disk: Disk) -> list[tuple[Project, Plan]]:
    """The plans, with lines of `.env` and of the project's settings that concern all of them."""
    plans = [(unit.project, unit.plan) for unit in units]
    if options.prune_env:
        plans[-1] = (plans[-1][0], plans[-1][1] + prune(plans, case.surroundings.taking(case.root)))
    if options.skip_because:
        from dsec_migrate.planning.skipping import tables

        plans[-1] = (plans[-1][0], plans[-1][1] + tables(plans, case.files.directory, options, disk))
    return plans


def _rewritten(
    case: Case, plans: Sequence[tuple[Project, Plan]], options: Options
) -> tuple[list[Rewritten], list[Remaining]]:
    """The verified new texts, and where values of moved secrets remain. Raises VerificationError."""
    remaining = [Remaining(*line) for line in remaining_lines(plans, case.surroundings.taking(case.root))]
    rewritten: list[Rewritten] = []
    for project, plan in plans:
        if plan.patches:
            changed = tuple(rewritten_of(project, plan))
            remaining += verify(project, plan, changed, options)
            rewritten += changed
    return rewritten, remaining


def failed(files: ProjectFiles, error: Exception, *, is_written: bool = False) -> ProjectOutcome:
    """The outcome of a project that failed: the others continue."""
    return ProjectOutcome(files.name, warnings=files.warnings, errors=(told(error, files.name),), is_written=is_written)


__all__ = ["commit", "failed", "load", "migrate"]
