"""The hook on one staged file, beside an empty Python program and other programs that look for secrets.

    python benchmarks/hook.py [ROUNDS] [--gitleaks PROGRAM] [--compose-lint PROGRAM]

What pre-commit itself needs comes on top. Medians of ROUNDS (21) runs of each, in turn; a program that is not installed
is left out. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Table, installed, median_seconds, side_by_side

FILE = Path(__file__).parent / "data" / "compose.yml"
OURS = "dsec-migrate --check FILE"
PYTHON = "python -c pass"
MILLISECONDS = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=21)
    parser.add_argument("--gitleaks", default="gitleaks")
    parser.add_argument("--compose-lint", default=installed("compose-lint"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "compose.yml"
        shutil.copyfile(FILE, file)
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        subprocess.run(["git", "add", "compose.yml"], cwd=folder, check=True)
        commands = {
            OURS: [installed("dsec-migrate"), "--check", str(file)],
            PYTHON: [sys.executable, "-c", "pass"],
            "gitleaks git --staged": [arguments.gitleaks, "git", "--staged", "--no-banner", folder],
            "compose-lint FILE": [arguments.compose_lint, "check", str(file)],
        }
        commands = {name: command for name, command in commands.items() if shutil.which(command[0])}
        runs = side_by_side(commands, max(arguments.rounds, 5))
    ours = median_seconds(runs[OURS])
    table = Table(f"hook: one staged file, medians of {arguments.rounds}", "", "median", "best", "status", "ratio")
    for name, results in runs.items():
        median, best = median_seconds(results), min(result.seconds for result in results)
        status = str(results[0].status)
        table.row(name, f"{median * 1000:.0f} ms", f"{best * 1000:.0f} ms", status, f"{ours / median:.2f}x")
    table.target(OURS, ours * 1000, MILLISECONDS, " ms")
    table.target(f"{OURS} / {PYTHON}", ours / median_seconds(runs[PYTHON]), 8)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
