"""The layer of ``--source vault|aws``: its script, run by real shells with stand-ins for the vendors' programs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import compose_config, docker
from ruamel.yaml import YAML
from test_stores import files, run

HOSTILE = "qu'o\"te$x `id` \\ %s\nlines\n\n"
COMPOSE = """\
name: shop
services:
  db:
    image: postgres:17
    restart: always
    environment:
      POSTGRES_PASSWORD: Larkspur-Hinge-41
  app:
    image: example.com/app:1
    depends_on: [db]
    environment:
      API_TOKEN: Mullein-Gantry-84
"""
# each as its program does it: Vault writes the value alone, AWS a line end behind it
STAND_INS = {
    "vault": '#!/bin/sh\n[ "$VAULT_TOKEN" = a-token ] && [ "$5" = shop/postgres_password ] || exit 2\ncat "$VALUES"\n',
    "aws": '#!/bin/sh\n[ "$4" = shop/postgres_password ] || exit 2\ncat "$VALUES"\necho\n',
}


def overlay(folder: Path, kind: str, *words: str) -> Any:
    (folder / "compose.yml").write_text(COMPOSE)
    run(folder, "--source", kind, "--no-docker", *words, "--write")
    return YAML(typ="safe").load((folder / f"compose.{kind}.yml").read_text().replace("!override", ""))


@pytest.mark.parametrize("shell", [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)])
@pytest.mark.parametrize("kind", ["vault", "aws"])
def test_the_files_hold_exactly_the_values(kind: str, shell: str, tmp_path: Path) -> None:
    service = overlay(tmp_path, kind, "--only", "db.*")["services"]["secrets"]
    (script,) = service["command"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / kind).write_text(STAND_INS[kind])
    (tmp_path / "bin" / kind).chmod(0o755)
    target = tmp_path / "mounted" / "db"
    target.mkdir(parents=True)
    (tmp_path / "values").write_text(HOSTILE)
    (tmp_path / "token").write_text("a-token")
    script = script.replace("$$", "$").replace("/secrets/db/", f"{target}/")
    known = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "VALUES": str(tmp_path / "values")}
    known["VAULT_TOKEN_FILE"] = str(tmp_path / "token")
    words = [shell, "sh"] if shell == "busybox" else [shell]
    process = subprocess.Popen([*words, "-ec", script], env=known, start_new_session=True)
    try:
        file = target / "postgres_password"
        for _ in range(100):
            if file.exists():
                break
            time.sleep(0.05)
        assert file.read_bytes() == HOSTILE.encode()
        assert file.stat().st_mode & 0o777 == 0o644
        # it goes on running, and ends when it is told to
        assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_odd_names_stay_one_word_each(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "name: shop\nservices:\n  a.b:\n    image: postgres:17\n    restart: always\n"
        "    secrets:\n      - source: k\n        target: it's $$x; y\nsecrets:\n  k:\n    file: ./k\n"
    )
    run(tmp_path, "--source", "vault", "--no-docker", "--prefix", "a b/$(id)", "--write")
    layer = YAML(typ="safe").load((tmp_path / "compose.vault.yml").read_text().replace("!override", ""))
    shown = (
        layer["services"]["secrets"]["command"][0].replace("$$", "$").split("all() {")[1].split("&&")[0],
        layer["services"]["secrets"]["healthcheck"]["test"].replace("$$", "$"),
        layer["services"]["a.b"]["entrypoint"][2].replace("$$", "$").split("until ")[1].split("; do")[0],
    )
    file = "it's $x; y"
    assert shlex.split(shown[0]) == ["take", "a b/$(id)/k", f"/secrets/a.b/{file}"]
    assert shlex.split(shown[1]) == ["test", "-s", f"/secrets/a.b/{file}"]
    assert shlex.split(shown[2]) == ["[", "-s", f"/run/secrets/{file}", "]"]


def test_vault_needs_its_token_and_aws_nothing_but_the_host(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "aws").mkdir()
    vault, aws = (overlay(tmp_path / kind, kind) for kind in ("vault", "aws"))
    assert vault["secrets"] == {"vault_token": {"file": "./secrets/vault_token.txt"}}
    assert vault["services"]["secrets"]["secrets"] == ["vault_token"]
    assert "secrets" not in aws
    assert "secrets" not in aws["services"]["secrets"]
    assert set(aws["services"]["secrets"]["environment"]) == {"AWS_REGION"}
    again = overlay(
        tmp_path / "aws", "aws", "--manager-credentials", "${HOME}/.aws/credentials", "--prefix", "prod/shop"
    )
    assert again["secrets"] == {"aws_credentials": {"file": "${HOME}/.aws/credentials"}}
    assert again["services"]["secrets"]["environment"]["AWS_SHARED_CREDENTIALS_FILE"] == "/run/secrets/aws_credentials"
    assert "take prod/shop/postgres_password " in again["services"]["secrets"]["command"][0]


def test_who_cannot_wait_is_told(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    told = " ".join(run(tmp_path, "--source", "vault", "--no-docker").split())
    assert "nobody knows how the image of app starts" in told
    assert "app has no `restart:`" in told
    assert "image of db" not in told
    layer = overlay(tmp_path, "vault")
    assert layer["services"]["db"]["entrypoint"][-1] == "docker-entrypoint.sh"
    assert layer["services"]["db"]["command"] == ["postgres"]
    assert "entrypoint" not in layer["services"]["app"]


def test_a_second_run_changes_nothing_and_no_foreign_file_is_replaced(tmp_path: Path) -> None:
    overlay(tmp_path, "vault")
    before = files(tmp_path)
    assert "no secrets found" in run(tmp_path, "--source", "vault", "--no-docker", "--write")
    assert files(tmp_path) == before
    (tmp_path / "compose.vault.yml").write_text("services: {}\n")
    assert "dsec-migrate did not write" in run(tmp_path, "--source", "vault", "--no-docker", "--write", status=2)
    assert (tmp_path / "compose.vault.yml").read_text() == "services: {}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--source", "vault", "--target", "swarm"), "cannot be used with --target swarm"),
        (("--manager-image", "x"), "require --source vault or aws"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    assert told in run(tmp_path, *words, status=2)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("kind", ["vault", "aws"])
def test_compose_takes_the_layer(kind: str, tmp_path: Path) -> None:
    overlay(tmp_path, kind)
    (tmp_path / ".env").write_text(f"COMPOSE_FILE=compose.yml:compose.{kind}.yml\nVAULT_ADDR=x\nAWS_REGION=x\n")
    answer = docker("compose", "config", "--format", "json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr.decode()
    config = json.loads(answer.stdout)
    plain = compose_config(tmp_path / "compose.yml")
    for name in ("db", "app"):
        service = config["services"][name]
        assert not service.get("secrets")
        assert service["environment"] == plain["services"][name]["environment"]
        assert service["depends_on"]["secrets"]["condition"] == "service_healthy"
        assert [one["target"] for one in service["volumes"]] == ["/run/secrets"]
    assert "db" in config["services"]["app"]["depends_on"]
