"""One small file from a standing start, beside `docker compose config` and check-jsonschema.

    python benchmarks/cold.py [ROUNDS]

Medians of ROUNDS (21) runs of each, in turn. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from measuring import Table, installed, median_seconds, side_by_side

FILE = Path(__file__).parent / "data" / "compose.yml"
OURS = "dsec-migrate FILE"
COMPOSE = "docker compose -f FILE config -q"
SCHEMA = "check-jsonschema FILE"
TARGETS = {COMPOSE: 1.25, SCHEMA: 0.5}


def main() -> int:
    rounds = max(int(sys.argv[1]), 9) if len(sys.argv) > 1 else 21
    commands = {
        OURS: [installed("dsec-migrate"), str(FILE)],
        COMPOSE: ["docker", "compose", "-f", str(FILE), "config", "-q"],
        SCHEMA: [installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)],
    }
    runs = side_by_side(commands, rounds)
    for name, results in runs.items():
        if any(result.status for result in results):
            sys.exit(f"{name} does not end with 0: nothing to compare")
    ours = median_seconds(runs[OURS])
    lines = len(FILE.read_bytes().splitlines())
    table = Table(
        f"cold start: one file of {lines} lines, medians of {rounds}", "", "median", "best", "memory", "ratio"
    )
    for name, results in runs.items():
        median = median_seconds(results)
        best = min(result.seconds for result in results)
        memory = statistics.median(result.megabytes for result in results)
        table.row(name, f"{median * 1000:.0f} ms", f"{best * 1000:.0f} ms", f"{memory:.0f} MB", f"{ours / median:.2f}x")
    for name, limit in TARGETS.items():
        table.target(f"dsec-migrate / {name}", ours / median_seconds(runs[name]), limit)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
