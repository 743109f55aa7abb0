"""Swarm as a store, on the real engine: from plaintext to versions and back, while two replicas go on running."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import docker

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

VALUES = {f"APP_{noun}_PASSWORD": f"Larkspur-{number}-Hinge" for number, noun in enumerate(("A", "B", "C", "D", "E"))}
REPORT = (
    "for name in A B C D E; do eval file=\\$APP_${name}_PASSWORD_FILE; "
    '[ -z "$file" ] || sha256sum <"$file" | cut -c 1-64 >/tmp/$name; done; touch /tmp/ready; '
    'trap "exit 0" TERM; while :; do sleep 0.1; done'
)


def dsec(folder: Path, *words: str, status: int = 0) -> str:
    result = subprocess.run(
        [sys.executable, "-c", "from dsec_migrate.cli import main; main()", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status, result.stderr
    shown = result.stdout + result.stderr
    assert not any(value in shown for value in [*VALUES.values(), "Mullein-Gantry-84", "Whimbrel-Sluice-52"])
    return shown


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    name = f"dsec{uuid.uuid4().hex[:8]}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM busybox:stable\nENTRYPOINT {json.dumps(['/bin/sh', '-c', REPORT])}\n")
    assert docker("build", "-q", "-t", f"{name}:1", str(folder)).returncode == 0
    (folder / "Dockerfile").unlink()
    (folder / "dsec-migrate.toml").write_text(
        f'[[image]]\nnames = ["{name}"]\nconvention = "file-variable"\nsupported = {json.dumps(list(VALUES))}\n'
    )
    app = "".join(f"      {variable}: {value}\n" for variable, value in VALUES.items())
    (folder / "compose.yml").write_text(
        f"services:\n  app:\n    image: {name}:1\n    environment:\n{app}"
        "    deploy:\n      replicas: 2\n      update_config:\n        order: start-first\n"
        f"  other:\n    image: {name}:1\n    environment:\n      APP_A_PASSWORD: Whimbrel-Sluice-52\n"
    )
    yield folder, name
    docker("stack", "rm", name)
    for _ in range(100):
        if not docker("ps", "-q", "--filter", f"label=com.docker.stack.namespace={name}").stdout:
            break
        time.sleep(0.2)
    listed = docker("secret", "ls", "-q", "--filter", f"label=dsec.project={name}").stdout.decode().split()
    docker("secret", "rm", *listed)
    docker("rmi", "-f", f"{name}:1")


def containers(service: str) -> list[str]:
    label = f"label=com.docker.swarm.service.name={service}"
    return docker("ps", "-q", "--filter", label).stdout.decode().split()


def hashes(service: str, name: str, number: int) -> set[str]:
    """What all tasks of a service report, once there are ``number`` of them."""
    for _ in range(150):
        running = containers(service)
        told = [docker("exec", one, "sh", "-c", f"test -e /tmp/ready && cat /tmp/{name}") for one in running]
        if len(running) == number and all(one.returncode == 0 for one in told):
            return {one.stdout.decode().strip() for one in told}
        time.sleep(0.2)
    raise AssertionError(f"{service} has not {number} tasks that are ready")


def test_a_running_container_sees_the_new_file(tmp_path: Path) -> None:
    folder = tmp_path / f"dsec{uuid.uuid4().hex[:8]}"
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "key.txt").write_text("Larkspur-0-Hinge")
    (folder / "new").write_text("Mullein-Gantry-84")
    (folder / "compose.yml").write_text(
        "services:\n  app:\n    image: busybox:stable\n    command: sleep 300\n    secrets: [key]\n"
        "secrets:\n  key:\n    file: ./secrets/key.txt\n"
    )
    started = docker("compose", "up", "-d", cwd=folder)
    assert started.returncode == 0, started.stderr.decode()
    try:
        dsec(folder, "rotate", "key", "--value-file", "new", "--write")
        words = ("compose", "exec", "-T", "app", "cat", "/run/secrets/key")
        assert docker(*words, cwd=folder).stdout == b"Larkspur-0-Hinge"
        dsec(folder, "rotate", "key", "--finish", "--confirmed", "--write")
        assert docker(*words, cwd=folder).stdout == b"Mullein-Gantry-84"
    finally:
        docker("compose", "down", "-t", "0", cwd=folder)


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def test_from_plaintext_to_swarm_and_through_a_rotation(stack: tuple[Path, str]) -> None:
    folder, name = stack
    dsec(folder, "--source", "external", "--write")
    assert not any(value in (folder / "compose.yml").read_text() for value in VALUES.values())
    told = dsec(folder, "push", "--to", "swarm")
    assert "6 secrets would be created" in told
    assert docker("secret", "ls", "-q", "--filter", f"label=dsec.project={name}").stdout == b""
    dsec(folder, "push", "--to", "swarm", "--label", "stage=test", "--write")
    assert "0 secrets would be created" in dsec(folder, "push", "--to", "swarm")
    for file in (folder / "secrets").glob("*.txt"):
        file.unlink()
    deployed = docker("stack", "deploy", "--detach=false", "-c", "compose.yml", name, cwd=folder)
    assert deployed.returncode == 0, deployed.stderr.decode()
    for variable, value in VALUES.items():
        assert hashes(f"{name}_app", variable[4], 2) == {digest(value)}
    assert hashes(f"{name}_other", "A", 1) == {digest("Whimbrel-Sluice-52")}

    (folder / "new").write_text("Mullein-Gantry-84\n")
    fewest, done = [2], threading.Event()

    def watch() -> None:
        while not done.is_set():
            fewest.append(len(containers(f"{name}_app")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    mounts = [line.strip(" -") for line in (folder / "compose.yml").read_text().splitlines() if "- app_b" in line]
    secret = mounts[0]
    before = (folder / "compose.yml").read_text()
    told = dsec(folder, "rotate", secret, "--value-file", "new")
    assert "--secret-rm" in told
    assert (folder / "compose.yml").read_text() == before
    dsec(folder, "rotate", secret, "--value-file", "new", "--apply", "--write")
    assert hashes(f"{name}_app", "B", 2) == {digest("Mullein-Gantry-84")}
    assert hashes(f"{name}_app", "C", 2) == {digest(VALUES["APP_C_PASSWORD"])}
    assert f"name: {secret}_v2" in (folder / "compose.yml").read_text()

    dsec(folder, "rotate", secret, "--rollback", "--apply", "--write")
    assert hashes(f"{name}_app", "B", 2) == {digest(VALUES["APP_B_PASSWORD"])}
    done.set()
    watcher.join()
    assert min(fewest) >= 2

    told = dsec(folder, "rotate", secret, "--prune")
    assert f"{secret}_v2  goes" in told
    dsec(folder, "rotate", secret, "--prune", "--write")
    left = docker("secret", "ls", "--format", "{{.Name}}", "--filter", f"label=dsec.project={name}").stdout.decode()
    assert f"{secret}_v2" not in left.split()
    assert secret in left.split()
    # what the file says is what runs
    again = docker("stack", "deploy", "--detach=false", "-c", "compose.yml", name, cwd=folder)
    assert again.returncode == 0, again.stderr.decode()
    assert hashes(f"{name}_app", "B", 2) == {digest(VALUES["APP_B_PASSWORD"])}
