"""The options of migrating, a row each: what is said, what it means, and what the help tells of it.

An attribute that :class:`Options` has as well is handed on to the pipeline under that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from dsec_migrate.cli import conversions
from dsec_migrate.cli.command import SHELLS, Command
from dsec_migrate.cli.parameters import Call, arguments, existing_folder, one_of, option, repeated, switch
from dsec_migrate.config.options import Harden, Mount, SourceKind, Target, Unknown
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.reports.look import DiffStyle
from dsec_migrate.reports.output import destination, known_format

NAME = "dsec-migrate"

_DO = "What to do"
_PLACE = "Where the values go"
_CHOICE = "Which variables move"
_SHOW = "What to show"


def _completion(shell: str, commands: Iterable[Command]) -> str:
    from dsec_migrate.cli import completion

    return completion.script(shell, commands)


def _version(_: bool, __: Iterable[Command]) -> str:
    from importlib.metadata import version

    return f"{NAME} {version(NAME)}\n"


class Request(Call):
    """Move the plaintext secrets of Docker Compose projects into Docker secrets.

    Shows what would change, with all values masked. Nothing is changed before you say --write.

    Other commands: {verbs}; `dsec-migrate undo --help` tells more.

    Exit status: 0 done; 1 --check found secrets in plaintext; 2 bad usage, or a file that is invalid; 3 a change
    could not be proved right and was not made.
    """

    files: Sequence[Path] = arguments(
        "[FILE]...",
        Path,
        "Compose files, each a project of its own; a folder stands for every project below it. "
        "Without any: the project that `docker compose` would load here.",
        _DO,
    )
    layers: Sequence[Path] = repeated(
        "-f, --file",
        "FILE",
        Path,
        "Like docker compose: all files named so are one project, in this order. May be repeated.",
        _DO,
    )
    project_directory: Path | None = option(
        "--project-directory", "DIR", Path, "Like docker compose: the folder that relative paths mean.", _DO
    )
    write: bool = switch("--write", "Change the files. Without it nothing is changed.", _DO)
    interactive: bool = switch(
        "--interactive", "Decide about one finding after the other, on a terminal; ? lists the keys.", _DO
    )
    check: bool = switch("--check", "Exit with 1 when secrets stand in plaintext.", _DO)
    strict: bool = switch("--strict", "With --check: secrets behind ${...} count as well.", _DO)
    exceptions: bool = switch(
        "--no-exceptions", "Nothing is excepted or skipped: for a gate on what others propose.", _DO, default=True
    )
    settings: Path | None = option(
        "--settings",
        "FILE",
        Path,
        "Settings and exceptions are those of FILE: not of dsec-migrate.toml, nor of comments in the files.",
        _DO,
    )
    env_files: Sequence[Path] = repeated(
        "--env-file", "FILE", Path, "Read this file in place of .env; may be repeated.", _DO
    )
    jobs: int | None = option("--jobs", "N", int, "How many files to work on at a time.  [default: cores]", _DO)
    docker: bool = switch(
        "--no-docker", "Do not ask Docker how local images start (docker image inspect).", _DO, default=True
    )
    source: SourceKind = option(
        "--source",
        "KIND",
        SourceKind,
        "file: values go to files beside the project. environment: they stay in the variables of the shell "
        "or of .env that supply them now. external: Swarm keeps them; a script is written that takes them there. "
        "vault, aws: files for development, and a layer with a service that fetches the values when it starts.",
        _PLACE,
        default=SourceKind.FILE,
    )
    source_of: Sequence[tuple[str, SourceKind]] = repeated(
        "--source-of",
        "GLOB=KIND",
        conversions.chosen_source,
        "Another source for these: file or environment, and with --target swarm file or external. "
        "May be repeated; the last that fits counts.",
        _PLACE,
    )
    secrets_dir: str | None = option(
        "--secrets-dir",
        "DIR",
        str,
        "Folder of the secret files, seen from the Compose file. It may hold an expression such as "
        "'${SECRETS_DIR:-./secrets}'.  [default: ./secrets]",
        _PLACE,
    )
    manager_image: str = option(
        "--manager-image", "IMAGE", str, "Of the service that fetches.  [default: the vendor's]", _PLACE, default=""
    )
    manager_command: str = option(
        "--manager-command", "SHELL", str, 'Writes the value of "$1".  [default: the vendor\'s]', _PLACE, default=""
    )
    manager_credentials: str = option(
        "--manager-credentials",
        "FILE",
        str,
        "Vault's token, or AWS's credentials.  [default: ./secrets/vault_token.txt; none for AWS]",
        _PLACE,
        default="",
    )
    prefix: str | None = option(
        "--prefix", "PATH", str, "What stands before each name there.  [default: the project's name]", _PLACE
    )
    encrypt_to: Sequence[str] = repeated(
        "--encrypt-to",
        "RECIPIENT",
        conversions.recipient,
        "Keep each value encrypted as well, for git: a public key of age or SSH; may be repeated.",
        _PLACE,
    )
    target: Target | None = option(
        "--target",
        "KIND",
        Target,
        "What runs the project: compose or swarm.  [default: compose; swarm with --source external]",
        _PLACE,
    )
    mount: Mount = option(
        "--mount",
        "HOW",
        Mount,
        "secrets: Docker's own. volume: a folder for each service, for engines that know no secrets.",
        _PLACE,
        default=Mount.SECRETS,
    )
    stack_output: str | None = option(
        "--stack-output",
        "FILE",
        str,
        "With --target swarm: a file for `docker stack deploy`, which says otherwise what that refuses.",
        _PLACE,
    )
    uid: str | None = option(
        "--uid", "N", partial(conversions.owner, "--uid"), "Owner of the file in the container.", _PLACE
    )
    gid: str | None = option(
        "--gid", "N", partial(conversions.owner, "--gid"), "Group of the file in the container.", _PLACE
    )
    mode: int | None = option(
        "--mode", "OCTAL", conversions.octal, "Mode of the file in the container, such as 0400.", _PLACE
    )
    only: Sequence[str] = repeated(
        "--only",
        "GLOB",
        str,
        "Move only these: VARIABLE or service.VARIABLE, with * and ?; may be repeated. "
        "What is only possibly a secret moves when it is named here.",
        _CHOICE,
    )
    skip: Sequence[str] = repeated("--skip", "GLOB", str, "Leave these as they are; may be repeated.", _CHOICE)
    skip_because: Sequence[tuple[str, str]] = repeated(
        "--skip-because",
        "GLOB=REASON",
        conversions.skipped,
        "Leave these for good: with --write, dsec-migrate.toml says so, with the reason; may be repeated.",
        _CHOICE,
    )
    rename: Sequence[tuple[str, str]] = repeated(
        "--rename",
        "VARIABLE=NAME",
        conversions.chosen_name,
        "What the secret of VARIABLE (or of service.VARIABLE) is to be called; may be repeated.",
        _CHOICE,
    )
    unknown: Unknown = option(
        "--unknown",
        "HOW",
        Unknown,
        "For images that nobody has recorded: rewrite and say what to check, wrap, or keep.",
        _CHOICE,
        default=Unknown.REWRITE,
    )
    delivery_of: Sequence[tuple[str, Unknown]] = repeated(
        "--delivery-of",
        "GLOB=HOW",
        conversions.chosen_delivery,
        "rewrite: the program of these reads a file itself, as --unknown rewrite. wrap: a shell reads it, "
        "whatever the image can do. May be repeated; the last that fits counts.",
        _CHOICE,
    )
    prune_env: bool = switch(
        "--prune-env", "Take the lines out of .env that nothing in the project reads any more.", _PLACE
    )
    templates: bool = switch(
        "--templates", "Write .env.example and a README beside the secrets: names and meaning, no values.", _PLACE
    )
    registry: bool = switch(
        "--inspect-registry", "Ask the registry, over the network, how an image starts that nobody knows.", _DO
    )
    registries: Sequence[str] = repeated(
        "--registry",
        "HOST",
        conversions.registry_host,
        "With --inspect-registry: a registry, as images name it, that may be at a private address. One of "
        "`docker login` may be anyway. May be repeated.",
        _DO,
    )
    syntax_line: bool = switch(
        "--syntax-line", "Begin changed Dockerfiles with `# syntax=`, for builders with an old frontend.", _PLACE
    )
    fix: bool = switch("--fix", "Mend migrations that somebody left half done, where that is exact.", _DO)
    allow: Sequence[Path] = repeated(
        "--allow",
        "DIR",
        partial(existing_folder, "--allow"),
        "A folder outside of the project that this call may change: files that the project's links and paths "
        "lead to are left otherwise. May be repeated.",
        _DO,
    )
    harden: Sequence[Harden] = repeated(
        "--harden",
        "PASS",
        Harden,
        "networks: data stores get an internal network with those who use them. mounts: secrets only where "
        "they are used. May be repeated.",
        _DO,
    )
    safe: bool = switch("--safe", "Move only what needs no review.", _CHOICE)
    form: str = option(
        "--format",
        "|".join(REPORTS),
        partial(known_format, formats=tuple(REPORTS)),
        "Form of the report.",
        _SHOW,
        default="text",
        values=tuple(REPORTS),
    )
    outputs: Sequence[tuple[str, Path]] = repeated(
        "--output",
        "FORMAT=FILE",
        partial(destination, formats=tuple(REPORTS)),
        "Write a report to a file too: json=report.json; may be repeated.",
        _SHOW,
    )
    diff: DiffStyle = option(
        "--diff",
        "FORM",
        DiffStyle,
        "Changes in the text report: unified, side-by-side or semantic.",
        _SHOW,
        default=DiffStyle.UNIFIED,
    )
    show_values: bool = switch("--show-values", "Show values in place of ********. Only as text on a terminal.", _SHOW)
    completion: str | None = option(
        "--completion",
        "SHELL",
        str,
        f"Print the completion of {one_of(SHELLS)} and exit.",
        values=SHELLS,
        instead=_completion,
    )
    version: bool = switch("--version", "Print the version and exit.", instead=_version)
