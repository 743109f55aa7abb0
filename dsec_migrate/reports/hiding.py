"""Masks secret values and replaces terminal control characters in what a report shows."""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from urllib.parse import quote

from dsec_migrate.outcome import Masks
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.secret import MASK
from dsec_migrate.text.visible import harmless

Range = tuple[int, int]
_MANY = 50

_ESCAPE = Pattern("%[0-9A-F]{2}")


def spellings(masks: Masks) -> tuple[str, ...]:
    """The spellings of values in a file: verbatim, with ``$`` doubled, or with escaped quotes."""
    found: dict[str, None] = {}
    for secret in masks.values:
        for line in secret.reveal().splitlines():
            value = line.strip()
            if not value:
                continue
            found[value] = None
            for character, escaped in (("$", "$$"), ("'", "''"), ('"', '\\"'), ("\\", "\\\\")):
                if character in value:
                    found[value.replace(character, escaped)] = None
            found.update(dict.fromkeys(_encoded(value)))
    return tuple(found)


def _encoded(value: str) -> Iterator[str]:
    """The spellings in a URL and in a Kubernetes manifest."""
    data = value.encode("utf-8", "surrogateescape")
    if not value.isalnum():
        escaped = quote(data, safe="")
        yield escaped
        yield _ESCAPE.sub(lambda match: match.group().lower(), escaped)
    yield b64encode(data).decode("ascii").rstrip("=")


def occurrences(text: str, values: Iterable[str]) -> Iterator[Range]:
    """Every occurrence of each value, even if values overlap; overlapping occurrences of one value are merged."""
    for value in values:
        position = text.find(value)
        while position >= 0:
            end = position + len(value)
            following = text.find(value, position + 1)
            if 0 <= following < end:
                # a periodic value: as long as the period continues, each step extends the occurrence
                step = following - position
                while text.startswith(value[-step:], end):
                    end += step
                following = text.find(value, end - len(value) + 1)
            yield position, end
            position = following


def finder(values: Sequence[str]) -> Callable[[str], Iterator[Range]]:
    """Like :func:`occurrences`, prepared for many texts: with many values, each text is read once for all of them."""
    shortest = min(map(len, values), default=0)
    if len(values) <= _MANY or shortest < 2:
        return partial(occurrences, values=values)
    beginnings: dict[str, list[str]] = {}
    for value in values:
        beginnings.setdefault(value[:shortest], []).append(value)

    def find(text: str) -> Iterator[Range]:
        for position in range(len(text) - shortest + 1):
            for value in beginnings.get(text[position : position + shortest], ()):
                if text.startswith(value, position):
                    yield position, position + len(value)

    return find


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order; those that overlap or touch become one."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        elif end > start:
            result.append((start, end))
    return result


def hidden(text: str, values: Sequence[str]) -> str:
    """``text`` (a message, a name) with every value in it masked."""
    return covered(text, list(occurrences(text, values)))


def hider(masks: Masks, texts: Iterable[str] | None = None) -> Callable[[str], str]:
    """Masks values, and names that contain one, in sentences and names; ``str`` where there is nothing to mask. With
    ``texts``, only values that one of them contains are searched for."""
    # the longest first: a name may be part of another one
    names = sorted(((name.reveal(), shown) for name, shown in masks.names), key=lambda pair: -len(pair[0]))
    values: Sequence[str] = spellings(masks)
    if texts is not None and (names or values):
        # many findings have the same note
        everything = "\n".join(dict.fromkeys(texts))
        names = [pair for pair in names if pair[0] in everything]
        values = sorted({everything[start:end] for start, end in finder(values)(everything)})
    if not names and not values:
        return str
    find = finder(values)

    def hide(text: str) -> str:
        for name, shown in names:
            text = text.replace(name, shown)
        return covered(text, list(find(text)))

    return hide


def covered(text: str, ranges: Sequence[Range]) -> str:
    """``text`` with each range replaced by a mask of fixed length."""
    if not ranges:
        return text
    parts: list[str] = []
    position = 0
    for start, end in merged(ranges):
        parts.append(text[position:start])
        parts.append(MASK)
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _end(found: Range) -> int:
    return found[1]


def clipped(ranges: Sequence[Range], start: int, end: int) -> Iterator[Range]:
    """The parts of ``ranges`` (in order, not overlapping) between ``start`` and ``end``."""
    first = bisect_right(ranges, start, key=_end)
    for number in range(first, len(ranges)):
        low, high = ranges[number]
        if low >= end:
            break
        yield max(low, start), min(high, end)


def shown_lines(
    text: str, ranges: Sequence[Range], more: Callable[[str], Iterable[Range]] | None = None
) -> Iterator[str]:
    """The lines of ``text`` without terminators, masked. ``more`` finds further ranges in one line.

    ``ranges`` are in order and do not overlap. Each line that one of them crosses shows its own mask, after the
    indentation of the first line that the range covers from its start.
    """
    position = 0
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    for line in lines:
        content = line.removesuffix("\r")
        found: list[Range] = []
        for low, high in clipped(ranges, position, position + len(line) + 1) if ranges else ():
            start, end = low - position, min(high - position, len(content))
            if start == 0:
                margin = _indentation(_first_whole_line(text, ranges, low))
                start = min(_indentation(content), margin) if content.strip() else margin
            found.append((start, max(start, end)))
        if more is not None:
            found.extend(more(content))
        yield harmless(_covered_line(content, found) if found else content)
        position += len(line) + 1


def _covered_line(content: str, ranges: Sequence[Range]) -> str:
    covering = merged(ranges)
    if not covering:
        # a blank line inside a secret shows the mask as well
        return content[: ranges[0][0]].ljust(ranges[0][0]) + MASK
    return covered(content, covering)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _first_whole_line(text: str, ranges: Sequence[Range], offset: int) -> str:
    """The first line that the range around ``offset`` covers from its start."""
    low, high = next(found for found in ranges if found[0] <= offset < found[1])
    start = low if low == 0 or text[low - 1] == "\n" else text.find("\n", low) + 1
    end = text.find("\n", start)
    return text[start : min(end, high) if end >= 0 else high]
