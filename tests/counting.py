"""Counts what one call of the command does, in an interpreter of its own: ``python counting.py RESULT WORD...``.

Writes to RESULT, as JSON: ``modules`` of ours that are imported, regular ``expressions`` that we compile, ``files`` and
folders that are opened (but for what Python imports), ``frames`` of our modules that are entered, and ``programs`` that
are started. Nothing of it depends on the speed of the machine.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

_OPENED = {"open", "os.listdir", "os.scandir"}
_STARTED = {"subprocess.Popen", "os.posix_spawn", "os.exec", "os.system", "os.fork"}


class Counter:
    """``package`` is the folder of our own modules, with a separator at its end."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.files = self.frames = self.expressions = self.programs = 0
        self.is_counting = False

    def start(self) -> None:
        sys.addaudithook(self._hear)
        # before 3.11 the compiler of `re` was a module beside it
        compiler: Any = getattr(re, "_compiler", None) or sys.modules["sre_compile"]
        self._compile = compiler.compile
        compiler.compile = self._compiled
        self.is_counting = True
        sys.setprofile(self._entered)

    def stop(self) -> None:
        sys.setprofile(None)
        self.is_counting = False

    def _entered(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(self.package):
            self.frames += 1

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_counting:
            return
        if event in _OPENED:
            # Python reads, lists and writes files as it imports; a number is a file that is open
            is_import = sys._getframe(1).f_code.co_filename.startswith("<frozen importlib")
            self.files += not is_import and not isinstance(arguments[0], int)
        elif event in _STARTED:
            self.programs += 1

    def _compiled(self, *words: Any) -> Any:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and Path(frame.f_code.co_filename).parts[-2:-1] == ("re",):
            frame = frame.f_back
        if frame is not None and frame.f_code.co_filename.startswith(self.package):
            self.expressions += 1
        return self._compile(*words)


def main(result: Path, words: list[str]) -> None:
    found = importlib.util.find_spec("dsec_migrate")
    assert found is not None
    assert found.origin is not None
    counter = Counter(os.path.join(os.path.dirname(found.origin), ""))  # noqa: PTH118, PTH120
    if hasattr(os, "sched_setaffinity"):
        # else the work is shared among processes, which count for themselves
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    counter.start()
    try:
        from dsec_migrate import cli

        cli.main(words)
    except SystemExit as end:
        status = end.code
    finally:
        counter.stop()
    counts = {
        "modules": sum(name.partition(".")[0] == "dsec_migrate" for name in sys.modules),
        "expressions": counter.expressions,
        "files": counter.files,
        "frames": counter.frames,
        "programs": counter.programs,
    }
    result.write_text(json.dumps({"status": status, **counts}), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
