"""What a project and all its includes have used so far, against the limits."""

from __future__ import annotations

from collections.abc import Iterable

from dsec_migrate.text import limits


class Tally:
    """Counts what repeats or expands while a project and its includes are merged. Each method returns what exceeds a
    limit, in words for the user, or an empty string."""

    def __init__(self) -> None:
        self._characters = self._variables = self._layers = self._included = 0

    def takes_values(self, values: Iterable[str | None]) -> str:
        """The values that one service receives from one source."""
        for value in values:
            self._variables += 1
            self._characters += len(value or "")
        if self._variables > limits.PROJECT_VARIABLES:
            return f"the services have more than {limits.PROJECT_VARIABLES:,} variables"
        if self._characters > limits.PROJECT_CHARACTERS:
            return f"the variables of the services expand to more than {limits.PROJECT_CHARACTERS // 2**20} MiB"
        return ""

    def takes_layer(self, depth: int) -> str:
        """One mapping of a service, which ``depth`` services extend one after the other."""
        self._layers += 1
        if depth > limits.EXTENDS_DEPTH:
            return f"more than {limits.EXTENDS_DEPTH} services extend each other"
        if self._layers > limits.PROJECT_LAYERS:
            return f"the services expand to more than {limits.PROJECT_LAYERS:,} mappings"
        return ""

    def takes_include(self, depth: int) -> str:
        """One project that an ``include`` names, in a file that is itself ``depth`` steps away."""
        self._included += 1
        if depth > limits.INCLUDE_DEPTH:
            return f"more than {limits.INCLUDE_DEPTH} files include each other"
        if self._included > limits.INCLUDED_PROJECTS:
            return f"`include` brings in more than {limits.INCLUDED_PROJECTS:,} files"
        return ""
