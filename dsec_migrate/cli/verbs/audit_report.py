"""The checklists of an audit, in each format of ``--format``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from dsec_migrate.checks.catalogue import CHECKS, every
from dsec_migrate.checks.checklist import Checklist, Point
from dsec_migrate.checks.subject import Item, Weight
from dsec_migrate.reports.formats import OF_ROWS
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.rows import Listing, Row, Section
from dsec_migrate.reports.rows import Weight as RowWeight
from dsec_migrate.reports.rows import path as shown_path

_FORMAT = 1
_WEIGHTS = {Weight.HIGH: RowWeight.REFUSED, Weight.MEDIUM: RowWeight.TOLD, Weight.LOW: RowWeight.POSSIBLE}


def refused(checklists: Sequence[Checklist], *, strict: bool) -> int:
    """The number of items that fail ``--check``: those of high and medium weight, with ``strict`` all."""
    return sum(
        strict or item.weight is not Weight.LOW for one in checklists for point in one.points for item in point.items
    )


# --- text ---


def tell(page: Page, checklists: Sequence[Checklist], *, check: bool, strict: bool) -> Page:
    """The checklists of all projects, group by group."""
    for one in checklists:
        if one.errors and not one.points:
            continue
        page.rule(one.path) if len(checklists) > 1 else page.heading(one.path)
        for group in CHECKS:
            points = [point for point in one.points if point.check.group is group]
            if points:
                page.heading(group.value)
                for point in points:
                    _tell_point(page, point)
        if not one.points:
            page.sentence("no check of the audit applies", indent="  ")
        if one.warnings:
            page.blank()
        for warning in one.warnings:
            place = f" ({shown_path(warning.file)}:{warning.line})" if warning.line else ""
            page.sentence(f"{warning.what}{place}", indent="         ", first="warning: ")
    if checklists and all(one.errors and not one.points for one in checklists):
        # the errors have been reported
        return page
    page.blank()
    page.sentence(_sum(checklists), paint=page.style.bold)
    if check:
        number = refused(checklists, strict=strict)
        page.sentence(_check_sentence(checklists, number))
    return page


def _check_sentence(checklists: Sequence[Checklist], number: int) -> str:
    failed = sum(bool(one.errors) for one in checklists)
    excepted = sum(len(point.excepted) for one in checklists for point in one.points)
    why = [f"{_number(number, 'item')} to do"] if number else []
    why += [f"{_number(failed, 'project')} with errors"] if failed else []
    said = f"check failed: {', '.join(why)}" if why else "check passed"
    return f"{said}, {excepted} excepted" if excepted else said


def _tell_point(page: Page, point: Point) -> None:
    box = "[ ]" if point.items else "[x]"
    page.sentence(f"{point.check.title} ({point.check.id})", indent="      ", first=f"  {box} ")
    for item, places in _grouped(point.items):
        for place in places:
            page.sentence(place, indent="        ", first="    - ", paint=page.style.bold)
        page.sentence(f"{item.reason}", indent="      ")
        page.sentence(item.fix, indent="          ", first="      fix: ")
    for sentence in point.done:
        page.sentence(sentence, indent="      ", paint=page.style.dim)
    for item, reason in point.excepted:
        page.sentence(f"{_place(item)} is excepted: {reason}", indent="      ", paint=page.style.dim)
    if point.known:
        page.sentence(f"{_number(point.known, 'item')} of the baseline", indent="      ", paint=page.style.dim)


def _grouped(items: Sequence[Item]) -> Iterator[tuple[Item, list[str]]]:
    """Groups items that differ only in their location."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.reason, item.fix), []).append(item)
    for group in groups.values():
        yield group[0], [_place(item) for item in group]


def _place(item: Item) -> str:
    return f"{shown_path(item.site.file)}:{item.site.line} {item.subject}"


def _sum(checklists: Sequence[Checklist]) -> str:
    points = [point for one in checklists for point in one.points]
    weights = [item.weight for point in points for item in point.items]
    counts = [f"{weights.count(weight)} {weight.value}" for weight in Weight if weight in weights]
    good = sum(not point.items for point in points)
    parts = [f"{_number(len(weights), 'item')} to do ({', '.join(counts)})" if weights else "nothing to do"]
    parts.append(f"{_number(good, 'check')} passed")
    if excepted := sum(len(point.excepted) for point in points):
        parts.append(f"{excepted} excepted")
    if known := sum(point.known for point in points):
        parts.append(f"{known} of the baseline")
    if failed := sum(bool(one.errors) for one in checklists):
        parts.append(f"{_number(failed, 'project')} with errors")
    return ", ".join(parts)


