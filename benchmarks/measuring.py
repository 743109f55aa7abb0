"""What the benchmarks share: timed runs of commands, and a small table with targets."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished command: wall time in seconds, peak of resident memory in MB (of its largest process)."""

    seconds: float
    megabytes: float
    status: int


def run(command: Sequence[str], cwd: Path | None = None) -> Run:
    """Runs ``command`` with its output thrown away. Raises OSError when there is no such program."""
    # an installed package has its bytecode beside it: a checkout is to have it too
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, code, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(code)
    # kB on Linux, bytes on macOS
    unit = 1 / 1024 if sys.platform.startswith("linux") else 1 / 1024 / 1024
    return Run(seconds, usage.ru_maxrss * unit, process.returncode)


def side_by_side(commands: dict[str, Sequence[str]], rounds: int, cwd: Path | None = None) -> dict[str, list[Run]]:
    """Every command once in each round, in turn, so that a slow moment of the machine hits all alike.

    One round before the first is not counted: it fills caches.
    """
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            result = run(command, cwd)
            if number:
                runs[name].append(result)
    return runs


def median_seconds(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def installed(name: str) -> str:
    """The program beside this interpreter, where an environment has it, else by the PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.is_file() else name


class Table:
    """Rows of text under a title, and targets that are met or missed."""

    def __init__(self, title: str, *columns: str) -> None:
        self.title = title
        self.rows: list[tuple[str, ...]] = [columns]
        self.targets: list[tuple[bool, str]] = []

    def row(self, *cells: str) -> None:
        self.rows.append(cells)

    def target(self, name: str, value: float, limit: float, unit: str = "x") -> None:
        """``value`` should be ``limit`` at most."""
        self.targets.append((value <= limit, f"{name}: {value:.2f}{unit} (target <= {limit:g}{unit})"))

    def finish(self) -> int:
        """Prints all of it; 1 when a target was missed."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [self.title, ""]
        for first, *others in self.rows:
            cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
            lines.append("  " + "  ".join(cells).rstrip())
        lines += ["", *(f"  {'ok' if is_met else 'MISSED':6}  {text}" for is_met, text in self.targets), ""]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0 if all(is_met for is_met, _ in self.targets) else 1
