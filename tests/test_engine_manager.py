"""``--source vault`` on a real engine of the test's own: a stand-in fetches the values, and all recover by themselves.

The engine is a second one, with its own data, so that the test can restart it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from conftest import docker

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

PLAIN = {"APP_PASSWORD": "Larkspur-Hinge-41", "OTHER_PASSWORD": "Mullein-Gantry-84"}
TOKEN = "token-of-the-test"
# without its token it gives nothing; a value is made from the name, so it stands in no image and no file
FETCH = f'[ "$TOKEN" = {TOKEN} ] && printf %s "$1-$(printf %s "$1" | sha256sum | cut -c 1-20)"'
# ends where the file is not there, as images that heed X_FILE do
READ = 'APP_PASSWORD="$(cat "$APP_PASSWORD_FILE")" && [ -n "$APP_PASSWORD" ] || exit 1\n'
REPORT = (
    "printf %s \"$APP_PASSWORD\" | sha256sum | cut -c 1-64 >/tmp/sum\ntrap 'exit 0' TERM; while :; do sleep 0.2; done"
)


class Engine:
    """A daemon with all its data below ``folder``. In the first one's network it would take its bridge away."""

    def __init__(self, folder: Path, program: str, path: str) -> None:
        self.folder, self.program, self.path = folder, program, path
        self.host = f"unix://{folder}/docker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec", "-H", self.host]
        words += ["-p", f"{self.folder}/pid", "--iptables=false", "--ip6tables=false", "--bridge=none"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--net", self.program, *words],
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": self.path},
            )
        for _ in range(150):
            if self.run("version").returncode == 0:
                return
            time.sleep(0.2)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def run(self, *words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
        return docker(*words, cwd=cwd, DOCKER_HOST=self.host, **variables)


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    found = subprocess.run(["pidof", "dockerd"], capture_output=True, text=True, check=False).stdout.split()
    if shutil.which("unshare") is None or os.geteuid() or not found or not Path(f"/proc/{found[0]}/exe").exists():
        pytest.skip("only root can start a second engine, from the program of the first, which does not run here")
    process = Path("/proc") / found[0]
    variables = dict(one.split("=", 1) for one in (process / "environ").read_text().split("\0") if "=" in one)
    # a socket's path is short
    folder = Path("/tmp") / f"dsec-engine-{os.getpid()}"
    folder.mkdir(mode=0o700)
    engine = Engine(folder, os.readlink(process / "exe"), variables.get("PATH", os.environ["PATH"]))  # noqa: PTH115
    try:
        engine.start()
        yield engine
        engine.run("rm", "-f", *engine.run("ps", "-aq").stdout.decode().split())
        engine.run("volume", "rm", *engine.run("volume", "ls", "-q").stdout.decode().split())
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def build(engine: Engine, folder: Path, name: str, script: str, entrypoint: list[str]) -> None:
    folder.mkdir()
    (folder / "start").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "start").chmod(0o755)
    text = f"FROM busybox:stable\nCOPY start /usr/local/bin/start\nENTRYPOINT {json.dumps(entrypoint)}\n"
    (folder / "Dockerfile").write_text(text)
    # a builder would want a network: the first engine builds, the second gets the image
    assert docker("build", "-q", "-t", name, str(folder)).returncode == 0
    saved = docker("save", "-o", str(folder / "image.tar"), name)
    assert saved.returncode == 0
    assert engine.run("load", "-i", str(folder / "image.tar")).returncode == 0
    docker("rmi", "-f", name)


def value(name: str) -> str:
    return f"shop/{name}-{hashlib.sha256(f'shop/{name}'.encode()).hexdigest()[:20]}"


