"""Renders the change of a file in three styles. Nothing here computes a diff of texts: the edits are the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest

from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.reports.hunks import Hunk, Line, hunks
from dsec_migrate.reports.look import PLAIN_UNIFIED, DiffStyle, Look
from dsec_migrate.reports.parts import Sealed
from dsec_migrate.reports.style import Paint, Style, columns, cut, width_of, wrapped
from dsec_migrate.text.source import Rewritten

NO_FINAL_NEWLINE = "\\ No newline at end of file"
_SIDES = " | "


def render(project: ProjectOutcome, look: Look = PLAIN_UNIFIED) -> tuple[str, ...]:
    """The diff of each changed file of a project, each line terminated."""
    if isinstance(project, Sealed):
        return project.diffs[look]
    renderer = _RENDERERS[look.form]
    return tuple("".join(line + "\n" for line in renderer(project, rewritten, look)) for rewritten in project.rewritten)


def _unified(project: ProjectOutcome, rewritten: Rewritten, look: Look) -> Iterator[str]:
    style = Style(look.is_coloured)
    name = name_of(rewritten)
    yield style.bold(f"--- a/{name}")
    yield style.bold(f"+++ b/{name}")
    services = services_by_line(project, rewritten)
    paint: dict[str, Paint] = {"-": style.red, "+": style.green, " ": str}
    for hunk in _hunks(project, rewritten, look):
        yield style.dim(_header(hunk, services))
        for line in hunk.lines:
            yield paint[line.sign](line.sign + line.text)
            if not line.ends:
                yield style.dim(NO_FINAL_NEWLINE)


def _side_by_side(project: ProjectOutcome, rewritten: Rewritten, look: Look) -> Iterator[str]:
    style = Style(look.is_coloured)
    name = name_of(rewritten)
    found = _hunks(project, rewritten, look)
    last = max((max(h.old_start + h.old_count, h.new_start + h.new_count) for h in found), default=1)
    digits = len(str(last))
    # line number, sign and the spaces around it
    cell = max((look.width - len(_SIDES)) // 2 - digits - 3, 10)
    side = cell + digits + 3
    yield style.bold(columns(tail(f"a/{name}", side), side) + _SIDES + tail(f"b/{name}", side))
    services = services_by_line(project, rewritten)
    for hunk in found:
        yield style.dim(cut(_header(hunk, services), look.width))
        old_number, new_number = hunk.old_start, hunk.new_start
        for old, new in pairs(hunk.lines):
            left = _cells(old, old_number, digits, cell)
            right = _cells(new, new_number, digits, cell)
            blank = " " * side
            for row in range(max(len(left), len(right))):
                before = left[row] if row < len(left) else blank
                after = right[row].rstrip() if row < len(right) else ""
                is_changed = old is None or new is None or old.sign != " "
                yield (
                    (style.red(before) if is_changed and before.strip() else before)
                    + (style.dim(_SIDES) if after else style.dim(_SIDES.rstrip()))
                    + (style.green(after) if is_changed and after else after)
                )
            old_number += old is not None
            new_number += new is not None


def pairs(lines: Sequence[Line]) -> Iterator[tuple[Line | None, Line | None]]:
    """Rows of the two sides: removed lines are opposite the added lines that follow them."""
    removed: list[Line] = []
    added: list[Line] = []
    for line in lines:
        if line.sign == "+":
            added.append(line)
            continue
        if line.sign == " " or added:
            yield from zip_longest(removed, added)
            removed, added = [], []
        if line.sign == "-":
            removed.append(line)
        else:
            yield line, line
    yield from zip_longest(removed, added)


def tail(name: str, width: int) -> str:
    """The end of a path, which is more informative than its beginning."""
    while width_of(name) > width and "/" in name:
        name = name.split("/", 1)[1]
    return cut(name, width)


def _cells(line: Line | None, number: int, digits: int, width: int) -> list[str]:
    """One line of one side: wrapped if it changes, else cut to one row."""
    if line is None:
        return []
    text = line.text if line.ends else f"{line.text}  {NO_FINAL_NEWLINE}"
    rows = [cut(text, width)] if line.sign == " " else wrapped(text, width)
    marks = [f"{number:>{digits}} {line.sign} ", *[" " * (digits + 3)] * (len(rows) - 1)]
    return [mark + columns(row, width) for mark, row in zip(marks, rows, strict=True)]


def _semantic(project: ProjectOutcome, rewritten: Rewritten, look: Look) -> Iterator[str]:
    from dsec_migrate.reports import semantic

    return semantic.lines(project, rewritten, look)


def _hunks(project: ProjectOutcome, rewritten: Rewritten, look: Look) -> Sequence[Hunk]:
    return hunks(rewritten, project.masks, show_values=look.show_values)


def name_of(rewritten: Rewritten) -> str:
    return rewritten.path.replace("\\", "/").removeprefix("./").lstrip("/")


def _header(hunk: Hunk, services: Mapping[int, Sequence[str]]) -> str:
    ranges = f"@@ -{_range(hunk.old_start, hunk.old_count)} +{_range(hunk.new_start, hunk.new_count)} @@"
    lines = range(hunk.old_start, hunk.old_start + hunk.old_count)
    names = dict.fromkeys(name for line in lines for name in services.get(line, ()))
    return f"{ranges} {', '.join(names)}" if names else ranges


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def services_by_line(project: ProjectOutcome, rewritten: Rewritten) -> dict[int, list[str]]:
    """The services whose variables are on a line of the file, for hunk headers."""
    found: dict[int, list[str]] = {}
    for finding in project.findings:
        if finding.service and finding.site.file == rewritten.path:
            found.setdefault(finding.site.line, []).append(finding.service)
    return found


_Renderer = Callable[[ProjectOutcome, Rewritten, Look], Iterator[str]]

_RENDERERS: dict[DiffStyle, _Renderer] = {
    DiffStyle.UNIFIED: _unified,
    DiffStyle.SIDE_BY_SIDE: _side_by_side,
    DiffStyle.SEMANTIC: _semantic,
}


__all__ = ["DiffStyle", "render"]
