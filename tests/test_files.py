"""Which files a run would write beside the project: their names, order, modes and contents."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import project_of

from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.planning.make_plan import make_plan
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import Source

# a value that is nothing but the words of a placeholder, and one that nobody sets twice by chance
PLACEHOLDER, DISTINCTIVE = "changeme", "Fescue-Lathe-73"


def load(text: str, folder: Path, files: dict[str, str] | None = None) -> Project:
    return project_of(Source.decode(folder / "compose.yml", text.encode()), Environment({}, files or {}))


def services(*bodies: str) -> str:
    return "\n".join(["services:", *(f"  {body}" for body in bodies), ""])


def test_files_reach_the_disk_in_order_with_their_modes(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*.md\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    text = services(
        "a: {build: ., environment: {TOKEN: Teal}}",
        "db: {image: postgres, environment: {POSTGRES_PASSWORD: Rail}}",
        "pg: {image: postgres, user: '5', environment: {POSTGRES_PASSWORD: Crake}}",
    )
    plan = make_plan(load(text, tmp_path), Options())
    files = [(file.path.relative_to(tmp_path).as_posix(), oct(file.mode), file.append) for file in plan.files]
    assert files == [
        (".gitignore", "0o644", True),
        ("secrets/.gitignore", "0o644", True),
        (".dockerignore", "0o644", True),
        ("secrets/token.txt", "0o444", False),
        ("secrets/db_postgres_password.txt", "0o600", False),
        ("secrets/pg_postgres_password.txt", "0o444", False),
    ]


@pytest.mark.parametrize("present", ["secrets", "secrets/", "/secrets", "/secrets/*", "**/secrets/**", "*"])
def test_a_folder_that_is_ignored_already_is_not_ignored_again(tmp_path: Path, present: str) -> None:
    (tmp_path / ".gitignore").write_text(f"# mine\n{present}\n")
    plan = make_plan(load(services("a: {image: x, environment: {TOKEN: Teal}}"), tmp_path), Options())
    own = tmp_path / "secrets" / ".gitignore"
    assert [file.path for file in plan.files] == [own, own.with_name("token.txt")]


@pytest.mark.parametrize(
    ("present", "added"),
    [
        ("", "/secrets/\n"),
        ("a\n", "/secrets/\n"),
        ("a", "\n/secrets/\n"),
        ("a\r\n", "/secrets/\r\n"),
        ("#secrets\n", "/secrets/\n"),
        # git knows no such path
        ("./secrets\n", "/secrets/\n"),
        # what a later line takes back is not ignored
        ("secrets/\n!secrets/\n", "/secrets/\n"),
        ("*\n!*.txt\n!*/\n", "/secrets/\n"),
        ("/secrets/*\n!/secrets/*.txt\n", "/secrets/\n"),
    ],
)
def test_what_is_added_to_an_ignore_file(tmp_path: Path, present: str, added: str) -> None:
    (tmp_path / ".gitignore").write_bytes(present.encode())
    plan = make_plan(load(services("a: {image: x, environment: {TOKEN: Teal}}"), tmp_path), Options())
    assert plan.files[0].content.reveal() == added


def test_a_file_with_the_same_content_is_used_and_one_with_another_is_left(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token.txt").write_text("Teal")
    (tmp_path / "secrets" / "password.txt").write_text("another")
    project = load(services("a: {image: x, environment: {TOKEN: Teal, PASSWORD: Rail}}"), tmp_path)
    plan = make_plan(project, Options())
    assert [(secret.file, secret.has_file) for secret in plan.secrets] == [
        ("./secrets/token.txt", True),
        ("./secrets/compose.password.txt", False),
    ]


def test_two_projects_of_one_run_do_not_take_the_same_file(tmp_path: Path) -> None:
    disk = Disk()
    files = []
    for name, value in (("one.yml", "Teal"), ("two.yml", "Rail"), ("three.yml", "Teal")):
        text = services(f"a: {{image: x, environment: {{TOKEN: {value}}}}}")
        project = project_of(Source.decode(tmp_path / name, text.encode()))
        plan = make_plan(project, Options(), disk)
        files.append((plan.secrets[0].file, [file.path.name for file in plan.files]))
    assert files == [
        ("./secrets/token.txt", [".gitignore", ".gitignore", "token.txt"]),
        ("./secrets/two.token.txt", ["two.token.txt"]),
        ("./secrets/token.txt", []),
    ]


def test_no_free_file_name_is_an_error_without_the_value(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("token.txt", "compose.token.txt"):
        (tmp_path / "secrets" / name).write_text("another")
    with pytest.raises(UserError) as caught:
        make_plan(load(services("a: {image: x, environment: {TOKEN: Teal}}"), tmp_path), Options())
    assert "Teal" not in str(caught.value)
    assert caught.value.help


def test_an_existing_secret_is_used_only_where_it_is_sure_to_be_the_same(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(DISTINCTIVE)
    (tmp_path / "two").write_text(PLACEHOLDER)
    text = services(
        f"a: {{image: x, environment: {{A_TOKEN: {DISTINCTIVE}, B_TOKEN: {PLACEHOLDER}, TWO_TOKEN: {PLACEHOLDER}}}}}"
    )
    definitions = "secrets: {one: {file: ./one}, two_token: {file: ./two}}\n"
    plan = make_plan(load(text + definitions, tmp_path), Options())
    assert {secret.variables: (secret.name, secret.is_new) for secret in plan.secrets} == {
        ("A_TOKEN",): ("one", False),
        ("B_TOKEN",): ("b_token", True),
        ("TWO_TOKEN",): ("two_token", False),
    }


def test_an_expression_as_folder_is_resolved_for_writing_only(tmp_path: Path) -> None:
    project = load(services("a: {image: x, environment: {TOKEN: Teal}}"), tmp_path, {"KEYS": "./k"})
    plan = make_plan(project, Options(secrets_dir="${KEYS:-./secrets}"))
    assert plan.secrets[0].file == "${KEYS:-./secrets}/token.txt"
    assert plan.secrets[0].path == tmp_path / "k" / "token.txt"


def test_external_secrets_come_with_a_script_that_holds_no_value(tmp_path: Path) -> None:
    text = services("a: {image: x, environment: {TOKEN: Teal, PASSWORD: Rail}}")
    plan = make_plan(load(text, tmp_path), Options(SourceKind.EXTERNAL, Target.SWARM))
    script = plan.files[-1]
    assert (script.path.name, script.mode, script.is_secret) == ("create-secrets.sh", 0o700, False)
    assert "create 'token' 'token.txt'" in script.content.reveal()
    assert not any(value in script.content.reveal() for value in ("Teal", "Rail"))
    assert [secret.as_data() for secret in plan.secrets] == [{"external": True}] * 2


@pytest.mark.skipif(os.name == "nt", reason="the script is for a POSIX shell")
def test_the_script_feeds_each_file_to_docker_byte_for_byte(tmp_path: Path) -> None:
    text = services('a: {image: x, environment: {TOKEN: "Teal\'s $$1\\n", PASSWORD: Rail}}')
    plan = make_plan(load(text, tmp_path), Options(SourceKind.EXTERNAL, Target.SWARM))
    for file in plan.files:
        file.path.parent.mkdir(exist_ok=True)
        file.path.write_bytes(file.content.reveal().encode())
    # a docker that knows one secret and keeps what it is told to create
    tools, made = tmp_path / "tools", tmp_path / "made"
    tools.mkdir()
    made.mkdir()
    docker = tools / "docker"
    docker.write_text(
        '#!/bin/sh\nif [ "$2" = inspect ]; then [ "$3" = password ]; exit; fi\n'
        f'printf "%s\\n" "$*" >>{made}/calls\nfor name; do [ "$name" = - ] || last=$name; done\ncat >"{made}/$last"\n'
    )
    docker.chmod(0o755)
    script = next(file.path for file in plan.files if file.path.name == "create-secrets.sh")
    # from another folder, as a path
    result = subprocess.run(
        ["sh", str(script)], cwd="/", env={"PATH": f"{tools}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == ["token: created", "password: exists already, left as it is"]
    assert (made / "token").read_bytes() == b"Teal's $1\n"
    assert not (made / "password").exists()
    assert "Teal" not in (made / "calls").read_text() + result.stdout + result.stderr
