"""Decisions kept for a later conversation: names and choices, never a value.

They are stored outside the project, which a dry run does not change: in ``$XDG_STATE_HOME/dsec-migrate/interactive``,
accessible to their owner only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dsec_migrate.cli.interactive.session import Rule, Step, Wish
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import SourceKind, Unknown
from dsec_migrate.lifecycle.filling import put_whole, remove
from dsec_migrate.planning.naming import is_valid
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.structured import json_of

_FORMAT = 1
_MODE = 0o600


class Progress:
    """The decisions about one project, which is identified by the paths of its files."""

    def __init__(self, files: ProjectFiles) -> None:
        self._paths = [os.path.realpath(path) for path in files.paths]
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        name = hashlib.sha256("\0".join(self._paths).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        folder = Path(base) / "dsec-migrate" / "interactive"
        self.path = folder / f"{name}.json"
        self._boundary = Boundary.around(folder)

    def load(self) -> tuple[Step, ...]:
        """The earlier decisions; none where the file is unreadable."""
        try:
            data = json_of(self.path.read_bytes())
            return tuple(map(_step, data["steps"])) if data["version"] == _FORMAT else ()
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return ()

    def save(self, steps: Iterable[Step]) -> None:
        """Raises UserError where the file cannot be written."""
        data = {"version": _FORMAT, "files": self._paths, "steps": list(map(_data, steps))}
        put_whole(self.path, json.dumps(data, indent=1).encode(), _MODE, self._boundary)

    def forget(self) -> None:
        """Raises UserError where the file cannot be removed."""
        remove(self.path, self._boundary)


def _data(step: Step) -> dict[str, object]:
    if step.rule is not None:
        return {"skip": step.rule.pattern, "reason": step.rule.reason}
    wish = step.wish
    told = {
        "accepted": step.is_accepted,
        "name": wish.name or None,
        "source": wish.source.value if wish.source is not None else None,
        "delivery": wish.delivery.value if wish.delivery is not None else None,
    }
    return {"variables": list(step.keys), **{name: value for name, value in told.items() if value is not None}}


def _step(data: Mapping[str, Any]) -> Step:
    if "skip" in data:
        return Step(rule=Rule(str(data["skip"]), str(data["reason"])))
    wish = Wish(
        str(data.get("name", "")),
        SourceKind(data["source"]) if "source" in data else None,
        Unknown(data["delivery"]) if "delivery" in data else None,
    )
    if wish.name and not is_valid(wish.name):
        raise ValueError("not a name of a secret")
    accepted = data.get("accepted")
    return Step(tuple(map(str, data["variables"])), bool(accepted) if accepted is not None else None, wish)
