"""Takes the latest run back: every file gets its former bytes, what was edited since stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.records import dataclass
from dsec_migrate.source import Edit, splice
from dsec_migrate.transaction.commit import Addition, Replacement, Work, commit, forget_undone
from dsec_migrate.transaction.disk import read
from dsec_migrate.transaction.journal import DONE, Appended, Journal, Replaced, Run, without_originals


@dataclass(frozen=True, repr=False, eq=False)
class Undoing:
    """What undoing ``run`` would do. ``restored`` files get their former bytes; ``merged`` ones too, but for what was
    edited since. ``removed`` files still hold what the run wrote; those of ``changed`` do not any more and stay, and
    so do those that a later run uses (``used``)."""

    folder: Path
    run: Run
    restored: tuple[Path, ...] = ()
    merged: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()
    changed: tuple[Path, ...] = ()
    used: tuple[Path, ...] = ()
    work: Work = field(default_factory=Work, repr=False)


def latest(folder: Path, files: Collection[Path] = ()) -> Run | None:
    """The last migration that touched one of ``files``, or any file where none is named."""
    real = {os.path.realpath(path) for path in files}
    for run in reversed(Journal(folder).runs()):
        is_meant = not real or any(os.path.realpath(file.path) in real for file in run.replaced)
        if run.state == DONE and not run.undoes and is_meant:
            return run
    return None


def plan_undo(folder: Path, run: Run) -> Undoing:
    """Reads what stands there now. Raises UserError where the originals are gone, a file is missing, or a touched place
    was edited since."""
    journal = Journal(folder)
    if not run.has_originals:
        raise UserError(
            "the former bytes of this run were deleted (undo --forget)",
            str(journal.record),
            help="take the files from git or from a backup",
        )
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
            replacements.append(Replacement(file.path, current, _merged(file, original, current)))
    removed, changed, used = _created(journal, run)
    additions: list[Addition] = []
    if not changed and not used:
        for lines in run.appended:
            _take_lines_out(lines, removed, replacements)
    order = sorted(replacements, key=lambda file: file.path in {lines.path for lines in run.appended})
    work = Work(additions, order, removed, undoes=run.number)
    return Undoing(folder, run, tuple(restored), tuple(merged), tuple(removed), tuple(changed), tuple(used), work)


def undo(undoing: Undoing) -> None:
    """Raises UserError, with nothing done, where a file changed since :func:`plan_undo` or cannot be written."""
    journal = Journal(undoing.folder)
    run = commit(undoing.folder, undoing.work)
    with journal.locked():
        forget_undone(journal, run)


def forget(folder: Path) -> list[Path]:
    """Deletes the former bytes of all runs, which hold the values in plaintext; returns the folders that went."""
    journal = Journal(folder)
    gone = [journal.originals(run.number) for run in journal.runs() if run.has_originals]
    if gone:
        with journal.locked():
            journal.write([without_originals(run) for run in journal.runs()])
            for path in gone:
                shutil.rmtree(path, ignore_errors=True)
    return gone


def remaining_originals(folder: Path) -> list[tuple[Path, Path]]:
    """Each file whose former bytes are kept, with where they are: plaintext that remains until it is forgotten."""
    journal = Journal(folder)
    return [
        (file.path, journal.originals(run.number) / str(number))
        for run in journal.runs()
        if run.has_originals
        for number, file in enumerate(run.replaced)
    ]


def _created(journal: Journal, run: Run) -> tuple[list[Path], list[Path], list[Path]]:
    """Files that the run made: those to be removed, those that hold something else now, those that a later run uses."""
    later = {path for other in journal.runs() if other.number > run.number for path in other.uses}
    removed, changed, used = [], [], []
    for file in run.created:
        content = read(file.path)
        if content is None:
            continue
        if journal.hash(content) != file.content:
            changed.append(file.path)
        elif file.path in later:
            used.append(file.path)
        else:
            removed.append(file.path)
    return removed, changed, used


def _take_lines_out(lines: Appended, removed: list[Path], replacements: list[Replacement]) -> None:
    """The lines that the run put into an ignore file, where they still stand as they were put."""
    current = read(lines.path)
    text = lines.text.encode()
    if current is None or text not in current:
        return
    rest = current.replace(text, b"", 1)
    if lines.is_new and not rest:
        removed.append(lines.path)
    else:
        replacements.append(Replacement(lines.path, current, rest))


def _merged(file: Replaced, original: bytes, current: bytes) -> bytes:
    """The current bytes with the run's own places as they were. Raises UserError where such a place was edited."""
    from difflib import SequenceMatcher

    try:
        before = original[file.mark :].decode(file.encoding)
        now = current[file.mark :].decode(file.encoding)
    except UnicodeDecodeError:
        raise UserError("the file is no text any more", str(file.path), help="restore it by hand") from None
    edits = [Edit(*edit) for edit in file.edits]
    after = splice(before, edits)
    after_lines, now_lines = after.splitlines(keepends=True), now.splitlines(keepends=True)
    matcher = SequenceMatcher(None, after_lines, now_lines, autojunk=False)
    same = [(block.a, block.a + block.size, block.b - block.a) for block in matcher.get_matching_blocks()]
    result: list[str] = []
    position = 0
    for region in _regions(before, edits):
        shift = _shift(region, same, len(after_lines))
        if shift is None:
            line = _place(region, same)
            raise UserError(
                "a line that the migration changed was edited since",
                str(file.path),
                line,
                1,
                help="make it as the migration left it, or restore the place by hand",
            )
        result += now_lines[position : region.start + shift]
        result.append(region.text)
        position = region.end + shift
    result += now_lines[position:]
    return current[: file.mark] + "".join(result).encode(file.encoding)


