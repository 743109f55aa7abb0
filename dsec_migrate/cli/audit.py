"""The options of ``audit``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from dsec_migrate.cli.request import NAME, output
from dsec_migrate.cli.verbs import EnvFiles, Files, Layers, SecretsDir
from dsec_migrate.discovery import discover
from dsec_migrate.errors import UserError
from dsec_migrate.options import Options
from dsec_migrate.reports.output import complain, save, say
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.terminal import Progress, style_for, width

HISTORY_SECONDS = 60


def audit(
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where something of weight is to be done.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="With --check: items of low weight count, too.")] = False,
    no_exceptions: Annotated[
        bool, typer.Option("--no-exceptions", help="Nothing is excepted: for a gate on what others propose.")
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            help="Settings and exceptions are those of FILE: not of dsec-migrate.toml, nor of comments in the files.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="These checks alone; * stands for anything.")
    ] = None,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="ID", help="Tell what a check asks, why, and what to do.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Name all checks.")] = False,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Items that this file names are known: they do not count."),
    ] = None,
    no_history: Annotated[bool, typer.Option("--no-history", help="Do not search the history of git.")] = False,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json, markdown, sarif, github, gitlab or junit.")
    ] = "text",
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output", metavar="FORMAT=FILE", help="Write a report to a file as well; may be repeated."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="With --baseline: write the items of today into that file.")
    ] = False,
) -> None:
    """Go through a checklist: image build, runtime, operations, development. Changes nothing.

    Each item tells where, why and what to do. Except one with `# dsec: ignore[ID] reason` in its line, or in
    dsec-migrate.toml ([[ignore]] check, match, reason).
    """
    from dsec_migrate.checks import baseline as baselines
    from dsec_migrate.checks.checklist import Audit
    from dsec_migrate.verbs import audit as verb

    style = style_for(sys.stdout, os.environ)
    page = Page(style, width())
    if explain is not None or listing:
        say(str(verb.explain(page, explain) if explain is not None else verb.listing(page)), sys.stdout)
        raise typer.Exit
    if form not in verb.FORMATS:
        raise UserError(f"--format: there is no format {form}", help=f"there are {', '.join(verb.FORMATS)}")
    if write and baseline is None:
        raise UserError("--write goes with --baseline here", help="an audit changes nothing else")
    saved = [output(text, verb.FORMATS) for text in outputs or ()]
    checks = verb.chosen(only or ())
    projects = discover(files or (), layers or (), shell=os.environ, env_files=env_files or ())
    known = baselines.read(baseline) if baseline is not None and not write else None
    call = frozenset(path for one in projects for path in one.paths)
    options = Options(
        secrets_dir=secrets_dir, env_files=tuple(env_files or ()), settings=settings, exceptions=not no_exceptions
    )
    until = time.monotonic() + HISTORY_SECONDS
    task = Audit(checks, options, dict(os.environ), call, known, not no_history, until, check)
    progress = Progress(sys.stderr)
    checklists = []
    try:
        for number, one in enumerate(projects, 1):
            checklists.append(task.look(one))
            progress(number, len(projects))
    finally:
        progress.close()
    for error in (error for one in checklists for error in one.errors) if form == "text" else ():
        complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    for name, path in saved:
        save(
            path, verb.text(checklists, check=check, strict=strict) if name == "text" else verb.render(name, checklists)
        )
    if form == "text":
        say(str(verb.tell(page, checklists, check=check, strict=strict)), sys.stdout)
    else:
        say(verb.render(form, checklists), sys.stdout)
    if write and baseline is not None:
        items = ((point.check.id, item) for one in checklists for point in one.points for item in point.items)
        save(baseline, baselines.Baseline(baseline, frozenset()).text(items))
        say(f"{NAME}: {baseline} names the items of today\n", sys.stderr)
    is_refused = check and not write and verb.refused(checklists, strict=strict)
    failed = (error.exit_status for one in checklists for error in one.errors)
    raise typer.Exit(max(failed, default=1 if is_refused else 0))
