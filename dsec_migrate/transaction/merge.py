"""Takes a run's edits out of a text that was edited since: a three-way merge, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import Edit, splice


class TouchedError(Exception):
    """A line that the run changed was edited since, near ``line`` (from 1) of the current text."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True, repr=False)
class _Region:
    """Lines ``start`` to ``end`` (excluded, from 0) of the text after the run, and the lines that were there before."""

    start: int
    end: int
    before: tuple[str, ...] = field(repr=False)


def take_out(before: str, edits: Sequence[Edit], now: str) -> str:
    """``now`` with the regions that ``edits`` changed as they were in ``before``. Raises TouchedError."""
    after = splice(before, edits)
    # one extra line end for each: a last line without one is the same line when lines were added after it
    end = "\r\n" if any("\r\n" in text for text in (before, after, now)) else "\n"
    regions = list(_regions(before + end, edits))
    merged = "".join(_merged(_lines(before + end), _lines(after + end), _lines(now + end), regions))
    return merged.removesuffix(end)


def _merged(
    before: Sequence[str], after: Sequence[str], now: Sequence[str], regions: Sequence[_Region]
) -> Iterator[str]:
    from difflib import SequenceMatcher

    if list(_replaced(after, regions, [0] * len(regions))) != list(before):
        # an edit whose lines are ambiguous
        raise TouchedError(1)
    blocks = SequenceMatcher(None, after, now, autojunk=False).get_matching_blocks()
    same = [(block.a, block.a + block.size, block.b - block.a) for block in blocks]
    shifts: list[int] = []
    for region in regions:
        shift = _shift(region, same, after, now)
        if shift is None:
            raise TouchedError(_line_near(region, same))
        shifts.append(shift)
    return _replaced(now, regions, shifts)


def _replaced(lines: Sequence[str], regions: Sequence[_Region], shifts: Sequence[int]) -> Iterator[str]:
    position = 0
    for region, shift in zip(regions, shifts, strict=True):
        yield from lines[position : region.start + shift]
        yield from region.before
        position = region.end + shift
    yield from lines[position:]


def _lines(text: str) -> list[str]:
    """Lines with their ends, as Compose and git see them. ``text`` ends with one."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


def _regions(before: str, edits: Sequence[Edit]) -> Iterator[_Region]:
    """Whole lines around the edits; edits that share lines form one region. ``before`` ends with a line break."""
    starts = [0, *(offset + 1 for offset, character in enumerate(before) if character == "\n")]
    shift = 0
    pending: list[Edit] = []
    first = last = 0
    new = ""
    for edit in (*sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, edit.end)), None):
        begin, end = _line_range(edit, starts) if edit is not None else (len(starts), 0)
        if pending and begin >= last:
            count = new.count("\n")
            yield _Region(first + shift, first + shift + count, tuple(_lines(before[starts[first] : starts[last]])))
            shift += count - (last - first)
            pending = []
        if edit is not None:
            first, last = (first, max(last, end)) if pending else (begin, end)
            pending.append(edit)
            new = _spliced(before, pending, starts[first], starts[last])
            if new and not new.endswith("\n"):
                # the next line has become the end of this one
                last += 1
                new = _spliced(before, pending, starts[first], starts[last])


def _spliced(before: str, edits: Sequence[Edit], start: int, end: int) -> str:
    return splice(before[start:end], [Edit(edit.start - start, edit.end - start, edit.text) for edit in edits])


def _line_range(edit: Edit, starts: Sequence[int]) -> tuple[int, int]:
    """The lines that an edit touches, from 0, the last excluded: none where whole lines are inserted between others."""
    from bisect import bisect_right

    begin = bisect_right(starts, edit.start) - 1
    last = bisect_right(starts, edit.end) - 1
    ends_a_line = edit.text.endswith("\n") or (not edit.text and edit.start == starts[begin])
    is_whole = starts[last] == edit.end and ends_a_line
    return begin, last if is_whole else last + 1


def _shift(
    region: _Region, same: Sequence[tuple[int, int, int]], after: Sequence[str], now: Sequence[str]
) -> int | None:
    """How far the region's lines moved, if all of them are still there unchanged."""
    if region.start == region.end:
        # deleted lines: beside a neighbor that is still there
        return next(
            (shift for first, last, shift in same if first <= region.start <= last and last > first),
            None if after else 0,
        )
    lines = after[region.start : region.end]
    if _count(lines, now) < _count(lines, after):
        # one of several equal regions is gone: which one is unknown
        return None
    return next((shift for first, last, shift in same if first <= region.start and region.end <= last), None)


def _count(lines: Sequence[str], text: Sequence[str]) -> int:
    size = len(lines)
    return sum(
        text[number] == lines[0] and text[number : number + size] == lines for number in range(len(text) - size + 1)
    )


def _line_near(region: _Region, same: Sequence[tuple[int, int, int]]) -> int:
    """A line (from 1) of the current text near the region."""
    shift = 0
    for first, _, moved in same:
        if first > region.start:
            break
        shift = moved
    return max(region.start + shift + 1, 1)


__all__ = ["TouchedError", "take_out"]
