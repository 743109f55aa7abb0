"""How a secret reaches its program: one pass per way, tried in order."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from dsec_migrate.finding import Verdict
from dsec_migrate.options import Options
from dsec_migrate.plan import Applicability
from dsec_migrate.project import Project, Service, Variable
from dsec_migrate.records import dataclass
from dsec_migrate.stores import Holding, Left


class Delivery(str, Enum):
    """How the program gets the value (the spelling of the JSON report)."""

    FILE_VARIABLE = "file-variable"
    NONE = "none"


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """One finding in its project: what a pass decides about."""

    project: Project
    service: Service
    variable: Variable
    verdict: Verdict
    options: Options


@dataclass(frozen=True, repr=False, eq=False)
class Proposal:
    """``new_name`` takes the variable's slot. ``notes`` say what to check or what changes, never a value."""

    delivery: Delivery
    new_name: str
    applicability: Applicability
    holding: Holding
    notes: tuple[str, ...] = ()
    is_known_image: bool = False
    is_read_by_root: bool = False


Pass = Callable[[Case], "Proposal | Left"]


def propose(case: Case) -> Proposal | Left:
    """The first proposal that a pass makes, or why the last one made none."""
    from dsec_migrate.passes import file_variable

    passes: tuple[Pass, ...] = (file_variable.propose,)
    result: Proposal | Left = Left("no way is known to hand it over")
    for attempt in passes:
        result = attempt(case)
        if isinstance(result, Proposal):
            break
    return result
