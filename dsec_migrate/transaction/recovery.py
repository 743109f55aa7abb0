"""Recovers from an interrupted run: a committed one is finished, any other is rolled back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, replace
from dsec_migrate.transaction.disk import (
    cannot_write,
    overwrite,
    read,
    remove,
    remove_empty,
    remove_folder,
    rename,
    staged,
    sync_folder,
)
from dsec_migrate.transaction.journal import COMMITTED, DONE, PREPARED, Appended, Created, Journal, Replaced, Run


@dataclass(frozen=True)
class Recovered:
    """What became of an interrupted run: it was finished or rolled back."""

    run: Run
    is_finished: bool

    def __str__(self) -> str:
        """The report: it names all files that changed."""
        names = ", ".join(os.path.relpath(path) for path in self.run.paths)
        return f"an earlier run was interrupted: it is {'finished' if self.is_finished else 'taken back'} now: {names}"


def needs_recovery(folder: Path, boundary: Boundary) -> bool:
    return Journal(folder, boundary).is_interrupted()


def recover(folder: Path, boundary: Boundary) -> list[Recovered]:
    """Finishes or rolls back interrupted runs, and reports each of them.

    Raises UserError where a file that such a run was about to replace was changed since: then it is rolled back; and
    without doing anything where the journal is not the user's own, or lists files outside ``boundary``.
    """
    journal = Journal(folder, boundary)
    if not journal.is_interrupted():
        return []
    found: list[Recovered] = []
    with journal.locked():
        runs = journal.runs()
        undone = {run.undoes for run in runs if run.undoes}
        for run in runs:
            if run.state != DONE or run.undoes or run.number in undone:
                journal.check_places(run)
        try:
            for run in journal.runs():
                if run.state == COMMITTED and _is_going_back(journal, run):
                    _take_back(journal, run)
                    found.append(Recovered(run, is_finished=False))
                elif run.state == COMMITTED:
                    found.append(Recovered(finish(journal, run), is_finished=True))
                elif run.state == PREPARED:
                    discard(journal, run)
                    found.append(Recovered(run, is_finished=False))
            for run in journal.runs():
                if run.undoes and run.state == DONE:
                    forget_undone(journal, run)
        except OSError as error:
            raise cannot_write(Path(error.filename or journal.folder), error) from None
    return found


def _is_going_back(journal: Journal, run: Run) -> bool:
    """Whether a file has its original bytes and no new ones are staged for it."""
    return any(
        _hash(journal, file.path) == file.before != file.after and not _is_waiting(journal, run, file)
        for file in run.replaced
    )


def finish(journal: Journal, run: Run) -> Run:
    """The rest of a committed run: renames and removals. Raises UserError and rolls all back where a file was changed
    meanwhile."""
    try:
        for made in run.created:
            if made.is_secret and read(made.path) is None:
                raise UserError("the new secret file is gone", str(made.path), help="run the command again")
        for file in run.replaced:
            _put_in_place(journal, run, file)
        for folder in {file.path.parent for file in run.replaced}:
            sync_folder(folder)
    except (OSError, UserError) as error:
        _take_back(journal, run)
        raise (
            cannot_write(Path(error.filename or journal.folder), error) if isinstance(error, OSError) else error
        ) from None
    for gone in run.removed:
        content = read(gone.path)
        if content is not None and journal.hash(content) == gone.content:
            with suppress(OSError):
                remove(gone.path)
                sync_folder(gone.path.parent)
    _remove_staged(run)
    done = replace(run, state=DONE)
    # all is in place: without this record the next run finds that out by itself
    with suppress(OSError):
        journal.update(done)
    return done


def _put_in_place(journal: Journal, run: Run, file: Replaced) -> None:
    """Raises UserError where the original file was changed since; changes after the replacement do not matter."""
    current = _hash(journal, file.path)
    waits = _is_waiting(journal, run, file)
    if current == file.before and waits:
        rename(staged(file.path, run.number), file.path)
    elif current != file.after and (waits or current == file.before):
        raise changed(file.path)


def _is_waiting(journal: Journal, run: Run, file: Replaced) -> bool:
    """Whether the new bytes are still staged beside the file, so that they were never visible in its place."""
    return _hash(journal, staged(file.path, run.number)) == file.after


def _hash(journal: Journal, path: Path) -> str:
    """Empty where there is no file."""
    content = read(path)
    return "" if content is None else journal.hash(content)


def _take_back(journal: Journal, run: Run) -> None:
    """Puts the original bytes back where the new ones are. Raises UserError where that fails: the run stays in the
    journal, and the next run tries again."""
    for number, file in enumerate(run.replaced):
        if _hash(journal, file.path) != file.after:
            continue
        original = read(journal.originals(run.number) / str(number))
        if original is None:
            raise UserError(
                "the original file is gone from the journal",
                str(file.path),
                help="restore it from git or a backup, then run the command again",
            )
        try:
            overwrite(file.path, run.number, original)
        except OSError as error:
            raise cannot_write(file.path, error) from None
    try:
        # the staged texts are removed next: from here on they no longer count as waiting for their rename
        journal.update(replace(run, state=PREPARED))
        discard(journal, run)
    except OSError as error:
        raise cannot_write(Path(error.filename or journal.folder), error) from None


def discard(journal: Journal, run: Run) -> None:
    """Removes what a run created, after nothing was replaced or all was put back.

    A file edited since may have its values only in the secret files: those are kept. Raises OSError.
    """
    has_values = all(
        _hash(journal, file.path) == file.before or _is_waiting(journal, run, file) for file in run.replaced
    )
    created = [made for made in run.created if has_values and _hash(journal, made.path) == made.content]
    for made in created:
        remove(made.path)
    if not any(made.path.exists() for made in run.created):
        # in reverse order: the latest is at the end
        for lines in reversed(run.appended):
            _take_lines_out(lines, run.number)
    _remove_staged(run)
    _remove_originals(journal, run)
    journal.drop(run.number)
    journal.abandoned.update(run.folders)


def _take_lines_out(lines: Appended, number: int) -> None:
    content = read(lines.path)
    rest = None if content is None else without_lines(content, lines.text.encode())
    if rest is None:
        return
    if lines.is_new and not rest:
        remove(lines.path)
        sync_folder(lines.path.parent)
    else:
        overwrite(lines.path, number, rest)


def without_lines(content: bytes, lines: bytes) -> bytes | None:
    """``content`` without lines that were appended to it, wherever they are now; None where they are not there."""
    start = content.rfind(lines)
    end = start + len(lines)
    if start < 0 or not lines:
        return None
    if lines.startswith((b"\n", b"\r\n")):
        # the line before had no line end; it needs one if lines were added after it
        first = lines.index(b"\n") + 1
        return content[:start] if end == len(content) else content[: start + first] + content[end:]
    return content[:start] + content[end:] if start == 0 or content[start - 1 : start] == b"\n" else None


def _remove_staged(run: Run) -> None:
    for path in (*(f.path for f in run.replaced), *(f.path for f in run.created), *(f.path for f in run.appended)):
        with suppress(OSError):
            remove(staged(path, run.number))


def _remove_originals(journal: Journal, run: Run) -> None:
    with suppress(OSError):
        remove_folder(journal.originals(run.number))


def forget_undone(journal: Journal, run: Run) -> None:
    """Drops a finished undo and the run that it undid from the journal, with the folders that are then empty.

    What other runs still need is removed with the last of those. Raises OSError.
    """
    undone = [other for other in journal.runs() if other.number in {run.number, run.undoes}]
    rest = [other for other in journal.runs() if other not in undone]
    for other in undone:
        _remove_originals(journal, other)
    left = {made.path: made for other in undone for made in other.created if made.is_secret and made.path.exists()}
    for number, heir in enumerate(rest):
        # a file that it uses is its own from now on
        rest[number] = _owning(heir, [made for path in heir.uses if (made := left.pop(path, None)) is not None])
    folders = {path for other in undone for path in other.folders}
    if rest:
        # an heir is not told of what is gone: it may lie where no word of its own leads
        remove_empty(folders)
        # files that now hold another value are kept, and so are the lines that keep them out of git
        rest[0] = _owning(_heir(rest[0], undone), list(left.values()))
    journal.write(rest)
    journal.abandoned.update(folders)


def _owning(run: Run, created: Sequence[Created]) -> Run:
    return replace(run, created=(*run.created, *created)) if created else run


def _heir(run: Run, undone: Sequence[Run]) -> Run:
    left = (path for other in undone for path in other.folders if path.exists())
    folders = dict.fromkeys((*run.folders, *left))
    kept = (lines for other in undone for lines in other.appended if lines.path.exists())
    lines = dict.fromkeys((*run.appended, *kept))
    beside = dict.fromkeys((*run.beside, *(path for other in undone for path in other.beside)))
    return replace(run, folders=tuple(folders), appended=tuple(lines), beside=tuple(beside))


def changed(path: Path) -> UserError:
    return UserError(
        "the file was changed during the migration; it is unchanged",
        str(path),
        help="run the command again",
    )


__all__ = ["Recovered", "changed", "discard", "finish", "forget_undone", "needs_recovery", "recover", "without_lines"]
