"""How a secret reaches its program: one pass per way, tried in order."""

from __future__ import annotations

from dsec_migrate.compose.project import Argument, BuildArgument
from dsec_migrate.config.options import Unknown
from dsec_migrate.planning.changes import Applicability
from dsec_migrate.planning.passes.fix import Case, Fix
from dsec_migrate.planning.sources.holding import Skipped


def propose(case: Case) -> Fix | Skipped:
    """The image's own way, else a wrapper, or why it is neither."""
    if isinstance(case.variable.declaration, Argument):
        from dsec_migrate.planning.passes import argument

        return argument.propose(case, case.variable.declaration)
    if isinstance(case.variable.declaration, BuildArgument):
        from dsec_migrate.planning.passes import build_secret

        return build_secret.propose(case, case.variable.declaration)
    from dsec_migrate.planning.passes import renaming

    chosen = case.options.delivery_for(case.service.name, case.variable.name)
    if chosen is Unknown.WRAP:
        from dsec_migrate.planning.passes import wrapper

        wrapped = wrapper.propose(case)
        return Skipped(f"no wrapper script can set it: {wrapped.reason}") if isinstance(wrapped, Skipped) else wrapped
    unread = renaming.unread(case)
    if unread is None:
        way = renaming.way_of(case)
        if way is None or not way.target:
            is_open = chosen is None and renaming.goes_around(case)
            return (_surely_wrapped(case) if is_open else None) or renaming.propose(case)
        from dsec_migrate.planning.passes import fixed_name

        named = fixed_name.propose(case, way)
        if isinstance(named, Fix):
            return named
        unread = named.reason
    from dsec_migrate.planning.passes import url_parts, wrapper

    split = url_parts.propose(case)
    if isinstance(split, Fix):
        return split
    wrapped = wrapper.propose(case)
    if isinstance(wrapped, Fix):
        return wrapped
    return Skipped(f"{unread}, and no wrapper script can set it: {wrapped.reason}")


def _surely_wrapped(case: Case) -> Fix | None:
    """A wrapper that is known to work, where nobody else has the variable's line."""
    from dsec_migrate.planning.passes import removal, wrapper

    wrapped = wrapper.propose(case) if removal.is_own(case) else None
    is_safe = isinstance(wrapped, Fix) and wrapped.applicability is Applicability.SAFE
    return wrapped if is_safe and isinstance(wrapped, Fix) else None
