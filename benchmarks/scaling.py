"""Does the time per service stay the same as files grow?

    python benchmarks/scaling.py [SERVICES ...]

Files of 10, 1,000 and 20,000 services, several shapes, in this process and once as a command with reports, less its
start-up. Exit status 1 when a service of the largest file takes 1.5 times as long as one of the middle one, or more.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measuring import Table, installed, run

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.migrate.pipeline import migrate
from dsec_migrate.migrate.workers import collect_garbage_seldom
from dsec_migrate.outcome import DONE

SIZES = (10, 1_000, 20_000)
LIMIT = 1.5


def own_values(count: int) -> str:
    """Every service has a secret of its own; half of the images are known."""
    bodies = (
        f"  s{n}:\n    image: {image}\n    environment:\n"
        f"      LOG_LEVEL: info\n      {name}: Zk{n:06d}qW9x\n      HOST: h{n}\n"
        for n in range(count)
        for image, name in [("postgres:17", "POSTGRES_PASSWORD") if n % 2 else ("example.com/app:1", "DB_PASSWORD")]
    )
    return "services:\n" + "".join(bodies)


def one_value(count: int) -> str:
    """All services have the same password, as list items."""
    item = "    image: a:1\n    environment:\n      - LOG_LEVEL=info\n      - DB_PASSWORD=Zk00qW9xLL7\n"
    return "services:\n" + "".join(f"  s{n}:\n{item}" for n in range(count))


def one_anchor(count: int) -> str:
    """All services merge one block."""
    block = "x-env: &env\n  DB_PASSWORD: Zk00qW9xLL7\nservices:\n"
    body = "    image: a:1\n    environment:\n      <<: *env\n"
    return block + "".join(f"  s{n}:\n{body}      HOST: h{n}\n" for n in range(count))


def one_alias(count: int) -> str:
    """All services name one anchored password."""
    body = "    image: a:1\n    environment:\n      DB_PASSWORD: "
    values = ("&password Zk00qW9xLL7" if n == 0 else "*password" for n in range(count))
    return "services:\n" + "".join(f"  s{n}:\n{body}{value}\n" for n, value in enumerate(values))


def one_line(count: int) -> str:
    """JSON on a single line."""
    services = {
        f"s{n}": {"image": "postgres:17", "environment": {"POSTGRES_PASSWORD": f"Zk{n:06d}qW9x"}} for n in range(count)
    }
    return json.dumps({"services": services}) + "\n"


def one_service(count: int) -> str:
    """One service with many variables (each counts as a service here)."""
    variables = "".join(f"      K{n}_PASSWORD: Zk{n:06d}qW9x\n" for n in range(count))
    return f"services:\n  a:\n    image: a:1\n    environment:\n{variables}"


def healthchecks(count: int) -> str:
    """Every service has a secret of its own, which its healthcheck says as well."""
    bodies = (
        f"  s{n}:\n    image: postgres:17\n    environment:\n      POSTGRES_USER: app\n"
        f"      POSTGRES_PASSWORD: Zk{n:06d}qW9x\n    healthcheck:\n"
        f"      test: [CMD-SHELL, 'PGPASSWORD=Zk{n:06d}qW9x pg_isready -U app']\n"
        for n in range(count)
    )
    return "services:\n" + "".join(bodies)


SHAPES: dict[str, Callable[[int], str]] = {
    "own values": own_values,
    "one value": one_value,
    "one anchor": one_anchor,
    "one alias": one_alias,
    "one line": one_line,
    "one service": one_service,
    "healthchecks": healthchecks,
}


def seconds_for(file: Path, text: str, repetitions: int) -> float:
    """The best of some runs, each with other values: what a run remembers of an earlier one is of no use to it."""
    times = []
    for repetition in range(repetitions):
        file.write_text(text.replace("Zk", f"Z{repetition}k"), "utf-8")
        start = time.perf_counter()
        outcome = migrate(ProjectFiles.of(file), Options(), {})
        times.append(time.perf_counter() - start)
        if outcome.status != DONE or not outcome.rewritten:
            sys.exit(f"the file of this benchmark was not migrated: {outcome.failure or outcome.errors}")
    return min(times)


def main() -> int:
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    collect_garbage_seldom()
    table = Table("time per service as files grow", "shape", *(f"{size:,}" for size in sizes), "growth")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "compose.yml"
        growths = {}
        for shape, text in SHAPES.items():
            each = [seconds_for(file, text(size), 5 if size <= 1_000 else 4) / size for size in sizes]
            growths[shape] = each[-1] / each[-2] if len(each) > 1 else 1.0
            table.row(shape, *(f"{seconds * 1e6:.0f} us" for seconds in each), f"{growths[shape]:.2f}x")
        commands = []
        for size in sizes:
            file.write_text(own_values(size), "utf-8")
            commands.append(run([installed("dsec-migrate"), "--output", f"json={name}/report.json", str(file)]))
    # the smallest file is next to nothing but start-up
    each = [(one.seconds - commands[0].seconds) / size for one, size in zip(commands[1:], sizes[1:], strict=True)]
    growths["the command"] = each[-1] / each[-2] if len(each) > 1 else 1.0
    cells = ["", *(f"{seconds * 1e6:.0f} us" for seconds in each)]
    table.row("own values, as a command", *cells, f"{growths['the command']:.2f}x")
    for shape, growth in growths.items():
        table.target(f"growth of {shape}", growth, LIMIT)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
