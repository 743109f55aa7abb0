"""Writes reports and errors to the standard streams and to files."""

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
    """Writes and flushes. A reader that closes the pipe (``| head``) is not an error, nor is a stream without Unicode.

    Raises UserError where the stream cannot be written, for example on a full disk.
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
        raise UserError(
            what, help="the files have been changed as planned; run `dsec-migrate status` to check"
        ) from None


def _give_up(stream: TextIO) -> None:
    """Discards what is still buffered, so that it does not fail again when the interpreter exits."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(error: UserError, stream: TextIO, style: Style) -> None:
    head, *rest = str(error).split("\n")
    say("\n".join([head.replace("error:", style.bold(style.red("error:")), 1), *rest, ""]), stream)


def save(path: Path, text: str) -> None:
    """Replaces ``path`` with a finished report atomically; a device or a pipe is written to.

    Raises UserError where that fails; then the former file is unchanged.
    """
    text = harmless_lines(text, is_coloured=False)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        # a report is never written through whatever exists under such a name, such as a link
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
            help="pass a file in a folder with write permission",
        ) from None


def known_format(name: str, formats: Sequence[str], option: str = "--format") -> str:
    """``name``. Raises UserError where it is not one of ``formats``."""
    if name not in formats:
        raise UserError(f"{option}: unknown format {name}", help=f"use one of {', '.join(formats)}")
    return name


def destination(text: str, formats: Sequence[str]) -> tuple[str, Path]:
    """Parses ``FORMAT=FILE``. Raises UserError where the format is not one of ``formats``, or the file cannot be
    written."""
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise UserError("--output takes FORMAT=FILE", help="such as --output json=report.json")
    known_format(name, formats, "--output")
    path = Path(file)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError("cannot write a report there", file, help="pass a file in an existing folder")
    return name, path
