"""Pictures of a project before and after: services on the left, what they hold or mount on the right.

A picture of many services is unreadable: it shows the first ones, and the table below it shows all.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dsec_migrate.detectors.finding import Action
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.reports.counts import number
from dsec_migrate.reports.html_page.markup import listed, safe
from dsec_migrate.reports.html_page.picture_data import LEGEND, SHORT, Kind, Links, Scene, Thing, scene
from dsec_migrate.reports.html_page.sheet import Sheet
from dsec_migrate.text.visible import harmless

MOST_ROWS = 24
MOST_OF_A_SERVICE = 10


def render(prefix: str, project: ProjectOutcome, sheet: Sheet) -> str:
    """Two pictures, their legend, and the same as a table; a sentence where there is nothing to show."""
    seen = scene(project, sheet)
    if not seen.before:
        return f"<p>{number(seen.others, 'service')}, none with a secret.</p>\n" if seen.others else ""
    is_planned = any(finding.action is Action.MIGRATE for finding in project.findings)
    panels = [("before", "Before" if is_planned else "Now", seen.before)]
    if is_planned:
        panels.append(("after", "After", seen.after))
    kinds = {thing.kind for _, _, links in panels for things in links.values() for thing in things}
    svgs = "".join(
        f"<figure>\n<figcaption>{title}</figcaption>\n{_svg(f'{prefix}-{name}', title, seen, links)}</figure>\n"
        for name, title, links in panels
    )
    legend = "".join(
        f'<li class={kind.value}><svg viewBox="0 0 20 20" aria-hidden=true focusable=false>{_mark(kind, 10, 10)}</svg> '
        f"{LEGEND[kind]}\n"
        for kind in Kind
        if kind in kinds
    )
    return (
        f"<div class=pictures>\n{svgs}</div>\n<ul class=legend>\n{legend}</ul>\n"
        "<details class=words>\n<summary>The picture as a table</summary>\n"
        f"{_table(seen, is_planned)}</details>\n"
    )


def _table(seen: Scene, is_planned: bool) -> str:
    def cell(things: Sequence[Thing]) -> str:
        return "<br>".join(
            f"{safe(thing.label)} <small>{SHORT[thing.kind]}, {safe(thing.detail)}</small>" for thing in things
        )

    head = "<th scope=col>Service<th scope=col>Image<th scope=col>" + (
        "Before<th scope=col>After" if is_planned else "Now"
    )
    kind = "planned" if is_planned else "now"
    caption = "<caption class=unseen>Services and secrets</caption>"
    rows = [f"<table class={kind}>\n{caption}\n<thead><tr>{head}</thead>\n<tbody>\n"]
    for name, things in seen.before.items():
        after = f"<td>{cell(seen.after[name])}" if is_planned else ""
        rows.append(f"<tr><th scope=row>{safe(name)}<td>{safe(seen.images.get(name, ''))}<td>{cell(things)}{after}\n")
    rows.append("</table>\n")
    if seen.others:
        rows.append(f"<p class=quiet>And {number(seen.others, 'service')} without secrets.</p>\n")
    return "".join(rows)


# --- SVG; lengths in its own units, about a pixel each ---

_WIDTH, _ROW, _BOX = 520, 46, 38
_LEFT, _RIGHT = 190, 290
_LETTERS = 26


class _Row(NamedTuple):
    """A service with the things that are drawn beside it, and those that have been drawn above."""

    service: str
    things: Sequence[Thing]
    former: Sequence[Thing]
    more: int


def _rows(links: Links) -> Iterator[_Row]:
    known: set[Thing] = set()
    for service, things in links.items():
        new = [thing for thing in things if thing not in known]
        shown = new if len(new) <= MOST_OF_A_SERVICE + 1 else new[:MOST_OF_A_SERVICE]
        yield _Row(service, shown, [thing for thing in things if thing in known], len(new) - len(shown))
        known.update(shown)


def _svg(name: str, title: str, seen: Scene, links: Links) -> str:
    boxes: list[str] = []
    lines: list[str] = []
    heights: dict[Thing, float] = {}
    top = 0.0
    left_out = 0
    for row in _rows(links):
        taken = max(len(row.things) + (row.more > 0), 1) * _ROW
        if left_out or (top and top + taken > MOST_ROWS * _ROW):
            left_out += 1
            continue
        middle = top + taken / 2
        boxes.append(_service(row.service, seen.images.get(row.service, ""), middle))
        for place, thing in enumerate(row.things):
            heights[thing] = top + (place + 0.5) * _ROW
            boxes.append(_thing(thing, heights[thing]))
        lines += [_line(thing, middle, heights[thing]) for thing in (*row.things, *row.former) if thing in heights]
        if row.more:
            boxes.append(_remark(_RIGHT, f"and {row.more} more: see the table", top + taken - _ROW / 2))
        top += taken
    remarks = [f"{number(left_out, 'more service')} with secrets: see the table"] if left_out else []
    if seen.others:
        remarks.append(f"and {number(seen.others, 'service')} without secrets")
    for remark in remarks:
        boxes.append(_remark(1, remark, top + _ROW / 2))
        top += _ROW * 0.75
    height = round(top + 2)
    told = listed((f"{harmless(service)}: {_told(things)}" for service, things in links.items()), 12)
    return (
        f'<svg class=picture role=img viewBox="0 0 {_WIDTH} {height}" aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{title}: services and secrets</title>\n<desc id="{name}-desc">{safe(told)}</desc>\n'
        f"<g class=lines>{''.join(lines)}</g>\n{''.join(boxes)}</svg>\n"
    )


def _told(things: Sequence[Thing]) -> str:
    return listed((f"{harmless(thing.label)} ({SHORT[thing.kind]})" for thing in things), 4)


def _service(name: str, image: str, middle: float) -> str:
    full = f"{safe(name)}{f', {safe(image)}' if image else ''}"
    lines = _two_lines(harmless(name), harmless(image), 12, middle, 23)
    return f"<g class=service><title>{full}</title>{_box(1, middle, _LEFT - 2)}{lines}</g>\n"


def _thing(thing: Thing, middle: float) -> str:
    lines = _two_lines(harmless(thing.label), harmless(thing.detail), _RIGHT + 32, middle, _LETTERS)
    return (
        f"<g class={thing.kind.value}><title>{safe(thing.label)}, {safe(thing.detail)}: {LEGEND[thing.kind]}</title>"
        f"{_box(_RIGHT, middle, _WIDTH - _RIGHT - 1)}{_mark(thing.kind, _RIGHT + 17, middle)}{lines}</g>\n"
    )


def _box(left: float, middle: float, width: float) -> str:
    return f'<rect x="{left:g}" y="{middle - _BOX / 2:g}" width="{width:g}" height="{_BOX}" rx="4"/>'


def _two_lines(first: str, second: str, left: float, middle: float, letters: int) -> str:
    first, second = html.escape(_cut(first, letters)), html.escape(_cut(second, letters + 3))
    if not second:
        return f'<text x="{left:g}" y="{middle + 4:g}">{first}</text>'
    return (
        f'<text x="{left:g}" y="{middle - 2:g}">{first}</text>'
        f'<text class=detail x="{left:g}" y="{middle + 12:g}">{second}</text>'
    )


def _cut(text: str, letters: int) -> str:
    """Shortens a name in the middle, since long names differ at their ends."""
    if len(text) <= letters:
        return text
    tail = letters // 2
    return f"{text[: letters - tail - 1]}…{text[-tail:]}"


def _remark(left: float, text: str, middle: float) -> str:
    return f'<text class=remark x="{left:g}" y="{middle:g}">{text}</text>\n'


def _line(thing: Thing, start: float, end: float) -> str:
    kind = f"{thing.kind.value} built" if thing.is_built_in else thing.kind.value
    bend = (_LEFT + _RIGHT) / 2
    path = f"M{_LEFT - 1} {start:g}C{bend:g} {start:g} {bend:g} {end:g} {_RIGHT} {end:g}"
    return f'<path class="{kind}" d="{path}"/>'


def _mark(kind: Kind, x: float, y: float) -> str:
    """A mark with its own shape, so that color is not needed to tell them apart."""
    if kind is Kind.SECRET:
        return (
            f'<g class=mark><circle cx="{x - 3:g}" cy="{y:g}" r="4"/><path d="M{x + 1:g} {y:g}h8m-2 0v4m-3 -4v3"/></g>'
        )
    letter = {Kind.PLAIN: "!", Kind.REFERENCE: "$", Kind.POSSIBLE: "?"}[kind]
    shape = (
        f'<path d="M{x:g} {y - 9:g}l9 16h-18z"/>' if kind is Kind.PLAIN else f'<circle cx="{x:g}" cy="{y:g}" r="8"/>'
    )
    return f'<g class=mark>{shape}<text x="{x:g}" y="{y + (5 if kind is Kind.PLAIN else 4):g}">{letter}</text></g>'
