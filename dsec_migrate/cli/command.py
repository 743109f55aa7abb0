"""What a command is, and which verbs there are besides migrating."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dsec_migrate.cli.parameters import Call, Parameter

VERBS = ("audit", "fill", "images", "lock", "pull", "push", "rotate", "status", "undo", "unlock")
"""The commands besides migrating, which has no verb: a module of ``verbs`` each, with ``Call`` (what it takes) and
``run``. Nobody means a file by one."""

SHELLS = ("bash", "zsh", "fish")
"""Those that there is completion for."""

_HELP = Parameter(("-h", "--help"), "", bool, "Show all options.")


class Command(NamedTuple):
    """``verb`` is empty for migrating. ``run`` returns the exit status."""

    verb: str
    call: type[Call]
    run: Callable[..., int]

    @property
    def text(self) -> str:
        """The help, but for the options; the first sentence stands for it in lists."""
        import inspect

        names = f"{', '.join(VERBS[:-1])} and {VERBS[-1]}"
        return inspect.cleandoc(self.call.__doc__ or "").replace("{verbs}", names)

    @property
    def options(self) -> list[Parameter]:
        """All that begins with a hyphen, in the order of the help, which is the last."""
        return [*(row for row in self.call.parameters.values() if row.spellings), _HELP]

    @property
    def arguments(self) -> list[Parameter]:
        """All that does not."""
        return [row for row in self.call.parameters.values() if not row.spellings]
