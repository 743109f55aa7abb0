"""A program behind a wrapper, on the real engine: it cannot tell the difference, and nobody else sees the value."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import docker

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, Unknown
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import DONE

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

# which process it is, what it got (without a word of it), with which arguments; then it waits for its end
PROGRAM = """\
echo "process $$"
for name in A_TOKEN B_TOKEN; do eval "printf %s \\"\\$$name\\"" | sha256sum; done
for word in "$@"; do echo "[$word]"; done
trap 'exit 42' TERM
[ "${1-}" = stay ] || exit 17
while :; do sleep 0.1; done
"""
VALUES = {"A_TOKEN": 'it\'s "q" `x` \\n $HOME $$ % * ü€\n  two \r\nend\n\n', "B_TOKEN": "Larkspur-Hinge-41"}


def compose(user: str) -> str:
    lines = "".join(f"      {name}: {json.dumps(value.replace('$', '$$'))}\n" for name, value in VALUES.items())
    return (
        "services:\n  app:\n    image: busybox:stable\n    pull_policy: never\n    network_mode: none\n"
        f"    user: '{user}'\n    volumes: [./program.sh:/program.sh:ro]\n"
        "    entrypoint: [/bin/sh, /program.sh]\n"
        f"    command: [stay, one two, '$$HOME', '']\n    environment:\n      LOG_LEVEL: info\n{lines}"
    )


@pytest.fixture(params=["0", "1000"], ids=["root", "another user"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    (tmp_path / "program.sh").write_text(PROGRAM, "utf-8")
    (tmp_path / "compose.yml").write_text(compose(request.param), "utf-8")
    (tmp_path / ".env").write_text(f"COMPOSE_PROJECT_NAME=dsec-{uuid.uuid4().hex[:10]}\n", "utf-8")
    yield tmp_path
    docker("compose", "down", "--volumes", "--timeout", "0", cwd=tmp_path)


def wrap(folder: Path) -> None:
    outcome = pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), Options(unknown=Unknown.WRAP), {})
    assert (outcome.status, outcome.failure) == (DONE, "")
    assert [(finding.delivery, finding.action.value) for finding in outcome.findings] == [("wrapper", "migrate")] * 2
    assert pipeline.commit(outcome).is_written


def told(folder: Path, *words: str) -> tuple[int, list[str]]:
    run = docker("compose", "run", "--rm", "--no-TTY", "app", *words, cwd=folder)
    return run.returncode, run.stdout.decode().splitlines()


def test_the_program_is_started_as_before(folder: Path) -> None:
    words = ("one", "two words", "", "$HOME", "*", "-x")
    before = told(folder, *words)
    wrap(folder)
    after = told(folder, *words)
    assert before == after
    status, lines = after
    digests = [f"{hashlib.sha256(value.encode()).hexdigest()}  -" for value in VALUES.values()]
    assert status == 17
    assert lines == ["process 1", *digests, *(f"[{word}]" for word in words)]


def test_it_ends_as_before_and_shows_nothing(folder: Path) -> None:
    wrap(folder)
    assert docker("compose", "up", "--detach", cwd=folder).returncode == 0
    (container,) = docker("compose", "ps", "--quiet", cwd=folder).stdout.decode().split()
    deadline = time.monotonic() + 20
    while b"[]" not in docker("logs", container).stdout and time.monotonic() < deadline:
        time.sleep(0.1)
    seen = docker("inspect", container).stdout.decode() + docker("compose", "config", cwd=folder).stdout.decode()
    parts = [part for value in VALUES.values() for part in value.split("\n") if len(part.strip()) > 8]
    assert len(parts) == 2
    assert not any(part.strip() in seen for part in parts)
    assert [line for line in docker("logs", container).stdout.decode().splitlines() if line.startswith("[")] == [
        "[stay]", "[one two]", "[$HOME]", "[]",
    ]  # fmt: skip
    start = time.monotonic()
    assert docker("compose", "stop", "--timeout", "10", cwd=folder).returncode == 0
    assert time.monotonic() - start < 5, "it was killed, not told to end"
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == b"42"


def test_it_does_not_start_without_its_secret(folder: Path) -> None:
    wrap(folder)
    secret = folder / "secrets" / "b_token.txt"
    text = (folder / "compose.yml").read_text("utf-8")
    (folder / "compose.yml").write_text(text.replace("      - b_token\n", ""), "utf-8")
    assert secret.is_file()
    status, lines = told(folder)
    assert status not in (0, 17)
    assert lines == []
