"""Where reports and errors go: the standard streams, and files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from dsec_migrate.reports.style import Style
from dsec_migrate.reports.terminal import style_for
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.visible import harmless_lines


def say(text: str, stream: TextIO) -> None:
    """Writes and flushes. A reader that has seen enough (``| head``) is no error, nor is a stream without Unicode.

    Raises UserError where the stream takes nothing, a full disk say.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    try:
        stream.write(harmless_lines(text, is_coloured=style_for(stream, os.environ).is_coloured))
        stream.flush()
    except BrokenPipeError:
        _give_up(stream)
    except OSError as error:
        _give_up(stream)
        what = f"cannot write the report: {error.strerror or type(error).__name__}"
        raise UserError(what, help="what was to be done to the files is done; `dsec-migrate status` tells") from None


def _give_up(stream: TextIO) -> None:
    """What is still buffered must not fail again when the interpreter ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(error: UserError, stream: TextIO, style: Style) -> None:
    head, *rest = str(error).split("\n")
    say("\n".join([head.replace("error:", style.bold(style.red("error:")), 1), *rest, ""]), stream)


def save(path: Path, text: str) -> None:
    """Puts a finished report in the place of ``path`` in one step; a device or a pipe is written to.

    Raises UserError when that cannot be done; then what stood there still stands there.
    """
    text = harmless_lines(text, is_coloured=False)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        # what stands there under such a name, a link say, is nothing that a report goes through
        temporary.unlink(missing_ok=True)
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise UserError(
            f"cannot write the report: {error.strerror or type(error).__name__}",
            str(path),
            help="name a file in a folder that you may write to",
        ) from None


def known_format(name: str, formats: Sequence[str], option: str = "--format") -> str:
    """``name``. Raises UserError where it is none of ``formats``."""
    if name not in formats:
        raise UserError(f"{option}: there is no format {name}", help=f"there are {', '.join(formats)}")
    return name


def destination(text: str, formats: Sequence[str]) -> tuple[str, Path]:
    """``FORMAT=FILE``. Raises UserError where the format is none of ``formats``, or nothing can be written there."""
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise UserError("--output takes FORMAT=FILE", help="such as --output json=report.json")
    known_format(name, formats, "--output")
    path = Path(file)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError("cannot write a report there", file, help="name a file in a folder that exists")
    return name, path
