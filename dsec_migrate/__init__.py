"""Moves the plaintext secrets of a Docker Compose project into Docker secrets.

For other programs: :func:`plan` plans, :func:`report` renders, :func:`write` writes. These names, with their parameters
and fields, change only with a new major version; everything else in the package may change at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsec_migrate.api import plan, report, write
    from dsec_migrate.config.options import Mount, Options, SourceKind, Target, Unknown
    from dsec_migrate.detectors.finding import Action, Confidence, Exposure, Finding, Site
    from dsec_migrate.outcome import Outcome, ProjectOutcome
    from dsec_migrate.text.errors import UserError

_HOMES = {
    "plan": "api",
    "report": "api",
    "write": "api",
    "UserError": "text.errors",
    "Action": "detectors.finding",
    "Confidence": "detectors.finding",
    "Exposure": "detectors.finding",
    "Finding": "detectors.finding",
    "Site": "detectors.finding",
    "Mount": "config.options",
    "Options": "config.options",
    "SourceKind": "config.options",
    "Target": "config.options",
    "Unknown": "config.options",
    "Outcome": "outcome",
    "ProjectOutcome": "outcome",
}


def __getattr__(name: str) -> object:
    # imported on first use, so that the command line starts fast
    from importlib import import_module

    if name not in _HOMES or name == "api":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


__all__ = [
    "Action",
    "Confidence",
    "Exposure",
    "Finding",
    "Mount",
    "Options",
    "Outcome",
    "ProjectOutcome",
    "Site",
    "SourceKind",
    "Target",
    "Unknown",
    "UserError",
    "plan",
    "report",
    "write",
]
