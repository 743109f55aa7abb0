"""Ends a run that is on disk only in part: a committed one is finished, any other is taken back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.records import replace
from dsec_migrate.transaction.disk import (
    cannot_write,
    overwrite,
    read,
    staged,
    sync_folder,
)
from dsec_migrate.transaction.journal import COMMITTED, DONE, PREPARED, Appended, Journal, Replaced, Run


def needs_recovery(folder: Path) -> bool:
    return Journal(folder).is_interrupted()


def recover(folder: Path) -> list[Run]:
    """Finishes or takes back what an interrupted run left; returns the runs that were finished.

    Raises UserError where a file that such a run was going to replace was changed since: then it is taken back.
    """
    journal = Journal(folder)
    if not journal.is_interrupted():
        return []
    finished: list[Run] = []
    with journal.locked():
        try:
            for run in journal.runs():
                if run.state == COMMITTED and _is_going_back(journal, run):
                    _take_back(journal, run)
                elif run.state == COMMITTED:
                    finished.append(finish(journal, run))
                elif run.state == PREPARED:
                    discard(journal, run)
            for run in journal.runs():
                if run.undoes and run.state == DONE:
                    forget_undone(journal, run)
        except OSError as error:
            raise cannot_write(Path(error.filename or journal.folder), error) from None
    return finished


def _is_going_back(journal: Journal, run: Run) -> bool:
    """Whether a file has its former bytes and no new ones wait for it."""
    return any(
        _hash(journal, file.path) == file.before != file.after and not _is_waiting(journal, run, file)
        for file in run.replaced
    )


def finish(journal: Journal, run: Run) -> Run:
    """What is left of a committed run: renames, and what goes away. Raises UserError and takes all back where a file
    was changed by somebody else meanwhile."""
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
                gone.path.unlink()
                sync_folder(gone.path.parent)
    _remove_staged(run)
    done = replace(run, state=DONE)
    # all is in place: without this word the next run finds that out by itself
    with suppress(OSError):
        journal.update(done)
    return done


def _put_in_place(journal: Journal, run: Run, file: Replaced) -> None:
    """Raises UserError where the former file was changed since; what came after the new one is not our business."""
    current = _hash(journal, file.path)
    waits = _is_waiting(journal, run, file)
    if current == file.before and waits:
        os.replace(staged(file.path, run.number), file.path)  # noqa: PTH105
    elif current != file.after and (waits or current == file.before):
        raise changed(file.path)


def _is_waiting(journal: Journal, run: Run, file: Replaced) -> bool:
    """Whether the new bytes still stand beside the file, so that nobody has seen them in its place."""
    return _hash(journal, staged(file.path, run.number)) == file.after


def _hash(journal: Journal, path: Path) -> str:
    """Empty where there is no file."""
    content = read(path)
    return "" if content is None else journal.hash(content)


def _take_back(journal: Journal, run: Run) -> None:
    """Puts the former bytes back where the new ones are. Raises UserError where that cannot be done: the journal still
    knows, and the next run tries again."""
    for number, file in enumerate(run.replaced):
        if _hash(journal, file.path) != file.after:
            continue
        original = read(journal.originals(run.number) / str(number))
        if original is None:
            raise UserError(
                "the former file is gone from the journal",
                str(file.path),
                help="take it from git or from a backup, then run the command again",
            )
        try:
            overwrite(file.path, run.number, original)
        except OSError as error:
            raise cannot_write(file.path, error) from None
    try:
        # what follows takes the new texts away: nobody may believe any more that they only wait for their rename
        journal.update(replace(run, state=PREPARED))
        discard(journal, run)
    except OSError as error:
        raise cannot_write(Path(error.filename or journal.folder), error) from None


def discard(journal: Journal, run: Run) -> None:
    """What a run made goes away again, after nothing was replaced or all was put back.

    Where somebody has edited a file since, its values may be in the secret files alone: those stay. Raises OSError.
    """
    has_values = all(
        _hash(journal, file.path) == file.before or _is_waiting(journal, run, file) for file in run.replaced
    )
    created = [made for made in run.created if has_values and _hash(journal, made.path) == made.content]
    for made in created:
        made.path.unlink()
    if not any(made.path.exists() for made in run.created):
        # what came last is at the end: it goes first
        for lines in reversed(run.appended):
            _take_lines_out(lines, run.number)
    _remove_staged(run)
    shutil.rmtree(journal.originals(run.number), ignore_errors=True)
    journal.drop(run.number)
    journal.abandoned.update(run.folders)


def _take_lines_out(lines: Appended, number: int) -> None:
    content = read(lines.path)
    rest = None if content is None else without_lines(content, lines.text.encode())
    if rest is None:
        return
    if lines.is_new and not rest:
        lines.path.unlink()
        sync_folder(lines.path.parent)
    else:
        overwrite(lines.path, number, rest)


def without_lines(content: bytes, lines: bytes) -> bytes | None:
    """``content`` without lines that were appended to it, wherever they stand now; None where they do not."""
    start = content.rfind(lines)
    end = start + len(lines)
    if start < 0 or not lines:
        return None
    if lines.startswith((b"\n", b"\r\n")):
        # the line before had no end; it needs one where others came after
        first = lines.index(b"\n") + 1
        return content[:start] if end == len(content) else content[: start + first] + content[end:]
    return content[:start] + content[end:] if start == 0 or content[start - 1 : start] == b"\n" else None


def _remove_staged(run: Run) -> None:
    for path in (*(f.path for f in run.replaced), *(f.path for f in run.created), *(f.path for f in run.appended)):
        with suppress(OSError):
            staged(path, run.number).unlink()


def forget_undone(journal: Journal, run: Run) -> None:
    """An undo that is done takes itself and what it undid out of the journal, with the folders that are empty then.

    What has to stay because of other runs goes with the last of those. Raises OSError.
    """
    undone = [other for other in journal.runs() if other.number in {run.number, run.undoes}]
    rest = [other for other in journal.runs() if other not in undone]
    for other in undone:
        shutil.rmtree(journal.originals(other.number), ignore_errors=True)
    if rest:
        rest[0] = _heir(rest[0], undone)
    journal.write(rest)
    journal.abandoned.update(path for other in undone for path in other.folders)


def _heir(run: Run, undone: Sequence[Run]) -> Run:
    folders = dict.fromkeys((*run.folders, *(path for other in undone for path in other.folders)))
    lines = dict.fromkeys((*run.appended, *(lines for other in undone for lines in other.appended)))
    return replace(run, folders=tuple(folders), appended=tuple(lines))


def changed(path: Path) -> UserError:
    return UserError(
        "the file changed while it was being migrated; it was left as it is",
        str(path),
        help="run the command again",
    )


__all__ = ["changed", "discard", "finish", "forget_undone", "needs_recovery", "recover", "without_lines"]
