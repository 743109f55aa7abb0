"""What the benchmarks share: timed runs of commands, and a small table with targets."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished command: wall time in seconds, peak of memory in MB (of all its processes, where Linux tells)."""

    seconds: float
    megabytes: float
    status: int


def run(command: Sequence[str], *, looks_at_memory: bool = False) -> Run:
    """Runs ``command`` with its output thrown away. Raises OSError when there is no such program.

    With ``looks_at_memory`` the memory of all its processes is added up ten times a second, which takes them time.
    """
    # an installed package has its bytecode beside it: a checkout is to have it too
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = _Peak(process.pid)
    if looks_at_memory:
        peak.start()
    _, code, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if looks_at_memory:
        peak.end()
    process.returncode = os.waitstatus_to_exitcode(code)
    # kB on Linux, bytes on macOS
    unit = 1 / 1024 if sys.platform.startswith("linux") else 1 / 1024 / 1024
    # what the kernel tells is never less than this process held at the start: keep it small
    return Run(seconds, max(usage.ru_maxrss * unit, peak.megabytes), process.returncode)


class _Peak(threading.Thread):
    """Looks ten times a second at what a process and its children hold together."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.megabytes = 0.0
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.1):
            self.megabytes = max(self.megabytes, sum(map(_proportional_megabytes, _family(self.process))))

    def end(self) -> None:
        self.is_over.set()
        self.join()


def _family(process: int) -> Iterator[int]:
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            words = children.read_text().split()
        except OSError:
            continue
        for word in words:
            yield from _family(int(word))


def _proportional_megabytes(process: int) -> float:
    """What a process holds, its share of what it holds with others; 0 where nobody tells."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def side_by_side(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Run]]:
    """Every command once in each round, in turn, so that a slow moment of the machine hits all alike.

    One more round comes first, which fills caches and looks at the memory: its times are not counted.
    """
    first = {name: run(command, looks_at_memory=True) for name, command in commands.items()}
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            timed = run(command)
            runs[name].append(replace(timed, megabytes=max(timed.megabytes, first[name].megabytes)))
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
