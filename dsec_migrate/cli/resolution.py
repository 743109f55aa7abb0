"""Turns a request into the options of the pipeline, and checks that they are compatible."""

from __future__ import annotations

import sys

from dsec_migrate.cli.parameters import one_of
from dsec_migrate.cli.request import Request
from dsec_migrate.config.options import Harden, Manager, Mount, Options, SourceKind, Target
from dsec_migrate.reports.output import say
from dsec_migrate.text.errors import UserError


def options_of(request: Request) -> Options:
    """Raises UserError for options that are incompatible."""
    manager = _manager(request)
    target = _target(request.source, request.target)
    _check_sources(request, target)
    if request.stack_output is not None and target is not Target.SWARM:
        raise UserError("--stack-output requires --target swarm", help="add --target swarm, or --source external")
    if request.mount is Mount.VOLUME and (request.source is not SourceKind.FILE or target is Target.SWARM):
        raise UserError("--mount volume requires --source file and --target compose", help="omit --source and --target")
    if request.harden and request.safe:
        raise UserError(
            "--harden cannot be used with --safe: each of its changes needs a review", help="omit one of them"
        )
    if Harden.NETWORKS in request.harden and target is Target.SWARM:
        raise UserError(
            "--harden networks is for Compose only: the networks of a stack are defined elsewhere", help="omit it"
        )
    if request.registries and not request.registry:
        raise UserError("--registry requires --inspect-registry", help="add --inspect-registry, or omit --registry")
    same = {name: getattr(request, name) for name in request.parameters if name in Options.__annotations__}
    source = request.source if manager is None else SourceKind.FILE
    return Options(**{**same, "source": source, "target": target, "manager": manager})


def _check_sources(request: Request, target: Target) -> None:
    """Raises UserError for sources that one project cannot combine."""
    if request.source_of and (request.source.is_managed or request.mount is Mount.VOLUME):
        other = "--mount volume" if request.mount is Mount.VOLUME else f"--source {request.source.value}"
        raise UserError(f"--source-of cannot be used with {other}, which takes all values from one source")
    kinds = {kind for _, kind in request.source_of}
    if SourceKind.EXTERNAL in kinds and target is not Target.SWARM:
        raise UserError(
            "--source-of: `docker compose up` refuses external secrets",
            help="add --target swarm, or use file or environment",
        )
    if SourceKind.ENVIRONMENT in kinds and target is Target.SWARM:
        raise UserError(
            "--source-of: Swarm refuses secrets that come from variables", help="use file or external for these"
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
            "--manager-image, --manager-command, --manager-credentials and --prefix require --source "
            f"{one_of([kind.value for kind in SourceKind if kind.is_managed])}"
        )
    return None


def _target(source: SourceKind, target: Target | None) -> Target:
    if source is SourceKind.EXTERNAL:
        if target is Target.COMPOSE:
            raise UserError(
                "--source external cannot be used with --target compose: `docker compose up` refuses external secrets",
                help="omit --target, or use --source file",
            )
        if target is None:
            note = "--source external implies --target swarm: `docker compose up` refuses external secrets"
            say(f"note: {note}\n", sys.stderr)
        return Target.SWARM
    if source.is_managed and target is Target.SWARM:
        raise UserError(
            f"--source {source.value} cannot be used with --target swarm: a stack does not wait for other services",
            help="use --source external",
        )
    if source is SourceKind.ENVIRONMENT and target is Target.SWARM:
        raise UserError(
            "--source environment cannot be used with --target swarm: Swarm refuses secrets that come from variables",
            help="use --source external or --source file",
        )
    return target or Target.COMPOSE
