"""The page of a report (--format html) of 1 and of 500 services, as Chromium loads it, beside an empty page.

    python benchmarks/page.py [ROUNDS]

Medians of ROUNDS (9) loads of each, in turn. Exit status 1 when a target is missed; 2 where there is no Chromium.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Table, installed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser import PROGRAM, Browser

EMPTY = "an empty page"
MEGABYTES, MILLISECONDS = 3, 1000


def compose(services: int) -> str:
    lines = ["services:"]
    for number in range(services):
        lines += [f"  service-{number:03}:", "    image: postgres:17", "    environment:"]
        lines.append(f"      POSTGRES_PASSWORD: Larkspur-{number}-Hinge")
    return "".join(f"{line}\n" for line in lines)


def main() -> int:
    if PROGRAM is None:
        print("there is no chromium here", file=sys.stderr)  # noqa: T201
        return 2
    rounds = max(int(sys.argv[1]), 3) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = {EMPTY: folder / "empty.html"}
        pages[EMPTY].write_text("<!doctype html><title>empty</title>")
        for services in (1, 500):
            file = folder / f"{services}.yml"
            file.write_text(compose(services))
            page = folder / f"{services}.html"
            words = [installed("dsec-migrate"), "--no-docker", "--output", f"html={page}", str(file)]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            pages[f"{services} service{'s' * (services > 1)}"] = page
        seconds: dict[str, list[float]] = {title: [] for title in pages}
        with Browser(folder / "profile") as browser:
            for _ in range(rounds):
                for title, page in pages.items():
                    seconds[title].append(browser.open(page))
        table = Table(f"page: medians of {rounds}", "", "median", "best", "size", "ratio")
        empty = statistics.median(seconds[EMPTY])
        for title, page in pages.items():
            median, size = statistics.median(seconds[title]), page.stat().st_size / 1e6
            best = min(seconds[title])
            table.row(
                title, f"{median * 1000:.0f} ms", f"{best * 1000:.0f} ms", f"{size:.2f} MB", f"{median / empty:.1f}x"
            )
            table.target(f"size of {title}", size, MEGABYTES, " MB")
            table.target(f"load of {title}", median * 1000, MILLISECONDS, " ms")
        return table.finish()


if __name__ == "__main__":
    sys.exit(main())
