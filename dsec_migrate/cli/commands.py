"""The commands with their options, as Typer reads them and shows them in help."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from dsec_migrate.cli import verbs
from dsec_migrate.cli.audit import audit
from dsec_migrate.cli.request import NAME, Request, perform
from dsec_migrate.errors import UserError
from dsec_migrate.options import Harden, Mount, SourceKind, Target, Unknown
from dsec_migrate.reports import REPORTS
from dsec_migrate.reports.look import DiffStyle
from dsec_migrate.reports.output import say

_DEFAULT = Request()

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


def _print_completion(shell: str | None) -> None:
    if shell is not None:
        from dsec_migrate.cli import completion

        if shell not in completion.SHELLS:
            raise UserError(
                f"--completion: there is none for {shell}", help=f"there is one for {', '.join(completion.SHELLS)}"
            )
        say(completion.script(shell), sys.stdout)
        raise typer.Exit


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        say(f"{NAME} {version(NAME)}\n", sys.stdout)
        raise typer.Exit


def migrate(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Compose files, each a project of its own; a folder stands for every project below it. "
            "Without any: the project that `docker compose` would load here.",
            rich_help_panel="What to do",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        list[Path] | None,
        _do(
            "-f",
            "--file",
            metavar="FILE",
            help="Like docker compose: all files named so are one project, in this order. May be repeated.",
        ),
    ] = None,
    project_directory: Annotated[
        Path | None,
        _do("--project-directory", metavar="DIR", help="Like docker compose: the folder that relative paths mean."),
    ] = None,
    write: Annotated[bool, _do("--write", help="Change the files. Without it nothing is changed.")] = _DEFAULT.write,
    interactive: Annotated[
        bool, _do("--interactive", help="Decide about one finding after the other, on a terminal; ? lists the keys.")
    ] = _DEFAULT.interactive,
    check: Annotated[bool, _do("--check", help="Exit with 1 when secrets stand in plaintext.")] = _DEFAULT.check,
    strict: Annotated[
        bool, _do("--strict", help="With --check: secrets behind ${...} count as well.")
    ] = _DEFAULT.strict,
    no_exceptions: Annotated[
        bool, _do("--no-exceptions", help="Nothing is excepted or skipped: for a gate on what others propose.")
    ] = _DEFAULT.no_exceptions,
    settings: Annotated[
        Path | None,
        _do(
            "--settings",
            metavar="FILE",
            help="Settings and exceptions are those of FILE: not of dsec-migrate.toml, nor of comments in the files.",
        ),
    ] = None,
    env_files: Annotated[
        list[Path] | None,
        _do("--env-file", metavar="FILE", help="Read this file in place of .env; may be repeated."),
    ] = None,
    jobs: Annotated[
        int | None, _do("--jobs", metavar="N", help="How many files to work on at a time.  [default: cores]")
    ] = _DEFAULT.jobs,
    no_docker: Annotated[
        bool, _do("--no-docker", help="Do not ask Docker how local images start (docker image inspect).")
    ] = False,
    source: Annotated[
        SourceKind,
        _place(
            "--source",
            metavar="KIND",
            help="file: values go to files beside the project. environment: they stay in the variables of the shell "
            "or of .env that supply them now. external: Swarm keeps them; a script is written that takes them there. "
            "vault, aws: files for development, and a layer with a service that fetches the values when it starts.",
        ),
    ] = _DEFAULT.source,
    source_of: Annotated[
        list[str] | None,
        _place(
            "--source-of",
            metavar="GLOB=KIND",
            help="Another source for these: file or environment, and with --target swarm file or external. "
            "May be repeated; the last that fits counts.",
        ),
    ] = None,
    secrets_dir: Annotated[
        str | None,
        _place(
            "--secrets-dir",
            metavar="DIR",
            help="Folder of the secret files, seen from the Compose file. It may hold an expression such as "
            "'${SECRETS_DIR:-./secrets}'.  [default: ./secrets]",
        ),
    ] = _DEFAULT.secrets_dir,
    manager_image: Annotated[
        str, _place("--manager-image", metavar="IMAGE", help="Of the service that fetches.  [default: the vendor's]")
    ] = _DEFAULT.manager_image,
    manager_command: Annotated[
        str, _place("--manager-command", metavar="SHELL", help='Writes the value of "$1".  [default: the vendor\'s]')
    ] = _DEFAULT.manager_command,
    manager_credentials: Annotated[
        str,
        _place(
            "--manager-credentials",
            metavar="FILE",
            help="Vault's token, or AWS's credentials.  [default: ./secrets/vault_token.txt; none for AWS]",
        ),
    ] = _DEFAULT.manager_credentials,
    prefix: Annotated[
        str | None,
        _place("--prefix", metavar="PATH", help="What stands before each name there.  [default: the project's name]"),
    ] = _DEFAULT.prefix,
    encrypt_to: Annotated[
        list[str] | None,
        _place(
            "--encrypt-to",
            metavar="RECIPIENT",
            help="Keep each value encrypted as well, for git: a public key of age or SSH; may be repeated.",
        ),
    ] = None,
    target: Annotated[
        Target | None,
        _place(
            "--target",
            metavar="KIND",
            help="What runs the project: compose or swarm.  [default: compose; swarm with --source external]",
        ),
    ] = _DEFAULT.target,
    mount: Annotated[
        Mount,
        _place(
            "--mount",
            metavar="HOW",
            help="secrets: Docker's own. volume: a folder for each service, for engines that know no secrets.",
        ),
    ] = _DEFAULT.mount,
    stack_output: Annotated[
        str | None,
        _place(
            "--stack-output",
            metavar="FILE",
            help="With --target swarm: a file for `docker stack deploy`, which says otherwise what that refuses.",
        ),
    ] = _DEFAULT.stack_output,
    uid: Annotated[str | None, _place("--uid", metavar="N", help="Owner of the file in the container.")] = _DEFAULT.uid,
    gid: Annotated[str | None, _place("--gid", metavar="N", help="Group of the file in the container.")] = _DEFAULT.gid,
    mode: Annotated[
        str | None, _place("--mode", metavar="OCTAL", help="Mode of the file in the container, such as 0400.")
    ] = _DEFAULT.mode,
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
    skip_because: Annotated[
        list[str] | None,
        _choice(
            "--skip-because",
            metavar="GLOB=REASON",
            help="Leave these for good: with --write, dsec-migrate.toml says so, with the reason; may be repeated.",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        _choice(
            "--rename",
            metavar="VARIABLE=NAME",
            help="What the secret of VARIABLE (or of service.VARIABLE) is to be called; may be repeated.",
        ),
    ] = None,
    unknown: Annotated[
        Unknown,
        _choice(
            "--unknown",
            metavar="HOW",
            help="For images that nobody has recorded: rewrite and say what to check, wrap, or keep.",
        ),
    ] = _DEFAULT.unknown,
    delivery_of: Annotated[
        list[str] | None,
        _choice(
            "--delivery-of",
            metavar="GLOB=HOW",
            help="rewrite: the program of these reads a file itself, as --unknown rewrite. wrap: a shell reads it, "
            "whatever the image can do. May be repeated; the last that fits counts.",
        ),
    ] = None,
    prune_env: Annotated[
        bool,
        _place("--prune-env", help="Take the lines out of .env that nothing in the project reads any more."),
    ] = _DEFAULT.prune_env,
    templates: Annotated[
        bool,
        _place("--templates", help="Write .env.example and a README beside the secrets: names and meaning, no values."),
    ] = _DEFAULT.templates,
    inspect_registry: Annotated[
        bool,
        _do("--inspect-registry", help="Ask the registry, over the network, how an image starts that nobody knows."),
    ] = _DEFAULT.inspect_registry,
    registries: Annotated[
        list[str] | None,
        _do(
            "--registry",
            metavar="HOST",
            help="With --inspect-registry: a registry, as images name it, that may be at a private address. One of "
            "`docker login` may be anyway. May be repeated.",
        ),
    ] = None,
    syntax_line: Annotated[
        bool,
        _place("--syntax-line", help="Begin changed Dockerfiles with `# syntax=`, for builders with an old frontend."),
    ] = _DEFAULT.syntax_line,
    fix: Annotated[
        bool, _do("--fix", help="Mend migrations that somebody left half done, where that is exact.")
    ] = _DEFAULT.fix,
    allow: Annotated[
        list[Path] | None,
        _do(
            "--allow",
            metavar="DIR",
            help="A folder outside of the project that this call may change: files that the project's links and paths "
            "lead to are left otherwise. May be repeated.",
        ),
    ] = None,
    harden: Annotated[
        list[Harden] | None,
        _do(
            "--harden",
            metavar="PASS",
            help="networks: data stores get an internal network with those who use them. mounts: secrets only where "
            "they are used. May be repeated.",
        ),
    ] = None,
    safe: Annotated[bool, _choice("--safe", help="Move only what needs no review.")] = _DEFAULT.safe,
    form: Annotated[str, _show("--format", metavar="|".join(REPORTS), help="Form of the report.")] = _DEFAULT.form,
    outputs: Annotated[
        list[str] | None,
        _show(
            "--output", metavar="FORMAT=FILE", help="Write a report to a file too: json=report.json; may be repeated."
        ),
    ] = None,
    diff: Annotated[
        DiffStyle,
        _show("--diff", metavar="FORM", help="Changes in the text report: unified, side-by-side or semantic."),
    ] = _DEFAULT.diff,
    show_values: Annotated[
        bool, _show("--show-values", help="Show values in place of ********. Only as text on a terminal.")
    ] = _DEFAULT.show_values,
    completion: Annotated[
        str | None,
        typer.Option(
            "--completion",
            metavar="SHELL",
            callback=_print_completion,
            is_eager=True,
            help="Print the completion of bash, zsh or fish and exit.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Move the plaintext secrets of Docker Compose projects into Docker secrets.

    Shows what would change, with all values masked. Nothing is changed before you say --write.

    Other commands: undo, status, fill, push, pull, rotate, lock,
    unlock and images; `dsec-migrate undo --help` tells more.

    Exit status: 0 done; 1 --check found secrets in plaintext; 2 bad usage, or a file that is invalid; 3 a change
    could not be proved right and was not made.
    """
    del completion, version
    request = Request(
        files or (),
        layers or (),
        project_directory,
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
        prune_env,
        templates,
        no_docker,
        fix,
        inspect_registry,
        syntax_line,
        manager_image,
        manager_command,
        manager_credentials,
        prefix,
        encrypt_to or (),
        stack_output,
        mount,
        rename or (),
        source_of or (),
        delivery_of or (),
        skip_because or (),
        interactive,
        context.obj or (),
        harden or (),
        allow or (),
        settings,
        no_exceptions,
        registries or (),
    )
    raise typer.Exit(perform(request))


COMMANDS: dict[str, Callable[..., None]] = {
    "": migrate,
    "audit": audit,
    "fill": verbs.fill,
    "images": verbs.images,
    "lock": verbs.lock,
    "pull": verbs.pull,
    "push": verbs.push,
    "rotate": verbs.rotate,
    "status": verbs.status,
    "undo": verbs.undo,
    "unlock": verbs.unlock,
}
"""By verb; the one without a verb migrates. A verb stands in ``request.VERBS`` as well."""


def run(words: Sequence[str]) -> int:
    """Runs the command that ``words`` name and returns its exit status. Raises UserError on bad usage."""
    verb = words[0] if words and words[0] in COMMANDS else ""
    try:
        status = command(verb).main(list(words[bool(verb) :]), _name(verb), standalone_mode=False, obj=tuple(words))
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        raise _usage_error(error) or error from None
    return status if isinstance(status, int) else 0


def command(verb: str) -> Any:
    """The command of a verb (empty: migrating) with its parameters, as Typer makes it."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    app.command(_name(verb), cls=_Command, context_settings=settings)(COMMANDS[verb])
    return typer.main.get_command(app)


def _name(verb: str) -> str:
    return f"{NAME} {verb}".rstrip()


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
