"""Which version of the format knows what: by our table, and by `docker stack config` (`pytest -m engine`)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from conftest import docker

from dsec_migrate.cli import entry
from dsec_migrate.compose import swarm_rules
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.document import parse
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.lifecycle.rotation import swarm_versions as versions
from dsec_migrate.migrate.pipeline import migrate
from dsec_migrate.text.source import Source

NEWEST = 13
# what a file says besides `version` and an image, and the first minor version that takes it
KEYS = {
    "secrets: {s: {file: ./x}}": 1,
    "services: {db: {secrets: [s]}}\nsecrets: {s: {external: true}}": 1,
    "secrets: {s: {external: {name: outside}}}": 1,
    "secrets: {s: {file: ./x, labels: {a: b}}}": 1,
    "secrets: {s: {external: true, name: outside}}": 5,
    "secrets: {s: {file: ./x, name: outside}}": 5,
    "secrets: {s: {driver: bucket}}": 8,
    "secrets: {s: {driver: bucket, driver_opts: {path: x}}}": 8,
    "secrets: {s: {file: ./x, template_driver: golang}}": 8,
    "configs: {s: {file: ./x}}": 3,
    "configs: {s: {file: ./x, name: outside}}": 5,
    "services: {db: {configs: [s]}}\nconfigs: {s: {external: true}}": 3,
    "networks: {n: {name: front}}": 5,
    "volumes: {v: {name: data}}": 4,
    "networks: {n: {}}": 0,
}
OLD = """\
version: "3.{minor}"
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: Phalarope-Marsh-16
"""
EXTERNAL = """\
version: "3.{minor}"
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
    secrets: [db_password]
secrets:
  db_password:
    external: true
"""


def text_of(key: str, minor: int) -> str:
    body = key if "services" in key else f"services: {{db: {{}}}}\n{key}"
    return f'version: "3.{minor}"\n' + body.replace("db: {", 'db: {image: "busybox:stable", ', 1) + "\n"


def is_known(key: str, minor: int) -> bool:
    text = text_of(key, minor)
    document = parse(Source(Path("compose.yml"), text.encode(), text))
    return not list(swarm_rules.outdated(document, document.roots[0]))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_known_from_its_version_on(key: str) -> None:
    assert [is_known(key, minor) for minor in range(NEWEST + 1)] == [m >= KEYS[key] for m in range(NEWEST + 1)]


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("key", KEYS)
def test_docker_stack_says_the_same(key: str, tmp_path: Path) -> None:
    for minor in sorted({0, max(KEYS[key] - 1, 0), KEYS[key], NEWEST}):
        (tmp_path / "compose.yml").write_text(text_of(key, minor))
        result = docker("stack", "config", "-c", "compose.yml", cwd=tmp_path)
        assert (result.returncode == 0) == is_known(key, minor), (minor, result.stderr.decode())


@pytest.mark.parametrize("minor", [0, 1, 4, 8])
def test_a_migration_says_which_version_it_needs(minor: int, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(OLD.format(minor=minor))
    outcome = migrate(
        ProjectFiles.of(tmp_path / "compose.yml"), Options(source=SourceKind.EXTERNAL, target=Target.SWARM), {}
    )
    errors = [(error.what, error.line) for error in outcome.errors]
    is_old = minor == 0
    assert errors == (
        [("Swarm knows `secrets` of db from version 3.1 on, and this file says 3.0", 1)] if is_old else []
    )
    assert bool(outcome.rewritten) is not is_old


def test_an_old_version_without_secrets_is_fine(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text('version: "3.0"\nservices: {db: {image: "postgres:16"}}\n')
    outcome = migrate(ProjectFiles.of(tmp_path / "compose.yml"), Options(target=Target.SWARM), {})
    assert outcome.errors == ()


def run(folder: Path, *words: str) -> tuple[int, str]:
    out, error = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error), pytest.raises(SystemExit) as ended:
        entry.main([*words, str(folder / "compose.yml")])
    return int(ended.value.code or 0), out.getvalue() + error.getvalue()


def _note(told: list[str], words: Sequence[str]) -> str:
    told.append(" ".join(words))
    return ""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Swarm is told; it has the first version of the secret."""
    told: list[str] = []
    monkeypatch.setattr(versions, "versions", lambda base: {base: 1})
    monkeypatch.setattr(versions, "run", lambda *words: _note(told, words))
    monkeypatch.setattr("dsec_migrate.stores.swarm.run", lambda *words, **_: _note(told, words))
    return told


@pytest.mark.parametrize("words", [(), ("--write",)])
def test_a_rotation_refuses_before_anything_changes(words: tuple[str, ...], tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "compose.yml").write_text(EXTERNAL.format(minor=4))
    status, said = run(tmp_path, "rotate", "db_password", "--generate", "20", *words)
    assert status == 2
    assert "Swarm knows `name` in secrets.db_password from version 3.5 on, and this file says 3.4" in said
    assert (tmp_path / "compose.yml").read_text() == EXTERNAL.format(minor=4)
    assert calls == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compose.yml"]


@pytest.mark.usefixtures("calls")
def test_a_rotation_of_a_newer_file_is_shown(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(EXTERNAL.format(minor=5))
    status, said = run(tmp_path, "rotate", "db_password", "--generate", "20")
    assert status == 0
    assert "db_password_v2" in said


def test_nothing_is_pushed_for_a_file_that_swarm_refuses(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "compose.yml").write_text(EXTERNAL.format(minor=0))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db_password.txt").write_text("Phalarope-Marsh-16")
    status, said = run(tmp_path, "push", "--to", "swarm", "--write")
    assert status == 2
    assert "from version 3.1 on, and this file says 3.0" in said
    assert calls == []
