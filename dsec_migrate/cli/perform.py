"""Runs a request, reports what it finds and returns the exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from dsec_migrate.cli import mistaken
from dsec_migrate.cli.command import VERBS
from dsec_migrate.cli.request import NAME, Request
from dsec_migrate.cli.resolution import options_of
from dsec_migrate.config.options import Options
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports.counts import errors_of
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.reports.look import Look, View
from dsec_migrate.reports.output import complain, save, say
from dsec_migrate.reports.parts import Sealed
from dsec_migrate.reports.sealed import seal
from dsec_migrate.reports.terminal import Progress, style_for, width
from dsec_migrate.text.errors import UserError


def perform(request: Request) -> int:
    """Runs the request, reports the outcome and returns the exit status. Raises UserError on bad usage."""
    if request.show_values and (request.form != "text" or request.outputs or not sys.stdout.isatty()):
        raise UserError(
            "--show-values requires the text report on a terminal",
            help="omit --format and --output, and do not redirect the output",
        )
    if request.interactive:
        from dsec_migrate.cli import conversation

        conversation.check(request)
    options = options_of(request)
    saved = View(request.check, request.strict, Look(request.diff))
    shown = saved
    if request.form == "text":
        is_coloured = style_for(sys.stdout, os.environ).is_coloured
        shown = View(request.check, request.strict, Look(request.diff, width(), is_coloured, request.show_values))
    forms = {request.form, *(name for name, _ in request.outputs)}
    looks = {Look(), saved.look, shown.look}
    sealing = partial(seal, looks=looks, has_json="json" in forms, has_page="html" in forms)
    outcome = _run(request, options, sealing)
    for name, path in request.outputs:
        save(path, REPORTS[name](outcome, saved))
    for variable in _names_without_effect(options.rename, outcome):
        say(f"note: --rename of {variable}: there is no such variable\n", sys.stderr)
    if request.form == "text":
        for error in errors_of(outcome):
            complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    if outcome.projects or not request.interactive:
        say(REPORTS[request.form](outcome, shown), sys.stdout)
    return outcome.status(check=request.check, strict=request.strict)


def _run(request: Request, options: Options, sealing: Callable[[ProjectOutcome], Sealed]) -> Outcome:
    from dsec_migrate.compose.discovery.discover import discover
    from dsec_migrate.migrate.batch import run
    from dsec_migrate.migrate.workers import collect_garbage_seldom

    jobs = _jobs(request.jobs)
    mistaken.check(request.files, VERBS, NAME)
    try:
        projects = discover(
            request.files,
            request.layers,
            shell=os.environ,
            project_directory=request.project_directory,
            env_files=request.env_files,
        )
    except UserError as error:
        return Outcome((ProjectOutcome(error.file, errors=(error,)),), options)
    collect_garbage_seldom()
    if request.interactive:
        from dsec_migrate.cli import conversation

        return conversation.hold(projects, options, request.line, request.files, sealing, write=request.write)
    progress = Progress(sys.stderr)
    try:
        return run(
            projects,
            options,
            shell=dict(os.environ),
            write=request.write,
            check=request.check,
            jobs=jobs,
            progress=progress,
            seal=sealing,
        )
    finally:
        progress.close()


def _jobs(number: int | None) -> int:
    if number is not None:
        if number < 1:
            raise UserError("--jobs takes a positive number", help="omit it to use all cores")
        return number
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names_without_effect(rename: Sequence[tuple[str, str]], outcome: Outcome) -> list[str]:
    """Variables of ``--rename`` that no project has."""
    if not rename or any(project.status for project in outcome.projects):
        return []
    found = {(finding.service, finding.variable) for project in outcome.projects for finding in project.findings}
    known = {text for service, variable in found for text in (variable, f"{service}.{variable}")}
    return [variable for variable, _ in rename if variable not in known]
