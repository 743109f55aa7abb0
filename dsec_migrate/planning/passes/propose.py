"""How a secret reaches its program: one pass per way, tried in order."""

from __future__ import annotations

from enum import Enum

from dsec_migrate.building import RecipeChange
from dsec_migrate.changes import Applicability, MountOptions, Read, WrappedStart
from dsec_migrate.finding import Verdict
from dsec_migrate.options import Options, Unknown
from dsec_migrate.patches import ReplacePart
from dsec_migrate.project import Argument, BuildArgument, Project, Service, Variable
from dsec_migrate.records import dataclass
from dsec_migrate.stores import Holding, Left
from dsec_migrate.wrapping import Frame


class Delivery(str, Enum):
    """How the program gets the value (the spelling of the JSON report)."""

    FILE_VARIABLE = "file-variable"
    DOUBLE_UNDERSCORE = "double-underscore"
    PREFIX = "prefix"
    VALUE_SCHEME = "value-scheme"
    WRAPPER = "wrapper"
    INLINE = "inline"
    BUILD_SECRET = "build-secret"
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
    """``new_name`` takes the variable's slot, with ``value``: ``{path}`` and ``{name}`` in it are those of the secret.

    Of a wrapper there is the ``program`` instead, still without its variables, and the slot goes; ``frame`` is
    what it puts around the secret. ``option`` names another option for an argument, which takes the path. ``parts`` are
    variables that stand beside the new one. ``recipe`` is what changes in a Dockerfile. ``reads`` are changes to other
    texts of the service, still without the path. ``reader`` makes the file readable for the program alone, where its
    owner and mode can be chosen. ``notes`` say what to check or what changes, never a value.
    """

    delivery: Delivery
    new_name: str
    value: str
    applicability: Applicability
    holding: Holding
    notes: tuple[str, ...] = ()
    is_known_image: bool = False
    is_read_by_root: bool = False
    program: WrappedStart | None = None
    reads: tuple[Read, ...] = ()
    reader: MountOptions | None = None
    frame: Frame = Frame()
    option: ReplacePart | None = None
    recipe: RecipeChange | None = None
    parts: tuple[tuple[str, str], ...] = ()


def propose(case: Case) -> Proposal | Left:
    """The image's own way, else a wrapper, or why it is neither."""
    if isinstance(case.variable.slot, Argument):
        from dsec_migrate.passes import argument

        return argument.propose(case, case.variable.slot)
    if isinstance(case.variable.slot, BuildArgument):
        from dsec_migrate.passes import build_secret

        return build_secret.propose(case, case.variable.slot)
    from dsec_migrate.passes import renaming

    chosen = case.options.delivery_for(case.service.name, case.variable.name)
    if chosen is Unknown.WRAP:
        from dsec_migrate.passes import wrapper

        wrapped = wrapper.propose(case)
        return Left(f"no wrapper can supply it: {wrapped.reason}") if isinstance(wrapped, Left) else wrapped
    unread = renaming.unread(case)
    if unread is None:
        way = renaming.way_of(case)
        if way is None or not way.target:
            is_open = chosen is None and renaming.goes_around(case)
            return (_surely_wrapped(case) if is_open else None) or renaming.propose(case)
        from dsec_migrate.passes import fixed_name

        named = fixed_name.propose(case, way)
        if isinstance(named, Proposal):
            return named
        unread = named.reason
    from dsec_migrate.passes import parts, wrapper

    split = parts.propose(case)
    if isinstance(split, Proposal):
        return split
    wrapped = wrapper.propose(case)
    if isinstance(wrapped, Proposal):
        return wrapped
    return Left(f"{unread}, and no wrapper can supply it: {wrapped.reason}")


def _surely_wrapped(case: Case) -> Proposal | None:
    """A wrapper that is known to work, where nobody else has the variable's line."""
    from dsec_migrate.passes import removal, wrapper

    wrapped = wrapper.propose(case) if removal.is_own(case) else None
    is_safe = isinstance(wrapped, Proposal) and wrapped.applicability is Applicability.SAFE
    return wrapped if is_safe and isinstance(wrapped, Proposal) else None
