"""The one kind of error that a user sees: what is wrong, where, and what to do about it."""

from __future__ import annotations

from dsec_migrate.records import dataclass


# not frozen: an exception in flight gets a traceback
@dataclass(eq=False)
class UserError(Exception):
    """Bad usage, or input that cannot be read or is invalid (exit status 2).

    ``line`` and ``column`` count from 1; 0 means "the file as a whole". The texts name keys, types and what
    is allowed, never a value of the file: it may be a secret.
    """

    what: str
    file: str = ""
    line: int = 0
    column: int = 0
    help: str = ""

    def __str__(self) -> str:
        parts = [f"error: {self.what}"]
        if self.file:
            place = f":{self.line}:{self.column}" if self.line else ""
            parts.append(f"  --> {self.file}{place}")
        if self.help:
            parts.append(f"  help: {self.help}")
        return "\n".join(parts)


class VerificationError(Exception):
    """A promise could not be proved; nothing was written (exit status 3). The message holds no value."""
