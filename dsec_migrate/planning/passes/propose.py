"""How a secret reaches its program: the passes, tried in order."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, cast

from dsec_migrate.compose.project import Argument, BuildArgument
from dsec_migrate.config.options import Unknown
from dsec_migrate.planning.passes import renaming
from dsec_migrate.planning.passes.fix import Case, Fix, Unsuited
from dsec_migrate.planning.sources.holding import Skipped


class Pass(NamedTuple):
    """``module``, of this package, has ``propose``: it is loaded for the cases that it ``fits``."""

    module: str
    fits: Callable[[Case], bool]

    def propose(self, case: Case) -> Fix | Skipped | Unsuited:
        module = import_module(f"dsec_migrate.planning.passes.{self.module}")
        return cast("Fix | Skipped | Unsuited", module.propose(case))


def _may_read_files(case: Case) -> bool:
    return case.options.delivery_for(case.service.name, case.variable.name) is not Unknown.WRAP


def _has_fixed_name(case: Case) -> bool:
    way = renaming.way_of(case)
    return way is not None and bool(way.target) and _may_read_files(case)


def _has_parts(case: Case) -> bool:
    row = None if case.service.is_built else case.project.images.find(case.service.image)
    return row is not None and case.variable.name in row.parts and _may_read_files(case)


PASSES = (
    Pass("argument", lambda case: isinstance(case.variable.declaration, Argument)),
    Pass("build_secret", lambda case: isinstance(case.variable.declaration, BuildArgument)),
    Pass("sure_wrapper", renaming.goes_around),
    Pass("renaming", _may_read_files),
    Pass("fixed_name", _has_fixed_name),
    Pass("url_parts", _has_parts),
    Pass("wrapper", lambda _: True),
)
"""In the order in which they are tried; the first answer other than :class:`Unsuited` counts."""


def propose(case: Case) -> Fix | Skipped:
    """The image's own support, otherwise a wrapper script, or why neither is possible."""
    reasons: list[str] = []
    for each in PASSES:
        if each.fits(case):
            answer = each.propose(case)
            if not isinstance(answer, Unsuited):
                return answer
            reasons += [answer.reason] if answer.reason else []
    return Skipped(", and ".join(reasons))
