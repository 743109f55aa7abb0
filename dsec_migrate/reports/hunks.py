"""Edits -> the lines that really differ and their context, masked. The cost grows with the edits, not the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.outcome import Masks
from dsec_migrate.reports.credentials import credentials
from dsec_migrate.reports.hiding import Range, clipped, finder, merged, shown_lines, spellings
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.secret import MASK
from dsec_migrate.text.source import Edit, Rewritten, Source

CONTEXT = 3
VEIL = "\ue000"
"""The mask in a text that is to be parsed: no syntax uses this character."""

# every second line of context: empty, or a key whose value is on the next lines
_ONLY_A_KEY = Pattern(r"[ \t]*(?:[A-Za-z_.-]{1,40}:)?[ \t]*")


class Line(NamedTuple):
    """One line as shown. ``sign`` is ``-``, ``+`` or a space; ``ends`` is False without a final newline."""

    sign: str
    text: str
    ends: bool = True


class Hunk(NamedTuple):
    """Neighboring changes. Starts count from 1; where a side has no lines, its start is the line before."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[Line, ...]


class _Region(NamedTuple):
    """Whole lines of the original, from the offset ``start`` to ``end``, and their replacement."""

    start: int
    end: int
    line: int
    removed: tuple[Line, ...]
    added: tuple[Line, ...]


def hunks(rewritten: Rewritten, masks: Masks, *, show_values: bool = False, context: int = CONTEXT) -> tuple[Hunk, ...]:
    """The hunks of one file in order, grouped as by ``diff -u`` with ``context`` lines."""
    view = _View(rewritten.source, masks, show_values)
    result: list[Hunk] = []
    shift = 0
    for group in _neighbours(list(_regions(view, rewritten.edits)), context):
        lines: list[Line] = []
        start, number = view.lines_before(group[0].start, context)
        position = start
        for region in group:
            lines.extend(view.context(position, region.start))
            lines.extend(region.removed)
            lines.extend(region.added)
            position = region.end
        lines.extend(view.context(position, view.lines_after(position, context)))
        old = sum(line.sign != "+" for line in lines)
        new = sum(line.sign != "-" for line in lines)
        first = number if old else number - 1
        result.append(Hunk(first, old, number + shift if new else number + shift - 1, new, tuple(lines)))
        shift += new - old
    return tuple(result)


def veiled(rewritten: Rewritten, masks: Masks, *, show_values: bool = False) -> tuple[str, str]:
    """The old and the new text of one file with :data:`VEIL` instead of everything that must not be shown."""
    view = _View(rewritten.source, masks, show_values)
    old, new = view.whole(rewritten.edits)
    return old.replace(MASK, VEIL), new.replace(MASK, VEIL)


def _neighbours(regions: Sequence[_Region], context: int) -> Iterator[list[_Region]]:
    """Groups regions whose context would touch or overlap."""
    group: list[_Region] = []
    for region in regions:
        if group and region.line - (group[-1].line + len(group[-1].removed)) > 2 * context:
            yield group
            group = []
        group.append(region)
    if group:
        yield group


def _regions(view: _View, edits: Iterable[Edit]) -> Iterator[_Region]:
    source = view.source
    pending: list[Edit] = []
    start = end = 0
    for edit in _in_order(edits):
        first = source.line_start(edit.start)
        # a cut up to the end of a line does not affect the next one
        last = source.line_end(edit.end)
        if pending and (first < end or edit.start == pending[-1].end):
            end = max(end, last)
        else:
            if pending:
                yield from view.region(start, end, pending)
            pending, start, end = [], first, last
        pending.append(edit)
    if pending:
        yield from view.region(start, end, pending)