def test_values_come_when_the_project_starts_and_after_every_restart(own_engine: Engine, tmp_path: Path) -> None:
    engine = own_engine
    build(engine, tmp_path / "app", "dsec-app:1", READ + REPORT, ["/usr/local/bin/start"])
    build(engine, tmp_path / "plain", "dsec-plain:1", REPORT.replace("APP_", "OTHER_"), ["/usr/local/bin/start"])
    build(engine, tmp_path / "manager", "dsec-manager:1", FETCH, ["/usr/local/bin/start"])
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "dsec-migrate.toml").write_text(
        '[[image]]\nnames = ["dsec-app"]\nconvention = "file-variable"\nsupported = ["APP_PASSWORD"]\n'
        'entrypoint = ["/usr/local/bin/start"]\ncommand = []\n'
        '[[image]]\nnames = ["dsec-plain"]\nconvention = "none"\nsupported = []\nshell = "sh"\n'
        'entrypoint = ["/usr/local/bin/start"]\ncommand = []\n'
    )
    (folder / "compose.yml").write_text(
        "name: shop\nservices:\n"
        f"  app:\n    image: dsec-app:1\n    network_mode: none\n    restart: always\n"
        f"    environment:\n      APP_PASSWORD: {PLAIN['APP_PASSWORD']}\n"
        f"  plain:\n    image: dsec-plain:1\n    network_mode: none\n    restart: unless-stopped\n"
        f"    environment:\n      OTHER_PASSWORD: {PLAIN['OTHER_PASSWORD']}\n"
    )
    words = ["--source", "vault", "--manager-image", "dsec-manager:1", "--write", "--no-docker"]
    words += ["--manager-command", 'TOKEN="$VAULT_TOKEN" start "$1"']
    migrated = subprocess.run(
        [sys.executable, "-c", "from dsec_migrate.cli import main; main()", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert migrated.returncode == 0, migrated.stderr
    overlay = folder / "compose.vault.yml"
    for path in folder.glob("secrets/*.txt"):
        path.unlink()
    shutil.rmtree(folder / "secrets" / ".undo")
    (folder / "secrets" / "vault_token.txt").write_text(TOKEN)
    # the second engine has no network for containers
    (folder / "test.yml").write_text("services:\n  secrets:\n    network_mode: none\n")
    compose = ("compose", "-f", "compose.yml", "-f", overlay.name, "-f", "test.yml")

    def run(*words: str) -> bytes:
        result = engine.run(*compose, *words, cwd=folder, VAULT_ADDR="http://vault.invalid")
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout

    def container(service: str) -> str:
        return run("ps", "-aq", service).decode().strip()

    def wait_for(service: str, name: str) -> None:
        """Until the program reports the value that the manager has."""
        expected = hashlib.sha256(value(name).encode()).hexdigest()
        for _ in range(150):
            told = engine.run("exec", container(service), "cat", "/tmp/sum").stdout.decode().strip()
            if told == expected:
                return
            time.sleep(0.2)
        raise AssertionError(f"{service} has another value: {run('logs', '--no-color').decode()[-1500:]}")

    def started(service: str) -> str:
        return engine.run("inspect", "-f", "{{.State.StartedAt}}", container(service)).stdout.decode()

    def both_are_there() -> None:
        wait_for("app", "app_password")
        wait_for("plain", "other_password")

    run("up", "-d", "--wait", "--wait-timeout", "60")
    both_are_there()
    # they started when all files were there, and never without
    state = {name: json.loads(engine.run("inspect", container(name)).stdout)[0] for name in ("secrets", "app", "plain")}
    healthy = datetime.fromisoformat(state["secrets"]["State"]["Health"]["Log"][0]["End"][:19])
    for name in ("app", "plain"):
        assert datetime.fromisoformat(state[name]["State"]["StartedAt"][:19]) >= healthy
        assert state[name]["RestartCount"] == 0
        mounted = engine.run("exec", container(name), "grep", " /run/secrets ", "/proc/mounts").stdout.decode()
        assert " tmpfs ro," in mounted
        assert len(mounted.splitlines()) == 1
    assert engine.run("exec", container("app"), "ls", "/run/secrets").stdout.split() == [b"app_password"]

    # nothing on disk: neither in the project nor in what the engine keeps; its volumes are mounts in memory
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " tmpfs " in line]
    volumes = engine.folder / "data" / "volumes"
    assert sum(mount.startswith(str(volumes)) for mount in mounts) == 2
    found = subprocess.run(
        ["grep", "-rlsF", "--exclude-dir=volumes", "-e", value("app_password"), "-e", value("other_password"), "."],
        cwd=engine.folder / "data",
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
    shown = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    shown += run("config") + engine.run("inspect", *[container(name) for name in state]).stdout + run("logs")
    assert not any(one.encode() in shown for one in (value("app_password"), value("other_password"), *PLAIN.values()))

    for service in ("app", "plain", "secrets"):
        assert engine.run("restart", "-t", "1", container(service)).returncode == 0
        both_are_there()
    assert engine.run("restart", "-t", "1", container("app")).returncode == 0
    both_are_there()

    before = {
        name: json.loads(engine.run("inspect", container(name)).stdout)[0]["State"]["StartedAt"] for name in state
    }
    engine.stop()
    assert not [line for line in Path("/proc/mounts").read_text().splitlines() if str(volumes) in line]
    engine.start()
    both_are_there()
    assert all(started(name) != before[name] for name in state)

    # the wrong token gives nothing, and nobody starts without
    run("down", "-t", "1")
    (folder / "secrets" / "vault_token.txt").write_text("wrong")
    failed = engine.run(
        *compose, "up", "-d", "--wait", "--wait-timeout", "4", cwd=folder, VAULT_ADDR="http://vault.invalid"
    )
    assert failed.returncode != 0
    # on a busy machine Compose may have started the container when its time was up: what is in it waits for its files
    for one in engine.run("ps", "-q", "--filter", "label=com.docker.compose.service=app").stdout.decode().split():
        assert engine.run("exec", one, "ls", "/run/secrets").stdout == b""
        assert engine.run("exec", one, "cat", "/tmp/sum").returncode != 0
    run("down", "-t", "1")
