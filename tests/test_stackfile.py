"""``--stack-output``: what ``docker stack config`` makes of the copy is what Compose makes of the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import compose_config, docker
from ruamel.yaml import YAML
from test_stores import run

PASSWORD = "Larkspur-Hinge-41"
COMPOSE = f"""\
name: shop
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: {PASSWORD}
      POSTGRES_USER: ${{DB_USER}}
      VERBOSE: yes
      FLAG: true
      PRICE: 5$ a piece
      NESTED: ${{UNSET:-${{DB_USER}}}}
      MAYBE: ${{DB_USER:+there}}
      STAYS: ${{UNSET:-a default}}
      NUMBER: ${{ZEROS}}
    ports:
      - target: 5432
        published: "5433"
  app:
    image: example.com/app:${{TAG}}
    build:
      context: .
      secrets: [token]
    depends_on:
      db:
        condition: service_started
    environment:
      - URL=http://${{HOST:-${{DB_USER}}}}:$$1
    env_file:
      - path: app.env
    command: sh -c 'echo $$HOME ${{DB_USER}}'
secrets:
  token:
    file: ./token.txt
"""
DOTENV = "DB_USER=wiki\nTAG=1.2\nZEROS=0123\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / ".env").write_text(DOTENV)
    (tmp_path / "app.env").write_text('LEVEL=info\nQUOTED="a b"\n')
    (tmp_path / "token.txt").write_text("x")
    return tmp_path


def environments(config: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    return {name: dict(one.get("environment") or {}) for name, one in config["services"].items()}


WORDS = ("--source", "external", "--stack-output", "stack.yml")


def test_line_ends_stay_as_they_are(folder: Path) -> None:
    run(folder, *WORDS, "--write")
    plain = (folder / "stack.yml").read_bytes()
    (folder / "stack.yml").unlink()
    (folder / "compose.yml").write_bytes(COMPOSE.replace("\n", "\r\n").encode())
    run(folder, *WORDS, "--write")
    assert (folder / "stack.yml").read_bytes() == plain.replace(b"\n", b"\r\n")


def test_a_path_of_an_env_file_with_an_expression_is_written_once(folder: Path) -> None:
    (folder / "compose.yml").write_text(COMPOSE.replace("- path: app.env", "- path: ${DB_USER}.env"))
    (folder / "app.env").rename(folder / "wiki.env")
    run(folder, *WORDS, "--write")
    copy = YAML(typ="safe").load((folder / "stack.yml").read_text())
    assert copy["services"]["app"]["env_file"] == ["wiki.env"]


def test_the_copy_says_otherwise_what_swarm_refuses(folder: Path) -> None:
    told = run(folder, *WORDS)
    assert not (folder / "stack.yml").exists()
    assert "docker stack deploy -c stack.yml NAME" in told
    # values are compared with what they are on the host
    assert "takes QUOTED of" in " ".join(told.split())
    run(folder, *WORDS, "--write")
    copy = YAML(typ="safe").load((folder / "stack.yml").read_text())
    assert "name" not in copy
    assert copy["services"]["app"]["depends_on"] == ["db"]
    assert copy["services"]["app"]["image"] == "example.com/app:1.2"
    assert copy["services"]["app"]["env_file"] == ["app.env"]
    assert "secrets" not in copy["services"]["app"]["build"]
    assert copy["services"]["db"]["ports"][0]["published"] == 5433
    assert PASSWORD not in (folder / "stack.yml").read_text()
    # Compose's own file is Compose's
    assert (folder / "compose.yml").read_text().startswith("name: shop\n")
    before = (folder / "stack.yml").read_text()
    assert "no secrets found" in run(folder, *WORDS, "--write")
    assert (folder / "stack.yml").read_text() == before


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_swarm_gives_the_same_values(folder: Path) -> None:
    run(folder, *WORDS, "--write")
    ours = environments(compose_config(folder / "compose.yml"))
    answer = docker("stack", "config", "-c", "stack.yml", cwd=folder)
    assert answer.returncode == 0, answer.stderr.decode()
    theirs = environments(YAML(typ="safe").load(answer.stdout))
    # quotes stand there as they are, which was told
    assert theirs["app"].pop("QUOTED") == '"a b"'
    ours["app"].pop("QUOTED")
    assert {name: {key: str(one) for key, one in values.items()} for name, values in theirs.items()} == ours
    assert json.dumps(theirs).count(PASSWORD) == 0


def test_what_has_no_form_there_stays_an_error(folder: Path) -> None:
    text = (folder / "compose.yml").read_text()
    (folder / "compose.yml").write_text(text.replace("  app:\n", "  app:\n    profiles: [debug]\n"))
    told = run(folder, *WORDS, "--write", status=2)
    assert "Swarm refuses `profiles` in the service app" in told
    assert "depends_on" not in told
    assert not (folder / "stack.yml").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stack-output", "stack.yml"), "requires --target swarm"),
        (("--target", "swarm", "--stack-output", "below/stack.yml"), "must be next to the Compose file"),
        (("--target", "swarm", "--stack-output", "taken.yml"), "dsec-migrate did not write"),
    ],
)
def test_what_does_not_fit_is_told(folder: Path, words: tuple[str, ...], told: str) -> None:
    (folder / "taken.yml").write_text("services: {}\n")
    assert told in " ".join(run(folder, *words, "--write", status=2).split())
    assert (folder / "compose.yml").read_text() == COMPOSE


def test_a_secret_that_is_left_is_not_written_into_the_copy(folder: Path) -> None:
    (folder / ".env").write_text(f"{DOTENV}API_TOKEN=Mullein-Gantry-84\n")
    text = (folder / "compose.yml").read_text()
    (folder / "compose.yml").write_text(text.replace("      FLAG: true\n", "      API_TOKEN: ${API_TOKEN}\n"))
    told = run(folder, *WORDS, "--skip", "API_TOKEN", "--write")
    assert "Mullein-Gantry-84" not in (folder / "stack.yml").read_text()
    assert "export API_TOKEN in the shell that deploys" in " ".join(told.split())


@pytest.mark.parametrize("where", ["app.env", ".env"])
def test_a_secret_of_an_env_file_moves_there_as_well(where: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        f"services:\n  app:\n    image: example.com/app:1\n    env_file: {where}\n  db:\n    image: postgres:17\n"
        "    environment:\n      POSTGRES_PASSWORD: ${DB_PASSWORD}\n"
    )
    (tmp_path / ".env").write_text(f"DB_PASSWORD={PASSWORD}\n")
    (tmp_path / "app.env").write_text(f"API_TOKEN={PASSWORD}\nLEVEL=info\n")
    run(tmp_path, "--no-docker", "--source", "external", "--stack-output", "stack.yml", "--write", "compose.yml")
    stack = YAML(typ="safe").load((tmp_path / "stack.yml").read_text())
    assert "secrets" in stack["services"]["app"]
    assert list(stack["services"]["db"]["environment"]) == ["POSTGRES_PASSWORD_FILE"]
    assert all(one == {"external": True} for one in stack["secrets"].values())
    assert PASSWORD not in (tmp_path / "stack.yml").read_text()


def test_secrets_of_builds_alone_are_none_of_swarms_business(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  app:\n    build:\n      context: .\n      args:\n        NPM_TOKEN: ${NPM_TOKEN}\n"
        f"        PIP_TOKEN: {PASSWORD}\n    environment:\n      API_PASSWORD: {PASSWORD}x\n"
    )
    (tmp_path / "Dockerfile").write_text("FROM node:22\nARG NPM_TOKEN\nARG PIP_TOKEN\nRUN npm ci\n")
    words = ("--no-docker", "--source", "external", "--stack-output", "stack.yml", "--write", "compose.yml")
    run(tmp_path, *words, variables={"NPM_TOKEN": "of-the-shell"})
    stack = YAML(typ="safe").load((tmp_path / "stack.yml").read_text())
    (only,) = stack["services"]["app"]["secrets"]
    assert stack["secrets"] == {only: {"external": True}}
    assert "secrets" not in stack["services"]["app"]["build"]
    # Compose's file keeps what its builds need
    project = YAML(typ="safe").load((tmp_path / "compose.yml").read_text())
    assert len(project["services"]["app"]["build"]["secrets"]) >= 1


def test_the_name_of_the_project_is_written_out(tmp_path: Path) -> None:
    """Compose sets it, `docker stack deploy` does not; without its `name:` the copy still means the same one."""
    variables = "{NODE: '${COMPOSE_PROJECT_NAME}-db', POSTGRES_PASSWORD: Teal-Rail-4711}"
    text = f"name: shop\nservices:\n  db:\n    image: postgres:17\n    environment: {variables}\n"
    (tmp_path / "compose.yml").write_text(text)
    run(tmp_path, *WORDS, "--write")
    copy = YAML(typ="safe").load((tmp_path / "stack.yml").read_text())
    assert copy["services"]["db"]["environment"]["NODE"] == "shop-db"
    assert "name" not in copy
