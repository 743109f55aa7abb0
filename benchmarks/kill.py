"""Ends ``--write`` on a project of 40 files and 200 secrets in hundreds of ways; every run has to lose nothing.

    benchmarks/kill.py [--runs 500] [--every-step] [--jobs 2]

A third of the runs is killed at a random moment, a third at a call that changes the disk. The rest meet a full disk
(ENOSPC, for good) or a refusal (EACCES, once) there, are killed again while the next run completes them, or are an
undo that is killed. ``--every-step`` kills at each of about 1,900 calls instead.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

import killing  # noqa: E402
from killing import Project, Step, Verdict  # noqa: E402

KINDS = (
    "killed at a random moment",
    "killed at a writing call",
    "ENOSPC from a call on",
    "EACCES at a call",
    "killed twice",
    "undo killed at a writing call",
)


class Case(NamedTuple):
    """One run: ``seconds`` after the start of writing for a random moment, else the step and the fault. The run that
    is to complete it is killed at its ``second`` step, if it comes to that."""

    kind: str
    step: Step | None = None
    fault: str = "SIGKILL"
    seconds: float = 0.0
    second: Step | None = None


def cases(steps: Sequence[Step], runs: int, seconds: float, *, every_step: bool) -> Iterator[Case]:
    """``seconds`` is how long a whole run writes."""
    pick = random.Random("kill")
    if every_step:
        yield from (Case(KINDS[1], step) for step in steps)
        return
    moments = calls = runs // 3
    failures = runs - moments - calls
    yield from (Case(KINDS[0], seconds=pick.uniform(0, seconds)) for _ in range(moments))
    # the first and the last calls, which happen once, and of the others, which happen for each value, some
    ends = calls // 3
    yield from (Case(KINDS[1], step) for step in [*steps[:ends], *steps[-ends:]])
    yield from (Case(KINDS[1], step) for step in pick.sample(steps[ends:-ends], calls - 2 * ends))
    for number, step in enumerate(pick.sample(steps, failures)):
        if number % 4 == 3:
            # an undo makes fewer calls of some kinds: what it does not come to is a whole one
            yield Case(KINDS[5], step._replace(number=pick.randint(1, step.number)))
        elif number % 4 == 0:
            second = pick.choice(steps)
            yield Case(KINDS[4], step, second=second._replace(number=pick.randint(1, second.number)))
        else:
            yield Case(KINDS[2], step, "ENOSPC") if number % 4 == 1 else Case(KINDS[3], step, "EACCES")


def run(case: Case, project: Project) -> Verdict:
    with tempfile.TemporaryDirectory() as folder, killing.laid_out(Path(folder), project) as place:
        if case.kind == KINDS[5] and case.step is not None:
            killing.write(place, project)
            killing.end_at(place, project, case.step, case.fault, "undo")
            return killing.judge_undo(place, project)
        if case.step is None:
            killing.end_after(place, project, case.seconds)
        else:
            printed = killing.end_at(place, project, case.step, case.fault, lasting=case.fault == "ENOSPC")
            told = [word for word in (b"Traceback", b"internal error") if word in printed]
            if told or any(value in printed for value in project.values):
                return Verdict([], [], ["a traceback, or a value, on the screen"])
        if case.second is not None:
            killing.end_at(place, project, case.second)
        return killing.judge(place, project)


def writing_time(project: Project) -> float:
    """Seconds from the first sign of a run on disk to its end."""
    with tempfile.TemporaryDirectory() as folder, killing.laid_out(Path(folder), project) as place:
        process = killing.start(place, project, [sys.executable, "-c", killing.COMMAND])
        while process.poll() is None and not (place / "secrets").exists():
            time.sleep(0.001)
        start = time.perf_counter()
        process.communicate()
        return time.perf_counter() - start


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--every-step", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = killing.make_project(Path(folder))
        steps = killing.steps(Path(folder) / "steps", project)
    seconds = writing_time(project)
    todo = list(cases(steps, options.runs, seconds, every_step=options.every_step))
    say(f"{len(project.before)} files, {len(project.values)} values, {len(steps)} calls that change the disk")
    how = "strace" if killing.has_strace() else "calls counted in the process, without strace"
    say(f"{how}; a whole run writes for {seconds:.2f} s\n")
    with ThreadPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(partial(run, project=project), todo))
    say("| how the run ended | runs | values lost | half-written files | not completed by the next run |")
    say("|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        of_kind = [verdict for case, verdict in zip(todo, verdicts, strict=True) if kind in {case.kind, "all"}]
        lost = sum(len(verdict.lost) for verdict in of_kind)
        half = sum(len(verdict.half_written) for verdict in of_kind)
        unfinished = sum(bool(verdict.unfinished) for verdict in of_kind)
        if of_kind:
            say(f"| {kind} | {len(of_kind)} | {lost} | {half} | {unfinished} |")
    wrong = [(case, verdict) for case, verdict in zip(todo, verdicts, strict=True) if not verdict.is_good]
    for case, verdict in wrong[:10]:
        say(f"\n{case}\n{verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