@dataclass(frozen=True, repr=False)
class _Region:
    """Lines ``start`` to ``end`` (excluded, from 0) of the text after the run, and what stood there before."""

    start: int
    end: int
    text: str


def _regions(before: str, edits: Sequence[Edit]) -> Iterator[_Region]:
    """Whole lines around the edits, those that share lines together."""
    shift = 0
    pending: list[Edit] = []
    for edit in (*sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, edit.end)), None):
        if pending and (edit is None or _line_start(before, edit.start) >= _line_end(before, pending)):
            start, end = _line_start(before, pending[0].start), _line_end(before, pending)
            old = before[start:end]
            new = splice(old, [Edit(e.start - start, e.end - start, e.text) for e in pending])
            first = len(before[:start].splitlines()) + shift
            yield _Region(first, first + len(new.splitlines()), old)
            shift += len(new.splitlines()) - len(old.splitlines())
            pending = []
        if edit is not None:
            pending.append(edit)


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _line_end(text: str, edits: Iterable[Edit]) -> int:
    """Behind the line that holds the last character of the last edit; an insertion between lines takes none."""
    last = max(edits, key=lambda edit: edit.end)
    end = last.end
    is_whole = last.text.endswith("\n") or (not last.text and last.start < end)
    if is_whole and (end == 0 or text[end - 1] == "\n"):
        return end
    end = text.find("\n", end)
    return len(text) if end < 0 else end + 1


def _shift(region: _Region, same: Sequence[tuple[int, int, int]], count: int) -> int | None:
    """How far the region's lines moved, if all of them still stand there as they were."""
    if region.start == region.end:
        # lines that are gone: between two neighbours that still are
        for first, last, shift in same:
            if first <= region.start <= last and last > first:
                return shift
        return 0 if count == 0 else None
    return next((shift for first, last, shift in same if first <= region.start and region.end <= last), None)


def _place(region: _Region, same: Sequence[tuple[int, int, int]]) -> int:
    """A line (from 1) of the current text near the region."""
    shift = 0
    for first, _, moved in same:
        if first > region.start:
            break
        shift = moved
    return max(region.start + shift + 1, 1)


__all__ = ["Undoing", "forget", "latest", "plan_undo", "remaining_originals", "undo"]
