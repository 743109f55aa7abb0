"""Each way in which images read files, on the real engine: before and after, every program gets the same bytes.

The images are made here from busybox, each with an entrypoint that has one convention; ``dsec-migrate.toml`` tells the
program what they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import docker

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import DONE

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

# tells a hash of what it got, then waits for its end
REPORT = (
    'printf %s "$APP_PASSWORD" | sha256sum | cut -c 1-64 >/tmp/sum; trap "exit 0" TERM; while :; do sleep 0.1; done'
)
# the image's own user "app" is 1000
DROPPED = (
    f"exec su app -c 'APP_PASSWORD=$(cat \"$APP_PASSWORD_FILE\"; printf x); APP_PASSWORD=${{APP_PASSWORD%x}}; {REPORT}'"
)


class Kind(NamedTuple):
    """``entrypoint`` is a script; ``row`` are the lines of a table of images; ``delivery`` is how the value moves."""

    entrypoint: str
    row: str
    delivery: str
    value: str = "Curlew $$ `x` \"q\" 'r' \\n ü%"
    service: str = ""


def read(variable: str, *, keeps: bool = False) -> str:
    content = f'$(cat "${variable}"; printf x)' if keeps else f'$(cat "${variable}")'
    strip = '; APP_PASSWORD="${APP_PASSWORD%x}"' if keeps else ""
    return f'if [ -n "${{{variable}:-}}" ]; then APP_PASSWORD="{content}"{strip}; fi; '


KINDS = {
    "suffix": Kind(read("APP_PASSWORD_FILE") + REPORT, 'convention = "file-variable"', "file-variable"),
    "double": Kind(read("APP_PASSWORD__FILE") + REPORT, 'convention = "double-underscore"', "double-underscore"),
    "prefix": Kind(read("FILE__APP_PASSWORD") + REPORT, 'convention = "prefix"', "prefix"),
    "scheme": Kind(
        'case "$APP_PASSWORD" in file://*) APP_PASSWORD="$(cat "${APP_PASSWORD#file://}")";; esac; ' + REPORT,
        'convention = "value-scheme"\nvalue = "file://{path}"',
        "value-scheme",
    ),
    "strict": Kind(
        '[ -z "${APP_PASSWORD:-}" ] || [ -z "${APP_PASSWORD_FILE:-}" ] || exit 3; '
        + read("APP_PASSWORD_FILE")
        + REPORT,
        'convention = "file-variable"',
        "file-variable",
    ),
    "newline": Kind(
        read("APP_PASSWORD_FILE", keeps=True) + REPORT,
        'convention = "file-variable"\nfinal_newlines = "kept"',
        "file-variable",
        "ends in newlines\n\n",
    ),
    "dropped": Kind(
        f'if [ -z "${{APP_PASSWORD_FILE:-}}" ]; then {REPORT}; fi; {DROPPED}',
        'convention = "file-variable"\nreads_as = "1000:1000"',
        "file-variable",
    ),
    "user": Kind(
        read("APP_PASSWORD_FILE") + REPORT,
        'convention = "file-variable"',
        "file-variable",
        service="    user: '1000'\n",
    ),
    "variable": Kind(
        REPORT, 'convention = "none"\nentrypoint = ["/entrypoint.sh"]\ncommand = []\nshell = "sh"', "wrapper"
    ),
}


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, engine: None) -> Iterator[str]:
    """Builds an image of each kind; the name that they share."""
    folder = tmp_path_factory.mktemp("images")
    name = f"dsec-kind-{uuid.uuid4().hex[:8]}"
    for kind, told in KINDS.items():
        (folder / "entrypoint.sh").write_text(f"#!/bin/sh\nset -e\n{told.entrypoint}\n", encoding="utf-8")
        (folder / "entrypoint.sh").chmod(0o755)
        (folder / "Dockerfile").write_text(
            'FROM busybox:stable\nCOPY entrypoint.sh /entrypoint.sh\nENTRYPOINT ["/entrypoint.sh"]\nCMD []\n',
            encoding="utf-8",
        )
        built = docker("build", "--quiet", "--tag", f"{name}-{kind}", ".", cwd=folder)
        assert built.returncode == 0, built.stderr.decode()
    yield name
    docker("image", "rm", "--force", *(f"{name}-{kind}" for kind in KINDS))


@pytest.fixture
def folder(tmp_path: Path, images: str) -> Iterator[Path]:
    project = f"dsec-{uuid.uuid4().hex[:10]}"
    services, rows = [], []
    for kind, told in KINDS.items():
        value = json.dumps(told.value.replace("$", "$$"))
        test = f'[ "$$(printf %s "$$APP_PASSWORD" | sha256sum | cut -c 1-64)" = {digest(told.value)} ]'
        checks = (
            ""
            if told.value.endswith("\n")
            else (
                f"    healthcheck:\n      test: [CMD-SHELL, {json.dumps(test)}]\n"
                "      interval: 1s\n      retries: 20\n"
            )
        )
        services.append(
            f"  {kind}:\n    image: {images}-{kind}\n    pull_policy: never\n    stop_grace_period: 5s\n"
            f"{told.service}    environment:\n      APP_PASSWORD: {value}\n{checks}"
        )
        supported = '["APP_PASSWORD"]' if told.delivery != "wrapper" else "[]"
        rows.append(f'[[image]]\nnames = ["{images}-{kind}"]\nsupported = {supported}\n{told.row}\n')
    (tmp_path / "compose.yml").write_text("services:\n" + "".join(services), encoding="utf-8")
    text = "\n".join(rows)
    (tmp_path / "dsec-migrate.toml").write_text(text, encoding="utf-8")
    (tmp_path / ".env").write_text(f"COMPOSE_PROJECT_NAME={project}\n", encoding="utf-8")
    yield tmp_path
    docker("compose", "down", "--volumes", "--timeout", "0", cwd=tmp_path)
    docker("stack", "rm", project)


def migrated(folder: Path, options: Options) -> None:
    outcome = pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), options, {})
    assert (outcome.status, outcome.failure) == (DONE, "")
    assert {finding.service: finding.delivery for finding in outcome.findings} == {
        kind: told.delivery for kind, told in KINDS.items()
    }
    assert pipeline.commit(outcome).is_written


def told_by_compose(folder: Path) -> dict[str, str]:
    up = docker("compose", "up", "--detach", "--wait", "--wait-timeout", "60", "--force-recreate", cwd=folder)
    assert up.returncode == 0, up.stderr.decode()
    time.sleep(0.5)
    return {
        kind: docker("compose", "exec", "--no-TTY", kind, "cat", "/tmp/sum", cwd=folder).stdout.decode().strip()
        for kind in KINDS
    }


def test_every_program_gets_the_same_value(folder: Path) -> None:
    expected = {kind: digest(told.value) for kind, told in KINDS.items()}
    # a shell takes final newlines of what it reads
    assert told_by_compose(folder) == expected
    migrated(folder, Options())
    assert told_by_compose(folder) == expected
    shown = docker("inspect", *docker("compose", "ps", "--quiet", cwd=folder).stdout.decode().split()).stdout.decode()
    assert "APP_PASSWORD" in shown
    assert all(told.value[:7] not in shown for told in KINDS.values())


def test_a_stack_gets_the_same_values(folder: Path) -> None:
    # Stack refuses the key
    text = (folder / "compose.yml").read_text(encoding="utf-8").replace("    pull_policy: never\n", "")
    (folder / "compose.yml").write_text(text, encoding="utf-8")
    migrated(folder, Options(source=SourceKind.EXTERNAL, target=Target.SWARM))
    created = docker_script(folder / "secrets" / "create-secrets.sh")
    project = (folder / ".env").read_text(encoding="utf-8").strip().partition("=")[2]
    try:
        deployed = docker(
            "stack", "deploy", "--detach", "--resolve-image", "never", "-c", "compose.yml", project, cwd=folder
        )
        assert deployed.returncode == 0, deployed.stderr.decode()
        told: dict[str, str] = {}
        end = time.monotonic() + 90
        while time.monotonic() < end and told != {kind: digest(one.value) for kind, one in KINDS.items()}:
            time.sleep(1)
            for kind in KINDS.keys() - told.keys():
                label = f"label=com.docker.swarm.service.name={project}_{kind}"
                found = docker("ps", "--quiet", "--filter", label).stdout.decode().split()
                answer = docker("exec", found[0], "cat", "/tmp/sum").stdout.decode().strip() if found else ""
                if answer:
                    told[kind] = answer
        assert told == {kind: digest(one.value) for kind, one in KINDS.items()}
    finally:
        docker("stack", "rm", project)
        time.sleep(2)
        docker("secret", "rm", *created)


def docker_script(script: Path) -> list[str]:
    """Runs the script that creates the secrets; their names."""
    known = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    result = subprocess.run([str(script)], env=known, capture_output=True, timeout=90, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return [line.partition(":")[0] for line in result.stdout.decode().splitlines()]
