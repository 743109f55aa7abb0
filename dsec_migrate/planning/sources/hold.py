"""Where values go: one module per store, and the registry that makes it known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dsec_migrate.options import Options, SourceKind, Target
from dsec_migrate.project import Project, Service, Variable
from dsec_migrate.project.naming import is_said
from dsec_migrate.records import dataclass
from dsec_migrate.secret import Secret
from dsec_migrate.source import is_text


@dataclass(frozen=True, repr=False, eq=False)
class Holding:
    """How a store takes one value. ``variable`` is the name of an ``environment:`` source.

    ``path`` is a file that holds it already.
    ``follows`` names the variables that have no effect on the secret any more once it is moved.
    """

    source: SourceKind
    value: Secret | None
    variable: str = ""
    follows: tuple[str, ...] = ()
    path: Path | None = None


@dataclass(frozen=True, repr=False)
class Left:
    """Why a finding is left as it is, in words for the user; never a value. ``is_excepted``: the project's people want
    it so."""

    reason: str
    kind: str = "plaintext"
    is_excepted: bool = False


Store = Callable[[Project, Service, Variable], "Holding | Left"]


def stores() -> Mapping[SourceKind, Store]:
    """Every store by the name that ``--source`` takes."""
    from dsec_migrate.stores import environment, external, file

    return {SourceKind.FILE: file.hold, SourceKind.ENVIRONMENT: environment.hold, SourceKind.EXTERNAL: external.hold}


def hold(options: Options, project: Project, service: Service, variable: Variable) -> Holding | Left:
    """What the store that was asked for makes of the value.

    Where a secret of the project is made from that very variable of the environment already, it is the one to mount.
    """
    if not is_text(variable.effective.value or ""):
        return Left("its value has bytes that are not UTF-8, which Docker replaces: save the file as UTF-8 first")
    source = options.source_for(service.name, variable.name)
    if source is SourceKind.FILE and options.target is not Target.SWARM:
        from dsec_migrate.stores import environment

        if environment.has_secret(project, variable):
            holding = environment.hold(project, service, variable)
            if isinstance(holding, Holding):
                return holding
    holding = stores()[source](project, service, variable)
    is_kept = isinstance(holding, Holding) and holding.source is not SourceKind.ENVIRONMENT
    return (_named(options, project, service, variable) if is_kept else None) or holding


def _named(options: Options, project: Project, service: Service, variable: Variable) -> Left | None:
    """A value that the project's name is part of is another one under another name: it is kept where the files say
    the name."""
    if not variable.effective.is_named:
        return None
    name = "the project's name (COMPOSE_PROJECT_NAME) is part of its value"
    if options.target is Target.SWARM:
        return Left(f"{name}, which Compose sets itself and `docker stack deploy` does not: write it out")
    if project.environment.is_included:
        return Left(f"{name}, and alone this file has another one: write it out")
    if not is_said(project, service):
        return Left(f"{name}, and its file does not say it: give the file a `name:` first, or write it out")
    return None
