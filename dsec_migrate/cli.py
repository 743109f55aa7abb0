"""The command line: words to :class:`Options`, an :class:`Outcome` to reports and an exit status. No logic."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand

from dsec_migrate.errors import UserError
from dsec_migrate.options import Options, SourceKind, Target, Unknown
from dsec_migrate.outcome import DONE, Outcome, ProjectOutcome
from dsec_migrate.reports import REPORTS, View
from dsec_migrate.reports.counts import errors_of
from dsec_migrate.reports.look import DiffStyle, Look
from dsec_migrate.reports.output import complain, save, say
from dsec_migrate.reports.sealed import seal
from dsec_migrate.reports.terminal import Progress, style_for, width

NAME = "dsec-migrate"
INTERRUPTED = 130

# commands of other versions: nobody means a file by them
_VERBS = frozenset({"audit", "images", "lock", "pull", "push", "rotate", "status", "unlock"})
_MODE = re.compile(r"0?[0-7]{3}")

_do = partial(typer.Option, rich_help_panel="What to do")
_place = partial(typer.Option, rich_help_panel="Where the values go")
_choice = partial(typer.Option, rich_help_panel="Which variables move")
_show = partial(typer.Option, rich_help_panel="What to show")


class _Command(TyperCommand):
    """Help in groups, without the weight of a library that draws boxes."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None) or "Other"
                groups.setdefault(title, []).append(record)
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        say(f"{NAME} {version(NAME)}\n", sys.stdout)
        raise typer.Exit


class _Request(NamedTuple):
    """What was said on the command line, before it is checked."""

    files: Sequence[Path]
    write: bool
    check: bool
    strict: bool
    env_files: Sequence[Path]
    jobs: int | None
    source: SourceKind
    secrets_dir: str | None
    target: Target | None
    uid: str | None
    gid: str | None
    mode: str | None
    only: Sequence[str]
    skip: Sequence[str]
    unknown: Unknown
    safe: bool
    form: str
    outputs: Sequence[str]
    diff: DiffStyle
    show_values: bool


