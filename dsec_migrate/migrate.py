"""The pipeline, readable on one screen; :func:`write` is the only code that changes the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dsec_migrate import environment
from dsec_migrate import project as projects
from dsec_migrate.document import plain
from dsec_migrate.errors import UserError, VerificationError
from dsec_migrate.files import Disk
from dsec_migrate.masking import masks
from dsec_migrate.neighbours import Folders
from dsec_migrate.options import Options, Target
from dsec_migrate.outcome import Outcome, ProjectOutcome, Rewritten
from dsec_migrate.plan import NewFile
from dsec_migrate.planning import make_plan, report_only
from dsec_migrate.project import Project
from dsec_migrate.rewrite import rewrite
from dsec_migrate.source import Source
from dsec_migrate.verify import verify

Progress = Callable[[int, int], None]


def run(
    paths: Sequence[Path],
    options: Options,
    *,
    shell: Mapping[str, str],
    write: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Outcome:
    """Plans, proves and, with ``write``, writes each project. Bad projects are reported, the others go on.

    ``shell`` is the environment that ``${…}`` sees before any file; ``progress`` is told (done, all).
    """
    outcomes = list(_each(paths, options, shell, write, progress))
    return Outcome(tuple(outcomes), options, write)


def _each(
    paths: Sequence[Path], options: Options, shell: Mapping[str, str], write: bool, progress: Progress | None
) -> Iterator[ProjectOutcome]:
    disk, folders = Disk(), Folders(frozenset(paths))
    for number, path in enumerate(paths, 1):
        outcome = migrate(path, options, shell, disk, folders)
        if write and outcome.rewritten is not None:
            outcome = commit(outcome)
        yield outcome
        if progress is not None:
            progress(number, len(paths))


def migrate(
    path: Path,
    options: Options,
    shell: Mapping[str, str],
    disk: Disk | None = None,
    folders: Folders | None = None,
) -> ProjectOutcome:
    """One project, from its file's bytes to its proved new text. Changes nothing on disk."""
    try:
        project = load(path, options, shell, folders)
        problems = (*project.problems, *_problems(project, options))
        if problems:
            plan = report_only(project, options)
            hidden = masks(project, plan)
            return ProjectOutcome(str(path), plan, masks=hidden, errors=problems, warnings=project.warnings)
        plan = make_plan(project, options, disk)
        hidden = masks(project, plan)
        if not plan.operations:
            return ProjectOutcome(str(path), plan, masks=hidden, warnings=project.warnings)
        text, edits = rewrite(project.document, plan.operations)
        rewritten = Rewritten(project.source, text, edits)
        remaining = verify(project, plan, text, edits, options)
        return ProjectOutcome(str(path), plan, rewritten, hidden, remaining, project.warnings)
    except UserError as error:
        return ProjectOutcome(str(path), errors=(error,))
    except VerificationError as error:
        return ProjectOutcome(str(path), failure=str(error))


def load(path: Path, options: Options, shell: Mapping[str, str], folders: Folders | None = None) -> Project:
    """Reads the file and the environment that its ``${…}`` see."""
    source = Source.read(path)
    return projects.load(source, environment.load(path.parent, shell, options.env_files), folders)


def _problems(project: Project, options: Options) -> Iterator[UserError]:
    """What Compose (or, for it, Swarm) would refuse, with the place where it stands."""
    from dsec_migrate import validation

    if not project.document.roots:
        yield UserError("the file is empty", str(project.source.path), help="a Compose file has `services:` at least")
    for root in project.document.roots:
        data = plain(root)
        problems = validation.schema_problems(data)
        for problem in problems:
            yield UserError(problem.what, *projects.place(project, root, problem.path), help=problem.help)
        if not problems and len(project.document.roots) == 1 and isinstance(data, dict):
            for problem in validation.compose_problems(data, consistency=False):
                yield UserError(problem.what, *projects.place(project, root, problem.path), help=problem.help)
    if options.target is Target.SWARM:
        from dsec_migrate import swarm

        yield from swarm.problems(project)


# --- the disk ---


def commit(outcome: ProjectOutcome) -> ProjectOutcome:
    """Writes one proved outcome: ignore files, then secret files, then the Compose file."""
    from dataclasses import replace

    assert outcome.rewritten is not None
    try:
        write(outcome.rewritten, outcome.plan.files)
    except UserError as error:
        return replace(outcome, errors=(error,))
    return replace(outcome, is_written=True)


def write(rewritten: Rewritten, files: Iterable[NewFile]) -> None:
    """Raises UserError when the file changed since it was read or something cannot be written; then the Compose file
    is as it was."""
    target = Path(os.path.realpath(rewritten.source.path))
    _check_unchanged(rewritten.source, target)
    for file in files:
        if file.append:
            _append(file)
        else:
            _create(file)
    _check_unchanged(rewritten.source, target)
    _replace(target, rewritten.source.encode(rewritten.text))


def _check_unchanged(source: Source, target: Path) -> None:
    try:
        is_same = target.read_bytes() == source.data
    except OSError:
        is_same = False
    if not is_same:
        raise UserError(
            "the file changed while it was being migrated; it was left as it is",
            str(source.path),
            help="run the command again",
        )


def _create(file: NewFile) -> None:
    """A new file by exclusive create, flushed to the disk, in a folder that only its owner enters."""
    try:
        if not file.path.parent.is_dir():
            file.path.parent.mkdir(mode=0o700, parents=True)
        descriptor = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        if file.path.is_file() and file.path.read_bytes() == file.content.reveal().encode():
            return
        raise UserError(
            "a file of that name appeared meanwhile; it was left as it is",
            str(file.path),
            help="run the command again",
        ) from None
    except OSError as error:
        raise _cannot_write(file.path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content.reveal().encode())
            stream.flush()
            if hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), file.mode)
            os.fsync(stream.fileno())
    except OSError as error:
        with suppress(OSError):
            file.path.unlink()
        raise _cannot_write(file.path, error) from None


def _append(file: NewFile) -> None:
    try:
        with file.path.open("ab") as stream:
            stream.write(file.content.reveal().encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _cannot_write(file.path, error) from None


def _replace(target: Path, data: bytes) -> None:
    """The new bytes take the file's place in one step, with its mode and owner."""
    import tempfile

    temporary = None
    try:
        status = target.stat()
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            if hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), stat.S_IMODE(status.st_mode))
            if hasattr(os, "fchown") and os.stat(temporary).st_uid != status.st_uid:  # noqa: PTH116
                os.fchown(stream.fileno(), status.st_uid, status.st_gid)
            os.fsync(stream.fileno())
        os.replace(temporary, target)  # noqa: PTH105
        _sync_directory(target.parent)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        raise _cannot_write(target, error) from None


def _sync_directory(path: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write: {error.strerror or type(error).__name__}",
        str(path),
        help="check the folder's permissions and free space, then run the command again",
    )
