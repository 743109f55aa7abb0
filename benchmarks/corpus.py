"""Many real files in one call, beside gitleaks and compose-lint.

    python benchmarks/corpus.py CORPUS [--gitleaks PROGRAM] [--compose-lint PROGRAM] [--rounds N]

CORPUS is a folder with manifest.json, which names the files. The others look for less (gitleaks for values,
compose-lint for bad settings) and plan no change; they say how long reading so many files takes. A program that is not
there is left out, with its target. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from measuring import Run, Table, installed, median_seconds, side_by_side

MEGABYTES = 200
JOBS = 2
GITLEAKS = "gitleaks dir"
COMPOSE_LINT = "compose-lint"
TARGETS = {GITLEAKS: 1.0, COMPOSE_LINT: 0.2}


def main() -> int:
    parser = argparse.ArgumentParser(description="Many real files in one call.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--gitleaks", default="gitleaks")
    parser.add_argument("--compose-lint", default=installed("compose-lint"))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    corpus = arguments.corpus.resolve()
    entries = json.loads((corpus / "manifest.json").read_text("utf-8"))
    files = [str(corpus / entry["file"]) for entry in entries]
    size = sum(entry["bytes"] for entry in entries) / 1e6
    ours = f"dsec-migrate --jobs {JOBS}"
    commands = {
        ours: [installed("dsec-migrate"), "--jobs", str(JOBS), "--format", "json", *files],
        GITLEAKS: [arguments.gitleaks, "dir", "--no-banner", "--exit-code", "0", str(corpus / "files")],
        COMPOSE_LINT: [arguments.compose_lint, "check", *files],
    }
    commands = {name: command for name, command in commands.items() if shutil.which(command[0])}
    runs = side_by_side(commands, arguments.rounds)
    if any(result.status not in (0, 1, 2) for result in runs[ours]):
        sys.exit(f"{ours} ends with {runs[ours][0].status}")
    table = Table(
        f"{len(files):,} real files, {size:.1f} MB, medians of {arguments.rounds}",
        "", "time", "files/s", "MB/s", "memory", "ratio",
    )  # fmt: skip
    for name, results in runs.items():
        seconds = median_seconds(results)
        table.row(
            name,
            f"{seconds:.2f} s",
            f"{len(files) / seconds:.0f}",
            f"{size / seconds:.2f}",
            f"{_peak(results):.0f} MB",
            f"{median_seconds(runs[ours]) / seconds:.2f}x",
        )
    for name, limit in TARGETS.items():
        if name in runs:
            table.target(f"dsec-migrate / {name}", median_seconds(runs[ours]) / median_seconds(runs[name]), limit)
    table.target("peak of memory", _peak(runs[ours]), MEGABYTES, " MB")
    return table.finish()


def _peak(runs: list[Run]) -> float:
    return max(run.megabytes for run in runs)


if __name__ == "__main__":
    sys.exit(main())
