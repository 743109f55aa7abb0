"""Where values go: a module for each kind of source, found by its name, with ``hold``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.compose.project.project_name import is_said
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.text.source import is_text

Source = Callable[[Project, Service, Variable], "Holding | Skipped"]


def source_of(kind: SourceKind) -> Source:
    """The module of a source that ``--source`` takes; those of a manager are files here."""
    return cast("Source", import_module(f"dsec_migrate.planning.sources.{kind.value}_secrets").hold)


def hold(options: Options, project: Project, service: Service, variable: Variable) -> Holding | Skipped:
    """What the selected source makes of the value.

    If a secret of the project already uses that very environment variable, it is the one to mount.
    """
    if not is_text(variable.effective.value or ""):
        return Skipped("its value has bytes that are not UTF-8, which Docker replaces: save the file as UTF-8 first")
    source = options.source_for(service.name, variable.name)
    if source is SourceKind.FILE and options.target is not Target.SWARM:
        from dsec_migrate.planning.sources import environment_secrets

        if environment_secrets.has_secret(project, variable):
            holding = environment_secrets.hold(project, service, variable)
            if isinstance(holding, Holding):
                return holding
    holding = source_of(source)(project, service, variable)
    is_kept = isinstance(holding, Holding) and holding.source is not SourceKind.ENVIRONMENT
    return (_named(options, project, service, variable) if is_kept else None) or holding


def _named(options: Options, project: Project, service: Service, variable: Variable) -> Skipped | None:
    """Why a value that contains the project's name is skipped: it differs under another name, unless the files set the
    name."""
    if not variable.effective.is_named:
        return None
    name = "the project's name (COMPOSE_PROJECT_NAME) is part of its value"
    if options.target is Target.SWARM:
        return Skipped(f"{name}, which Compose sets itself and `docker stack deploy` does not: write it out")
    if project.environment.is_included:
        return Skipped(f"{name}, and this file on its own has another project name: write it out")
    if not is_said(project, service):
        return Skipped(f"{name}, and the file does not set it: add a top-level `name:` first, or write it out")
    return None
