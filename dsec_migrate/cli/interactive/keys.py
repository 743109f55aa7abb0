"""Single keys and short lines from a terminal, and what is shown there briefly. The terminal's settings are always
restored."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from dsec_migrate.reports.output import say
from dsec_migrate.reports.style import width_of
from dsec_migrate.reports.terminal import width
from dsec_migrate.text.errors import UserError

SECONDS_SHOWN = 3.0
"""How long a value stays on the screen if no key is pressed."""

END = ""
"""The key that is reported when the terminal is gone, or on Ctrl-D."""
ESCAPE = "\x1b"

_ENTER_SCREEN, _LEAVE_SCREEN = "\x1b[?1049h\x1b[H", "\x1b[?1049l"
_ERASE_LINE = "\x1b[2K"
_LONGEST_LINE = 500


class Terminal:
    """Within :func:`opened`, keys are read one by one, without echo."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def width(self) -> int:
        return width()

    @property
    def height(self) -> int:
        try:
            return os.get_terminal_size(sys.stdout.fileno()).lines or 24
        except (OSError, ValueError):
            return 24

    @property
    def has_screens(self) -> bool:
        """Whether something can be shown briefly without a trace."""
        return os.environ.get("TERM", "dumb") not in {"dumb", "", "unknown"}

    def show(self, text: str) -> None:
        say(text, sys.stdout)

    @staticmethod
    def _steer(sequence: str) -> None:
        """Sends an escape sequence, which :meth:`show` would neutralize."""
        sys.stdout.write(sequence)
        sys.stdout.flush()

    def key(self, seconds: float | None = None) -> str:
        """The next character; a key that sends several is one escape. END at the end of input, or when nothing was
        pressed within ``seconds``."""
        if seconds is not None and not self._is_ready(seconds):
            return END
        try:
            first = os.read(self._descriptor, 1)
        except OSError:
            # the terminal is gone
            return END
        if first in {b"", b"\x04"}:
            return END
        if first == b"\x1b":
            while self._is_ready(0.02) and os.read(self._descriptor, 1):
                pass
            return ESCAPE
        missing = 0 if first[0] < 0xC0 else 1 if first[0] < 0xE0 else 2 if first[0] < 0xF0 else 3
        rest = b"".join(os.read(self._descriptor, 1) for _ in range(missing))
        return (first + rest).decode("utf-8", "replace")

    def line(self, prompt: str, fix: str = "") -> str | None:
        """Reads a line, prefilled with ``proposal``; None on Escape or Ctrl-D."""
        text = fix
        self.show(prompt + text)
        while True:
            key = self.key()
            if key in {END, ESCAPE}:
                self.show("\n")
                return None
            if key in {"\r", "\n"}:
                self.show("\n")
                return text.strip()
            if key in {"\x7f", "\b"}:
                self._steer("\b \b" * width_of(text[-1:]))
                text = text[:-1]
            elif key == "\x15":
                self._steer("\b \b" * width_of(text))
                text = ""
            elif key.isprintable() and len(text) < _LONGEST_LINE:
                text += key
                self.show(key)

    def flash(self, lines: Sequence[str]) -> None:
        """Shows ``lines``, which fit on the screen, until a key is pressed or some seconds have passed: on the
        alternate screen, which keeps no history, and erased there before it closes."""
        self._steer(_ENTER_SCREEN)
        try:
            for number, line in enumerate(lines, 1):
                self._steer(f"\x1b[{number};1H")
                self.show(line)
            self.key(SECONDS_SHOWN)
        finally:
            # line by line: some terminals save a screen to their history when it is cleared as a whole
            erased = "".join(f"\x1b[{number};1H{_ERASE_LINE}" for number in range(1, self.height + 1))
            self._steer(f"{erased}\x1b[H{_LEAVE_SCREEN}")

    def _is_ready(self, seconds: float) -> bool:
        import select

        return bool(select.select([self._descriptor], [], [], seconds)[0])


@contextmanager
def opened() -> Iterator[Terminal]:
    """The terminal of standard input and output. Raises UserError where there is none, KeyboardInterrupt on Ctrl-C and
    SystemExit when the process is terminated; the terminal is restored then."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "--interactive needs a terminal",
            help="use --only, --skip, --rename and similar options instead; see --help",
        )
    try:
        import termios
        import tty
    except ImportError:
        raise UserError(
            "--interactive needs a Linux or macOS terminal",
            help="use --only, --skip, --rename and similar options instead; see --help",
        ) from None
    import signal

    descriptor = sys.stdin.fileno()
    former = termios.tcgetattr(descriptor)

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def wake(_number: int, _frame: FrameType | None) -> None:
        # a shell may have changed the terminal while this was stopped
        tty.setcbreak(descriptor, termios.TCSADRAIN)

    handlers = {signal.SIGTERM: end, signal.SIGHUP: end, signal.SIGCONT: wake}
    known = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        yield Terminal(descriptor)
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, former)
        for number, earlier in known.items():
            signal.signal(number, earlier if earlier is not None else signal.SIG_DFL)
