"""The options of the verbs besides migrating."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dsec_migrate.cli.request import allowed
from dsec_migrate.discovery import discover
from dsec_migrate.errors import UserError
from dsec_migrate.options import Options
from dsec_migrate.reports.output import complain, say
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.terminal import style_for, width
from dsec_migrate.rotation import Strategy
from dsec_migrate.secret import Secret
from dsec_migrate.stores.keepers import Reach, check_options
from dsec_migrate.verbs import Result, Task

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...",
        help="Compose files, each a project of its own, or folders. Without any: what `docker compose` would use here.",
        show_default=False,
    ),
]
Layers = Annotated[
    list[Path] | None, typer.Option("-f", "--file", metavar="FILE", help="Like docker compose: files of one project.")
]
EnvFiles = Annotated[
    list[Path] | None, typer.Option("--env-file", metavar="FILE", help="Read this file in place of .env.")
]
SecretsDir = Annotated[
    str | None, typer.Option("--secrets-dir", metavar="DIR", help="Folder of the secret files.  [default: ./secrets]")
]
Allow = Annotated[
    list[Path] | None,
    typer.Option("--allow", metavar="DIR", help="A folder outside of the project that this call may change."),
]
Write = Annotated[bool, typer.Option("--write", help="Do it. Without it nothing is changed.")]


def undo(
    files: Files = None,
    layers: Layers = None,
    project_directory: Annotated[
        Path | None, typer.Option("--project-directory", metavar="DIR", help="Like docker compose.")
    ] = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the former files instead, which hold the values in plaintext.")
    ] = False,
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Take the latest migration of a project back: every file as it was, byte for byte.

    What was edited elsewhere in these files since stays. A place that the migration changed and that was edited since
    is an error, and nothing changes.
    """
    from dsec_migrate.verbs import undo as verb

    task = _task(files, layers, env_files, secrets_dir, write, allow, project_directory)
    _finish(lambda: verb.perform(task, forget=forget))


def status(
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where a secret has no value here, or git tracks its file.")
    ] = False,
) -> None:
    """Tell in what state the secrets of a project are, and which plaintext remains. Changes nothing."""
    from dsec_migrate.verbs import status as verb

    _finish(lambda: verb.perform(_task(files, layers, env_files, secrets_dir, write=False), is_gate=check))


def fill(
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read NAME=value lines from standard input; do not ask.")
    ] = False,
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Ask for the secrets whose files are missing or empty, as in a fresh clone. What is typed is not shown."""
    from dsec_migrate.verbs import fill as verb

    _finish(lambda: verb.perform(_task(files, layers, env_files, None, write, allow), from_stdin=from_stdin))


To = Annotated[str, typer.Option("--to", metavar="STORE", help="swarm, vault, aws or kubernetes.")]
From = Annotated[str, typer.Option("--from", metavar="STORE", help="vault or aws.")]
Prefix = Annotated[
    str | None,
    typer.Option("--prefix", metavar="PATH", help="What stands before each name there.  [default: the project's name]"),
]
InEntry = Annotated[
    str | None, typer.Option("--entry", metavar="NAME", help="One entry there has all values, as its keys.")
]
Mount = Annotated[str, typer.Option("--mount", metavar="PATH", help="Vault: the path of the engine KV version 2.")]


Out = Annotated[str, typer.Option("--out", metavar="DIR", help="Kubernetes: the folder of the manifests.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", metavar="NAME", help="Kubernetes: the namespace of all objects.")
]


def push(
    to: To,
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="A label (Swarm) or tag (AWS); may be repeated."),
    ] = None,
    prefix: Prefix = None,
    entry: InEntry = None,
    mount: Mount = "secret",
    out: Out = "kubernetes",
    namespace: Namespace = None,
    with_values: Annotated[
        bool, typer.Option("--with-values", help="Kubernetes: Secrets with their values, in place of a script.")
    ] = False,
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Put the values of a migrated project into Swarm, Vault or AWS Secrets Manager, or make manifests for Kubernetes.

    Names are listed, never values. What is there already stays; where a name is taken by another value, nothing is
    sent. Whatever was interrupted can be run again.
    """
    given = {"--label": labels, "--prefix": prefix, "--entry": entry, "--mount": mount != "secret"}
    given |= {"--out": out != "kubernetes", "--namespace": namespace, "--with-values": with_values}
    check_options(to, {name for name, value in given.items() if value})
    if to == "kubernetes":
        from dsec_migrate.verbs import manifests

        wish = manifests.Wish(out, namespace, with_values)
        _finish(lambda: manifests.perform(_task(files, layers, env_files, secrets_dir, write, allow), wish))
    from dsec_migrate.verbs import push as verb

    way = verb.Way(to, Reach("", _pairs(labels or ()), prefix, entry, mount))
    _finish(lambda: verb.push(_task(files, layers, env_files, secrets_dir, write, allow), way))


