"""The new value of a secret: generated, from a file, or typed without echo."""

from __future__ import annotations

import secrets
import string
from pathlib import Path

from dsec_migrate.lifecycle.filling import type_unseen
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.secret import Secret

# characters without special meaning in shells, URLs, SQL and YAML
LETTERS = string.ascii_letters + string.digits
LEAST_LENGTH, GREATEST_LENGTH = 12, 4096


def generate(length: int) -> Secret:
    """``length`` letters and digits, each from the system's random source (5.95 bits). Raises UserError."""
    if not LEAST_LENGTH <= length <= GREATEST_LENGTH:
        raise UserError(
            f"--generate takes a length from {LEAST_LENGTH} to {GREATEST_LENGTH}", help="32 letters are 190 random bits"
        )
    return Secret("".join(secrets.choice(LETTERS) for _ in range(length)))


def from_file(path: Path) -> Secret:
    """The bytes of a file, without the one newline that an editor adds to a single line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the new value: {error.strerror or type(error).__name__}", str(path)) from None
    if data.count(b"\n") == 1 and data.endswith(b"\n"):
        data = data[:-1].removesuffix(b"\r")
    if not data:
        raise UserError("the file with the new value is empty", str(path))
    return Secret.of(data)


def typed(name: str) -> Secret:
    """Prompts twice, without echo. Raises UserError where the answers differ or there is no terminal."""
    first = type_unseen(f"new value of {name}: ")
    if not first:
        raise UserError("nothing was entered")
    if type_unseen(f"{name} again: ") != first:
        raise UserError("the two entries differ", help="run the command again; nothing was changed")
    return Secret(first)
