"""Undoes the latest run: every file gets its original bytes back, what was edited since is kept."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from dsec_migrate.text import ignore_files
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.text.source import Edit, splice
from dsec_migrate.transaction.commit import Replacement, Work, commit
from dsec_migrate.transaction.disk import cannot_write, files_in, read, remove_folder
from dsec_migrate.transaction.journal import DONE, Appended, Journal, Replaced, Run, without_originals
from dsec_migrate.transaction.merge import TouchedError, take_out
from dsec_migrate.transaction.recovery import recover, without_lines

# each ignores itself in git
_OUR_FOLDERS = (JOURNAL, UNDO, ".ledger", ".previous")


@dataclass(frozen=True, repr=False, eq=False)
class Undoing:
    """What undoing ``run`` would do. ``restored`` files get their original bytes; ``merged`` ones too, except for what
    was edited since. ``removed`` files still hold what the run wrote; those of ``changed`` no longer do and are kept,
    as are those that a later run uses (``used``). ``ignoring`` keeps its lines, since git would see the kept values."""

    folder: Path
    run: Run
    boundary: Boundary
    restored: tuple[Path, ...] = ()
    merged: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()
    changed: tuple[Path, ...] = ()
    used: tuple[Path, ...] = ()
    ignoring: tuple[Path, ...] = ()
    work: Work = field(default_factory=Work, repr=False)


def runs_of(folder: Path, boundary: Boundary, files: Collection[Path] = (), others: Collection[Path] = ()) -> list[Run]:
    """The migrations of the project of ``files``, or all where none is named, the oldest first. ``others`` are further
    files that it reads: they identify runs whose record does not name their project."""
    known = Journal(folder, boundary).runs()
    return [run for run in known if run.state == DONE and not run.undoes and _is_of(run, files, others)]


def interrupted_of(
    folder: Path, boundary: Boundary, files: Collection[Path], others: Collection[Path] = ()
) -> list[Run]:
    """The interrupted runs of the project, selected as by :func:`runs_of`."""
    known = Journal(folder, boundary).runs()
    return [run for run in known if (run.state != DONE or run.undoes) and _is_of(run, files, others)]


def _is_of(run: Run, files: Collection[Path], others: Collection[Path]) -> bool:
    if not files:
        return True
    own = {os.path.realpath(path) for path in files}
    changed = {os.path.realpath(file.path) for file in run.replaced}
    if run.project:
        return not own.isdisjoint({*changed, *map(os.path.realpath, run.project)})
    return not changed.isdisjoint({*own, *map(os.path.realpath, others)})


def plan_undo(folder: Path, run: Run, boundary: Boundary, before: Collection[int] = ()) -> Undoing:
    """Reads the current files; the runs with the numbers ``before`` are undone first. Raises UserError where the
    originals are gone, a file is missing or outside ``boundary``, or a changed line was edited since."""
    journal = Journal(folder, boundary)
    if not run.has_originals:
        raise UserError(
            "the original files of this run were deleted (undo --forget)",
            str(journal.record),
            help="restore the files from git or a backup",
        )
    known = journal.runs()
    # a run undone before may have passed some on to it
    run = next((one for one in known if one.number == run.number), run)
    journal.check_places(run)
    restored: list[Path] = []
    merged: list[Path] = []
    replacements: list[Replacement] = []
    for number, file in enumerate(run.replaced):
        original = read(journal.originals(run.number) / str(number))
        current = read(file.path)
        if original is None or current is None:
            path = file.path if current is None else journal.originals(run.number)
            raise UserError("the file is gone", str(path), help="put it back, then run the command again")
        found = journal.hash(current)
        if found == file.before:
            continue
        if found == file.after:
            restored.append(file.path)
            replacements.append(Replacement(file.path, current, original))
        else:
            merged.append(file.path)
            replacements.append(Replacement(file.path, current, _merged(journal, file, original, current)))
    remaining = [other for other in known if other.number != run.number and other.number not in before]
    removed, changed, used = _created(journal, run, remaining)
    going = {*removed, *(made.path for other in known if other.number in before for made in other.created)}
    left = [*changed, *used, *_left(journal, run, remaining, going)]
    kept = [lines for lines in run.appended if any(_may_leave_out(lines.path, path) for path in left)]
    staying = list(dict.fromkeys(lines.path for lines in kept if lines.path.exists()))
    for path, new in _without_lines([lines for lines in run.appended if lines not in kept]).items():
        if new is None:
            removed.append(path)
        else:
            replacements.append(new)
    work = Work((), replacements, removed, undoes=run.number, project=run.project)
    return Undoing(
        folder,
        run,
        boundary,
        tuple(restored),
        tuple(merged),
        tuple(removed),
        tuple(changed),
        tuple(used),
        tuple(staying),
        work,
    )


def undo(undoing: Undoing) -> None:
    """Raises UserError, without doing anything, where a file changed since :func:`plan_undo` or cannot be written."""
    commit(undoing.folder, undoing.work, undoing.boundary)


def forget(folder: Path, boundary: Boundary) -> list[Path]:
    """Deletes the original bytes of all runs, which hold the values in plaintext; returns the removed folders.

    Raises UserError where they cannot be deleted.
    """
    journal = Journal(folder, boundary)
    recover(folder, boundary)
    if not any(run.has_originals for run in journal.runs()):
        return []
    with journal.locked():
        runs = journal.runs()
        gone = [path for run in runs if run.has_originals and (path := journal.originals(run.number)).exists()]
        try:
            for path in gone:
                remove_folder(path)
            journal.write([without_originals(run) for run in runs])
        except OSError as error:
            raise cannot_write(Path(error.filename or folder), error) from None
    return gone


def remaining_originals(folder: Path, boundary: Boundary) -> list[tuple[Path, Path]]:
    """Each file whose original bytes are kept, with their path: plaintext that remains until it is forgotten."""
    journal = Journal(folder, boundary)
    return [
        (file.path, kept)
        for run in journal.runs()
        for number, file in enumerate(run.replaced)
        if (kept := journal.originals(run.number) / str(number)).exists()
    ]


def _created(journal: Journal, run: Run, remaining: Iterable[Run]) -> tuple[list[Path], list[Path], list[Path]]:
    """Files that the run created: those to remove, those with other content now, those that another run uses."""
    in_use = {path for other in remaining for path in other.uses}
    removed, changed, used = [], [], []
    for file in run.created:
        content = read(file.path)
        if content is None:
            continue
        if journal.hash(content) != file.content:
            changed.append(file.path)
        elif file.path in in_use:
            used.append(file.path)
        else:
            removed.append(file.path)
    return removed, changed, used


def _left(journal: Journal, run: Run, remaining: Iterable[Run], going: Collection[Path]) -> Iterator[Path]:
    """What the lines in ignore files still keep out of git: another run's secrets, or files added to the secrets
    folders since."""
    yield from (made.path for other in remaining for made in other.created if made.is_secret and made.path.exists())
    ignores = {lines.path for lines in run.appended if lines.is_new}
    own = {*going, *run.beside, *ignores, *(journal.folder / name for name in _OUR_FOLDERS)}
    folders = {made.path.parent for made in run.created if made.is_secret}
    if not run.project:
        # a record of an older version does not list what was there
        folders &= set(run.folders)
    for folder in folders:
        if _is_covered(folder, run.appended):
            yield from (path for path in files_in(folder) if path not in own)


def _may_leave_out(ignore: Path, path: Path) -> bool:
    """Whether a line of an ignore file can match ``path``: git's only match paths below its folder; a file named after
    a Dockerfile is about a build context, which may be anywhere."""
    return ignore.name != ignore_files.NAME or Path(os.path.realpath(path)).is_relative_to(
        os.path.realpath(ignore.parent)
    )


def _is_covered(folder: Path, appended: Iterable[Appended]) -> bool:
    """Whether a line excludes a whole folder, not single files in it."""
    for lines in appended:
        base = lines.path.parent
        name = folder.relative_to(base).as_posix() if folder.is_relative_to(base) else None
        whole = {"*"} if name == "." else {f"{name}/", f"{name}/*", f"{name}/**"}
        if name and any(line.strip().removeprefix("/") in whole for line in lines.text.splitlines()):
            return True
    return False


def _without_lines(appended: Sequence[Appended]) -> dict[Path, Replacement | None]:
    """Ignore files without the lines that runs added; None for those that hold nothing else."""
    result: dict[Path, Replacement | None] = {}
    # in reverse order: the latest is at the end
    for lines in reversed(appended):
        current = read(lines.path)
        known = result.get(lines.path)
        rest = without_lines(known.after if known else current or b"", lines.text.encode())
        if current is not None and rest is not None:
            is_rest = rest or not lines.is_new
            result[lines.path] = Replacement(lines.path, current, rest) if is_rest else None
    return result


def _merged(journal: Journal, file: Replaced, original: bytes, current: bytes) -> bytes:
    """The current bytes with the run's own edits reverted. Raises UserError where such a line was edited."""
    mark = original[: file.mark]
    errors = _errors(original[file.mark :], file.encoding)
    try:
        if not current.startswith(mark):
            raise UnicodeError
        before = original[file.mark :].decode(file.encoding, errors)
        now = current[file.mark :].decode(file.encoding, errors)
    except UnicodeError:
        raise UserError(
            "the file's encoding has changed",
            str(file.path),
            help=f"save it as {file.encoding.upper()} {'with' if mark else 'without'} a byte order mark",
        ) from None
    edits = [Edit(*edit) for edit in file.edits]
    try:
        if journal.hash(mark + splice(before, edits).encode(file.encoding, errors)) != file.after:
            # the lines that the run changed are unknown
            raise TouchedError(1)
        return mark + take_out(before, edits, now).encode(file.encoding, errors)
    except TouchedError as error:
        raise UserError(
            "a line that the migration changed has been edited since",
            str(file.path),
            error.line,
            1,
            help="restore what the migration wrote, or edit the line by hand",
        ) from None


def _errors(data: bytes, encoding: str) -> str:
    """The error handler for undecodable bytes: an env file may have had some before."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return "surrogateescape"
    return "strict"


__all__ = ["Undoing", "forget", "interrupted_of", "plan_undo", "remaining_originals", "runs_of", "undo"]
