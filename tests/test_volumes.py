"""``--mount volume``: the same files at the same paths, in a folder for each service."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import docker
from test_stores import files, run

from dsec_migrate.text.ignore_files import OWN

PASSWORD, TOKEN = "Larkspur-Hinge-41", "Mullein-Gantry-84"
COMPOSE = f"""\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: {PASSWORD}
    volumes:
    - data:/var/lib/postgresql/data  # of the shop
    # the end
  app:
    image: nextcloud:30
    environment:
      - POSTGRES_PASSWORD={PASSWORD}
      - NEXTCLOUD_ADMIN_PASSWORD={TOKEN}
    volumes: ["html:/var/www/html"]
  web:
    image: nginx

volumes:
  data:
  html:
"""
AFTER = """\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password
    volumes:
    - data:/var/lib/postgresql/data  # of the shop
    - ./secrets/db:/run/secrets:ro
    # the end
  app:
    image: nextcloud:30
    environment:
      - POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password
      - NEXTCLOUD_ADMIN_PASSWORD_FILE=/run/secrets/nextcloud_admin_password
    volumes: ["html:/var/www/html", ./secrets/app:/run/secrets:ro]
  web:
    image: nginx

volumes:
  data:
  html:
"""


def test_each_service_has_a_folder_and_sees_no_other_ones(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    before = files(tmp_path)
    told = run(tmp_path, "--mount", "volume")
    assert "secrets/app/nextcloud_admin_password" in told
    assert PASSWORD not in told
    assert files(tmp_path) == before
    run(tmp_path, "--mount", "volume", "--write")
    assert (tmp_path / "compose.yml").read_text() == AFTER
    found = {
        name: data
        for name, data in files(tmp_path).items()
        if not name.startswith(("secrets/.journal", "secrets/.undo"))
    }
    assert found == {
        ".gitignore": b"/secrets/\n",
        "secrets/.gitignore": OWN.encode(),
        "compose.yml": AFTER.encode(),
        "secrets/db/postgres_password": PASSWORD.encode(),
        "secrets/app/postgres_password": PASSWORD.encode(),
        "secrets/app/nextcloud_admin_password": TOKEN.encode(),
    }
    modes = {name: (tmp_path / "secrets" / name).stat().st_mode & 0o777 for name in (".", "db", "app")}
    assert modes == {".": 0o700, "db": 0o700, "app": 0o755}
    assert (tmp_path / "secrets/db/postgres_password").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets/app/postgres_password").stat().st_mode & 0o777 == 0o444
    assert "no secrets found" in run(tmp_path, "--mount", "volume", "--write")
    run(tmp_path, "undo", "--write")
    assert files(tmp_path) == before
    assert not (tmp_path / "secrets").exists()


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_bytes(COMPOSE.replace("\n", "\r\n").encode())
    run(tmp_path, "--mount", "volume", "--write")
    assert (tmp_path / "compose.yml").read_bytes() == AFTER.replace("\n", "\r\n").encode()


def test_secrets_that_are_there_already_move_into_folders(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "key").write_text(TOKEN)
    (tmp_path / "compose.yml").write_text(
        "services:\n  app:\n    image: example.com/app\n    secrets:\n      - source: key\n        target: api.key\n"
        "secrets:\n  key:\n    file: ./s/key\n"
    )
    run(tmp_path, "--mount", "volume", "--write")
    assert (tmp_path / "compose.yml").read_text() == (
        "services:\n  app:\n    image: example.com/app\n    volumes:\n      - ./s/app:/run/secrets:ro\n"
    )
    assert (tmp_path / "s" / "app" / "api.key").read_text() == TOKEN


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("services:\n  a:\n    image: x\n    secrets: [{source: k, target: /etc/k}]\n", (), "wants k at /etc/k"),
        ("services:\n  a: {image: x, secrets: [k]}\n", (), "in flow style"),
        ("x-a: &s [k]\nservices:\n  a:\n    image: x\n    secrets: *s\n", (), "is shared"),
        ("services:\n  a:\n    image: x\n    secrets: [k]\n", ("--source", "environment"), "--mount volume requires"),
    ],
)
def test_what_cannot_be_mounted_so_is_told(tmp_path: Path, text: str, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "k").write_text("x")
    (tmp_path / "compose.yml").write_text(f"{text}secrets:\n  k:\n    file: ./k\n")
    before = files(tmp_path)
    assert told in run(tmp_path, "--mount", "volume", *words, "--write", status=2)
    assert files(tmp_path) == before


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """Reads as root or, with USER 1000, as somebody else."""
    name = f"dsec-volume-{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "image"
    folder.mkdir()
    script = 'sha256sum <"$APP_PASSWORD_FILE" | cut -c 1-64 >/tmp/sum; trap "exit 0" TERM; while :; do sleep 0.2; done'
    for tag, user in (("root", "0"), ("user", "1000")):
        text = f"FROM busybox:stable\nUSER {user}\nENTRYPOINT {json.dumps(['/bin/sh', '-c', script])}\n"
        (folder / "Dockerfile").write_text(text)
        assert docker("build", "-q", "-t", f"{name}:{tag}", str(folder)).returncode == 0
    yield name
    docker("rmi", "-f", f"{name}:root", f"{name}:user")


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_programs_of_any_user_read_their_files(tmp_path: Path, image: str) -> None:
    folder = tmp_path / image
    folder.mkdir()
    (folder / "dsec-migrate.toml").write_text(
        f'[[image]]\nnames = ["{image}"]\nconvention = "file-variable"\nsupported = ["APP_PASSWORD"]\n'
    )
    services = "".join(
        f"  {tag}:\n    image: {image}:{tag}\n    environment:\n      APP_PASSWORD: {PASSWORD}-{tag}\n"
        for tag in ("root", "user")
    )
    (folder / "compose.yml").write_text(f"services:\n{services}")
    run(folder, "--mount", "volume", "--write", "--no-docker")
    try:
        started = docker("compose", "up", "-d", "--wait", cwd=folder)
        assert started.returncode == 0, started.stderr.decode()
        for tag in ("root", "user"):
            expected = hashlib.sha256(f"{PASSWORD}-{tag}".encode()).hexdigest()
            for _ in range(50):
                told = docker("compose", "exec", "-T", tag, "cat", "/tmp/sum", cwd=folder).stdout.decode().strip()
                if told:
                    break
                time.sleep(0.1)
            assert told == expected
            listed = docker("compose", "exec", "-T", tag, "ls", "/run/secrets", cwd=folder).stdout.decode().split()
            assert len(listed) == 1
            written = docker("compose", "exec", "-T", tag, "touch", "/run/secrets/x", cwd=folder)
            assert written.returncode != 0
    finally:
        docker("compose", "down", "-t", "0", cwd=folder)


@pytest.mark.parametrize("where", ["base.yml", ""])
def test_services_that_extend_another_one_are_refused(where: str, tmp_path: Path) -> None:
    base = f"  base:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"
    file = f"file: {where}, " if where else ""
    extending = f"services:\n  db:\n    extends: {{{file}service: base}}\n"
    (tmp_path / "base.yml").write_text(f"services:\n{base}")
    (tmp_path / "compose.yml").write_text(extending + ("" if where else base))
    said = run(tmp_path, "--no-docker", "--mount", "volume", "compose.yml", status=2)
    assert "its secrets cannot be mounted as a volume: db extends another service" in said


def test_templates_and_advice_name_the_files_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        COMPOSE.replace("image: nginx", f"image: own\n    environment: {{API_TOKEN: {TOKEN}x}}")
    )
    said = run(tmp_path, "--no-docker", "--mount", "volume", "--templates", "--write", "compose.yml")
    assert "it is in secrets/web/api_token)" in " ".join(said.split())
    readme = (tmp_path / "secrets" / "README.md").read_text("utf-8")
    paths = [line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")]
    assert paths == ["db/postgres_password", "app/postgres_password", "app/nextcloud_admin_password", "web/api_token"]
    assert all((tmp_path / "secrets" / path).is_file() for path in paths)
    # neither knows of files that no `secrets:` names
    assert "fill" not in readme
    assert "status" not in readme
    assert "> secrets/db/postgres_password" in readme
    assert "mkdir -p -m 700 secrets && mkdir -p -m 700 secrets/db" in readme


def test_a_service_that_another_project_extends_keeps_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "top").mkdir()
    text = f"services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"
    (tmp_path / "base" / "compose.yml").write_text(text)
    # it has the definition, so Docker's secrets serve both; a folder at /run/secrets takes in no file of another one
    defined = "secrets:\n  postgres_password: {file: ../base/secrets/postgres_password.txt}\n  own: {file: ./own}\n"
    extends = "    extends: {file: ../base/compose.yml, service: db}\n    secrets: [own]\n"
    (tmp_path / "top" / "compose.yml").write_text(f"services:\n  db:\n{extends}{defined}")
    before = files(tmp_path)
    said = run(tmp_path, "base/compose.yml", "--no-docker", "--mount", "volume", "--write", status=2)
    assert "cannot be mounted as a volume: top/compose.yml extends services of" in " ".join(said.split())
    assert files(tmp_path) == before
    run(tmp_path, "base/compose.yml", "--no-docker", "--write")
    assert "POSTGRES_PASSWORD_FILE" in (tmp_path / "base" / "compose.yml").read_text()