def pull(
    source: From,
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    prefix: Prefix = None,
    entry: InEntry = None,
    mount: Mount = "secret",
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Bring the values of a project from Vault or AWS Secrets Manager into its files, for development."""
    from dsec_migrate.verbs import push as verb

    way = verb.Way(source, Reach("", {}, prefix, entry, mount))
    _finish(lambda: verb.pull(_task(files, layers, env_files, secrets_dir, write, allow), way))


def lock(
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    recipients: Annotated[
        list[str] | None,
        typer.Option("--encrypt-to", metavar="RECIPIENT", help="A public key of age or SSH; may be repeated."),
    ] = None,
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Encrypt the secrets of a project into files beside the plain ones, which git may have.

    Who can decrypt is kept in .age-recipients. git ignores the plain files.
    """
    from dsec_migrate.verbs import lock as verb

    _finish(lambda: verb.lock(_task(files, layers, env_files, secrets_dir, write, allow), recipients or ()))


def unlock(
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    identities: Annotated[
        list[Path] | None,
        typer.Option("--identity", metavar="FILE", help="The private key.  [default: what AGE_IDENTITY names]"),
    ] = None,
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Decrypt the secrets of a project into the plain files that its services mount."""
    from dsec_migrate.verbs import lock as verb

    named = identities or ([Path(os.environ["AGE_IDENTITY"])] if os.environ.get("AGE_IDENTITY") else [])
    _finish(lambda: verb.unlock(_task(files, layers, env_files, secrets_dir, write, allow), named))


def rotate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The secret, as `secrets:` calls it.")],
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    secrets_dir: SecretsDir = None,
    generate: Annotated[
        int | None, typer.Option("--generate", metavar="N", help="A new value of N random letters and digits.")
    ] = None,
    value_file: Annotated[
        Path | None, typer.Option("--value-file", metavar="FILE", help="The new value is what this file holds.")
    ] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="Type the new value, unseen.")] = False,
    strategy: Annotated[
        Strategy | None,
        typer.Option(
            "--strategy",
            metavar="HOW",
            help="dual: a program tries both values; replace: the file changes at the end; swarm: a new version.  "
            "[default: by the image, and by what keeps the secret]",
        ),
    ] = None,
    finish: Annotated[bool, typer.Option("--finish", help="The new value takes the place of the former.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Drop the new value.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Swarm: back to the former version.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Swarm: remove versions that nothing uses.")] = False,
    forget_previous: Annotated[
        bool, typer.Option("--forget-previous", help="Delete the former value that was kept.")
    ] = False,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="With --finish: the new value was tried, and works.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Run the commands in between, too.")] = False,
    allow: Allow = None,
    write: Write = False,
) -> None:
    """Give a secret another value, in two phases: first the new one beside the former, then --finish.

    Tells what to run in between, or runs it with --apply. The former value is kept until --forget-previous.
    """
    from dsec_migrate.rotation import values
    from dsec_migrate.verbs import rotate as verb
    from dsec_migrate.verbs.rotating import Request

    said = {"finish": finish, "abort": abort, "rollback": rollback, "prune": prune, "forget": forget_previous}
    phases = [phase for phase, is_said in said.items() if is_said]
    sources: list[Callable[[], Secret]] = []
    if generate is not None:
        made = values.generate(generate)
        sources.append(lambda: made)
    if value_file is not None:
        path = value_file
        sources.append(lambda: values.from_file(path))
    if prompt:
        sources.append(lambda: values.typed(name))
    if len(phases) > 1 or len(sources) > 1 or (phases and sources):
        raise UserError(
            "these options exclude each other", help="name one source of the new value, or one phase such as --finish"
        )
    request = Request(
        name,
        phases[0] if phases else "start",
        sources[0] if sources else None,
        strategy,
        confirmed,
        apply,
        is_from_file=value_file is not None,
    )
    _finish(lambda: verb.perform(_task(files, layers, env_files, secrets_dir, write, allow), request))


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text[1:]:
            raise UserError("--label takes KEY=VALUE", help="such as --label stage=production")
    return dict(text.split("=", 1) for text in texts)


def images(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An image, as a Compose file names it.", show_default=False)
    ] = None,
) -> None:
    """Tell what images read from files: the table, or one image with the evidence. Changes nothing."""
    from dsec_migrate.verbs import images as verb

    _finish(lambda: Result(verb.perform(Page(style_for(sys.stdout, os.environ), width()), name), ()))


def _task(
    files: list[Path] | None,
    layers: list[Path] | None,
    env_files: list[Path] | None,
    secrets_dir: str | None,
    write: bool,
    allow: list[Path] | None = None,
    project_directory: Path | None = None,
) -> Task:
    projects = discover(
        files or (),
        layers or (),
        shell=os.environ,
        project_directory=project_directory,
        env_files=env_files or (),
    )
    options = Options(secrets_dir=secrets_dir, env_files=tuple(env_files or ()), allow=allowed(allow or ()))
    return Task(projects, options, dict(os.environ), Page(style_for(sys.stdout, os.environ), width()), write)


def _finish(perform: Callable[[], Result]) -> None:
    result = perform()
    for error in result.errors:
        complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    say(str(result.page), sys.stdout)
    raise typer.Exit(max((error.exit_status for error in result.errors), default=int(result.is_refused)))
