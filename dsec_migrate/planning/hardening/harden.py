"""Passes beyond secrets (``--harden``): each decides on a project's nodes and adds patches to its plan."""

from __future__ import annotations

from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Harden, Options
from dsec_migrate.planning.changes import Applicability, Change, Plan
from dsec_migrate.text.records import replace


def harden(project: Project, plan: Plan, options: Options) -> Plan:
    """``plan`` with what the passes selected by ``options`` add."""
    for one in options.harden:
        if one is Harden.NETWORKS:
            from dsec_migrate.planning.hardening import networks

            decisions = networks.decide(project)
            added = Plan(patches=tuple(networks.patches(project, decisions)), hardened=tuple(networks.told(decisions)))
        else:
            from dsec_migrate.planning.hardening import unused_mounts

            plan, added = unused_mounts.harden(project, plan)
        if added.patches:
            added = replace(added, changes=(Change((), (), Applicability.REVIEW),))
        plan += added
    return plan
