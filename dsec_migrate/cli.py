"""The command line: words to :class:`Options`, an :class:`Outcome` to reports and an exit status. No logic."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperCommand

from dsec_migrate.errors import UserError
from dsec_migrate.options import Options, SourceKind, Target, Unknown
from dsec_migrate.outcome import BAD_INPUT, UNPROVED, Outcome, ProjectOutcome
from dsec_migrate.reports import REPORTS, View
from dsec_migrate.reports.counts import errors_of
from dsec_migrate.reports.diff import DiffStyle
from dsec_migrate.reports.terminal import Progress, style_for, width

NAME = "dsec-migrate"
INTERRUPTED = 130

# commands of other versions: nobody means a file by them
_VERBS = frozenset({"audit", "images", "lock", "pull", "push", "rotate", "status", "unlock"})
_MODE = re.compile(r"0?[0-7]{3}")

_run = partial(typer.Option, rich_help_panel="What to do")
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

        _say(f"{NAME} {version(NAME)}\n", sys.stdout)
        raise typer.Exit


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
    write: Annotated[bool, _run("--write", help="Change the files. Without it nothing is changed.")] = False,
    check: Annotated[bool, _run("--check", help="Exit with 1 when secrets stand in plaintext.")] = False,
    strict: Annotated[bool, _run("--strict", help="With --check: secrets behind ${...} count as well.")] = False,
    env_files: Annotated[
        list[Path] | None,
        _run("--env-file", metavar="FILE", help="Read this file in place of .env; may be repeated."),
    ] = None,
    jobs: Annotated[
        int | None, _run("--jobs", metavar="N", help="How many files to work on at a time.  [default: cores]")
    ] = None,
    no_docker: Annotated[
        bool, _run("--no-docker", help="Do not ask Docker anything. Nothing does so far: accepted for scripts.")
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
    if form not in REPORTS:
        raise _no_such_format("--format", form)
    reports = [_output(text) for text in outputs or ()]
    if show_values and (form != "text" or reports or not sys.stdout.isatty()):
        raise UserError(
            "--show-values needs the text report on a terminal",
            help="leave out --format and --output, and do not redirect the output",
        )
    options = Options(
        source,
        _target(source, target),
        secrets_dir,
        _number("--uid", uid),
        _number("--gid", gid),
        _octal(mode),
        tuple(only or ()),
        tuple(skip or ()),
        unknown,
        safe,
        tuple(env_files or ()),
    )
    outcome = _run_all(files or [], options, write=write, jobs=_jobs(jobs))
    view = View(check, strict, diff)
    for name, path in reports:
        _save(path, REPORTS[name](outcome, view))
    if form == "text":
        view = View(check, strict, diff, width(), style_for(sys.stdout, os.environ), show_values)
        for error in errors_of(outcome):
            _complain(error)
    _say(REPORTS[form](outcome, view), sys.stdout)
    raise typer.Exit(outcome.status(check=check, strict=strict))


def _run_all(files: Sequence[Path], options: Options, *, write: bool, jobs: int) -> Outcome:
    from dsec_migrate.discovery import discover
    from dsec_migrate.migrate import run

    if files and str(files[0]) in _VERBS and not files[0].exists():
        raise UserError(
            f"this version has no command {files[0]}, and there is no file of that name",
            help=f"`{NAME} [OPTIONS] [FILE]...` migrates; `{NAME} --help` tells more",
        )
    try:
        paths = discover(files, Path())
    except UserError as error:
        return Outcome((ProjectOutcome(error.file, errors=(error,)),), options, write)
    progress = Progress(sys.stderr)
    try:
        return run(paths, options, shell=dict(os.environ), write=write, jobs=jobs, progress=progress)
    finally:
        progress.close()


# --- words to values ---


def _target(source: SourceKind, target: Target | None) -> Target:
    if source is SourceKind.EXTERNAL:
        if target is Target.COMPOSE:
            raise UserError(
                "--source external does not go with --target compose: `docker compose up` refuses external secrets",
                help="leave out --target, or take --source file",
            )
        if target is None:
            _say(
                "note: --source external means --target swarm: `docker compose up` refuses external secrets\n",
                sys.stderr,
            )
        return Target.SWARM
    if source is SourceKind.ENVIRONMENT and target is Target.SWARM:
        raise UserError(
            "--source environment does not go with --target swarm: Swarm refuses secrets that come from variables",
            help="take --source external or --source file",
        )
    return target or Target.COMPOSE


def _number(option: str, text: str | None) -> str | None:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise UserError(
            f"{option} takes a number", help=f"such as {option} 1000; names mean nothing outside the container"
        )
    return text


def _octal(text: str | None) -> int | None:
    if text is None:
        return None
    if not _MODE.fullmatch(text):
        raise UserError("--mode takes three octal digits with or without a 0 before them", help="such as --mode 0400")
    return int(text, 8)


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


def _jobs(number: int | None) -> int:
    if number is not None:
        if number < 1:
            raise UserError("--jobs takes a number from 1 on", help="leave it out to use all cores")
        return number
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- what the user sees ---


def _say(text: str, stream: TextIO) -> None:
    """Writes and flushes. A reader that has seen enough (``| head``) is no error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # what is still buffered must not fail again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(error: UserError) -> None:
    style = style_for(sys.stderr, os.environ)
    head, *rest = str(error).split("\n")
    _say("\n".join([head.replace("error:", style.bold(style.red("error:")), 1), *rest, ""]), sys.stderr)


def _save(path: Path, text: str) -> None:
    """Puts a finished report in the place of ``path`` in one step; a device or a pipe is written to."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise UserError(
            f"cannot write the report: {error.strerror or type(error).__name__}", str(path), help="name another file"
        ) from None


# --- the one error boundary ---


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command and exits. No exception leaves it, and no traceback: it could show a value."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_status(words))


def _status(words: list[str]) -> int:
    try:
        status = typer.main.get_command(app).main(words, NAME, standalone_mode=False)
    except UserError as error:
        _refuse(error, words)
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        usage = _usage_error(error)
        if usage is not None:
            _refuse(usage, words)
            return BAD_INPUT
        _refuse(
            UserError(
                f"internal error ({type(error).__name__})",
                help="this is a defect of dsec-migrate: please report it with the command line, not with the file",
            ),
            words,
        )
        return UNPROVED
    return status if isinstance(status, int) else 0


def _refuse(error: UserError, words: Sequence[str]) -> None:
    """An error before or instead of a report; who asked for JSON gets one object for it as well."""
    is_json = "--format=json" in words or ("--format", "json") in itertools.pairwise(words)
    if is_json:
        outcome = Outcome((ProjectOutcome(error.file, errors=(error,)),), Options())
        _say(REPORTS["json"](outcome, View()), sys.stdout)
    else:
        _complain(error)


def _usage_error(error: Exception) -> UserError | None:
    """What Typer finds wrong with the words, in the shape of all other errors."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    advice = f"`{NAME} --help` lists all options"
    option = getattr(error, "option_name", None)
    if hasattr(error, "possibilities") and option:
        similar = sorted(error.possibilities or ())
        return UserError(
            f"there is no option {option}", help=f"did you mean {' or '.join(similar)}?" if similar else advice
        )
    text = re.sub(r"^Invalid value for '?([^':]+)'?: ", r"\1: ", message()).rstrip(".")
    return UserError(text[:1].lower() + text[1:], help=advice)
