"""What all deliveries have in common: the source of the value, and whether its doubts are acceptable."""

from __future__ import annotations

from collections.abc import Sequence

from dsec_migrate.compose.environment import PROJECT_NAME
from dsec_migrate.config.options import SourceKind
from dsec_migrate.images.image_table import Image
from dsec_migrate.planning.changes import Applicability
from dsec_migrate.planning.passes import permissions
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.planning.sources.hold import hold
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.planning.x_fields import readable_copy


def hold_value(case: Case) -> Holding | Skipped:
    """What the source makes of the value, unless a string that is not changed shows it."""
    holding = hold(case.options, case.project, case.service, case.variable)
    if isinstance(holding, Skipped):
        return holding
    value = holding.value.reveal() if holding.value is not None else ""
    copy = readable_copy(case.project, case.variable.declaration, value)
    if copy is not None:
        return Skipped(f"its value is also in an x- block ({copy}), which Compose prints")
    return holding


def weigh(
    case: Case, holding: Holding, doubts: Sequence[str], row: Image | None = None
) -> tuple[Applicability, tuple[str, ...]] | Skipped:
    """The applicability of a change, and all doubts about it. ``row`` is the image's, if the image reads the file."""
    unreadable = permissions.problem(case, row)
    if unreadable is not None:
        what, is_certain = unreadable
        if is_certain:
            return Skipped(what)
        doubts = (*doubts, what)
    follows = [name for name in holding.follows if name != PROJECT_NAME]
    if follows:
        have = "has" if len(follows) == 1 else "have"
        doubts = (*doubts, f"{', '.join(follows)} in the shell or in .env no longer {have} any effect on it")
    if case.variable.effective.is_named and holding.source is not SourceKind.ENVIRONMENT:
        doubts = (*doubts, f"the project's name is part of it: `-p` and {PROJECT_NAME} no longer have any effect on it")
    if doubts and case.options.safe:
        return Skipped(f"not known to be safe (--safe): {doubts[0]}")
    return Applicability.REVIEW if doubts else Applicability.SAFE, tuple(doubts)
