"""The bytes of one file, positions in its text, and edits of it."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.text import limits
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field


class Span(NamedTuple):
    """Characters ``start`` (included) to ``end`` (excluded) of a :class:`Source`'s text."""

    start: int
    end: int


class Edit(NamedTuple):
    """Replace the characters ``start`` to ``end`` of the original text; an empty range inserts."""

    start: int
    end: int
    text: str


_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, repr=False, eq=False)
class Source:
    """One file as it was read. ``text`` holds no byte order mark; :meth:`encode` puts it back.

    Compose reads UTF-8 with and without BOM and UTF-16 with BOM (compose-go 2.9 observed). In an env file it accepts
    any bytes: those that are not UTF-8 are lone surrogates in ``text`` (``errors`` is "surrogateescape").
    """

    path: Path
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    encoding: str = "utf-8"
    byte_order_mark: bytes = b""
    errors: str = "strict"

    @classmethod
    def read(cls, path: Path, *, is_env_file: bool = False, is_named_by_call: bool = False) -> Source:
        """Reads and decodes ``path``. Raises UserError when it cannot be read or is not text.

        Only a file named on the command line (``--env-file <(…)``) may be a pipe.
        """
        try:
            data = read_bytes(path, is_named_by_call=is_named_by_call)
        except OSError as error:
            raise UserError(
                f"cannot read the file: {error.strerror or type(error).__name__}",
                str(path),
                help="name an existing Compose file that you can read",
            ) from None
        return cls.decode(path, data, is_env_file=is_env_file)

    @classmethod
    def decode(cls, path: Path, data: bytes, *, is_env_file: bool = False) -> Source:
        """A Source from bytes already in memory. Raises UserError when they are not text."""
        mark, encoding = next(((m, e) for m, e in _BYTE_ORDER_MARKS if data.startswith(m)), (b"", "utf-8"))
        errors = "surrogateescape" if is_env_file and encoding == "utf-8" else "strict"
        try:
            text = data[len(mark) :].decode(encoding, errors)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
            raise UserError(
                f"the file is not {encoding.upper()} text",
                str(path),
                line,
                column,
                help="save it as UTF-8; Compose refuses it, too",
            ) from None
        return cls(path, data, text, encoding, mark, errors)

    @property
    def real_path(self) -> str:
        """The file itself, with links resolved."""
        cached: str | None = self.__dict__.get("_real_path")
        if cached is None:
            cached = self.__dict__["_real_path"] = real_path(self.path)
        return cached

    def with_text(self, text: str) -> Source:
        """The same file with a different text that is not on disk."""
        return Source(self.path, b"", text, self.encoding, self.byte_order_mark, self.errors)

    def encode(self, text: str) -> bytes:
        """``text`` as bytes in this file's own encoding, byte order mark included."""
        return self.byte_order_mark + text.encode(self.encoding, self.errors)

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1. Lines end at LF or CRLF, as editors count them."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_start(self, offset: int) -> int:
        """Offset of the first character of the line that holds ``offset``."""
        starts = self._line_starts()
        return starts[bisect_right(starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Offset just after the line that holds ``offset``, its line break included."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return starts[line] if line < len(starts) else len(self.text)

    def lines(self, start: int, end: int) -> Span:
        """The whole lines, with their breaks, that hold the characters ``start`` to ``end``."""
        first = self.line_start(start)
        return Span(first, self.line_end(max(end - 1, first)))

    def _line_starts(self) -> list[int]:
        cached: list[int] | None = self.__dict__.get("_starts")
        if cached is None:
            lengths = map(len, self.text.split("\n")[:-1])
            # every line but the first follows a line break of one character
            cached = [start + line for line, start in enumerate(accumulate(lengths, initial=0))]
            self.__dict__["_starts"] = cached
        return cached


def read_bytes(path: Path, *, is_named_by_call: bool = False) -> bytes:
    """The bytes of an untrusted file: it never blocks on a pipe or device, and reads no more than TEXT_BYTES.


    Raises OSError, also for a file that is not regular or is larger than TEXT_BYTES.
    """
    # a pipe without a writer is opened without blocking, and then refused
    waiting = 0 if is_named_by_call else getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, os.O_RDONLY | waiting | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode) and not is_named_by_call and not _is_empty_device(descriptor):
            raise OSError(errno.EINVAL, "it is a pipe, a socket or a device", str(path))
        parts: list[bytes] = []
        size = 0
        while part := os.read(descriptor, _PART):
            size += len(part)
            if size > limits.TEXT_BYTES:
                raise OSError(errno.EFBIG, f"it has more than {limits.TEXT_BYTES // 2**20} MiB", str(path))
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


_PART = 1024 * 1024


def _is_empty_device(descriptor: int) -> bool:
    """Whether it is /dev/null, which people use to mean "no file"."""
    return os.path.samestat(os.fstat(descriptor), os.stat(os.devnull))  # noqa: PTH116


def is_text(text: str) -> bool:
    """Whether all of it is text: no surrogate represents a byte that is not UTF-8."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def real_path(path: Path) -> str:
    """Like ``os.path.realpath``, but resolves each folder once: files of one folder share the result."""
    absolute = os.path.abspath(path)  # noqa: PTH100
    if os.path.islink(absolute):  # noqa: PTH114
        return os.path.realpath(absolute)
    folder, name = os.path.split(absolute)
    return os.path.join(_real_folder(folder), name)  # noqa: PTH118


@lru_cache(maxsize=256)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Applies ``edits``, whose offsets all refer to the original ``text``, in one pass from left to right.

    Equal edits collapse into one; insertions at one offset keep their order. Raises ValueError when two edits
    overlap: that is a bug of the caller, and a partial edit is worse than none.
    """
    ordered = sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, edit.end))
    parts: list[str] = []
    position = 0
    for edit in ordered:
        if edit.start < position or edit.end < edit.start or edit.end > len(text):
            raise ValueError(f"edits overlap at character {edit.start}")
        parts.append(text[position : edit.start])
        parts.append(edit.text)
        position = edit.end
    parts.append(text[position:])
    return "".join(parts)


@dataclass(frozen=True, repr=False, eq=False)
class Rewritten:
    """One file's new text and the edits (of the old text) that produce it. ``is_env_file`` selects its syntax."""

    source: Source = field(repr=False)
    text: str = field(repr=False)
    edits: tuple[Edit, ...] = field(repr=False)
    is_env_file: bool = False

    @property
    def path(self) -> str:
        return str(self.source.path)


def edits_between(before: str, after: str) -> Iterator[Edit]:
    """Edits of whole lines that turn ``before`` into ``after``."""
    from difflib import SequenceMatcher

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    offsets = [0]
    for line in old:
        offsets.append(offsets[-1] + len(line))
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Edit(offsets[start], offsets[end], "".join(new[first:last]))
