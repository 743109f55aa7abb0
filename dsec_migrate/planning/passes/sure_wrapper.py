"""The service may start without what reads files in its image: a wrapper that surely works is better."""

from __future__ import annotations

from dsec_migrate.planning.changes import Applicability
from dsec_migrate.planning.passes import removal, renaming, wrapper
from dsec_migrate.planning.passes.fix import Case, Fix, Unsuited


def propose(case: Case) -> Fix | Unsuited:
    """Only where nothing else uses the variable's line, and the user has not chosen a delivery."""
    chosen = case.options.delivery_for(case.service.name, case.variable.name)
    way = renaming.way_of(case)
    if chosen is not None or (way is not None and way.target) or renaming.unread(case) is not None:
        return Unsuited()
    wrapped = wrapper.wrap(case) if removal.is_own(case) else None
    is_safe = isinstance(wrapped, Fix) and wrapped.applicability is Applicability.SAFE
    return wrapped if is_safe and isinstance(wrapped, Fix) else Unsuited()
