"""What a request means for the pipeline: its options, which have to go together."""

from __future__ import annotations

import sys

from dsec_migrate.cli.parameters import one_of
from dsec_migrate.cli.request import Request
from dsec_migrate.config.options import Harden, Manager, Mount, Options, SourceKind, Target
from dsec_migrate.reports.output import say
from dsec_migrate.text.errors import UserError


def options_of(request: Request) -> Options:
    """Raises UserError for options that do not go together."""
    manager = _manager(request)
    target = _target(request.source, request.target)
    _check_sources(request, target)
    if request.stack_output is not None and target is not Target.SWARM:
        raise UserError("--stack-output goes with --target swarm", help="add --target swarm, or --source external")
    if request.mount is Mount.VOLUME and (request.source is not SourceKind.FILE or target is Target.SWARM):
        raise UserError("--mount volume goes with --source file, for Compose", help="leave --source and --target out")
    if request.harden and request.safe:
        raise UserError("--harden does not go with --safe: each of its changes needs a review", help="leave one out")
    if Harden.NETWORKS in request.harden and target is Target.SWARM:
        raise UserError("--harden networks is for Compose: what a stack reaches is told elsewhere", help="leave it out")
    if request.registries and not request.registry:
        raise UserError("--registry goes with --inspect-registry", help="add that, or leave --registry out")
    same = {name: getattr(request, name) for name in request.parameters if name in Options.__annotations__}
    source = request.source if manager is None else SourceKind.FILE
    return Options(**{**same, "source": source, "target": target, "manager": manager})


def _check_sources(request: Request, target: Target) -> None:
    """Raises UserError for sources that one project cannot have together."""
    if request.source_of and (request.source.is_managed or request.mount is Mount.VOLUME):
        other = "--mount volume" if request.mount is Mount.VOLUME else f"--source {request.source.value}"
        raise UserError(f"--source-of does not go with {other}, which takes all values from one place")
    kinds = {kind for _, kind in request.source_of}
    if SourceKind.EXTERNAL in kinds and target is not Target.SWARM:
        raise UserError(
            "--source-of: `docker compose up` refuses external secrets",
            help="add --target swarm, or take file or environment",
        )
    if SourceKind.ENVIRONMENT in kinds and target is Target.SWARM:
        raise UserError(
            "--source-of: Swarm refuses secrets that come from variables", help="take file or external for these"
        )


def _manager(request: Request) -> Manager | None:
    if request.source.is_managed:
        return Manager(
            request.source.value,
            request.manager_image,
            request.manager_command,
            request.manager_credentials,
            request.prefix,
        )
    if request.manager_image or request.manager_command or request.manager_credentials or request.prefix is not None:
        raise UserError(
            "--manager-image, --manager-command, --manager-credentials and --prefix go with --source "
            f"{one_of([kind.value for kind in SourceKind if kind.is_managed])}"
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
    if source.is_managed and target is Target.SWARM:
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
