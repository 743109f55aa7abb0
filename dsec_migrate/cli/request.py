"""What a command line asks for, whoever parsed it: the request with its defaults, its check, and its run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.cli import choices, mistaken
from dsec_migrate.errors import UserError
from dsec_migrate.options import Harden, Manager, Mount, Options, SourceKind, Target, Unknown
from dsec_migrate.outcome import Outcome, ProjectOutcome
from dsec_migrate.reports import REPORTS, View
from dsec_migrate.reports.counts import errors_of
from dsec_migrate.reports.look import DiffStyle, Look
from dsec_migrate.reports.output import complain, save, say
from dsec_migrate.reports.sealed import Sealed, seal
from dsec_migrate.reports.terminal import Progress, style_for, width

NAME = "dsec-migrate"

VERBS = frozenset({"audit", "fill", "images", "lock", "pull", "push", "rotate", "status", "undo", "unlock"})
"""The commands: nobody means a file by one."""


class Request(NamedTuple):
    """What was said on the command line, before it is checked. The defaults of all options stand here."""

    files: Sequence[Path] = ()
    layers: Sequence[Path] = ()
    project_directory: Path | None = None
    write: bool = False
    check: bool = False
    strict: bool = False
    env_files: Sequence[Path] = ()
    jobs: int | None = None
    source: SourceKind = SourceKind.FILE
    secrets_dir: str | None = None
    target: Target | None = None
    uid: str | None = None
    gid: str | None = None
    mode: str | None = None
    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    unknown: Unknown = Unknown.REWRITE
    safe: bool = False
    form: str = "text"
    outputs: Sequence[str] = ()
    diff: DiffStyle = DiffStyle.UNIFIED
    show_values: bool = False
    prune_env: bool = False
    templates: bool = False
    no_docker: bool = False
    fix: bool = False
    inspect_registry: bool = False
    syntax_line: bool = False
    manager_image: str = ""
    manager_command: str = ""
    manager_credentials: str = ""
    prefix: str | None = None
    encrypt_to: Sequence[str] = ()
    stack_output: str | None = None
    mount: Mount = Mount.SECRETS
    rename: Sequence[str] = ()
    source_of: Sequence[str] = ()
    delivery_of: Sequence[str] = ()
    skip_because: Sequence[str] = ()
    interactive: bool = False
    words: Sequence[str] = ()
    """The command line itself, for who is told how to say the same in other words."""
    harden: Sequence[Harden] = ()
    allow: Sequence[Path] = ()
    settings: Path | None = None
    no_exceptions: bool = False
    registries: Sequence[str] = ()


def perform(request: Request) -> int:
    """Runs what was asked for, reports it and returns the exit status. Raises UserError on bad usage."""
    if request.form not in REPORTS:
        raise _no_such_format("--format", request.form)
    outputs = [output(text) for text in request.outputs]
    if request.show_values and (request.form != "text" or outputs or not sys.stdout.isatty()):
        raise UserError(
            "--show-values needs the text report on a terminal",
            help="leave out --format and --output, and do not redirect the output",
        )
    if request.interactive:
        from dsec_migrate.cli import conversation

        conversation.check(request.form, request.outputs, is_check=request.check, shows_values=request.show_values)
    options = _options(request)
    saved = View(request.check, request.strict, Look(request.diff))
    shown = saved
    if request.form == "text":
        is_coloured = style_for(sys.stdout, os.environ).is_coloured
        shown = View(request.check, request.strict, Look(request.diff, width(), is_coloured, request.show_values))
    forms = {request.form, *(name for name, _ in outputs)}
    looks = {Look(), saved.look, shown.look}
    sealing = partial(seal, looks=looks, has_json="json" in forms, has_page="html" in forms)
    outcome = _run(request, options, sealing)
    for name, path in outputs:
        save(path, REPORTS[name](outcome, saved))
    for variable in choices.without_effect(options.rename, outcome):
        say(f"note: --rename of {variable}: nothing is called so\n", sys.stderr)
    if request.form == "text":
        for error in errors_of(outcome):
            complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    if outcome.projects or not request.interactive:
        say(REPORTS[request.form](outcome, shown), sys.stdout)
    return outcome.status(check=request.check, strict=request.strict)


def _run(request: Request, options: Options, sealing: Callable[[ProjectOutcome], Sealed]) -> Outcome:
    from dsec_migrate.discovery import discover
    from dsec_migrate.migrate import run
    from dsec_migrate.workers import collect_garbage_seldom

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

        return conversation.hold(projects, options, request.words, request.files, sealing, write=request.write)
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


# --- words to values ---


def _options(request: Request) -> Options:
    manager = _manager(request)
    target = _target(request.source, request.target)
    chosen = choices.read(request.rename, request.source_of, request.delivery_of, request.skip_because)
    choices.check_sources(chosen.source_of, request.source, target, request.mount)
    if request.stack_output is not None and target is not Target.SWARM:
        raise UserError("--stack-output goes with --target swarm", help="add --target swarm, or --source external")
    if request.mount is Mount.VOLUME and (request.source is not SourceKind.FILE or target is Target.SWARM):
        raise UserError("--mount volume goes with --source file, for Compose", help="leave --source and --target out")
    return Options(
        SourceKind.FILE if manager is not None else request.source,
        target,
        request.secrets_dir,
        _number("--uid", request.uid),
        _number("--gid", request.gid),
        _octal(request.mode),
        tuple(request.only),
        tuple(request.skip),
        request.unknown,
        request.safe,
        tuple(request.env_files),
        request.prune_env,
        request.templates,
        not request.no_docker,
        request.fix,
        request.inspect_registry,
        request.syntax_line,
        manager,
        _recipients(request.encrypt_to),
        request.stack_output,
        request.mount,
        *chosen,
        harden=_hardening(request.harden, target, is_safe=request.safe),
        allow=allowed(request.allow),
        settings=request.settings,
        exceptions=not request.no_exceptions,
        registries=_registries(request.registries, is_asked=request.inspect_registry),
    )


def allowed(folders: Sequence[Path]) -> tuple[Path, ...]:
    """What ``--allow`` names. Raises UserError where there is no such folder."""
    for folder in folders:
        if not folder.is_dir():
            raise UserError("--allow: there is no such folder", str(folder), help="name one that exists")
    return tuple(folders)


def _hardening(passes: Sequence[Harden], target: Target, *, is_safe: bool) -> tuple[Harden, ...]:
    if passes and is_safe:
        raise UserError("--harden does not go with --safe: each of its changes needs a review", help="leave one out")
    if Harden.NETWORKS in passes and target is Target.SWARM:
        raise UserError("--harden networks is for Compose: what a stack reaches is told elsewhere", help="leave it out")
    return tuple(dict.fromkeys(passes))


def _registries(hosts: Sequence[str], *, is_asked: bool) -> tuple[str, ...]:
    if hosts:
        from dsec_migrate.registry import is_host

        if not is_asked:
            raise UserError("--registry goes with --inspect-registry", help="add that, or leave --registry out")
        if not all(map(is_host, hosts)):
            raise UserError("--registry takes a host, with its port", help="such as --registry 10.0.0.5:5000")
    return tuple(dict.fromkeys(hosts))


def _recipients(texts: Sequence[str]) -> tuple[str, ...]:
    if texts:
        from dsec_migrate.stores import age

        age.check(texts)
    return tuple(dict.fromkeys(texts))


def _manager(request: Request) -> Manager | None:
    if request.source in {SourceKind.VAULT, SourceKind.AWS}:
        return Manager(
            request.source.value,
            request.manager_image,
            request.manager_command,
            request.manager_credentials,
            request.prefix,
        )
    if request.manager_image or request.manager_command or request.manager_credentials or request.prefix is not None:
        raise UserError(
            "--manager-image, --manager-command, --manager-credentials and --prefix go with --source vault or aws"
        )
    return None


def _target(source: SourceKind, target: Target | None) -> Target:
    if source is SourceKind.EXTERNAL:
        if target is Target.COMPOSE:
            raise UserError(
                "--source external does not go with --target compose: `docker compose up` refuses external secrets",
                help="leave out --target, or take --source file",
            )
        if target is None:
            note = "--source external means --target swarm: `docker compose up` refuses external secrets"
            say(f"note: {note}\n", sys.stderr)
        return Target.SWARM
    if source in {SourceKind.VAULT, SourceKind.AWS} and target is Target.SWARM:
        raise UserError(
            f"--source {source.value} does not go with --target swarm: a stack waits for no other service",
            help="take --source external",
        )
    if source is SourceKind.ENVIRONMENT and target is Target.SWARM:
        raise UserError(
            "--source environment does not go with --target swarm: Swarm refuses secrets that come from variables",
            help="take --source external or --source file",
        )
    return target or Target.COMPOSE


def _number(option: str, text: str | None) -> str | None:
    if text is not None and not (text.isascii() and text.isdigit()):
        help_text = f"such as {option} 1000; names mean nothing outside the container"
        raise UserError(f"{option} takes a number", help=help_text)
    return text


def _octal(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise UserError("--mode takes three octal digits, with or without a 0 before them", help="such as --mode 0400")
    return int(text, 8)


def _jobs(number: int | None) -> int:
    if number is not None:
        if number < 1:
            raise UserError("--jobs takes a number from 1 on", help="leave it out to use all cores")
        return number
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def output(text: str, formats: Collection[str] = REPORTS) -> tuple[str, Path]:
    """``FORMAT=FILE``. Raises UserError where the format is none of ``formats``, or nothing can be written there."""
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise UserError("--output takes FORMAT=FILE", help="such as --output json=report.json")
    if name not in formats:
        raise _no_such_format("--output", name, formats)
    path = Path(file)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError("cannot write a report there", file, help="name a file in a folder that exists")
    return name, path


def _no_such_format(option: str, name: str, formats: Collection[str] = REPORTS) -> UserError:
    return UserError(f"{option}: there is no format {name}", help=f"there are {', '.join(formats)}")