@app.command(NAME, cls=_Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def migrate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Compose files, each a project of its own; a folder stands for every project below it. "
            "Without any: the file that `docker compose` would use here.",
            rich_help_panel="What to do",
            show_default=False,
        ),
    ] = None,
    write: Annotated[bool, _do("--write", help="Change the files. Without it nothing is changed.")] = False,
    check: Annotated[bool, _do("--check", help="Exit with 1 when secrets stand in plaintext.")] = False,
    strict: Annotated[bool, _do("--strict", help="With --check: secrets behind ${...} count as well.")] = False,
    env_files: Annotated[
        list[Path] | None,
        _do("--env-file", metavar="FILE", help="Read this file in place of .env; may be repeated."),
    ] = None,
    jobs: Annotated[
        int | None, _do("--jobs", metavar="N", help="How many files to work on at a time.  [default: cores]")
    ] = None,
    no_docker: Annotated[
        bool, _do("--no-docker", help="Do not ask Docker anything. Nothing does so far: accepted for scripts.")
    ] = False,
    source: Annotated[
        SourceKind,
        _place(
            "--source",
            metavar="KIND",
            help="file: values go to files beside the project. environment: they stay in the variables of the shell "
            "or of .env that supply them now. external: Swarm keeps them; a script is written that takes them there.",
        ),
    ] = SourceKind.FILE,
    secrets_dir: Annotated[
        str | None,
        _place(
            "--secrets-dir",
            metavar="DIR",
            help="Folder of the secret files, seen from the Compose file. It may hold an expression such as "
            "'${SECRETS_DIR:-./secrets}'.  [default: ./secrets]",
        ),
    ] = None,
    target: Annotated[
        Target | None,
        _place(
            "--target",
            metavar="KIND",
            help="What runs the project: compose or swarm.  [default: compose; swarm with --source external]",
        ),
    ] = None,
    uid: Annotated[str | None, _place("--uid", metavar="N", help="Owner of the file in the container.")] = None,
    gid: Annotated[str | None, _place("--gid", metavar="N", help="Group of the file in the container.")] = None,
    mode: Annotated[
        str | None, _place("--mode", metavar="OCTAL", help="Mode of the file in the container, such as 0400.")
    ] = None,
    only: Annotated[
        list[str] | None,
        _choice(
            "--only",
            metavar="GLOB",
            help="Move only these: VARIABLE or service.VARIABLE, with * and ?; may be repeated. "
            "What is only possibly a secret moves when it is named here.",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, _choice("--skip", metavar="GLOB", help="Leave these as they are; may be repeated.")
    ] = None,
    unknown: Annotated[
        Unknown,
        _choice(
            "--unknown",
            metavar="HOW",
            help="For images that nobody has recorded: rewrite and say what to check, or keep.",
        ),
    ] = Unknown.REWRITE,
    safe: Annotated[bool, _choice("--safe", help="Move only what needs no review.")] = False,
    form: Annotated[str, _show("--format", metavar="|".join(REPORTS), help="Form of the report.")] = "text",
    outputs: Annotated[
        list[str] | None,
        _show(
            "--output", metavar="FORMAT=FILE", help="Write a report to a file too: json=report.json; may be repeated."
        ),
    ] = None,
    diff: Annotated[
        DiffStyle,
        _show("--diff", metavar="FORM", help="Changes in the text report: unified, side-by-side or semantic."),
    ] = DiffStyle.UNIFIED,
    show_values: Annotated[
        bool, _show("--show-values", help="Show values in place of ********. Only as text on a terminal.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Move the plaintext secrets of Docker Compose projects into Docker secrets.

    Shows what would change, with all values masked. Nothing is changed before you say --write.

    Exit status: 0 done; 1 --check found secrets in plaintext; 2 bad usage, or a file that is invalid; 3 a change
    could not be proved right and was not made.
    """
    del no_docker, version
    request = _Request(
        files or (),
        write,
        check,
        strict,
        env_files or (),
        jobs,
        source,
        secrets_dir,
        target,
        uid,
        gid,
        mode,
        only or (),
        skip or (),
        unknown,
        safe,
        form,
        outputs or (),
        diff,
        show_values,
    )
    try:
        status = _perform(request)
    except UserError as error:
        status = _refuse(error, is_json=form == "json")
    raise typer.Exit(status)


def _perform(request: _Request) -> int:
    """Runs what was asked for, reports it and returns the exit status. Raises UserError on bad usage."""
    if request.form not in REPORTS:
        raise _no_such_format("--format", request.form)
    outputs = [_output(text) for text in request.outputs]
    if request.show_values and (request.form != "text" or outputs or not sys.stdout.isatty()):
        raise UserError(
            "--show-values needs the text report on a terminal",
            help="leave out --format and --output, and do not redirect the output",
        )
    options = _options(request)
    saved = View(request.check, request.strict, Look(request.diff))
    shown = saved
    if request.form == "text":
        is_coloured = style_for(sys.stdout, os.environ).is_coloured
        shown = View(request.check, request.strict, Look(request.diff, width(), is_coloured, request.show_values))
    outcome = _run(request, options, {Look(), saved.look, shown.look})
    for name, path in outputs:
        save(path, REPORTS[name](outcome, saved))
    if request.form == "text":
        for error in errors_of(outcome):
            complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    say(REPORTS[request.form](outcome, shown), sys.stdout)
    return outcome.status(check=request.check, strict=request.strict)


def _run(request: _Request, options: Options, looks: AbstractSet[Look]) -> Outcome:
    from dsec_migrate.discovery import discover
    from dsec_migrate.migrate import collect_garbage_seldom, run

    jobs = _jobs(request.jobs)
    first = request.files[0] if request.files else None
    if first is not None and str(first) in _VERBS and not first.exists():
        raise UserError(
            f"this version has no command {first}, and there is no file of that name",
            help=f"`{NAME} [OPTIONS] [FILE]...` migrates; `{NAME} --help` tells more",
        )
    try:
        projects = discover(request.files, shell=os.environ, env_files=request.env_files)
    except UserError as error:
        return Outcome((ProjectOutcome(error.file, errors=(error,)),), options)
    collect_garbage_seldom()
    progress = Progress(sys.stderr)
    try:
        return run(
            # one file at a time so far: an override takes part where it is named
            [path for found in projects for path in found.paths if path == found.paths[0] or path in request.files],
            options,
            shell=dict(os.environ),
            write=request.write,
            check=request.check,
            jobs=jobs,
            progress=progress,
            seal=partial(seal, looks=looks),
        )
    finally:
        progress.close()


# --- words to values ---


def _options(request: _Request) -> Options:
    return Options(
        request.source,
        _target(request.source, request.target),
        request.secrets_dir,
        _number("--uid", request.uid),
        _number("--gid", request.gid),
        _octal(request.mode),
        tuple(request.only),
        tuple(request.skip),
        request.unknown,
        request.safe,
        tuple(request.env_files),
    )


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
    if not _MODE.fullmatch(text):
        raise UserError("--mode takes three octal digits, with or without a 0 before them", help="such as --mode 0400")
    return int(text, 8)


def _jobs(number: int | None) -> int:
    if number is not None:
        if number < 1:
            raise UserError("--jobs takes a number from 1 on", help="leave it out to use all cores")
        return number
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _output(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise UserError("--output takes FORMAT=FILE", help="such as --output json=report.json")
    if name not in REPORTS:
        raise _no_such_format("--output", name)
    path = Path(file)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError("cannot write a report there", file, help="name a file in a folder that exists")
    return name, path


def _no_such_format(option: str, name: str) -> UserError:
    return UserError(f"{option}: there is no format {name}", help=f"there are {' and '.join(REPORTS)}")


# --- the one error boundary ---


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command and exits. No exception leaves it, and no traceback: it could show a value."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_status(words))


def _status(words: list[str]) -> int:
    is_json = "--format=json" in words or ("--format", "json") in pairwise(words)
    try:
        status = typer.main.get_command(app).main(words, NAME, standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except Exception as error:
        usage = _usage_error(error)
        if usage is not None:
            return _refuse(usage, is_json)
        what = f"internal error ({type(error).__name__})"
        advice = f"this is a defect of {NAME}: please report it with the command line, but never with a secret"
        return _refuse(UserError(what, help=advice), is_json, failure=what)
    return status if isinstance(status, int) else DONE


def _refuse(error: UserError, is_json: bool, failure: str = "") -> int:
    """An error instead of a report, and its exit status; who asked for JSON gets one object for it as well."""
    outcome = Outcome((ProjectOutcome(error.file, errors=(error,), failure=failure),), Options())
    if is_json:
        say(REPORTS["json"](outcome, View()), sys.stdout)
    else:
        complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    return outcome.status()


def _usage_error(error: Exception) -> UserError | None:
    """What Typer finds wrong with the words, in the shape of all other errors."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    advice = f"`{NAME} --help` lists all options"
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        similar = " or ".join(sorted(error.possibilities or ()))
        return UserError(f"there is no option {option}", help=f"did you mean {similar}?" if similar else advice)
    text = re.sub(r"^(?:Invalid value for|Option) '?([^':]+)'?(?=[: ])", r"\1", message()).rstrip(".")
    return UserError(text[:1].lower() + text[1:], help=advice)
