"""``audit``: a checklist for each project, with a fix for each item. Writes nothing but a baseline."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dsec_migrate.checks import baseline as baselines
from dsec_migrate.checks.catalogue import CHECKS, IDS, Check, every, load
from dsec_migrate.checks.checklist import Audit, Checklist
from dsec_migrate.cli.parameters import one_of, option, repeated, switch
from dsec_migrate.cli.verbs.audit_report import FORMATS, RENDERERS, refused, tell
from dsec_migrate.cli.verbs.task import ENV_FILES, FILES, LAYERS, SECRETS_DIR, ProjectCall, page_here
from dsec_migrate.reports.output import complain, destination, known_format, save, say
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.style import Style
from dsec_migrate.reports.terminal import Progress, style_for
from dsec_migrate.text.errors import UserError

HISTORY_SECONDS = 60


class Call(ProjectCall):
    """Check a project against a list: image build, runtime, operations, development. Changes nothing.

    Each item shows where, why and what to do. To except one, add `# dsec: ignore[ID] reason` to its line, or
    [[ignore]] (check, match, reason) to dsec-migrate.toml.
    """

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    check: bool = switch("--check", "Exit with 1 if there are items of high or medium weight.")
    strict: bool = switch("--strict", "With --check: count items of low weight, too.")
    exceptions: bool = switch(
        "--no-exceptions", "Honor no exceptions: for a gate on contributions of others.", default=True
    )
    settings: Path | None = option(
        "--settings",
        "FILE",
        Path,
        "Read settings and exceptions from FILE only, not from dsec-migrate.toml or comments in the files.",
    )
    only: Sequence[str] = repeated("--only", "ID", str, "Run only these checks; * matches anything.")
    explain: str | None = option(
        "--explain", "ID", str, "Describe a check: what it asks, why, and what to do.", values=IDS
    )
    lists: bool = switch("--list", "List all checks.")
    baseline: Path | None = option("--baseline", "FILE", Path, "Ignore the items listed in this file.")
    history: bool = switch("--no-history", "Do not search the git history.", default=True)
    form: str = option(
        "--format",
        "FORMAT",
        partial(known_format, formats=FORMATS),
        f"{one_of(FORMATS)}.",
        default="text",
        values=FORMATS,
    )
    outputs: Sequence[tuple[str, Path]] = repeated(
        "--output",
        "FORMAT=FILE",
        partial(destination, formats=FORMATS),
        "Also write a report to a file; may be repeated.",
    )
    write: bool = switch("--write", "With --baseline: write the current items to that file.")


def run(call: Call) -> int:
    page = page_here()
    if call.explain is not None or call.lists:
        say(str(explain(page, call.explain) if call.explain is not None else listing(page)), sys.stdout)
        return 0
    if call.write and call.baseline is None:
        raise UserError("--write needs --baseline here", help="pass --baseline FILE: an audit changes nothing else")
    checklists = _checklists(call)
    for error in (error for one in checklists for error in one.errors) if call.form == "text" else ():
        complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    for name, path in call.outputs:
        save(path, _report(name, checklists, Page(Style(is_coloured=False), 80), call))
    say(_report(call.form, checklists, page, call), sys.stdout)
    if call.write and call.baseline is not None:
        items = ((point.check.id, item) for one in checklists for point in one.points for item in point.items)
        save(call.baseline, baselines.Baseline(call.baseline, frozenset()).text(items))
        say(f"dsec-migrate: wrote the current items to {call.baseline}\n", sys.stderr)
    is_refused = call.check and not call.write and refused(checklists, strict=call.strict)
    failed = (error.exit_status for one in checklists for error in one.errors)
    return max(failed, default=1 if is_refused else 0)


def _checklists(call: Call) -> Sequence[Checklist]:
    checks = chosen(call.only)
    projects = call.projects()
    known = baselines.read(call.baseline) if call.baseline is not None and not call.write else None
    until = time.monotonic() + HISTORY_SECONDS
    audit = Audit(
        checks, call.project_options(), dict(os.environ), tuple(projects), known, call.history, until, call.check
    )
    progress = Progress(sys.stderr)
    checklists = []
    try:
        for number, one in enumerate(projects, 1):
            checklists.append(audit.look(one))
            progress(number, len(projects))
    finally:
        progress.close()
    return checklists


def _report(form: str, checklists: Sequence[Checklist], page: Page, call: Call) -> str:
    """``page`` is that of the text report."""
    if form == "text":
        return str(tell(page, checklists, check=call.check, strict=call.strict))
    return RENDERERS[form](checklists)


# --- what the checks are ---


def listing(page: Page) -> Page:
    """All checks, group by group."""
    for group, names in CHECKS.items():
        page.heading(group.value)
        page.table([(name, load(name).title) for name in names])
    return page


def explain(page: Page, name: str) -> Page:
    """The page of one check. Raises UserError where it is unknown."""
    from difflib import get_close_matches

    if name not in IDS:
        similar = get_close_matches(name, IDS, 1)
        advice = f"did you mean {similar[0]}?" if similar else "run `dsec-migrate audit --list` to list all checks"
        raise UserError(f"unknown check {name}", help=advice)
    check = load(name)
    page.heading(f"{check.title} ({check.id})")
    page.sentence(check.group.value, paint=page.style.dim)
    for paragraph in check.text.split("\n\n"):
        page.blank()
        page.sentence(" ".join(paragraph.split()))
    return page


def chosen(patterns: Sequence[str]) -> list[Check]:
    """The checks that ``--only`` selects, all without it. Raises UserError where a pattern matches none."""
    from fnmatch import fnmatchcase

    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in IDS):
            raise UserError(f"no check matches {pattern}", help="run `dsec-migrate audit --list` to list all checks")
    return [check for check in every() if not patterns or any(fnmatchcase(check.id, one) for one in patterns)]