def _number(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


# --- for other programs ---


def _rows(checklist: Checklist) -> Iterator[Row]:
    for error in checklist.errors:
        file = shown_path(error.file or checklist.path)
        text = f"{error.what}: {error.help}" if error.help else error.what
        yield Row("invalid-file", RowWeight.REFUSED, file, error.line or 1, error.column or 1, error.what, text)
    for point in checklist.points:
        for item in point.items:
            yield Row(
                point.check.id,
                _WEIGHTS[item.weight],
                shown_path(item.site.file),
                item.site.line,
                item.site.column,
                item.subject,
                f"{item.subject}: {item.reason}. {item.fix}",
            )


def _json(checklists: Sequence[Checklist]) -> str:
    import json

    from dsec_migrate.reports.json import problem_data

    projects = [
        {
            "file": one.path,
            "checks": [_point_data(point) for point in one.points],
            "errors": [problem_data(error) for error in one.errors],
            "warnings": [problem_data(warning) for warning in one.warnings],
        }
        for one in checklists
    ]
    points = [point for one in checklists for point in one.points]
    summary: dict[str, int] = {
        "items": sum(len(point.items) for point in points),
        **{weight.value: sum(item.weight is weight for point in points for item in point.items) for weight in Weight},
        "excepted": sum(len(point.excepted) for point in points),
        "known": sum(point.known for point in points),
        "passed": sum(not point.items for point in points),
        "errors": sum(len(one.errors) for one in checklists),
    }
    data = {"version": _FORMAT, "projects": projects, "summary": summary}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _point_data(point: Point) -> dict[str, Any]:
    return {
        "id": point.check.id,
        "group": point.check.group.value.lower(),
        "title": point.check.title,
        "items": [_item_data(item) for item in point.items],
        "done": list(point.done),
        "excepted": [{**_item_data(item), "because": reason} for item, reason in point.excepted],
        "known": point.known,
    }


def _item_data(item: Item) -> dict[str, Any]:
    return {
        "file": item.site.file,
        "line": item.site.line,
        "column": item.site.column,
        "subject": item.subject,
        "reason": item.reason,
        "fix": item.fix,
        "weight": item.weight.value,
    }


def _markdown(checklists: Sequence[Checklist]) -> str:
    from dsec_migrate.reports.markdown import plain

    lines = [f"## dsec-migrate audit: {_sum(checklists)}", ""]
    for one in checklists:
        lines += [f"### {plain(shown_path(one.path))}", ""]
        lines += [f"- error: {plain(error.what)}" for error in one.errors]
        for group in CHECKS:
            points = [point for point in one.points if point.check.group is group]
            lines += [f"**{group.value}**", ""] if points else []
            for point in points:
                lines.append(f"- [{' ' if point.items else 'x'}] {plain(point.check.title)}")
                lines += [f"  - {plain(_place(item))}: {plain(item.reason)}. {plain(item.fix)}" for item in point.items]
            lines += [""] if points else []
    return "\n".join(lines).rstrip() + "\n"


def _rendered(name: str) -> Callable[[Sequence[Checklist]], str]:
    """The report of a format of rows, whose module is loaded when it is wanted."""

    def report(checklists: Sequence[Checklist]) -> str:
        rules = {check.id: check.title for check in every()} | {"invalid-file": "A file cannot be read"}
        sections = [Section(one.path, tuple(_rows(one))) for one in checklists]
        module = import_module(f"dsec_migrate.reports.{name}")
        return str(module.of_rows(Listing(sections, rules, "nothing to do")))

    return report


RENDERERS: Mapping[str, Callable[[Sequence[Checklist]], str]] = {
    "json": _json,
    "markdown": _markdown,
    **{name: _rendered(name) for name in OF_ROWS},
}
"""By the name that ``--format`` and ``--output`` take, besides text."""

FORMATS = ("text", *RENDERERS)
