"""Real Compose files for the tests that need many of them, and the engine for those that need one."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from dsec_migrate.cli import entry
from dsec_migrate.compose import project as projects
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project import Project
from dsec_migrate.images import engine as docker_engine
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.text.source import Source

REPOSITORY = Path(__file__).resolve().parents[1]
# a folder with manifest.json (id, file, path, sidecars of each file); DSEC_CORPUS names another one
CORPUS = Path(os.environ.get("DSEC_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
COMPOSE_ENDINGS = {".yml", ".yaml"}
# what takes minutes more, before a release
ALL = bool(os.environ.get("DSEC_ALL"))
# what takes long for what it shows, and more examples of each property
GATE = ALL or bool(os.environ.get("DSEC_GATE"))

collect_ignore = ["fixtures", "vectors"]


def examples(number: int) -> int:
    """How many examples of a property are tried: ``number`` in the gate, a fifth elsewhere."""
    return number if GATE else max(number // 5, 5)


settings.register_profile("here", max_examples=examples(100))
settings.load_profile("here")


# as a Compose file or `docker compose config` has it, where a dollar sign appears twice
_WRAPPED = re.compile(
    r'^(\w+)="\$\$\(cat (\S+) && printf x\)"(?:  #.*)?\n'
    r'export \1="([^"\n]*)\$\$(?:\{\1%x\}|\(encoded "\$\$\{\1%x\}" \'([^\']*)\'\))([^"\n]*)"$',
    re.MULTILINE,
)


def wrapped(entrypoint: list[str] | None) -> dict[str, str]:
    """The variables that a wrapper supplies, each with the path that it reads."""
    if not entrypoint or not wrapping(entrypoint):
        return {}
    return {name: path for name, path, *_ in _WRAPPED.findall(entrypoint[2])}


def put_around(entrypoint: list[str] | None) -> dict[str, tuple[str, str, str]]:
    """What a wrapper puts before and behind what it reads for a variable, and, where it encodes that for a URL, the
    letters that it keeps."""
    if not entrypoint or not wrapping(entrypoint):
        return {}
    return {name: (before, behind, kept) for name, _, before, kept, behind in _WRAPPED.findall(entrypoint[2])}


def arguments(entrypoint: list[str] | None) -> list[str]:
    """The paths that a wrapper looks for in the words of its program."""
    if not entrypoint or not wrapping(entrypoint):
        return []
    loop = re.search(r"^  for path in (.*); do$", entrypoint[2], re.MULTILINE)
    return loop[1].split() if loop else []


def wrapping(entrypoint: list[str] | None) -> bool:
    return (
        entrypoint is not None and entrypoint[:2] in (["/bin/sh", "-ec"], ["/bin/bash", "-ec"]) and len(entrypoint) > 3
    )


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
    """Every file below ``folder`` by its relative path, but for the journal of the runs."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not {JOURNAL, UNDO} & set(file.relative_to(folder).parts)
    }


def project_of(source: Source, environment: Environment | None = None) -> Project:
    """The project of one file that need not be on disk."""
    texts = projects.Texts()
    texts.add(source)
    return projects.load([source.path], environment or Environment(), texts=texts)


# --- files of many shapes ---


_NAMES = ("DB_PASSWORD", "POSTGRES_PASSWORD", "API_TOKEN", "LOG_LEVEL", "HOST")
_TEXTS = (
    "Zk4x9Lw2qq",
    "Mk9-s3cr$$t",
    "changeme",
    "'it''s 9Kq7'",
    '"x # y9Kq7"',
    "0123",
    "${FROM_ENV}",
    "${UNSET:-Vq8-d3f}",
)
_IMAGES = ("postgres:17", "mysql:8", "busybox:stable", "example.com/app:1")


