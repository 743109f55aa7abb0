"""An env file that others read as it is keeps its lines: for who mounts it, builds with it, sources it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import snapshot

from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import batch
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.host_scripts import naming

LINE = "DB_PASSWORD=Knot-Reed-3x\n"
DATABASE = "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: ${DB_PASSWORD}\n"
PHP = "  php:\n    image: php:8.3-apache\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose neighbours are no other test's."""
    place = tmp_path / "home" / "project"
    place.mkdir(parents=True)
    return place


def lay_out(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def prune(folder: Path, word: str = "compose.yml", options: Options | None = None) -> ProjectOutcome:
    files = discover([folder / word], shell={})
    options = options or Options(docker=False, prune_env=True)
    (outcome,) = batch.run(files, options, shell={}, write=True).projects
    assert not outcome.status, (outcome.errors, outcome.failure)
    return outcome


# what stands beside the line, and what the reason says
READ = {
    "a mount": ({"compose.yml": DATABASE + PHP + '    volumes: ["./.env:/var/www/.env:ro"]\n'}, "php mounts it"),
    "a mount in long form": (
        {"compose.yml": DATABASE + PHP + "    volumes:\n      - {type: bind, source: .env, target: /app/.env}\n"},
        "php mounts it",
    ),
    "its folder": ({"compose.yml": DATABASE + PHP + '    volumes: [".:/var/www/html"]\n'}, "php mounts its folder"),
    "a folder above it": (
        {"compose.yml": DATABASE + PHP + "    volumes:\n      - ../:/srv\n"},
        "php mounts its folder",
    ),
    "its folder with a default": (
        {"compose.yml": DATABASE + PHP + '    volumes: ["${CODE:-.}:/var/www/html:cached"]\n'},
        "php mounts its folder",
    ),
    "the current folder": ({"compose.yml": DATABASE + PHP + '    volumes: ["${PWD}:/app"]\n'}, "php mounts its folder"),
    "what is watched": (
        {
            "compose.yml": DATABASE
            + PHP
            + "    develop:\n      watch:\n        - {action: sync, path: ., target: /app}\n"
        },
        "php mounts its folder",
    ),
    "a volume": (
        {
            "compose.yml": DATABASE
            + PHP
            + "    volumes: [code:/app]\nvolumes:\n  code:\n    driver_opts: {type: none, o: bind, device: ./}\n"
        },
        "the volume code contains its folder",
    ),
    "a secret": (
        {"compose.yml": DATABASE + PHP + "    secrets: [env]\nsecrets:\n  env:\n    file: .env\n"},
        "it is the file of the secret env",
    ),
    "a config": (
        {"compose.yml": DATABASE + PHP + "    configs: [env]\nconfigs:\n  env:\n    file: ./.env\n"},
        "it is the file of the config env",
    ),
    "an image": (
        {
            "compose.yml": DATABASE + "  php:\n    build: .\n",
            "Dockerfile": "FROM php:8.3\nCOPY . /app\n",
        },
        "Dockerfile:2 copies it into the image of php",
    ),
    "a script": (
        {"compose.yml": DATABASE, "scripts/backup.sh": "#!/bin/sh\nset -a; . ./.env\npg_dump\n"},
        "scripts/backup.sh:2 names it",
    ),
    "an additional context": (
        {
            "compose.yml": DATABASE + "  php:\n    build: {context: php, additional_contexts: {root: .}}\n",
            "php/Dockerfile": "FROM php:8.3\nCOPY --from=root .env /app/\n",
        },
        "Dockerfile:2 copies it into the image of php",
    ),
    "an additional context of a list": (
        {
            "compose.yml": DATABASE + "  php:\n    build: {context: php, additional_contexts: [root=.]}\n",
            "php/Dockerfile": 'FROM php:8.3\nCOPY --from=root ["a", ".env", "/app/"]\n',
        },
        "Dockerfile:2 copies it into the image of php",
    ),
    "a mount of a build": (
        {
            "compose.yml": DATABASE + "  php:\n    build: .\n",
            "Dockerfile": "FROM php:8.3\nRUN --mount=type=bind,source=.env,target=/e . /e && make\n",
        },
        "Dockerfile:2 mounts it in the build of php",
    ),
    "an inline Dockerfile": (
        {
            "compose.yml": DATABASE
            + '  php:\n    build:\n      context: .\n      dockerfile_inline: "FROM php:8.3\\nCOPY .env /app/"\n'
        },
        "the inline Dockerfile of php:2 copies it into the image of php",
    ),
    "direnv": ({"compose.yml": DATABASE, ".envrc": "dotenv\n"}, ".envrc:1 loads it"),
    "just": ({"compose.yml": DATABASE, "justfile": "set dotenv-load\nx:\n  psql\n"}, "justfile:1 loads it"),
    "Python": (
        {"compose.yml": DATABASE, "src/app.py": "import os\nfrom dotenv import load_dotenv\n"},
        "src/app.py:2 loads it",
    ),
    "settings of Python": ({"compose.yml": DATABASE, "app.py": 'Config(env_file=".env")\n'}, "app.py:1 names it"),
    "Node": ({"compose.yml": DATABASE, "index.mjs": "import 'dotenv/config'\n"}, "index.mjs:1 loads it"),
    "a library": (
        {"compose.yml": DATABASE, "package.json": '{"dependencies":\n{"dotenv": "16"}}'},
        "package.json:2 loads it",
    ),
    "Ruby": ({"compose.yml": DATABASE, "Gemfile": "gem 'dotenv-rails'\n"}, "Gemfile:1 loads it"),
    "PHP": (
        {"compose.yml": DATABASE, "composer.json": '{"require": {"vlucas/phpdotenv": "5"}}'},
        "composer.json:1 loads it",
    ),
    "Go": ({"compose.yml": DATABASE, "cmd/main.go": "_ = godotenv.Load()\n"}, "cmd/main.go:1 loads it"),
    "pipenv": ({"compose.yml": DATABASE, "Pipfile": "[packages]\n"}, "Pipfile loads it"),
    "an editor": (
        {"compose.yml": DATABASE, ".vscode/launch.json": '{"envFile": "${workspaceFolder}/.env"}'},
        ".vscode/launch.json:1 names it",
    ),
    "a neighbour's script": (
        {"compose.yml": DATABASE, "../shop/up.sh": "docker compose --env-file ../project/.env up\n"},
        "../shop/up.sh:1 names it",
    ),
    "another project's call": (
        {"compose.yml": DATABASE, "up.sh": "docker compose --env-file .env -f ../shop/compose.yml up\n"},
        "up.sh:1 names it",
    ),
    "a Makefile": ({"compose.yml": DATABASE, "Makefile": "-include .env\nup:\n\ttrue\n"}, "Makefile:1 names it"),
}


@pytest.mark.parametrize("name", READ)
def test_a_line_that_somebody_else_reads_stays(folder: Path, name: str) -> None:
    texts, reason = READ[name]
    lay_out(folder, {".env": LINE, **texts})
    outcome = prune(folder)
    assert (folder / ".env").read_text() == LINE
    assert "POSTGRES_PASSWORD_FILE" in (folder / "compose.yml").read_text()
    ((place, is_unused),) = {(one.where, one.is_unused) for one in outcome.remaining if one.file.endswith(".env")}
    assert place.startswith("stays: ")
    assert place.endswith(reason)
    assert not is_unused


@pytest.mark.parametrize(
    "texts",
    [
        {"compose.yml": DATABASE},
        {"compose.yml": DATABASE + PHP + "    volumes: [./src:/app, data:/data]\nvolumes:\n  data:\n"},
        {"compose.yml": DATABASE + "  php:\n    build: .\n", "Dockerfile": "FROM php:8.3\nCOPY src /app\n"},
        {
            "compose.yml": DATABASE + "  php:\n    build: .\n",
            "Dockerfile": "FROM php:8.3\nCOPY . /app\n",
            ".dockerignore": ".env\n",
        },
        {"compose.yml": DATABASE, "Makefile": "env:\n\tcp .env.example .env\n\ttest -f .env || touch .env\n"},
        {"compose.yml": DATABASE, "../up.sh": "docker compose --env-file project/.env -f project/compose.yml up\n"},
        {"compose.yml": DATABASE, "../up.sh": ". ./.env\n"},
        {"compose.yml": DATABASE, "justfile": "set dotenv-load := false\n", "a.py": "# dotenv\nos.environ['X']\n"},
        {"compose.yml": DATABASE, "up.sh": "# source .env\ndocker compose --env-file .env up\necho X=1 >> .env\n"},
    ],
    ids=[
        "nothing",
        "another folder",
        "another folder is copied",
        "it is ignored",
        "it is made",
        "a call from above",
        "another .env",
        "not loaded",
        "Compose reads it",
    ],
)
def test_a_line_that_nobody_else_reads_goes(folder: Path, texts: dict[str, str]) -> None:
    lay_out(folder, {".env": LINE, **texts})
    prune(folder)
    assert (folder / ".env").read_text() == ""


@pytest.mark.parametrize("reads", ["${DB_PASSWORD}", "${OTHER}"])
def test_a_line_that_another_project_takes_through_a_link_stays(folder: Path, reads: str) -> None:
    lay_out(folder, {"a/.env": LINE, "a/compose.yml": DATABASE, "b/compose.yml": DATABASE.replace("DB_PASSWORD", "X")})
    text = (folder / "b" / "compose.yml").read_text().replace("${X}", reads)
    (folder / "b" / "compose.yml").write_text(text)
    (folder / "b" / ".env").symlink_to("../a/.env")
    prune(folder, "a/compose.yml")
    stays = reads == "${DB_PASSWORD}"
    assert (folder / "a" / ".env").read_text() == (LINE if stays else "")


@pytest.mark.parametrize(
    ("place", "volume"),
    [("b", "../a/.env:/x"), ("b", "../a:/srv"), ("b", "../:/srv"), (".", "./a:/srv"), (".", ".:/srv")],
)
def test_a_line_that_another_project_mounts_stays(folder: Path, place: str, volume: str) -> None:
    other = f"services:\n{PHP}    volumes: ['{volume}']\n"
    lay_out(folder, {"a/.env": LINE, "a/compose.yml": DATABASE, f"{place}/compose.yml": other})
    outcome = prune(folder, "a/compose.yml")
    assert (folder / "a" / ".env").read_text() == LINE
    assert any("php mounts" in one.where for one in outcome.remaining)


def test_a_link_that_leads_outside_keeps_its_lines(folder: Path) -> None:
    lay_out(folder, {"common.env": LINE, "a/compose.yml": DATABASE})
    (folder / "a" / ".env").symlink_to("../common.env")
    outcome = prune(folder, "a/compose.yml")
    assert (folder / "common.env").read_text() == LINE
    assert any("outside the project" in one.where for one in outcome.remaining)


ENV_FILE = "services:\n  db:\n    image: postgres:16\n    env_file: db.env\n"


@pytest.mark.parametrize(
    ("volume", "result"),
    [("./db.env:/app/.env", "left"), (".:/app", "review"), ("./src:/app", "safe")],
)
def test_an_env_file_that_is_mounted_is_not_changed_silently(folder: Path, volume: str, result: str) -> None:
    """Its line would have another name for who reads the file itself."""
    lay_out(
        folder,
        {"db.env": "POSTGRES_PASSWORD=Knot-Reed-3x\n", "compose.yml": f"{ENV_FILE}{PHP}    volumes: ['{volume}']\n"},
    )
    before = snapshot(folder)
    outcome = prune(folder, options=Options(docker=False))
    (finding,) = outcome.findings
    if result == "left":
        assert snapshot(folder) == before
        assert "php mounts it" in finding.note
    else:
        assert finding.action is Action.MIGRATE
        assert finding.applicability == result


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        ("source .env", True),
        (". ./.env", True),
        ("export $(grep -v '^#' .env | xargs)", True),
        ('set -a; . "$(dirname "$0")/../.env"', True),
        ("docker run --env-file=.env app", True),
        ("test -f .env && . ./.env", True),
        ("cp .env /backup/", True),
        ("docker compose --env-file .env up -d", False),
        ("cp .env.example .env", False),
        ("[ -f .env ] || exit 1", False),
        ("echo A=b >> .env", False),
        ("  # . .env", False),
        ("cat prod.env .env.local", False),
    ],
)
def test_a_script_reads_what_it_names(folder: Path, line: str, is_read: bool) -> None:
    (folder / "run.sh").write_text(f"#!/bin/sh\n{line}\n")
    assert naming(str(folder / ".env")) == (("run.sh:2",) if is_read else ())
