"""The masked change of each file, side by side: one table for each file, one row group for each hunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.reports.diff import pairs, services_by_line
from dsec_migrate.reports.html_page.markup import listed, safe
from dsec_migrate.reports.html_page.sheet import Sheet
from dsec_migrate.reports.html_page.syntax import Colour, colour_of
from dsec_migrate.reports.hunks import Hunk, Line
from dsec_migrate.text.source import Rewritten

# longer ones start collapsed: a browser lays out only what is open
OPEN_ROWS = 400

Anchors = Mapping[tuple[str, int], str]
"""The id of the row of a line (from 1) of a file, as it was before."""


def anchors(prefix: str, project: ProjectOutcome, sheet: Sheet) -> Anchors:
    """The rows that findings link to."""
    wanted = {(finding.site.file, finding.site.line) for finding in project.findings}
    found: dict[tuple[str, int], str] = {}
    for number, (rewritten, hunks) in enumerate(zip(project.rewritten, sheet.hunks, strict=True), 1):
        for hunk in hunks:
            for line in range(hunk.old_start, hunk.old_start + hunk.old_count):
                if (rewritten.path, line) in wanted:
                    found[rewritten.path, line] = f"{prefix}-file{number}-{line}"
    return found


def render(project: ProjectOutcome, sheet: Sheet, places: Anchors) -> Iterator[str]:
    # files are written in the opposite order: those that others build on come last
    for rewritten, hunks in reversed(list(zip(project.rewritten, sheet.hunks, strict=True))):
        if hunks:
            yield from _file(project, rewritten, hunks, places)


def _file(project: ProjectOutcome, rewritten: Rewritten, hunks: tuple[Hunk, ...], places: Anchors) -> Iterator[str]:
    rows = sum(len(hunk.lines) for hunk in hunks)
    came = sum(line.sign == "+" for hunk in hunks for line in hunk.lines)
    gone = sum(line.sign == "-" for hunk in hunks for line in hunk.lines)
    name = safe(rewritten.path)
    yield (
        f"<details class=file{' open' if rows <= OPEN_ROWS else ''}>\n<summary><code>{name}</code> "
        f"<span class=gone>−{gone}<span class=unseen> lines removed</span></span> "
        f"<span class=came>+{came}<span class=unseen> lines added</span></span></summary>\n"
        f"<table class=diff>\n<caption class=unseen>Change of {name}, values masked</caption>\n"
        "<colgroup><col class=number><col><col class=number><col></colgroup>\n"
        "<thead class=unseen><tr><th scope=col>Line<th scope=col>Before<th scope=col>Line<th scope=col>After</thead>\n"
    )
    colour = lru_cache(maxsize=1024)(colour_of(rewritten))
    services = services_by_line(project, rewritten)
    for hunk in hunks:
        lines = range(hunk.old_start, hunk.old_start + hunk.old_count)
        names = listed(name for line in lines for name in services.get(line, ()))
        told = f" · {safe(names)}" if names else ""
        yield f"<tbody><tr><th colspan=4 scope=rowgroup>Line {max(hunk.old_start, 1)}{told}\n"
        yield from _rows(hunk, rewritten.path, places, colour)
    yield "</table>\n</details>\n"


def _rows(hunk: Hunk, path: str, places: Anchors, colour: Colour) -> Iterator[str]:
    """Omits optional end tags: 500 services make 5000 rows."""
    old_number, new_number = hunk.old_start, hunk.new_start
    for old, new in pairs(hunk.lines):
        place = places.get((path, old_number)) if old is not None else None
        is_same = old is not None and new is not None and old.sign == " "
        before = _side(old, old_number, "" if is_same else "del", colour)
        after = _side(new, new_number, "" if is_same else "ins", colour)
        yield f"<tr{f' id={place}' if place else ''}>{before}{after}\n"
        old_number += old is not None
        new_number += new is not None


def _side(line: Line | None, number: int, element: str, colour: Colour) -> str:
    if line is None:
        return "<td><td>"
    text = colour(line.text)
    if not line.ends:
        text += " <small>(no newline at the end)</small>"
    return f"<td>{number}<td>{f'<{element}>{text}</{element}>' if element else text}"
