"""Real programs behind migrated secrets: who knew the password before knows it afterwards, and nobody else.

Redis and PostgreSQL are those of this host, put into local images with the libraries that they need.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import docker, libraries, put

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import DONE

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

PASSWORD = "Whimbrel_Sluice-52"
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)), None)

REDIS_ENTRYPOINT = """\
#!/bin/sh
set -e
case "${1-}" in -*) set -- redis-server "$@";; esac
exec "$@"
"""
# in the manner of the official image: the file is read as root, the server runs as somebody else
POSTGRES_ENTRYPOINT = """\
#!/bin/sh
set -e
if [ -n "${POSTGRES_PASSWORD:-}" ] && [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then exit 1; fi
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"; fi
mkdir -p /tmp/data /var/run/postgresql
printf %s "$POSTGRES_PASSWORD" >/tmp/password
unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
chown -R app /tmp/data /tmp/password /var/run/postgresql
exec su app -c '
  if [ ! -s /tmp/data/PG_VERSION ]; then
    initdb -D /tmp/data -U postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --no-locale \\
      -E UTF8 >/dev/null
    echo "host all all all scram-sha-256" >>/tmp/data/pg_hba.conf
  fi
  rm /tmp/password
  exec postgres -D /tmp/data -h "*"'
"""


def build(folder: Path, tag: str, entrypoint: str, command: str, path: str = "") -> None:
    (folder / "root" / "usr" / "local" / "bin").mkdir(parents=True, exist_ok=True)
    script = folder / "root" / "usr" / "local" / "bin" / "docker-entrypoint.sh"
    script.write_text(entrypoint, encoding="utf-8")
    script.chmod(0o755)
    (folder / "Dockerfile").write_text(
        f"FROM busybox:stable\nCOPY root /\nENV PATH={path}/usr/local/bin:/usr/bin:/bin\n"
        f'ENTRYPOINT ["docker-entrypoint.sh"]\nCMD ["{command}"]\n',
        encoding="utf-8",
    )
    built = docker("build", "--quiet", "--tag", tag, ".", cwd=folder)
    assert built.returncode == 0, built.stderr.decode()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / ".env").write_text(f"COMPOSE_PROJECT_NAME=dsec-{uuid.uuid4().hex[:10]}\n", encoding="utf-8")
    yield folder
    docker("compose", "down", "--volumes", "--timeout", "0", "--rmi", "all", cwd=folder)


def up(folder: Path) -> None:
    started = docker("compose", "up", "--detach", "--wait", "--wait-timeout", "60", "--force-recreate", cwd=folder)
    assert started.returncode == 0, started.stderr.decode()


def migrated(folder: Path) -> None:
    outcome = pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), Options(), {})
    assert (outcome.status, outcome.failure) == (DONE, "")
    assert {finding.action.value for finding in outcome.findings} == {"migrate"}
    assert pipeline.commit(outcome).is_written
    assert PASSWORD not in (folder / "compose.yml").read_text(encoding="utf-8")


def shown(folder: Path) -> str:
    containers = docker("compose", "ps", "--quiet", cwd=folder).stdout.decode().split()
    return docker("inspect", *containers).stdout.decode() + docker("compose", "config", cwd=folder).stdout.decode()


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="this host has no redis-server")
def test_redis(tmp_path: Path, stack: Path) -> None:
    programs = {Path(str(shutil.which(name))) for name in ("redis-server", "redis-cli")}
    put({*programs, *(library for program in programs for library in libraries(program))}, tmp_path / "image" / "root")
    tag = f"redis:dsec-{uuid.uuid4().hex[:8]}"
    build(tmp_path / "image", tag, REDIS_ENTRYPOINT, "redis-server")
    (stack / "compose.yml").write_text(
        f"services:\n  cache:\n    image: {tag}\n    pull_policy: never\n"
        f'    command: redis-server --save "" --requirepass {PASSWORD}\n'
        f'    healthcheck:\n      test: ["CMD", "redis-cli", "-e", "-a", "{PASSWORD}", "--no-auth-warning", "ping"]\n'
        "      interval: 1s\n      retries: 30\n",
        encoding="utf-8",
    )

    def ping(password: str) -> str:
        words = ("compose", "exec", "--no-TTY", "-e", "REDISCLI_AUTH", "cache", "redis-cli", "ping")
        return docker(*words, cwd=stack, REDISCLI_AUTH=password).stdout.decode()

    for change in (lambda _folder: None, migrated):
        change(stack)
        up(stack)
        assert "PONG" in ping(PASSWORD)
        assert "NOAUTH" in ping("another")
    assert PASSWORD not in shown(stack)


def postgres_image(tmp_path: Path) -> str:
    assert POSTGRES is not None
    version = POSTGRES.parent.parent
    root = tmp_path / "image" / "root"
    share = Path("/usr/share/postgresql") / version.name
    for folder in (version / "bin", version / "lib", share):
        shutil.copytree(folder, root / folder.relative_to("/"), symlinks=False)
    programs = [POSTGRES, *((POSTGRES.parent / name) for name in ("initdb", "psql", "pg_isready"))]
    modules = list((version / "lib").glob("*.so"))
    put({library for program in (*programs, *modules) for library in libraries(program)}, root)
    zones = {Path("/usr/share/zoneinfo") / name for name in ("UTC", "GMT", "Etc/UTC")}
    put({zone for zone in zones if zone.exists()}, root)
    tag = f"postgres:dsec-{uuid.uuid4().hex[:8]}"
    build(tmp_path / "image", tag, POSTGRES_ENTRYPOINT, "postgres", f"{POSTGRES.parent}:")
    return tag


def log_in(folder: Path, password: str) -> int:
    words = ("compose", "exec", "--no-TTY", "-e", "PGPASSWORD", "db", "psql", "-h", "127.0.0.1", "-U", "postgres")
    return docker(*words, "-c", "select 1", cwd=folder, PGPASSWORD=password).returncode


@pytest.mark.skipif(POSTGRES is None, reason="this host has no PostgreSQL server")
def test_postgresql(tmp_path: Path, stack: Path) -> None:
    tag = postgres_image(tmp_path)
    (stack / "compose.yml").write_text(
        f"services:\n  db:\n    image: {tag}\n    pull_policy: never\n"
        f"    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"
        "    healthcheck:\n      test: PGPASSWORD=$$POSTGRES_PASSWORD psql -h 127.0.0.1 -U postgres -c 'select 1'\n"
        "      interval: 1s\n      retries: 30\n",
        encoding="utf-8",
    )

    for change in (lambda _folder: None, migrated):
        change(stack)
        up(stack)
        assert log_in(stack, PASSWORD) == 0
        assert log_in(stack, "another") != 0
    assert PASSWORD not in shown(stack)


@pytest.mark.skipif(POSTGRES is None, reason="this host has no PostgreSQL server")
def test_the_password_of_a_running_database_is_rotated(tmp_path: Path, stack: Path) -> None:
    """The data outlives the container, so what the image calls the password counts no more: a statement changes it."""
    tag = postgres_image(tmp_path)
    (stack / "compose.yml").write_text(
        f"services:\n  db:\n    image: {tag}\n    pull_policy: never\n"
        f"    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n    volumes: [data:/tmp/data]\n"
        "    healthcheck:\n      test: psql -U postgres -c 'select 1'\n      interval: 1s\n      retries: 30\n"
        "volumes:\n  data:\n",
        encoding="utf-8",
    )
    migrated(stack)
    before = (stack / "compose.yml").read_text()
    up(stack)
    new = 'qu\'ote\\back`tick$ "x"; --'
    (stack / "value").write_text(new, encoding="utf-8")

    def rotate(*words: str, status: int = 0) -> str:
        command = [sys.executable, "-c", "from dsec_migrate.cli import main; main()", "rotate", "postgres_password"]
        result = subprocess.run([*command, *words], cwd=stack, capture_output=True, text=True, check=False)
        assert result.returncode == status, result.stdout + result.stderr
        assert PASSWORD not in result.stdout + result.stderr
        assert new not in result.stdout + result.stderr
        return result.stdout + result.stderr

    rotate("--value-file", "value", "--write")
    # the statement was not run yet
    assert "failed" in rotate("--finish", "--apply", "--write", status=2)
    rotate("--abort", "--write")
    assert (stack / "compose.yml").read_text() == before
    rotate("--value-file", "value", "--write")
    rotate("--apply", "--write")
    assert (log_in(stack, PASSWORD), log_in(stack, new)) == (2, 0)
    assert "accepts the new value" in rotate("--finish", "--apply", "--write")
    assert (stack / "compose.yml").read_text() == before
    assert (stack / "secrets" / "postgres_password.txt").read_text() == new
    assert (stack / "secrets" / ".previous" / "postgres_password").read_text() == PASSWORD
    up(stack)
    assert (log_in(stack, PASSWORD), log_in(stack, new)) == (2, 0)
    assert new not in shown(stack)
