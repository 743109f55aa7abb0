"""The pipeline, from the files of a call to what a run found, planned, proved and wrote."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from dsec_migrate import blame, environment, interruptions, settings, standalone
from dsec_migrate import project as projects
from dsec_migrate.boundary import Boundary
from dsec_migrate.changes import Plan, document_of
from dsec_migrate.discovery.project_files import ProjectFiles, Said
from dsec_migrate.document import Document
from dsec_migrate.errors import UserError, VerificationError, told
from dsec_migrate.families import Unit, plan_units
from dsec_migrate.files import Disk, secrets_folder
from dsec_migrate.finding import Action
from dsec_migrate.masking import masks
from dsec_migrate.naming import style_of
from dsec_migrate.neighbours import Folders
from dsec_migrate.options import Mount, Options
from dsec_migrate.outcome import Masks, Outcome, ProjectOutcome, Remaining, Rewritten, changed_outside, strays
from dsec_migrate.planning import report_only
from dsec_migrate.planning.env_lines import prune, remaining_lines
from dsec_migrate.project import EnvFileText, Project, mounted
from dsec_migrate.records import dataclass, field, replace
from dsec_migrate.resolvers import statement_in
from dsec_migrate.rewrite import rewrite
from dsec_migrate.surroundings import Surroundings
from dsec_migrate.verify import verify
from dsec_migrate.workers import bytes_of, collect_garbage_seldom, shared
from dsec_migrate.writing import commit

Progress = Callable[[int, int], None]
# makes an outcome light and free of values, with what the reports need of it
Seal = Callable[[ProjectOutcome], ProjectOutcome]

# below this many files a second process costs more than it saves
FILES_WORTH_A_PROCESS = 100


@dataclass(frozen=True, repr=False, eq=False)
class Request:
    """What is the same for every project of a run.

    ``shell`` is the environment that ``${…}`` sees before any file. ``call`` are the projects of the run. ``check``
    says to ask git which env files it tracks.
    """

    options: Options
    shell: Mapping[str, str] = field(repr=False)
    call: tuple[ProjectFiles, ...] = ()
    write: bool = False
    check: bool = False
    seal: Seal | None = None


def run(
    projects_of_run: Sequence[ProjectFiles],
    options: Options,
    *,
    shell: Mapping[str, str],
    write: bool = False,
    check: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
    seal: Seal | None = None,
) -> Outcome:
    """Plans, proves and, with ``write``, writes each project. Bad projects are reported, the others go on.

    ``progress`` is told (done, all). ``jobs`` processes share the folders among them where ``seal`` is given: without
    it the outcomes hold values, which do not leave their process.
    """
    if options.registry:
        from dsec_migrate import registry

        registry.forget()
    request = Request(options, shell, tuple(projects_of_run), write, check, seal)
    outcomes: dict[int, ProjectOutcome] = {}
    count = len(projects_of_run)
    groups: list[_Group] = [list(enumerate(projects_of_run))]
    is_shared_out = _is_worth_it(count, request, jobs)
    if is_shared_out:
        from dsec_migrate.discovery.companies import companies

        shared_out = companies(projects_of_run, options.secrets_dir)
        groups = [[(number, projects_of_run[number]) for number in numbers] for numbers in shared_out]
    here = _here(groups, request, surroundings_of(request.call, options, shell))
    for group in _in_processes(groups, request, jobs) if is_shared_out else here:
        outcomes.update(group)
        if progress is not None:
            progress(len(outcomes), count)
    return Outcome(tuple(outcomes[number] for number in range(count)), options)


_Group = Sequence[tuple[int, ProjectFiles]]
_Results = list[tuple[int, ProjectOutcome]]


def _is_worth_it(count: int, request: Request, jobs: int) -> bool:
    return jobs > 1 and request.seal is not None and count >= FILES_WORTH_A_PROCESS


def _here(groups: Iterable[_Group], request: Request, surroundings: Surroundings) -> Iterator[_Results]:
    call = frozenset(path for files in request.call for path in files.paths)
    for group in groups:
        surroundings.join(files for _, files in group)
        # two of them may have one folder for their secrets
        disk = Disk()
        folders: dict[Path, list[tuple[int, ProjectFiles]]] = {}
        for number, files in group:
            folders.setdefault(files.directory, []).append((number, files))
        for members in folders.values():
            neighbours = Folders(call)
            for number, files in members:
                yield [(number, _one(files, request, disk, neighbours, surroundings))]


def _in_processes(groups: Sequence[_Group], request: Request, jobs: int) -> Iterator[_Results]:
    def failed(group: _Group, error: Exception) -> _Results:
        return [(number, _sealed(_failed(files, error), request)) for number, files in group]

    # what is begun last ends last: that had better be little
    largest_first = sorted(
        groups, key=lambda group: bytes_of(p for _, files in group for p in files.paths), reverse=True
    )
    return shared(largest_first, _folder, jobs, _begin, request, failed)


# what a worker process was started for: handed over once, because it names every file of the run
_requests: list[tuple[Request, Surroundings]] = []


def _begin(request: Request) -> None:
    collect_garbage_seldom()
    _requests[:] = [(request, surroundings_of(request.call, request.options, request.shell))]


def _folder(group: _Group) -> _Results:
    return [result for results in _here([group], *_requests[-1]) for result in results]


def _one(
    files: ProjectFiles, request: Request, disk: Disk, folders: Folders, surroundings: Surroundings
) -> ProjectOutcome:
    outcome = migrate(
        files,
        request.options,
        request.shell,
        disk,
        folders,
        surroundings,
        check=request.check,
        write=request.write,
    )
    if outcome.unanswered is not None:
        # a gate that does not know stays shut
        outcome = replace(outcome, errors=(*outcome.errors, outcome.unanswered))
    if request.write and not outcome.status and (outcome.rewritten or outcome.plan.files):
        outcome = commit(outcome)
        surroundings.forget(file.source.real_path for file in outcome.rewritten)
    try:
        return _sealed(outcome, request)
    except Exception as error:
        return _sealed(_failed(files, error, is_written=outcome.is_written), request)


def _sealed(outcome: ProjectOutcome, request: Request) -> ProjectOutcome:
    return outcome if request.seal is None else request.seal(outcome)


def _failed(files: ProjectFiles, error: Exception, *, is_written: bool = False) -> ProjectOutcome:
    """What is told of a project that something went wrong with: the others go on."""
    return ProjectOutcome(files.name, warnings=files.warnings, errors=(told(error, files.name),), is_written=is_written)


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
    """One project, from its files' bytes to their proved new texts. Changes nothing on disk, but for what an
    interrupted run left: with ``write`` that is finished or taken back first."""
    try:
        root = load(files, options, shell, folders)
        interrupted = tuple(interruptions.found(root, options, write=write))
        if interrupted and write:
            root = load(files, options, shell, folders)
        options = replace(options, skip_settled=_settings(files, options).skips)
        if surroundings is None:
            surroundings = surroundings_of((files,), options, shell)
            surroundings.join((files,))
        outcome = _proved(files, root, options, disk or Disk(), surroundings, check=check)
        is_late = options.prune_env and not outcome.rewritten
        late = tuple(interruptions.too_late_to_prune(root, files, options)) if is_late else ()
        outcome = replace(
            outcome,
            warnings=(*files.warnings, *interrupted, *outcome.warnings, *late),
            elsewhere=_elsewhere(files, outcome, options, shell),
            is_untouched=write and not interruptions.has_runs(files, root, options),
        )
        is_sound = not outcome.errors and not write
        return replace(outcome, warnings=(*outcome.warnings, *strays(outcome))) if is_sound else outcome
    except VerificationError as error:
        return ProjectOutcome(files.name, failure=str(error))
    except Exception as error:
        return _failed(files, error)


def _proved(
    files: ProjectFiles, root: Project, options: Options, disk: Disk, surroundings: Surroundings, *, check: bool
) -> ProjectOutcome:
    """The outcome, proved. A change that the proof fails for stays, as far as it can be told.

    Raises VerificationError.
    """

    def attempt(left: Sequence[tuple[str, str]], said: str = "") -> tuple[ProjectOutcome, Disk]:
        own, reasons = disk.attempt(), tuple((*place, said) for place in left)
        return _attempt(files, root, replace(options, unproved=reasons), own, surroundings, check=check), own

    try:
        outcome, tried = attempt(())
    except VerificationError as error:
        units = plan_units(root, options, disk.attempt())
        moved = [f for unit in units for f in unit.plan.findings if f.action is Action.MIGRATE]
        places = list(dict.fromkeys((f.service, f.variable or f.path) for f in moved))
        outcome, tried = blame.isolate(places, partial(attempt, said=str(error)), error)
    disk.settle(tried)
    return outcome


def _attempt(
    files: ProjectFiles, root: Project, options: Options, disk: Disk, surroundings: Surroundings, *, check: bool
) -> ProjectOutcome:
    """The outcome of these options. ``disk`` is used up. Raises VerificationError."""
    units = planned(root, options, disk, surroundings)
    exposed, unanswered = _in_tracked_files(units) if check else (frozenset(), None)
    units, silence = _with_copies(units, options, check=check and unanswered is None)
    outcome = ProjectOutcome(
        files.name,
        masks=sum((masks(unit.project, unit.plan) for unit in units), Masks()),
        warnings=tuple(warning for unit in units for warning in unit.warnings),
        errors=tuple(error for unit in units for error in unit.errors),
        tracked=exposed,
        unanswered=unanswered or silence,
        journal=_journal(root, units, options),
        services=tuple(member for unit in units for member in mounted.members(unit.project)),
        boundary=root.boundary,
        paths=files.paths,
        said=_said(files, root, options),
    )
    if outcome.errors:
        return replace(outcome, plan=sum((report_only(unit.project, options) for unit in units), Plan()))
    plans = [(unit.project, unit.plan) for unit in units]
    if options.prune_env:
        plans[-1] = (plans[-1][0], plans[-1][1] + prune(plans, surroundings.taking(root)))
    if options.skip_because:
        from dsec_migrate.planning.skipping import tables

        plans[-1] = (plans[-1][0], plans[-1][1] + tables(plans, files.directory, options, disk))
    remaining = [Remaining(*line) for line in remaining_lines(plans, surroundings.taking(root))]
    rewritten: list[Rewritten] = []
    for project, plan in plans:
        if plan.operations:
            changed = tuple(_rewritten(project, plan))
            remaining += verify(project, plan, changed, options)
            rewritten += changed
    if options.mount is Mount.VOLUME:
        from dsec_migrate import volumes

        project, plan = plans[-1]
        directory = style_of(project.secrets, options.secrets_dir).directory
        proved = rewritten
        plan, rewritten = volumes.apply(project, plan, proved, directory, disk)
        plans[-1] = (project, plan)
        if rewritten != proved:
            # who reads the file was asked about secrets, and may mount others where the folder is
            volumes.check_readers(project, surroundings.readers(project.source.real_path, root))
    if options.templates:
        from dsec_migrate.planning.starting import templates_of

        plans[-1] = (plans[-1][0], plans[-1][1] + templates_of(plans, options.mount, disk))
    if options.manager is not None:
        from dsec_migrate import overlay

        project, plan = plans[-1]
        plans[-1] = (project, plan + overlay.plan(project, rewritten, options, disk))
    if options.stack_output is not None:
        from dsec_migrate import stackfile

        project, plan = plans[-1]
        plans[-1] = (project, plan + stackfile.plan(project, rewritten, options.stack_output, disk, plan.findings))
    unasked = surroundings.unasked(root) if rewritten else None
    return replace(
        outcome,
        warnings=(*outcome.warnings, *filter(None, (unasked,))),
        plan=sum((plan for _, plan in plans), Plan()),
        rewritten=tuple(file for file in rewritten if not standalone.is_in_memory(file.source.path)),
        remaining=tuple(remaining),
    )


def _journal(root: Project, units: Iterable[Unit], options: Options) -> Path | None:
    has_files = (
        options.templates
        or options.manager
        or options.stack_output
        or options.mount is Mount.VOLUME
        or options.skip_because
    )
    is_needed = has_files or any(unit.plan.operations for unit in units)
    return secrets_folder(root, options) if is_needed else None


def planned(root: Project, options: Options, disk: Disk, surroundings: Surroundings) -> list[Unit]:
    """The units with plans that take nothing from another project: what one would lack stays, and all is planned anew.

    Raises VerificationError where a plan changes a file that has to stay.
    """
    while True:
        attempt = disk.attempt()
        units = list(plan_units(root, options, attempt))
        plans = [(unit.project, unit.plan) for unit in units]
        unproved = surroundings.unproved(plans, _new_texts)
        if unproved.keys() <= root.kept.keys():
            for real, reason in unproved.items():
                raise VerificationError(f"{real} would change, but {reason}")
            disk.settle(attempt)
            return units
        root = root.within(root.boundary, {**root.kept, **unproved})


def _new_texts(project: Project, plan: Plan) -> dict[str, str]:
    return {file.source.real_path: file.text for file in _rewritten(project, plan)}


def surroundings_of(call: Sequence[ProjectFiles], options: Options, shell: Mapping[str, str]) -> Surroundings:
    return Surroundings(call, lambda files: load(files, options, shell))


def _rewritten(project: Project, plan: Plan) -> Iterator[Rewritten]:
    """The files whose text changes, env files first, then those that others extend, then layers before their base."""
    changed = {id(document): document for document in map(document_of, plan.operations)}
    last_first = {id(document): number for number, document in enumerate(reversed(project.documents))}

    def order(document: Document) -> tuple[bool, int]:
        return not isinstance(document, EnvFileText), last_first.get(id(document), -1)

    for document in sorted(changed.values(), key=order):
        text, edits = rewrite(document, plan.operations)
        yield Rewritten(document.source, text, edits, isinstance(document, EnvFileText))


def load(files: ProjectFiles, options: Options, shell: Mapping[str, str], folders: Folders | None = None) -> Project:
    """Reads the files and the environment that their ``${…}`` see."""
    env_files = files.env_files or options.env_files
    known = environment.load(files.directory, shell, env_files, files.first_dotenv)
    if len(files.paths) == 1 and standalone.is_dockerfile(files.paths[0]):
        loaded = standalone.load(files.paths[0], known, folders, files.directory)
    else:
        loaded = projects.load(files.paths, known, folders, directory=files.directory)
    said = _settings(files, options)
    boundary = Boundary.around(files.folder, (*files.named, *options.allow), options.secrets_dir, shell)
    return replace(loaded.within(boundary, dict(_templates(loaded))), images=said.images, exceptions=said.heeded)


def _templates(root: Project) -> Iterator[tuple[str, str]]:
    """The files whose lines are there or not as a template says: what an edit becomes in the end, nobody knows here."""
    for text in (text for unit in root.units() for text in unit.compose_texts):
        at = statement_in(text.source.text)
        if at is not None:
            line, _ = text.source.locate(at)
            yield (
                text.source.real_path,
                f"a template's statement (line {line}) decides what the file says: move it by hand",
            )


def _settings(files: ProjectFiles, options: Options) -> settings.Settings:
    return settings.read(files.directory, options.settings, excepts=options.exceptions)


def _said(files: ProjectFiles, root: Project, options: Options) -> Said:
    """With what an undo has to be told: a folder that it may change, and one of secrets where it would not look."""
    more = [("--allow", str(folder)) for folder in options.allow]
    if options.secrets_dir and not root.boundary.is_at_home(os.path.realpath(secrets_folder(root, options))):
        more.append(("--secrets-dir", options.secrets_dir))
    return replace(files.said, options=(*files.said.options, *more))


def _elsewhere(
    files: ProjectFiles, outcome: ProjectOutcome, options: Options, shell: Mapping[str, str]
) -> tuple[str, ...]:
    """What lies neither in the project's folder nor in that of its secrets, which an undo is told of anyway."""
    alone = Boundary.around(files.folder, (), options.secrets_dir, shell)
    return tuple(dict.fromkeys(changed_outside(outcome, alone)))


def _with_copies(units: list[Unit], options: Options, *, check: bool) -> tuple[list[Unit], UserError | None]:
    if not check and not any(unit.project.secrets for unit in units):
        # what moves is searched for when it is proved
        return units, None
    from dsec_migrate.copies import plans_with_copies

    plans, silence = plans_with_copies([(unit.project, unit.plan) for unit in units], options, tracked=check)
    return [replace(unit, plan=plan) for unit, plan in zip(units, plans, strict=True)], silence


def _in_tracked_files(units: Iterable[Unit]) -> tuple[frozenset[tuple[str, str]], UserError | None]:
    from dsec_migrate.history import in_tracked_files

    return in_tracked_files((unit.project, unit.plan) for unit in units)


__all__ = ["Request", "collect_garbage_seldom", "commit", "load", "migrate", "planned", "run", "surroundings_of"]
