"""Little projects against what Compose 2.40 was observed to make of them (vectors/projects.json): which files it reads
in which order, what it calls the project, and what each container gets.

`pytest -m engine` asks the real program again; with `DSEC_REGENERATE=1` it writes down what that says.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.config.options import Options
from dsec_migrate.migrate import pipeline
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import is_text

VECTORS = Path(__file__).parent / "vectors" / "projects.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text("utf-8"))
OPTIONS = {"-f": "layers", "--env-file": "env_files", "--project-directory": "project_directory"}
# where a project's folder is part of what Compose says
FOLDER = "stack"


def lay_out(case: Mapping[str, Any], folder: Path) -> Path:
    for name, text in case["files"].items():
        path = folder / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # a lone surrogate stands for a byte that is no UTF-8
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder / FOLDER


def words(case: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"layers": [], "env_files": []}
    arguments: Sequence[str] = case.get("arguments", [])
    for option, value in zip(arguments[::2], arguments[1::2], strict=True):
        if option == "--project-directory":
            found[OPTIONS[option]] = Path(value)
        else:
            found[OPTIONS[option]].append(Path(value))
    return found


def understood(case: Mapping[str, Any], folder: Path) -> Any:
    """The name, and what each service has and mounts, by our own reading; None where we refuse the project."""
    shell = case.get("shell", {})
    try:
        (files,) = discover([], directory=folder, shell=shell, **words(case))
        project = pipeline.load(files, Options(), shell)
    except UserError:
        return None
    if pipeline.migrate(files, Options(), shell).errors or not project.environment.project_name:
        return None
    services = {
        service.name: {
            variable.name: _as_docker_says(variable.effective.value)
            for variable in service.variables.values()
            if variable.effective.value is not None
        }
        for unit in project.units()
        for service in unit.services.values()
    }
    mounts = {
        service.name: dict(sorted(by_path(service).items()))
        for unit in project.units()
        for service in unit.services.values()
        if by_path(service)
    }
    return {"name": project.environment.project_name, "services": services, **({"mounts": mounts} if mounts else {})}


def _as_docker_says(value: str) -> str:
    return "".join(one if is_text(one) else "\ufffd" for one in value)


def observed(case: Mapping[str, Any], folder: Path) -> Any:
    """What `docker compose config` says; None where it refuses the project."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    shell = {**shell, **case.get("shell", {}), "PWD": str(folder)}
    command = ["docker", "compose", *case.get("arguments", []), "config", "--format", "json"]
    run = subprocess.run(command, cwd=folder, env=shell, capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    said = json.loads(run.stdout)
    services = {
        name: {
            variable.replace("$$", "$"): value.replace("$$", "$")
            for variable, value in (service.get("environment") or {}).items()
            if value is not None
        }
        for name, service in (said.get("services") or {}).items()
    }
    mounts = {
        name: dict(sorted((_path(one.get("target") or one["source"]), one["source"]) for one in service["secrets"]))
        for name, service in (said.get("services") or {}).items()
        if service.get("secrets")
    }
    return {"name": said["name"], "services": services, **({"mounts": mounts} if mounts else {})}


def _path(target: str) -> str:
    return target if target.startswith("/") else f"{SECRETS_MOUNT}/{target}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_a_project_means_what_compose_says(case: Mapping[str, Any], tmp_path: Path) -> None:
    assert understood(case, lay_out(case, tmp_path)) == case["observed"]


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_compose_still_says_so() -> None:
    found = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            found.append({**case, "observed": observed(case, lay_out(case, Path(name)))})
    if os.environ.get("DSEC_REGENERATE"):
        VECTORS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    assert [case["about"] for case, now in zip(CASES, found, strict=True) if case != now] == []
