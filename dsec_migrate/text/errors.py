"""The one kind of error that a user sees: what is wrong, where, and what to do about it."""

from __future__ import annotations

from dsec_migrate.text.records import dataclass
from dsec_migrate.text.visible import harmless


# not frozen: raising an exception sets its traceback
@dataclass(eq=False)
class UserError(Exception):
    """Bad usage, or input that cannot be read or is invalid (exit status 2).

    ``line`` and ``column`` count from 1; 0 means "the file as a whole". Messages name keys, types and what is
    allowed, never a value of the file: it may be a secret.
    """

    what: str
    file: str = ""
    line: int = 0
    column: int = 0
    help: str = ""

    # class attributes, not fields
    exit_status = 2

    def __str__(self) -> str:
        parts = [f"error: {harmless(self.what)}"]
        if self.file:
            place = f":{self.line}:{self.column}" if self.line else ""
            parts.append(f"  --> {harmless(self.file)}{place}")
        if self.help:
            parts.append(f"  help: {harmless(self.help)}")
        return "\n".join(parts)


class InternalError(UserError):
    """A failure of this program, reported like any other error (exit status 3)."""

    exit_status = 3


class VerificationError(Exception):
    """A promise could not be proved; nothing was written (exit status 3). The message holds no value."""


def unproved(message: str, file: str) -> InternalError:
    """The report of a :class:`VerificationError` for a project, in the shape of all errors."""
    return InternalError(
        f"verification failed, so nothing was written: {message}",
        file,
        help="the file is unchanged; please report this, it is a bug in dsec-migrate",
    )


def told(error: Exception, file: str = "") -> UserError:
    """Any exception raised while ``file`` was processed, as the error shown to the user.

    An unexpected exception is named by its type only: its message may hold a value. A failure in one project does not
    stop the others.
    """
    if isinstance(error, UserError):
        return error if error.file or not file else type(error)(error.what, file, help=error.help)
    if isinstance(error, VerificationError):
        return unproved(str(error), file)
    if isinstance(error, PermissionError):
        # another user's folder, such as one mounted in a container
        advice = "run it as a user with read access to the folder"
        return UserError("permission denied", str(error.filename or file), help=advice)
    return InternalError(
        f"internal error ({type(error).__name__})",
        file,
        help="this is a bug in dsec-migrate: please report it with the command line, but without any secret",
    )
