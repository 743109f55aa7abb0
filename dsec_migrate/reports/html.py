"""One self-contained page: no network, no other file, and it can be read without its script.

What comes from a file is masked when the outcome is sealed, and escaped in ``markup``. The page's policy allows its own
style and script (by their hashes) and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.config.options import Options
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports.counts import check_sentence, count, failure_of, number, sentence
from dsec_migrate.reports.html_page import findings, open_points, picture, side_by_side
from dsec_migrate.reports.html_page.markup import MANY, code, prose, safe
from dsec_migrate.reports.html_page.sheet import Sheet
from dsec_migrate.reports.look import View
from dsec_migrate.reports.next_steps import remote_engine
from dsec_migrate.reports.parts import OPEN_MODE, Sealed, files_of, has_open_files
from dsec_migrate.reports.sealed import seal
from dsec_migrate.text.errors import UserError

NAME = "dsec-migrate"
# above this number, a project is laid out only when it scrolls into view
MANY_PROJECTS = 10


class _Part(NamedTuple):
    """One project of the page; all ids of its section start with ``prefix``."""

    prefix: str
    project: Sealed
    sheet: Sheet


def render(outcome: Outcome, view: View) -> str:
    """The page, for a file or standard output."""
    parts = [_part(position, project) for position, project in enumerate(outcome.projects, 1)]
    subject = safe(outcome.projects[0].path) if len(parts) == 1 else number(len(parts), "project")
    subject = f"Secrets of {subject}" if subject else "Secrets"
    body = []
    if len(parts) > 1:
        body.append(_contents(parts))
        body.append(findings.controls(part.project for part in parts))
    for part in parts:
        body += _project(part, len(parts))
    steps = open_points.steps(outcome, [part.project for part in parts])
    if steps:
        body.append(f"<section aria-labelledby=steps>\n<h2 id=steps>Next steps</h2>\n{steps}</section>\n")
    page = _framed(subject, _summary(outcome, view, subject), "".join(body))
    # a file name may contain bytes that are not text
    return page.encode("utf-8", "backslashreplace").decode()


def _part(position: int, project: ProjectOutcome) -> _Part:
    """Seals the outcome: no values from here on."""
    sealed = project if isinstance(project, Sealed) else seal(project, (), has_page=True)
    assert sealed.sheet is not None
    return _Part(f"p{position}", sealed, sealed.sheet)


def _framed(subject: str, header: str, content: str) -> str:
    style, script = _asset("style.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{subject} – {NAME}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<a class=skip href="#content">Skip to the content</a>\n{header}'
        f"<main id=content tabindex=-1>\n{content}</main>\n"
        f"<footer><p>Made by {NAME}. All values are masked; no value of a secret is in this page.</footer>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return (Path(__file__).parent / "html_page" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


# --- the top of the page ---


def _summary(outcome: Outcome, view: View, subject: str) -> str:
    counts = count(outcome)
    moved = "moved" if counts.is_written else "to move"
    figures = [
        ("findings", counts.findings),
        (moved, counts.migrate),
        ("skipped", counts.skipped),
        ("possibly secrets", counts.possible),
        ("files changed" if counts.is_written else "files to change", counts.changed_files),
    ]
    if counts.failed_files:
        figures.append(("with errors", counts.failed_files))
    told = "".join(f"<div><dt>{name}<dd>{figure}</div>\n" for name, figure in figures)
    lines = [f"<p class=lead>{safe(_sentence(outcome))}.</p>\n"]
    if view.check:
        lines.append(f"<p>{check_sentence(outcome, view.strict).capitalize()}.</p>\n")
    remote = remote_engine(outcome.projects, os.environ)
    if remote:
        lines.append(f"<p class=warning><b>Warning:</b> {prose(remote)}.</p>\n")
    return (
        f"<header>\n<p class=brand>{NAME}</p>\n<h1>{subject}</h1>\n{''.join(lines)}"
        f"<dl class=figures>\n{told}</dl>\n</header>\n"
    )


def _sentence(outcome: Outcome) -> str:
    counts = count(outcome)
    if counts.failed_files and counts.failed_files == counts.files and not counts.findings:
        # their findings are unknown
        return f"{number(counts.files, 'file')} with errors, unchanged"
    # the page is titled after its only project
    text = sentence(outcome, counts).removeprefix(f"{outcome.projects[0].path}: " if counts.files == 1 else "")
    return text[:1].upper() + text[1:]


def _contents(parts: Sequence[_Part]) -> str:
    rows = []
    for part in parts:
        counts = count(Outcome((part.project,), Options()))
        state = "errors" if part.project.status else "written" if part.project.is_written else ""
        rows.append(
            f"<tr><th scope=row><a href=#{part.prefix}>{safe(part.project.path) or 'The run'}</a>"
            f"<td>{counts.migrate}<td>{counts.skipped}<td>{counts.possible}<td>{state}\n"
        )
    head = "<th scope=col>Project<th scope=col>Moves<th scope=col>Skipped<th scope=col>Possible<th scope=col>State"
    return (
        "<nav aria-labelledby=contents>\n<h2 id=contents>Projects</h2>\n<table class=contents>\n"
        f"<caption class=unseen>Projects of this page</caption>\n<thead><tr>{head}</thead>\n<tbody>\n{''.join(rows)}"
        "</table>\n</nav>\n"
    )


# --- one project ---


def _project(part: _Part, count_of_parts: int) -> Iterator[str]:
    prefix, project, sheet = part
    is_alone = count_of_parts == 1
    level = 2 if is_alone else 3
    if not is_alone:
        size = "many" if count_of_parts > MANY_PROJECTS else "few"
        yield f"<article id={prefix} class={size} aria-labelledby={prefix}-name>\n"
        yield f"<h2 id={prefix}-name>{safe(project.path) or 'The run'}</h2>\n"
    errors = "".join(_problem(error, "error") for error in _errors(project))
    yield _section(prefix, "errors", level, "Errors", errors)
    yield _section(prefix, "picture", level, "Services and secrets", picture.render(prefix, project, sheet))
    if project.findings:
        places = side_by_side.anchors(prefix, project, sheet)
        filters = findings.controls([project]) if is_alone else ""
        yield _section(prefix, "findings", level, "Findings", filters + findings.table(project, places))
    else:
        places = {}
    changes = "".join(side_by_side.render(project, sheet, places))
    title = "Changes made" if project.is_written else "Planned changes"
    yield _section(prefix, "changes", level, title, changes)
    yield _section(prefix, "files", level, "Further files", _files(project))
    yield _section(prefix, "notes", level, "Notes and warnings", _notes(project))
    todo = open_points.render(prefix, project, level + 1)
    yield _section(prefix, "checklist", level, "Checklist", todo)
    if not is_alone:
        yield "</article>\n"


def _section(prefix: str, name: str, level: int, title: str, content: str) -> str:
    if not content:
        return ""
    head = f"<h{level} id={prefix}-{name}>{title}</h{level}>"
    return f"<section aria-labelledby={prefix}-{name}>\n{head}\n{content}</section>\n"


def _errors(project: Sealed) -> Sequence[UserError]:
    return project.errors or ((failure_of(project),) if project.failure else ())


def _problem(problem: UserError, kind: str) -> str:
    line = f":{problem.line}" if problem.line else ""
    place = f" {code(f'{problem.file}{line}')}" if problem.file else ""
    advice = f"<br>{prose(problem.help)}" if problem.help else ""
    return f"<p class={kind}><b>{kind.capitalize()}:</b> {prose(problem.what)}{place}{advice}</p>\n"


def _files(project: Sealed) -> str:
    files = files_of(project) if project.rewritten else ()
    if not files:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{code(str(file.path))}"
        f"<td>{'adds ' + code(' '.join(file.text.split())) if file.append else f'mode {file.mode:04o}'}\n"
        for file in files
    )
    written = "Written" if project.is_written else "Would be written"
    size = "many" if len(files) > MANY else "few"
    modes = f"<p class=quiet>{OPEN_MODE}</p>\n" if has_open_files(files) else ""
    return (
        f"<div class={size}>\n<table class=files>\n"
        "<caption class=unseen>Files that are written beside the project</caption>\n"
        f"<thead><tr><th scope=col>File<th scope=col>{written}</thead>\n"
        f"<tbody>\n{rows}</table>\n</div>\n{modes}"
    )


def _notes(project: Sealed) -> str:
    notes = [f"<p><b>Note:</b> {prose(note)}</p>\n" for note in project.plan.notes]
    return "".join((*notes, *(_problem(warning, "warning") for warning in project.warnings)))
