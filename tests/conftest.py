"""Real Compose files for the tests that need many of them, and the engine for those that need one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
# a folder with manifest.json (id, file, path, sidecars of each file); DSEC_CORPUS names another one
CORPUS = Path(os.environ.get("DSEC_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
COMPOSE_ENDINGS = {".yml", ".yaml"}


class RealFile(NamedTuple):
    """A Compose file that somebody wrote, with the env files that belong to it.

    ``path`` is its place below the project's folder; ``sidecars`` are pairs of such a place and the file on disk.
    """

    name: str
    file: Path
    path: str
    sidecars: tuple[tuple[str, Path], ...] = ()

    def lay_out(self, folder: Path, data: bytes | None = None) -> Path:
        """Writes the project (with ``data`` instead of the file's own bytes) below ``folder``; returns its file."""
        target = folder / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.file.read_bytes() if data is None else data)
        for place, origin in self.sidecars:
            beside = folder / place
            beside.parent.mkdir(parents=True, exist_ok=True)
            if not beside.exists():
                shutil.copyfile(origin, beside)
        return target


@cache
def corpus_files() -> tuple[RealFile, ...]:
    """The files of the corpus in its own order; empty where there is none."""
    manifest = CORPUS / "manifest.json"
    if not manifest.is_file():
        return ()
    return tuple(
        RealFile(
            entry["id"],
            CORPUS / entry["file"],
            entry["path"],
            tuple((sidecar["path"], CORPUS / sidecar["file"]) for sidecar in entry["sidecars"]),
        )
        for entry in json.loads(manifest.read_text("utf-8"))
    )


@cache
def own_files() -> tuple[RealFile, ...]:
    """The Compose files that the repository itself brings: fixtures, examples and the benchmark's."""
    found: list[RealFile] = []
    for folder in (REPOSITORY / "tests" / "fixtures", REPOSITORY / "examples", REPOSITORY / "benchmarks" / "data"):
        for file in sorted(folder.rglob("*")):
            if file.suffix in COMPOSE_ENDINGS and file.is_file():
                env_file = file.with_name(".env")
                sidecars = ((".env", env_file),) if env_file.is_file() else ()
                found.append(RealFile(file.relative_to(REPOSITORY).as_posix(), file, file.name, sidecars))
    return tuple(found)


@pytest.fixture(scope="session")
def corpus() -> tuple[RealFile, ...]:
    files = corpus_files()
    if not files:
        pytest.skip("there is no corpus of real files beside the repository (DSEC_CORPUS names its folder)")
    return files


@pytest.fixture(scope="session")
def real_files() -> tuple[RealFile, ...]:
    """The corpus where there is one, else what the repository brings."""
    return corpus_files() or own_files()


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` by its relative path."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


# --- the engine ---


def docker(*words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Runs ``docker`` with an environment that holds nothing of this process but what it needs."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    return subprocess.run(
        ["docker", *words], cwd=cwd, env={**environment, **variables}, capture_output=True, timeout=90, check=False
    )


def compose_config(file: Path, **variables: str) -> Any:
    """What ``docker compose config`` makes of a file, with each ``$$`` of a service's variables undone."""
    result = docker(
        "compose", "-f", str(file), "--profile", "*", "config", "--format", "json", cwd=file.parent, **variables
    )
    assert result.returncode == 0, result.stderr.decode()
    config = json.loads(result.stdout)
    for service in config["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if value is not None:
                service["environment"][name] = value.replace("$$", "$")
    return config


@cache
def engine_obstacle() -> str:
    """Why the tests of the real engine cannot run here; empty when they can."""
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    if docker("info", "--format", "{{.ServerVersion}}").returncode:
        return "no Docker Engine answers"
    if docker("compose", "version").returncode:
        return "Docker Compose v2 is not installed"
    if docker("image", "inspect", "busybox:stable").returncode:
        return "the image busybox:stable is not there (docker pull busybox:stable)"
    return ""


@pytest.fixture(scope="session")
def engine() -> None:
    obstacle = engine_obstacle()
    if obstacle:
        pytest.skip(obstacle)