class Shuffled:
    """A project of anchors, merge keys, aliases, extends and several documents; the same for the same number."""

    def __init__(self, number: int) -> None:
        self.generator = random.Random(f"structure {number}")
        self.anchors: list[str] = []
        self.lines: list[str] = []
        self.extended: set[str] = set()

    def text(self) -> str:
        pick = self.generator
        environments = [f"env{n}" for n in range(pick.randint(0, 2))]
        bodies = [f"body{n}" for n in range(pick.randint(0, 1))]
        for name in environments:
            self.lines += [f"x-{name}: &{name}", *self.mapping("  ", environments[: environments.index(name)])]
        for name in bodies:
            self.lines += [f"x-{name}: &{name}", "  image: busybox:stable", *self.environment("  ", environments)]
            self.lines += self.mounts("  ")
        self.lines.append("services:")
        count = pick.randint(1, 4)
        for n in range(count):
            self.lines.append(f"  s{n}:")
            body = [f"    <<: *{pick.choice(bodies)}"] if bodies and pick.random() < 0.4 else []
            body += [f"    image: {pick.choice(_IMAGES)}"]
            if n and pick.random() < 0.25:
                base = f"s{pick.randrange(n)}"
                self.extended.add(base)
                body.append(f"    extends: {base}" if pick.random() < 0.5 else f"    extends: {{service: {base}}}")
            for part in pick.sample([self.environment("    ", environments), self.mounts("    ")], 2):
                body += part
            self.lines += body
        self.lines += ["secrets:", "  older:", "    file: ./older.txt"]
        if pick.random() < 0.15:
            self.anchors = []
            self.lines += ["---", "services:", f"  s{pick.randrange(count)}:", *self.environment("    ", [])]
            if not self.lines[-1].startswith("     "):
                self.lines.append("    init: true")
        return "\n".join(self.lines) + "\n"

    def environment(self, indentation: str, environments: list[str]) -> list[str]:
        kind = self.generator.randrange(5)
        if kind == 0:
            return []
        if kind == 1 and environments:
            return [f"{indentation}environment: *{self.generator.choice(environments)}"]
        if kind == 2:
            return [f"{indentation}environment:", *self.items(indentation + "  ")]
        return [f"{indentation}environment:", *self.mapping(indentation + "  ", environments)]

    def mapping(self, indentation: str, environments: list[str]) -> list[str]:
        lines = []
        if environments and self.generator.random() < 0.6:
            names = [
                f"*{name}" for name in self.generator.sample(environments, self.generator.randint(1, len(environments)))
            ]
            lines.append(f"{indentation}<<: {names[0] if len(names) == 1 else '[' + ', '.join(names) + ']'}")
        names = self.generator.sample(_NAMES, self.generator.randint(1, 3))
        return [*lines, *(f"{indentation}{name}: {self.value()}" for name in names)]

    def items(self, indentation: str) -> list[str]:
        names = self.generator.choices(_NAMES, k=self.generator.randint(1, 3))
        texts = [text for text in _TEXTS if text[0] not in "'\""]
        return [f"{indentation}- {name}={self.generator.choice(texts)}" for name in names]

    def value(self) -> str:
        chance = self.generator.random()
        if self.anchors and chance < 0.15:
            return f"*{self.generator.choice(self.anchors)}"
        text = self.generator.choice(_TEXTS)
        if chance < 0.3:
            self.anchors.append(f"value{len(self.anchors)}")
            return f"&{self.anchors[-1]} {text}"
        return text

    def mounts(self, indentation: str) -> list[str]:
        kind = self.generator.randrange(6)
        if kind == 0:
            return [f"{indentation}secrets: [older]"]
        if kind == 1:
            return [
                f"{indentation}secrets:",
                f"{indentation}  - source: older",
                f"{indentation}    target: db_password",
            ]
        return []


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


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """A folder whose neighbours hold nothing: who else reads a file is looked for there."""
    folder = tmp_path / "home" / "me"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Those of ``tempfile`` have no neighbours either."""
    folder = tmp_path_factory.mktemp("temporary") / "home" / "me"
    folder.mkdir(parents=True)
    tempfile.tempdir = str(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not GATE and item.get_closest_marker("gate") is not None:
            item.add_marker(
                pytest.mark.skip(reason="takes long for what it shows: DSEC_GATE=1 runs it, as the gate does")
            )


@pytest.fixture(autouse=True)
def no_local_images(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What images this host happens to have is nothing that a test may depend on."""
    if request.node.get_closest_marker("engine") is None:
        monkeypatch.setattr(docker_engine, "inspect", lambda reference: None)


def libraries(program: Path) -> set[Path]:
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, timeout=30, check=False).stdout
    return {Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}


def put(paths: set[Path], root: Path) -> None:
    """Copies files of this host to where they stand here."""
    for path in paths:
        target = root / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path.resolve(), target)


class Said(NamedTuple):
    """How a call ended, and what it put on the screen."""

    status: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Say:
    """Calls the program in this process; Docker is not asked about images. What the module calls ``HIDDEN`` is never
    on the screen."""

    def call(*words: str) -> Said:
        is_verb = bool(words) and not words[0].startswith("-") and not set("./") & set(words[0])
        with pytest.raises(SystemExit) as stop:
            entry.main(words if is_verb else ["--no-docker", *words])
        shown = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        for value in request.module.HIDDEN:
            assert value not in shown.out + shown.err
        return Said(stop.value.code, shown.out, shown.err)

    return call