class _View:
    """The original text and the ranges in it that must not be shown."""

    def __init__(self, source: Source, masks: Masks, show_values: bool) -> None:
        self.source = source
        self.text = source.text
        self.values: tuple[str, ...] = () if show_values else spellings(masks)
        self.common: tuple[str, ...] = () if show_values else tuple(one.reveal() for one in masks.common)
        self._find = finder(self.values)
        spans = masks.spans.get(str(source.path), ())
        self.ranges: list[Range] = [] if show_values else merged([*spans, *self.find(self.text)])
        self.more: Callable[[str], Iterable[Range]] | None = None if show_values else self._other_secrets

    def find(self, text: str) -> Iterator[Range]:
        """The values that occur in ``text``."""
        yield from self._find(text)
        yield from credentials(text, self.common)

    def context(self, start: int, end: int) -> Iterator[Line]:
        """Unchanged lines between two offsets."""
        if start < end:
            ranges = [(low - start, high - start) for low, high in clipped(self.ranges, start, end)]
            yield from self._lines(" ", self.text[start:end], ranges, self.more)

    def lines_before(self, offset: int, count: int) -> tuple[int, int]:
        """Offset and number of the line ``count`` lines above ``offset`` (the start of a line), or of the first one."""
        start = offset
        number = self.source.locate(offset)[0]
        for _ in range(count):
            if start == 0:
                break
            start = self.source.line_start(start - 1)
            number -= 1
        return start, number

    def lines_after(self, offset: int, count: int) -> int:
        for _ in range(count):
            if offset >= len(self.text):
                break
            offset = self.source.line_end(offset)
        return offset

    def region(self, start: int, end: int, edits: Sequence[Edit]) -> Iterator[_Region]:
        """The result of ``edits`` for the lines from ``start`` to ``end``: empty where nothing changes."""
        old = self.text[start:end]
        old_ranges = [(low - start, high - start) for low, high in clipped(self.ranges, start, end)]
        new, new_ranges = self._edited(start, end, edits)
        removed = list(self._lines("-", old, old_ranges, self._in_change))
        added = list(self._lines("+", new, new_ranges, self._in_change))
        removed = list(_without_comments(removed, added))
        raw_old, raw_new = _raw_lines(old), _raw_lines(new)
        head = 0
        while head < min(len(raw_old), len(raw_new)) and raw_old[head] == raw_new[head]:
            head += 1
        tail = 0
        while tail < min(len(raw_old), len(raw_new)) - head and raw_old[-1 - tail] == raw_new[-1 - tail]:
            tail += 1
        if head + tail == len(raw_old) == len(raw_new):
            return
        start += sum(map(len, raw_old[:head]))
        end -= sum(map(len, raw_old[len(raw_old) - tail :]))
        yield _Region(
            start,
            end,
            self.source.locate(start)[0],
            tuple(removed[head : len(removed) - tail]),
            tuple(added[head : len(added) - tail]),
        )

    def whole(self, edits: Iterable[Edit]) -> tuple[str, str]:
        """The old and the new text, masked."""
        if self.more is None:
            return self.text, self._edited(0, len(self.text), _in_order(edits))[0]
        new, ranges = self._edited(0, len(self.text), _in_order(edits))
        old_lines = shown_lines(self.text, self.ranges, self.more)
        return "\n".join(old_lines) + "\n", "\n".join(shown_lines(new, ranges, self.more)) + "\n"

    def _edited(self, start: int, end: int, edits: Sequence[Edit]) -> tuple[str, list[Range]]:
        """The new text of the lines, and its hidden ranges: those of the text that is kept, and values."""
        parts: list[str] = []
        ranges: list[Range] = []
        length = 0
        position = start
        for edit in (*edits, Edit(end, end, "")):
            kept = self.text[position : edit.start]
            for low, high in clipped(self.ranges, position, edit.start):
                ranges.append((low - position + length, high - position + length))
            parts += (kept, edit.text)
            length += len(kept) + len(edit.text)
            position = edit.end
        text = "".join(parts)
        return text, merged([*ranges, *self.find(text)])

    def _in_change(self, line: str) -> Iterator[Range]:
        """Secrets in the command and in the comment of a changed line."""
        if self.more is None:
            return
        yield from self._wherever_they_stand(line, _credential_parts(line))
        stripped = line.lstrip()
        start = len(line) - len(stripped) if stripped.startswith("#") else line.find(" #")
        if start >= 0:
            for low, high in self.more(line[start:]):
                yield start + low, start + high

    def _other_secrets(self, line: str) -> Iterable[Range]:
        """Secrets in text that is not a variable of a service: a command, a comment."""
        return () if _ONLY_A_KEY.fullmatch(line) else self._wherever_they_stand(line, _secret_parts(line))

    def _wherever_they_stand(self, line: str, parts: Sequence[Range]) -> Sequence[Range]:
        """What is masked at one place of a line is masked everywhere in it, such as a user named like the password;
        except common values and words of the project."""
        values = dict.fromkeys(line[start:end] for start, end in parts)
        told = tuple(value for value in values if is_distinctive(value) and value not in self.common)
        return merged([*parts, *finder(told)(line)]) if told else parts

    def _lines(
        self, sign: str, text: str, ranges: Sequence[Range], more: Callable[[str], Iterable[Range]] | None
    ) -> Iterator[Line]:
        lines = list(shown_lines(text, ranges, more))
        for number, line in enumerate(lines, 1):
            yield Line(sign, line, number < len(lines) or text.endswith("\n"))


def _without_comments(removed: Iterable[Line], added: Sequence[Line]) -> Iterator[Line]:
    """A comment beside a value may reveal a former one: it is masked where it is removed with the value."""
    for line in removed:
        before, mask, behind = line.text.partition(MASK)
        rest, sign, comment = behind.partition(" #")
        if mask and sign and not any(comment in other.text for other in added):
            yield line._replace(text=f"{before}{mask}{rest}{sign} {MASK}")
        else:
            yield line


def _in_order(edits: Iterable[Edit]) -> list[Edit]:
    return sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, edit.end))


def _raw_lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


@lru_cache(maxsize=2048)
def _credential_parts(line: str) -> tuple[Range, ...]:
    from dsec_migrate.detectors.judge import credential_parts

    return credential_parts(line)


@lru_cache(maxsize=2048)
def _secret_parts(line: str) -> tuple[Range, ...]:
    from dsec_migrate.detectors.judge import secret_parts

    return secret_parts(line)
