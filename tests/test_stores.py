"""Values on their way to Vault and AWS Secrets Manager and back: through the real libraries, over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nursery
import pytest
import vault_server
from vault_server import VaultServer

VALUES = {"db_password": "Larkspur-Hinge-41", "api_token": 'quo"te\\ and\nlines ü\n'}
COMPOSE = """\
name: shop
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
    secrets: [db_password, api_token]
secrets:
  db_password:
    file: ./secrets/db_password.txt
  api_token:
    file: ./secrets/api_token.txt
"""


def run(folder: Path, *words: str, status: int = 0, variables: Mapping[str, str] | None = None) -> str:
    """What the program says. No value of ``VALUES`` is ever on the screen."""
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), **(variables or {})}
    result = nursery.run(folder, words, known)
    assert result.status == status, result.said
    assert "Traceback" not in result.said
    assert not any(line in result.said for value in VALUES.values() for line in value.splitlines())
    return result.said


def files(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".ledger" not in path.parts
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "secrets").mkdir(parents=True)
    (folder / "compose.yml").write_text(COMPOSE)
    for name, value in VALUES.items():
        (folder / "secrets" / f"{name}.txt").write_bytes(value.encode())
    return folder


@pytest.fixture
def vault() -> Iterator[VaultServer]:
    with vault_server.running() as server:
        yield server


@pytest.fixture(scope="module")
def aws() -> Iterator[Mapping[str, str]]:
    """The variables by which moto's server is reached."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "of-the-test",
        "AWS_SECRET_ACCESS_KEY": "of-the-test",
    }
    server.stop()


def reset(aws: Mapping[str, str]) -> None:
    import urllib.request

    request = urllib.request.Request(f"{aws['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=10):
        pass


def client(aws: Mapping[str, str]) -> Any:
    import boto3

    return boto3.client(
        "secretsmanager",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=aws["AWS_REGION"],
        aws_access_key_id="of-the-test",
        aws_secret_access_key="of-the-test",
    )


# --- Vault ---


def test_vault_gets_each_value_once_and_gives_it_back(project: Path, vault: VaultServer) -> None:
    known = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault_server.TOKEN}
    assert "2 secrets would be created" in run(project, "push", "--to", "vault", variables=known)
    assert vault.entries == {"shop/db_password": [], "shop/api_token": []}
    run(project, "push", "--to", "vault", "--write", variables=known)
    assert vault.entries == {f"shop/{name}": [{"value": value}] for name, value in VALUES.items()}
    assert "0 secrets created" in run(project, "push", "--to", "vault", "--write", variables=known)
    before = files(project)
    for name in VALUES:
        (project / "secrets" / f"{name}.txt").unlink()
    assert "2 secrets would be written" in run(project, "pull", "--from", "vault", variables=known)
    assert not list((project / "secrets").glob("*.txt"))
    run(project, "pull", "--from", "vault", "--write", variables=known)
    assert files(project) == before
    # of the other file nothing tells that the image reads it before it drops root
    modes = {file.name: file.stat().st_mode & 0o777 for file in (project / "secrets").glob("*.txt")}
    assert modes == {"db_password.txt": 0o600, "api_token.txt": 0o444}


@pytest.mark.parametrize(("is_tracked", "told"), [(False, "git does not ignore"), (True, "git tracks")])
def test_what_is_pulled_into_the_reach_of_git_is_told(
    project: Path, vault: VaultServer, *, is_tracked: bool, told: str
) -> None:
    known = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault_server.TOKEN}
    run(project, "push", "--to", "vault", "--write", variables=known)
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    if is_tracked:
        subprocess.run(["git", "-C", str(project), "add", "."], check=True)
    (project / "secrets" / "api_token.txt").unlink()
    assert "warning" not in run(project, "pull", "--from", "vault", variables=known)
    said = " ".join(run(project, "pull", "--from", "vault", "--write", variables=known).split())
    assert f"warning: {told} secrets/api_token.txt" in said
    assert "db_password.txt:" not in said
    (project / "secrets" / ".gitignore").write_text("*\n")
    subprocess.run(["git", "-C", str(project), "rm", "-rq", "--cached", "--ignore-unmatch", "secrets"], check=True)
    (project / "secrets" / "api_token.txt").unlink()
    assert "warning" not in run(project, "pull", "--from", "vault", "--write", variables=known)


def test_vault_takes_all_values_as_keys_of_one_entry(project: Path, vault: VaultServer) -> None:
    known = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault_server.TOKEN}
    vault.entries["apps/shop"] = [{"other": "stays"}]
    run(project, "push", "--to", "vault", "--entry", "apps/shop", "--write", variables=known)
    assert vault.entries["apps/shop"][-1] == {"other": "stays", **VALUES}
    (project / "secrets" / "db_password.txt").unlink()
    run(project, "pull", "--from", "vault", "--entry", "apps/shop", "--write", variables=known)
    assert (project / "secrets" / "db_password.txt").read_text() == VALUES["db_password"]


