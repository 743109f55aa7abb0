"""The options of the verbs besides migrating."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dsec_migrate.discovery import discover
from dsec_migrate.options import Options
from dsec_migrate.reports.output import complain, say
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.terminal import style_for, width
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
Write = Annotated[bool, typer.Option("--write", help="Do it. Without it nothing is changed.")]


def undo(
    files: Files = None,
    layers: Layers = None,
    secrets_dir: SecretsDir = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the former files instead, which hold the values in plaintext.")
    ] = False,
    write: Write = False,
) -> None:
    """Take the latest migration of a project back: every file as it was, byte for byte.

    What was edited elsewhere in these files since stays. A place that the migration changed and that was edited since
    is an error, and nothing changes.
    """
    from dsec_migrate.verbs import undo as verb

    _finish(lambda: verb.perform(_task(files, layers, None, secrets_dir, write), forget=forget))


def status(
    files: Files = None, layers: Layers = None, env_files: EnvFiles = None, secrets_dir: SecretsDir = None
) -> None:
    """Tell in what state the secrets of a project are, and which plaintext remains. Changes nothing."""
    from dsec_migrate.verbs import status as verb

    _finish(lambda: verb.perform(_task(files, layers, env_files, secrets_dir, write=False)))


def fill(
    files: Files = None,
    layers: Layers = None,
    env_files: EnvFiles = None,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read NAME=value lines from standard input; do not ask.")
    ] = False,
    write: Write = False,
) -> None:
    """Ask for the secrets whose files are missing or empty, as in a fresh clone. What is typed is not shown."""
    from dsec_migrate.verbs import fill as verb

    _finish(lambda: verb.perform(_task(files, layers, env_files, None, write), from_stdin=from_stdin))


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
) -> Task:
    projects = discover(files or (), layers or (), shell=os.environ, env_files=env_files or ())
    options = Options(secrets_dir=secrets_dir, env_files=tuple(env_files or ()))
    return Task(projects, options, dict(os.environ), Page(style_for(sys.stdout, os.environ), width()), write)


def _finish(perform: Callable[[], Result]) -> None:
    result = perform()
    for error in result.errors:
        complain(error, sys.stderr, style_for(sys.stderr, os.environ))
    say(str(result.page), sys.stdout)
    raise typer.Exit(2 if result.errors else 0)
