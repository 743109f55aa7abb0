"""Processes all projects of a command, sequentially or in parallel: each is planned, verified and, with ``--write``,
written, independently of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config.options import Options
from dsec_migrate.migrate.load import surroundings_of
from dsec_migrate.migrate.pipeline import failed, migrate
from dsec_migrate.migrate.surroundings import Surroundings
from dsec_migrate.migrate.workers import bytes_of, collect_garbage_seldom, shared
from dsec_migrate.migrate.writing import commit
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.text.records import dataclass, field, replace

Progress = Callable[[int, int], None]
# strips an outcome of documents and values, keeping what the reports need
Seal = Callable[[ProjectOutcome], ProjectOutcome]

# below this many files a second process costs more than it saves
FILES_WORTH_A_PROCESS = 100


@dataclass(frozen=True, repr=False, eq=False)
class Batch:
    """What is the same for every project of a run.

    ``shell`` is the environment that ``${…}`` sees before any file. ``call`` are the projects of the run. With
    ``check``, git reports which env files it tracks.
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
    """Plans, verifies and, with ``write``, writes each project. Projects with errors are reported, the others continue.

    ``progress`` is called with (done, all). ``jobs`` processes share the folders if ``seal`` is given: without it, the
    outcomes contain values, which must not leave their process.
    """
    if options.registry:
        from dsec_migrate.images import registry

        registry.forget()
    batch = Batch(options, shell, tuple(projects_of_run), write, check, seal)
    outcomes: dict[int, ProjectOutcome] = {}
    count = len(projects_of_run)
    groups: list[_Group] = [list(enumerate(projects_of_run))]
    is_shared_out = _is_worth_it(count, batch, jobs)
    if is_shared_out:
        from dsec_migrate.compose.discovery.companies import companies

        shared_out = companies(projects_of_run, options.secrets_dir)
        groups = [[(number, projects_of_run[number]) for number in numbers] for numbers in shared_out]
    here = _here(groups, batch, surroundings_of(batch.call, options, shell))
    for group in _in_processes(groups, batch, jobs) if is_shared_out else here:
        outcomes.update(group)
        if progress is not None:
            progress(len(outcomes), count)
    return Outcome(tuple(outcomes[number] for number in range(count)), options)


_Group = Sequence[tuple[int, ProjectFiles]]
_Results = list[tuple[int, ProjectOutcome]]


def _is_worth_it(count: int, batch: Batch, jobs: int) -> bool:
    return jobs > 1 and batch.seal is not None and count >= FILES_WORTH_A_PROCESS


def _here(groups: Iterable[_Group], batch: Batch, surroundings: Surroundings) -> Iterator[_Results]:
    call = frozenset(path for files in batch.call for path in files.paths)
    for group in groups:
        surroundings.join(files for _, files in group)
        # two projects may share one secrets folder
        disk = Disk()
        folders: dict[Path, list[tuple[int, ProjectFiles]]] = {}
        for number, files in group:
            folders.setdefault(files.directory, []).append((number, files))
        for members in folders.values():
            neighbours = Folders(call)
            for number, files in members:
                yield [(number, _one(files, batch, disk, neighbours, surroundings))]


def _in_processes(groups: Sequence[_Group], batch: Batch, jobs: int) -> Iterator[_Results]:
    def lost(group: _Group, error: Exception) -> _Results:
        return [(number, _sealed(failed(files, error), batch)) for number, files in group]

    # the last task finishes last, so it should be small
    largest_first = sorted(
        groups, key=lambda group: bytes_of(p for _, files in group for p in files.paths), reverse=True
    )
    return shared(largest_first, _folder, jobs, _begin, batch, lost)


# the job of a worker process: passed once, because it lists every file of the run
_batches: list[tuple[Batch, Surroundings]] = []


def _begin(batch: Batch) -> None:
    collect_garbage_seldom()
    _batches[:] = [(batch, surroundings_of(batch.call, batch.options, batch.shell))]


def _folder(group: _Group) -> _Results:
    return [result for results in _here([group], *_batches[-1]) for result in results]


def _one(files: ProjectFiles, batch: Batch, disk: Disk, folders: Folders, surroundings: Surroundings) -> ProjectOutcome:
    outcome = migrate(
        files,
        batch.options,
        batch.shell,
        disk,
        folders,
        surroundings,
        check=batch.check,
        write=batch.write,
    )
    if outcome.unanswered is not None:
        # a check without an answer from git fails
        outcome = replace(outcome, errors=(*outcome.errors, outcome.unanswered))
    if batch.write and not outcome.status and (outcome.rewritten or outcome.plan.files):
        outcome = commit(outcome)
        surroundings.forget(file.source.real_path for file in outcome.rewritten)
    try:
        return _sealed(outcome, batch)
    except Exception as error:
        return _sealed(failed(files, error, is_written=outcome.is_written), batch)


def _sealed(outcome: ProjectOutcome, batch: Batch) -> ProjectOutcome:
    return outcome if batch.seal is None else batch.seal(outcome)
