"""The command blocks of the documentation that need other programs: Swarm and age are real, Vault answers as a server
of the tests, and what would install or fetch something is a stand-in that judges its words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import vault_server
from conftest import docker

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

ROOT = Path(__file__).parent.parent
PAGES = ("stores.md", "rotation.md")
PASSWORD = "larch-Beacon-27"
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
# `up`, `exec` would need images of a registry: what is loaded has to be right, the rest is believed
_DOCKER = """\
#!/bin/sh
case "$1 $*" in
compose*\\ exec\\ *) cat >/dev/null; exit 0 ;;
compose*\\ up*)
  words=
  while [ $# -gt 0 ] && [ "$1" != up ]; do words="$words $1"; shift; done
  exec DOCKER $words config -q ;;
# no registry answers here
stack*\\ deploy\\ *) shift 2; exec DOCKER stack deploy --resolve-image never "$@" ;;
esac
exec DOCKER "$@"
"""
_STATEFUL = """\
services:
  db:
    image: busybox:stable
    command: sleep 600
    stop_grace_period: 0s
    deploy:
      update_config:
        monitor: 100ms
      rollback_config:
        monitor: 100ms
    secrets: [db_pass]
secrets:
  db_pass:
    external: true
"""


def blocks(page: str) -> list[str]:
    return _BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))


class Place(NamedTuple):
    """Where the commands run: ``say`` runs one and has to succeed."""

    folder: Path
    say: Callable[[str], str]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dsec-migrate").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from dsec_migrate.cli import main; main()" "$@"\n'
    )
    (programs / "docker").write_text(_DOCKER.replace("DOCKER", shutil.which("docker") or ""))
    # names an extra that there is
    (programs / "pip").write_text(
        f'#!/bin/sh\ngrep -q "^$(expr "$2" : \'.*\\[\\(.*\\)\\]\') = " {ROOT}/pyproject.toml\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    folder = tmp_path / f"dsec{uuid.uuid4().hex[:8]}"
    shutil.copytree(ROOT / "examples" / "wiki", folder)
    known = {
        **os.environ,
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "DOCKER_CONFIG": str(tmp_path / ".docker"),
        "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.com",
        "GIT_EDITOR": "printf x >",
        "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.com",
    }  # fmt: skip

    def say(command: str) -> str:
        result = subprocess.run(
            ["bash", "-ec", command.replace(" shop", f" {folder.name}")],
            cwd=folder, env=known, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=90,
        )  # fmt: skip
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        assert PASSWORD not in result.stdout + result.stderr
        return result.stdout

    with vault_server.running() as vault:
        known |= {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault_server.TOKEN}
        yield Place(folder, say)
    docker("stack", "rm", folder.name)
    for _ in range(100):
        if not docker("ps", "-q", "--filter", f"label=com.docker.stack.namespace={folder.name}").stdout:
            break
        time.sleep(0.2)
    names = docker("secret", "ls", "--format", "{{.Name}}").stdout.decode().split()
    docker("secret", "rm", *(name for name in names if name.startswith("db_pass")))


def commands(block: str) -> list[str]:
    return [line.partition("  #")[0].strip() for line in block.splitlines() if line.strip()]


def test_no_block_is_forgotten() -> None:
    assert {page: len(blocks(page)) for page in PAGES} == {"stores.md": 4, "rotation.md": 2}
    others = [page for page in (ROOT / "docs").rglob("*.md") if "```sh" in page.read_text("utf-8")]
    assert sorted(page.name for page in others) == sorted(PAGES)


def test_from_files_into_swarm(place: Place) -> None:
    for command in commands(blocks("stores.md")[0]):
        place.say(command)
    assert list((place.folder / "secrets").glob("*.txt")) == []
    assert "db_pass" in docker("secret", "ls", "--format", "{{.Name}}").stdout.decode().split()
    assert docker("stack", "services", "-q", place.folder.name).stdout


def test_a_copy_for_swarm(place: Place) -> None:
    for command in commands(blocks("stores.md")[1]):
        if command.startswith("docker stack deploy"):
            place.say("dsec-migrate push --to swarm --write")
        place.say(command)
    assert docker("stack", "services", "-q", place.folder.name).stdout


def test_a_layer_that_fetches_from_vault(place: Place) -> None:
    for command in commands(blocks("stores.md")[2]):
        if command.startswith("docker compose"):
            # the token of the service that fetches
            (place.folder / "secrets" / "vault_token.txt").write_text("x")
        place.say(command)


def test_encrypted_files_in_git(place: Place) -> None:
    if shutil.which("age-keygen") is None:
        pytest.skip("age is not installed")
    place.say("dsec-migrate --no-docker --write && git init -q")
    for command in commands(blocks("stores.md")[3]):
        recipient = "$(age-keygen -y ~/.age-key)" if "age1…" in command else ""
        place.say(command.replace("age1…", recipient))
    assert "secrets/db_pass.txt.age" in place.say("git ls-files").split()
    assert "secrets/db_pass.txt" not in place.say("git ls-files").split()


@pytest.mark.parametrize("number", range(3))
def test_the_second_phase_of_a_rotation(place: Place, number: int) -> None:
    """Each line from the state that it speaks of."""
    place.say("dsec-migrate --no-docker --write")
    place.say("dsec-migrate rotate db_pass --generate 32 --write")
    command = commands(blocks("rotation.md")[0])[number]
    if "--forget-previous" in command:
        place.say("dsec-migrate rotate db_pass --finish --confirmed --write")
    place.say(command)
    value = (place.folder / "secrets" / "db_pass.txt").read_text()
    assert (value == PASSWORD) is ("--abort" in command)
    is_kept = (place.folder / "secrets" / ".previous" / "db_pass").exists()
    assert is_kept is ("--finish" in command)


def test_versions_in_swarm(place: Place) -> None:
    (place.folder / "compose.yml").write_text(_STATEFUL)
    (place.folder / "secrets").mkdir(mode=0o700)
    (place.folder / "secrets" / "db_pass.txt").write_text(PASSWORD)
    place.say("dsec-migrate push --to swarm --write")
    place.say("docker stack deploy --detach=false -c compose.yml shop")
    names = []
    for command in commands(blocks("rotation.md")[1]):
        place.say(command)
        names.append(set(docker("secret", "ls", "--format", "{{.Name}}").stdout.decode().split()))
    assert {"db_pass", "db_pass_v2"} <= names[0]
    assert "db_pass_v2" not in names[2]
    assert "db_pass" in names[2]
