"""Who reads the file of a secret decides its mode, for whoever writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_stores import run

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Mount, Options
from dsec_migrate.migrate import batch, pipeline
from dsec_migrate.outcome import DONE
from dsec_migrate.planning import secret_readers

# what stands in the service beside image, variable and mount, and the mode of the file
SERVICES = {
    "root reads it before it gives its rights away": ("", 0o600),
    "a healthcheck runs as the container's user": (
        "healthcheck: {test: 'pg_isready && cat /run/secrets/db_password'}",
        0o600,
    ),
    "root is named": ('user: "0:0"', 0o600),
    "another user": ("user: postgres", 0o444),
    "root in another group": ('user: "0:5"', 0o444),
    "root without capabilities": ("cap_drop: [ALL]", 0o444),
    "a namespace of its own": ("userns_mode: private", 0o444),
    "a hook may be another user's": (
        "post_start: [{command: [sh, -c, 'cat /run/secrets/db_password'], user: nobody}]",
        0o444,
    ),
    "a hook that does not read it": ("post_start: [{command: [sh, -c, 'true'], user: nobody}]", 0o600),
    "the program has dropped root by then": ("command: sh -c 'exec app $$(cat /run/secrets/db_password)'", 0o444),
    "an entrypoint of its own reads it": ("entrypoint: [sh, -c, 'cat /run/secrets/db_password; exec app']", 0o444),
    "a label names it": ("labels: {proxy.usersfile: /run/secrets/db_password}", 0o444),
}


def project(folder: Path, text: str) -> Project:
    (folder / "compose.yml").write_text(text, encoding="utf-8")
    return pipeline.load(ProjectFiles((folder / "compose.yml",), folder), Options(docker=False), {})


SECRETS = "secrets:\n  db_password:\n    file: ./secrets/db_password.txt\n"


def service(more: str, image: str = "postgres:17") -> str:
    return (
        f"  db:\n    image: {image}\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/db_password\n"
        f"    secrets: [db_password]\n    {more}\n"
    )


@pytest.mark.parametrize("title", SERVICES)
def test_a_file_is_its_owners_alone_where_only_root_reads_it(title: str, tmp_path: Path) -> None:
    more, mode = SERVICES[title]
    assert secret_readers.mode_for(project(tmp_path, f"services:\n{service(more)}{SECRETS}"), "db_password") == mode


def test_an_image_that_nobody_recorded_may_be_anybody(tmp_path: Path) -> None:
    text = f"services:\n{service('', 'registry.example.org/team/store:1')}{SECRETS}"
    assert secret_readers.mode_for(project(tmp_path, text), "db_password") == 0o444


def test_a_variable_that_the_image_does_not_know_is_read_by_somebody_else(tmp_path: Path) -> None:
    text = service("").replace("POSTGRES_PASSWORD_FILE", "BACKUP_PASSPHRASE_FILE")
    assert secret_readers.mode_for(project(tmp_path, f"services:\n{text}{SECRETS}"), "db_password") == 0o444


def test_one_reader_who_is_not_root_opens_it_to_all(tmp_path: Path) -> None:
    other = "  web:\n    image: registry.example.org/team/shop:1\n    secrets: [db_password]\n"
    text = f"services:\n{service('')}{other}{SECRETS}"
    assert secret_readers.mode_for(project(tmp_path, text), "db_password") == 0o444


def test_a_mount_that_comes_along_with_what_a_service_extends_has_no_reader(tmp_path: Path) -> None:
    reset = "  scratch:\n    extends: db\n    environment: {POSTGRES_PASSWORD_FILE: !reset null}\n"
    another = f"{reset}    image: registry.example.org/team/store:1\n"
    reading = f"{reset}    command: sh -c 'exec app $$(cat /run/secrets/db_password)'\n"
    for more, mode in (reset, 0o600), (another, 0o444), (reading, 0o444):
        text = f"services:\n{service('')}{more}{SECRETS}"
        assert secret_readers.mode_for(project(tmp_path, text), "db_password") == mode


def test_a_mount_that_a_variable_names_is_read_as_any_other(tmp_path: Path) -> None:
    one = service("").replace("[db_password]", '["${WHICH:-db_password}"]')
    text = f"services:\n{one}{SECRETS}"
    assert secret_readers.mode_for(project(tmp_path, text), "db_password") == 0o600
    assert run(tmp_path, "status", "compose.yml").count("unused") == 0


def test_a_build_reads_it_as_whoever_starts_it(tmp_path: Path) -> None:
    text = f"services:\n  app:\n    build: {{context: ., secrets: [db_password]}}\n{SECRETS}"
    assert secret_readers.mode_for(project(tmp_path, text), "db_password") == 0o600


@pytest.mark.parametrize("title", [title for title in SERVICES if "label" not in title])
def test_a_folder_for_a_service_follows_the_same_rule(title: str, tmp_path: Path) -> None:
    more, mode = SERVICES[title]
    if "/run/secrets/" in more:
        more = more.replace("cat /run/secrets/db_password", "echo $$POSTGRES_PASSWORD")
    text = (
        "services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: Larkspur-Hinge-41\n"
        f"    {more}\n"
    )
    project(tmp_path, text)
    files = ProjectFiles((tmp_path / "compose.yml",), tmp_path)
    outcome = batch.run([files], Options(docker=False, mount=Mount.VOLUME), shell={}, write=True)
    assert outcome.status() == DONE
    found = tmp_path / "secrets" / "db" / "postgres_password"
    if found.exists():
        assert found.stat().st_mode & 0o777 == mode
        assert found.parent.stat().st_mode & 0o777 == (0o700 if mode == 0o600 else 0o755)
    else:
        # no folder without a secret: then it was left, with its reason
        assert [finding.action.value for one in outcome.projects for finding in one.findings] == ["keep"]
