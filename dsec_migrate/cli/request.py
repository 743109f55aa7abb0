"""The options of the migration, one row each: spelling, meaning and help.

An attribute that :class:`Options` also has is passed to the pipeline under that name.
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

    Shows what would change, with all values masked. Nothing is changed without --write.

    Other commands: {verbs}; see `dsec-migrate undo --help`.

    Exit status: 0 done; 1 --check found secrets in plaintext; 2 bad usage or an invalid file; 3 a change could not
    be verified and was not made.
    """

    files: Sequence[Path] = arguments(
        "[FILE]...",
        Path,
        "Compose files, each its own project; a folder means every project below it. Default: the project that "
        "`docker compose` would load here.",
        _DO,
    )
    layers: Sequence[Path] = repeated(
        "-f, --file",
        "FILE",
        Path,
        "As in docker compose: all files passed with -f form one project, merged in this order. May be repeated.",
        _DO,
    )
    project_directory: Path | None = option(
        "--project-directory",
        "DIR",
        Path,
        "As in docker compose: the folder that relative paths are resolved against.",
        _DO,
    )
    write: bool = switch("--write", "Change the files. Without it, nothing is changed.", _DO)
    interactive: bool = switch("--interactive", "Decide on each finding in turn, on a terminal; ? lists the keys.", _DO)
    check: bool = switch("--check", "Exit with 1 if there are secrets in plaintext.", _DO)
    strict: bool = switch("--strict", "With --check: count secrets behind ${...}, too.", _DO)
    exceptions: bool = switch(
        "--no-exceptions", "Honor no exceptions and no skips: for a gate on contributions of others.", _DO, default=True
    )
    settings: Path | None = option(
        "--settings",
        "FILE",
        Path,
        "Read settings and exceptions from FILE only, not from dsec-migrate.toml or comments in the files.",
        _DO,
    )
    env_files: Sequence[Path] = repeated(
        "--env-file", "FILE", Path, "Read this file instead of .env; may be repeated.", _DO
    )
    jobs: int | None = option(
        "--jobs", "N", int, "Number of files to process in parallel.  [default: number of cores]", _DO
    )
    docker: bool = switch("--no-docker", "Do not inspect local images (docker image inspect).", _DO, default=True)
    source: SourceKind = option(
        "--source",
        "KIND",
        SourceKind,
        "file: values are written to files beside the project. environment: they stay in the variables of the shell "
        "or of .env that provide them now. external: Swarm stores them; a script that creates them is written. vault, "
        "aws: files for development, and an override file with a service that fetches the values when it starts.",
        _PLACE,
        default=SourceKind.FILE,
    )
    source_of: Sequence[tuple[str, SourceKind]] = repeated(
        "--source-of",
        "GLOB=KIND",
        conversions.chosen_source,
        "Another source for these: file or environment; with --target swarm, file or external. May be repeated; the "
        "last match wins.",
        _PLACE,
    )
    secrets_dir: str | None = option(
        "--secrets-dir",
        "DIR",
        str,
        "Folder of the secret files, relative to the Compose file. May be an expression such as "
        "'${SECRETS_DIR:-./secrets}'.  [default: ./secrets]",
        _PLACE,
    )
    manager_image: str = option(
        "--manager-image",
        "IMAGE",
        str,
        "Image of the service that fetches the values.  [default: the vendor's]",
        _PLACE,
        default="",
    )
    manager_command: str = option(
        "--manager-command",
        "SHELL",
        str,
        'Shell command that prints the value of "$1".  [default: the vendor\'s]',
        _PLACE,
        default="",
    )
    manager_credentials: str = option(
        "--manager-credentials",
        "FILE",
        str,
        "File with Vault's token or AWS's credentials.  [default: ./secrets/vault_token.txt; none for AWS]",
        _PLACE,
        default="",
    )
    prefix: str | None = option(
        "--prefix", "PATH", str, "Prefix of each name in the store.  [default: the project's name]", _PLACE
    )
    encrypt_to: Sequence[str] = repeated(
        "--encrypt-to",
        "RECIPIENT",
        conversions.recipient,
        "Also write each value encrypted, for git, to this public key of age or SSH; may be repeated.",
        _PLACE,
    )
    target: Target | None = option(
        "--target",
        "KIND",
        Target,
        "Where the project runs: compose or swarm.  [default: compose; swarm with --source external]",
        _PLACE,
    )
    mount: Mount = option(
        "--mount",
        "HOW",
        Mount,
        "secrets: Docker's own. volume: a folder for each service, for engines without support for secrets.",
        _PLACE,
        default=Mount.SECRETS,
    )
    stack_output: str | None = option(
        "--stack-output",
        "FILE",
        str,
        "With --target swarm: write a file for `docker stack deploy`, with replacements for what that refuses.",
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
        "Move only these: VARIABLE or service.VARIABLE, with * and ?; may be repeated. A possible secret moves only "
        "if named here.",
        _CHOICE,
    )
    skip: Sequence[str] = repeated("--skip", "GLOB", str, "Skip these; may be repeated.", _CHOICE)
    skip_because: Sequence[tuple[str, str]] = repeated(
        "--skip-because",
        "GLOB=REASON",
        conversions.skipped,
        "Skip these permanently: with --write, they are added to dsec-migrate.toml with the reason; may be repeated.",
        _CHOICE,
    )
    rename: Sequence[tuple[str, str]] = repeated(
        "--rename",
        "VARIABLE=NAME",
        conversions.chosen_name,
        "Name of the secret of VARIABLE (or of service.VARIABLE); may be repeated.",
        _CHOICE,
    )
    unknown: Unknown = option(
        "--unknown",
        "HOW",
        Unknown,
        "For images not in the table: ask, rewrite, wrap, env-file or keep.",
        _CHOICE,
        default=Unknown.REWRITE,
    )
    delivery_of: Sequence[tuple[str, Unknown]] = repeated(
        "--delivery-of",
        "GLOB=HOW",
        conversions.chosen_delivery,
        "rewrite: the program reads the file itself, as with --unknown rewrite. wrap: a wrapper script reads it, "
        "whatever the image supports. May be repeated; the last match wins.",
        _CHOICE,
    )
    prune_env: bool = switch(
        "--prune-env", "Remove the lines of .env that nothing in the project reads anymore.", _PLACE
    )
    templates: bool = switch(
        "--templates", "Write .env.example and a README beside the secrets: names and descriptions, no values.", _PLACE
    )
    registry: bool = switch(
        "--inspect-registry", "Query the registry, over the network, for the configuration of unknown images.", _DO
    )
    registries: Sequence[str] = repeated(
        "--registry",
        "HOST",
        conversions.registry_host,
        "With --inspect-registry: a registry, as in image names, that may be at a private address. Registries of "
        "`docker login` always may. May be repeated.",
        _DO,
    )
    syntax_line: bool = switch(
        "--syntax-line", "Start changed Dockerfiles with `# syntax=`, for builders with an old frontend.", _PLACE
    )
    fix: bool = switch("--fix", "Fix half-done migrations where the fix is exact.", _DO)
    allow: Sequence[Path] = repeated(
        "--allow",
        "DIR",
        partial(existing_folder, "--allow"),
        "A folder outside the project that this command may change; otherwise, files there that the project links or "
        "refers to are left unchanged. May be repeated.",
        _DO,
    )
    harden: Sequence[Harden] = repeated(
        "--harden",
        "PASS",
        Harden,
        "networks: move data stores to an internal network with the services that use them. mounts: mount secrets "
        "only where they are used. May be repeated.",
        _DO,
    )
    safe: bool = switch("--safe", "Move only what needs no review.", _CHOICE)
    form: str = option(
        "--format",
        "|".join(REPORTS),
        partial(known_format, formats=tuple(REPORTS)),
        "Format of the report.",
        _SHOW,
        default="text",
        values=tuple(REPORTS),
    )
    outputs: Sequence[tuple[str, Path]] = repeated(
        "--output",
        "FORMAT=FILE",
        partial(destination, formats=tuple(REPORTS)),
        "Also write a report to a file: json=report.json; may be repeated.",
        _SHOW,
    )
    diff: DiffStyle = option(
        "--diff",
        "FORM",
        DiffStyle,
        "Diffs in the text report: unified, side-by-side or semantic.",
        _SHOW,
        default=DiffStyle.UNIFIED,
    )
    show_values: bool = switch(
        "--show-values", "Show values instead of ********. Only with the text report on a terminal.", _SHOW
    )
    completion: str | None = option(
        "--completion",
        "SHELL",
        str,
        f"Print the completion script for {one_of(SHELLS)} and exit.",
        values=SHELLS,
        instead=_completion,
    )
    version: bool = switch("--version", "Print the version and exit.", instead=_version)
