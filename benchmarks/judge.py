"""Reads the result of the black-box measurement and fails where a promise is broken.

    python benchmarks/judge.py result.json

Prints one line with the figures; exit status 1 when a file crashed, leaked, regressed, was refused though Compose takes
it, was changed again by a second run, written by a dry run, or got a line that has nothing to do with the migration.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

PROMISES = ("crash", "leak", "refused", "regress", "bad", "again", "dry_wrote", "harness")


def main() -> int:
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    broken = {name: [r["id"] for r in results if r.get(name)] for name in PROMISES}
    collateral = sum(r.get("collateral", 0) for r in results)
    changed = sum(bool(r.get("changed")) for r in results)
    moved = sum(len(r.get("moved", [])) for r in results)
    figures = ", ".join(f"{name} {len(files)}" for name, files in broken.items())
    sys.stdout.write(f"{len(results)} files, {changed} changed, {moved} moved; {figures}, collateral {collateral}\n")
    for name, files in broken.items():
        for file in files:
            sys.stdout.write(f"  {name}: {file}\n")
    return 1 if collateral or any(broken.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