@pytest.mark.parametrize("form", ["variables", "files"])
def test_vault_is_entered_by_an_approle(project: Path, vault: VaultServer, tmp_path: Path, form: str) -> None:
    given = {"VAULT_ROLE_ID": vault_server.ROLE, "VAULT_SECRET_ID": vault_server.SECRET_ID}
    if form == "files":
        for name, value in given.items():
            (tmp_path / name).write_text(f"{value}\n")
        given = {f"{name}_FILE": str(tmp_path / name) for name in given}
    run(project, "push", "--to", "vault", "--write", variables={"VAULT_ADDR": vault.address, **given})
    assert vault.entries["shop/db_password"] == [{"value": VALUES["db_password"]}]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"VAULT_TOKEN": "hvs.wrong"}, "does not permit"),
        ({"VAULT_TOKEN": vault_server.READ_ONLY}, "does not permit"),
        ({"VAULT_ROLE_ID": vault_server.ROLE, "VAULT_SECRET_ID": "wrong"}, "refuses to log in"),
        ({}, "no credential"),
        ({"VAULT_TOKEN": vault_server.TOKEN, "VAULT_ADDR": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"VAULT_TOKEN": vault_server.TOKEN, "VAULT_ADDR": ""}, "VAULT_ADDR"),
        ({"VAULT_TOKEN_FILE": "/nonexistent"}, "cannot read the credential"),
    ],
)
def test_without_a_good_credential_vault_gets_nothing(
    project: Path, vault: VaultServer, given: dict[str, str], told: str
) -> None:
    before = files(project)
    result = run(
        project, "push", "--to", "vault", "--write", status=2, variables={"VAULT_ADDR": vault.address, **given}
    )
    assert told in result
    assert all(not versions for versions in vault.entries.values())
    assert files(project) == before


def test_a_name_that_is_taken_stops_everything(project: Path, vault: VaultServer) -> None:
    known = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault_server.TOKEN}
    vault.entries["shop/api_token"] = [{"value": "somebody else's"}]
    result = run(project, "push", "--to", "vault", "--write", status=2, variables=known)
    assert "already has other values for shop/api_token; nothing was sent" in result
    assert "ANOTHER value" in result
    assert not vault.entries["shop/db_password"]
    # the other way, too: a value that is here is not replaced
    result = run(project, "pull", "--from", "vault", "--write", status=2, variables=known)
    assert "contain other values" in result
    assert (project / "secrets" / "api_token.txt").read_bytes() == VALUES["api_token"].encode()


@pytest.mark.skipif("VAULT_ADDR" not in os.environ, reason="VAULT_ADDR names no real Vault")
def test_a_real_vault_does_the_same(project: Path) -> None:
    known = {name: value for name, value in os.environ.items() if name.startswith("VAULT_")}
    prefix = f"dsec-test-{os.getpid()}"
    run(project, "push", "--to", "vault", "--prefix", prefix, "--write", variables=known)
    assert "0 secrets" in run(project, "push", "--to", "vault", "--prefix", prefix, "--write", variables=known)
    (project / "secrets" / "api_token.txt").unlink()
    run(project, "pull", "--from", "vault", "--prefix", prefix, "--write", variables=known)
    assert (project / "secrets" / "api_token.txt").read_bytes() == VALUES["api_token"].encode()


@pytest.mark.parametrize("form", ["file", "home"])
def test_a_token_in_a_file_will_do(project: Path, vault: VaultServer, tmp_path: Path, form: str) -> None:
    path = project / ".vault-token" if form == "home" else tmp_path / "token"
    path.write_text(f"{vault_server.TOKEN}\n")
    given = {"VAULT_TOKEN_FILE": str(path)} if form == "file" else {}
    run(project, "push", "--to", "vault", "--write", variables={"VAULT_ADDR": vault.address, **given})
    assert vault.entries["shop/db_password"] == [{"value": VALUES["db_password"]}]


# --- AWS ---


