"""A guard for speed that no slow machine disturbs: what five standard runs do is counted, and each count has a budget.

The budgets are in speed.toml beside this file. ``DSEC_REGENERATE=1 pytest tests/test_speed.py`` writes what is counted
now; a commit that raises a budget says in its message why that is worth it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, Shuffled

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUDGETS = Path(__file__).parent / "speed.toml"
COUNTS = ("modules", "expressions", "files", "frames", "programs")
# each version of Python enters frames of its own for comprehensions, say
COUNTED_BY = (3, 11)
# more than this beyond the budget is a loss; less than the budget by more than this is a win, which is to be kept
SLACK = 0.02

SMALL = (REPOSITORY / "benchmarks" / "data" / "compose.yml").read_text("utf-8")
SETTINGS = """\
services:
  proxy:
    image: nginx:1.27-alpine
    ports: ["8080:80"]
  app:
    image: registry.example.com/shop/backend:4.2
    environment:
      LOG_LEVEL: info
      DATABASE_HOST: database
"""
LAYERED = {
    "compose.yml": """\
services:
  app: &app
    image: registry.example.com/shop/backend:4.2
    env_file: [app.env, common.env]
    environment:
      DATABASE_URL: postgres://shop:${DATABASE_PASSWORD}@database/shop
      LOG_LEVEL: ${LOG_LEVEL:-info}
  worker:
    <<: *app
    command: [worker, --queue, default]
  database:
    image: postgres:17
    env_file: database.env
    environment:
      POSTGRES_PASSWORD: ${DATABASE_PASSWORD}
""",
    "compose.override.yml": """\
services:
  app:
    environment:
      SESSION_SECRET: 5f0e4c1b77aa4d1e9d0b2c6f8e3a1957
  mail:
    image: registry.example.com/shop/mail:1
    environment:
      - SMTP_PASSWORD=Teal-Gannet-58
""",
    ".env": "DATABASE_PASSWORD=kV9tq7Lw2x\nLOG_LEVEL=debug\n",
    "app.env": "API_TOKEN=Quarry-Fjord-7719\nTZ=UTC\n",
    "common.env": "SENTRY_DSN=https://4f1c9a@sentry.example.com/2\nLANG=C.UTF-8\n",
    "database.env": "POSTGRES_USER=shop\nPOSTGRES_DB=shop\n",
}


def _many() -> Mapping[str, str]:
    return {f"p{number:03d}/compose.yml": Shuffled(number).text() for number in range(200)}


Layout = Callable[[], Mapping[str, str]]
RUNS: Mapping[str, tuple[Layout, tuple[str, ...]]] = {
    "one-small-file": (lambda: {"compose.yml": SMALL}, ("compose.yml",)),
    "check-of-one-file": (lambda: {"compose.yml": SMALL}, ("--check", "compose.yml")),
    "no-secret": (lambda: {"compose.yml": SETTINGS}, ("compose.yml",)),
    "overrides-and-env-files": (lambda: LAYERED, ()),
    "two-hundred-files": (_many, (".",)),
}


def count(layout: Mapping[str, str], words: tuple[str, ...], folder: Path) -> dict[str, int]:
    """What a run does, in a fresh interpreter that sees as little as possible of this machine."""
    # whoever reads a file is looked for in the folders above: those are the same wherever this runs
    project = folder / "home" / "projects" / "shop"
    for name, text in layout.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, "utf-8")
    result = folder / "counts.json"
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("counting.py")), str(result), *words],
        cwd=project,
        # no programs, no settings for Python, and the same order in sets
        env={
            "PATH": str(folder / "none"),
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "PYTHONNOUSERSITE": "1",
        },
        capture_output=True,
        check=False,
    )
    found: dict[str, int] = json.loads(result.read_text("utf-8"))
    return found


@pytest.mark.parametrize("run", [*list(RUNS)[:-1], pytest.param(list(RUNS)[-1], marks=pytest.mark.gate)])
def test_a_run_does_no_more_than_its_budget(run: str, tmp_path: Path) -> None:
    layout, words = RUNS[run]
    found = count(layout(), words, tmp_path)
    assert found.pop("status") == (1 if "--check" in words else 0), run
    budgets = _budgets()
    if os.environ.get("DSEC_REGENERATE"):
        _keep({**budgets, run: found})
        return
    compared = [name for name in COUNTS if name != "frames" or sys.version_info[:2] == COUNTED_BY]
    wrong = [
        verdict for name in compared if (verdict := _verdict(f"{run}: {name}", found[name], budgets[run][name])) != ""
    ]
    assert not wrong, "\n".join(wrong)
    if "frames" not in compared:
        pytest.skip(f"the frames are those of Python {COUNTED_BY[0]}.{COUNTED_BY[1]}; the other counts are within")


def _verdict(what: str, found: int, budget: int) -> str:
    """Why a count is not what its budget says; empty where it is, but for little."""
    slack = int(budget * SLACK)
    if found > budget + slack:
        return (
            f"{what}: {found}, the budget is {budget}. Speed is lost bit by bit: do less, or raise the budget in "
            "tests/speed.toml, in the commit whose message says what the cost is for"
        )
    if found < budget - slack:
        return f"{what}: {found}, the budget is {budget}. Lower it in tests/speed.toml, so that it is kept"
    return ""


def _budgets() -> dict[str, dict[str, int]]:
    loaded: dict[str, Any] = tomllib.loads(BUDGETS.read_text("utf-8"))
    return loaded


def _keep(budgets: Mapping[str, Mapping[str, int]]) -> None:
    head = "".join(f"{line}\n" for line in BUDGETS.read_text("utf-8").splitlines() if line.startswith("#"))
    tables = [
        "\n".join([f"[{run}]", *(f"{name} = {budgets[run][name]}" for name in COUNTS if name in budgets[run])])
        for run in RUNS
        if run in budgets
    ]
    BUDGETS.write_text(head + "\n" + "\n\n".join(tables) + "\n", "utf-8")
