"""Options that speak of single variables: ``VARIABLE=NAME``, ``PATTERN=KIND``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, TypeVar

from dsec_migrate.errors import UserError
from dsec_migrate.naming import is_valid
from dsec_migrate.options import Mount, SourceKind, Target, Unknown
from dsec_migrate.outcome import Outcome

_Kind = TypeVar("_Kind", bound=Enum)
_DELIVERIES = (Unknown.REWRITE, Unknown.WRAP)
_SOURCES = (SourceKind.FILE, SourceKind.ENVIRONMENT, SourceKind.EXTERNAL)


class Choices(NamedTuple):
    """In the words of ``Options``."""

    rename: tuple[tuple[str, str], ...] = ()
    source_of: tuple[tuple[str, SourceKind], ...] = ()
    delivery_of: tuple[tuple[str, Unknown], ...] = ()
    skip_because: tuple[tuple[str, str], ...] = ()


def read(
    rename: Sequence[str], source_of: Sequence[str], delivery_of: Sequence[str], skip_because: Sequence[str]
) -> Choices:
    """Raises UserError for words that nobody understands."""
    return Choices(
        tuple(map(_name, rename)),
        tuple(_kind("--source-of", text, _SOURCES) for text in source_of),
        tuple(_kind("--delivery-of", text, _DELIVERIES) for text in delivery_of),
        tuple(map(_reason, skip_because)),
    )


def check_sources(
    chosen: Sequence[tuple[str, SourceKind]], source: SourceKind, target: Target, mount: Mount = Mount.SECRETS
) -> None:
    """Raises UserError for sources that one project cannot have together."""
    if chosen and (source in {SourceKind.VAULT, SourceKind.AWS} or mount is Mount.VOLUME):
        other = "--mount volume" if mount is Mount.VOLUME else f"--source {source.value}"
        raise UserError(f"--source-of does not go with {other}, which takes all values from one place")
    kinds = {kind for _, kind in chosen}
    if SourceKind.EXTERNAL in kinds and target is not Target.SWARM:
        raise UserError(
            "--source-of: `docker compose up` refuses external secrets",
            help="add --target swarm, or take file or environment",
        )
    if SourceKind.ENVIRONMENT in kinds and target is Target.SWARM:
        raise UserError(
            "--source-of: Swarm refuses secrets that come from variables", help="take file or external for these"
        )


def without_effect(rename: Sequence[tuple[str, str]], outcome: Outcome) -> list[str]:
    """Variables that a name was chosen for, and that no project has."""
    if not rename or any(project.status for project in outcome.projects):
        return []
    found = {(finding.service, finding.variable) for project in outcome.projects for finding in project.findings}
    known = {text for service, variable in found for text in (variable, f"{service}.{variable}")}
    return [variable for variable, _ in rename if variable not in known]


def _name(text: str) -> tuple[str, str]:
    variable, equals, name = text.rpartition("=")
    if not equals or not variable:
        raise UserError("--rename takes VARIABLE=NAME", help="such as --rename web.API_KEY=shop_api_key")
    if not is_valid(name):
        # who mistakes the option may have typed a value
        raise UserError(
            f"--rename of {variable}: Compose and Swarm take no such name for a secret",
            help="letters, digits, and - _ . between them, 64 at most: such as shop_api_key",
        )
    return variable, name


def _kind(option: str, text: str, kinds: Sequence[_Kind]) -> tuple[str, _Kind]:
    pattern, equals, word = text.rpartition("=")
    kind = next((kind for kind in kinds if kind.value == word), None)
    if not equals or not pattern or kind is None:
        known = " or ".join(str(kind.value) for kind in kinds)
        raise UserError(
            f"{option} takes PATTERN=KIND, with {known}", help=f"such as {option} '*_TOKEN={kinds[0].value}'"
        )
    return pattern, kind


def _reason(text: str) -> tuple[str, str]:
    pattern, equals, reason = text.partition("=")
    if not equals or not pattern or not reason.strip():
        raise UserError(
            "--skip-because takes PATTERN=REASON", help="such as --skip-because '*_SALT=no secret, it is public'"
        )
    return pattern, reason.strip()