def test_aws_gets_each_value_with_tags_and_gives_it_back(project: Path, aws: Mapping[str, str]) -> None:
    reset(aws)
    run(project, "push", "--to", "aws", variables=aws)
    assert client(aws).list_secrets()["SecretList"] == []
    run(project, "push", "--to", "aws", "--label", "stage=test", "--write", variables=aws)
    listed = {
        one["Name"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for one in client(aws).list_secrets()["SecretList"]
    }
    tags = {"dsec.project": "shop", "dsec.service": "db", "stage": "test"}
    assert listed == {f"shop/{name}": tags for name in VALUES}
    assert client(aws).get_secret_value(SecretId="shop/api_token")["SecretString"] == VALUES["api_token"]
    assert "0 secrets created" in run(project, "push", "--to", "aws", "--write", variables=aws)
    before = files(project)
    (project / "secrets" / "api_token.txt").unlink()
    run(project, "pull", "--from", "aws", "--write", variables=aws)
    assert files(project) == before


def test_aws_takes_all_values_as_keys_of_one_entry(project: Path, aws: Mapping[str, str]) -> None:
    reset(aws)
    run(project, "push", "--to", "aws", "--entry", "apps/shop", "--write", variables=aws)
    assert json.loads(client(aws).get_secret_value(SecretId="apps/shop")["SecretString"]) == VALUES
    (project / "secrets" / "db_password.txt").unlink()
    run(project, "pull", "--from", "aws", "--entry", "apps/shop", "--write", variables=aws)
    assert (project / "secrets" / "db_password.txt").read_text() == VALUES["db_password"]


def test_aws_keeps_what_is_there(project: Path, aws: Mapping[str, str]) -> None:
    reset(aws)
    client(aws).create_secret(Name="shop/api_token", SecretString="somebody else's")
    result = run(project, "push", "--to", "aws", "--write", status=2, variables=aws)
    assert "already has other values for shop/api_token; nothing was sent" in result
    assert [one["Name"] for one in client(aws).list_secrets()["SecretList"]] == ["shop/api_token"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "cannot be reached",
        ),
        ({"AWS_REGION": ""}, "cannot be reached"),
    ],
)
def test_without_a_way_in_aws_gets_nothing(
    project: Path, aws: Mapping[str, str], changed: dict[str, str], told: str
) -> None:
    reset(aws)
    variables = {name: value for name, value in {**aws, **changed}.items() if value}
    result = run(project, "push", "--to", "aws", "--write", status=2, variables=variables)
    assert told in result
    assert client(aws).list_secrets()["SecretList"] == []


# --- Swarm ---


def docker(folder: Path, answer: str) -> Mapping[str, str]:
    """A stand-in for docker, which notes what it is asked for."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "docker"
    program.write_text(f'#!/bin/sh\necho "$*" >>"{folder}/asked"\n{answer}\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("old", "new", "content", "told"),
    [
        ("", "", b"", "api_token is empty"),
        ("", "", b"x" * 512_000, "api_token is too large"),
        ("api_token", "_api_token", b"x", "Swarm refuses the name _api_token"),
        ("api_token", "a" * 65, b"x", "Swarm refuses the name aaa"),
        ("api_token", "api_token-", b"x", "Swarm refuses the name api_token-"),
    ],
)
def test_what_swarm_would_refuse_is_told_before_anything_is_sent(
    project: Path, old: str, new: str, content: bytes, told: str
) -> None:
    (project / "compose.yml").write_text(COMPOSE.replace(old, new) if old else COMPOSE)
    (project / "secrets" / f"{new or 'api_token'}.txt").write_bytes(content)
    result = run(project, "push", "--to", "swarm", "--write", status=2, variables=docker(project, "exit 0"))
    assert told in result
    assert not (project / "asked").exists()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("echo 'This node is not a swarm manager. Use docker swarm init' >&2; exit 1", "not a Swarm manager"),
        ("echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1", "start Docker"),
        ("echo 'permission denied while trying to connect' >&2; exit 1", "permission denied"),
    ],
)
def test_why_swarm_cannot_be_reached_is_told(project: Path, answer: str, told: str) -> None:
    before = files(project)
    result = run(project, "push", "--to", "swarm", "--write", status=2, variables=docker(project, answer))
    assert told in result
    assert {name: data for name, data in files(project).items() if name in before} == before
    assert (project / "asked").read_text() == "secret ls --format {{.Name}}\n"


def test_without_docker_that_is_told(project: Path) -> None:
    result = run(project, "push", "--to", "swarm", status=2, variables={"PATH": str(project)})
    assert "docker is not installed here" in result


def test_swarm_gives_nothing_back(project: Path) -> None:
    assert "Swarm returns a value only" in run(project, "pull", "--from", "swarm", status=2)


# --- all ---


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "swarm", "--entry", "x"), "--entry: not supported by swarm"),
        (("--to", "vault", "--label", "a=b"), "--label: not supported by vault"),
        (("--to", "aws", "--namespace", "x", "--mount", "kv"), "--mount, --namespace: not supported by aws"),
        (("--to", "kubernetes", "--prefix", "x"), "--prefix: not supported by kubernetes"),
        (("--to", "swarm", "--label", "x"), "--label takes KEY=VALUE"),
    ],
)
def test_an_option_that_a_store_does_not_heed_is_an_error(project: Path, words: tuple[str, ...], told: str) -> None:
    assert told in run(project, "push", *words, status=2)


def test_other_stores_do_not_exist(project: Path) -> None:
    result = run(project, "push", "--to", "sticky-notes", status=2)
    assert "unknown store sticky-notes" in result
    assert "swarm, vault, aws" in result


def test_what_is_no_text_is_told_before_anything_is_sent(project: Path, vault: VaultServer) -> None:
    (project / "secrets" / "api_token.txt").write_bytes(b"\xff\xfe\x00")
    known = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault_server.TOKEN}
    result = run(project, "push", "--to", "vault", "--write", status=2, variables=known)
    assert "api_token is not UTF-8 text" in result
    assert not any(vault.entries.values())
