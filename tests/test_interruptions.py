"""Verbs that are killed between any two of their calls, and run again: the same state as one clean run.

A call is whatever changes something outside of the process: a system call for files, a program, an HTTP request.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nursery
import pytest
import vault_server
from conftest import ALL
from nursery import Ended
from test_stores import COMPOSE, VALUES, aws, client, reset  # noqa: F401
from vault_server import VaultServer

from dsec_migrate.stores import age
from dsec_migrate.text.secret import Secret

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are ended otherwise there")

# a Swarm in a folder: one file for each secret
DOCKER = """\
#!/bin/sh
case "$1 $2" in
"secret ls") ls "$SWARM" | sed '/[.]data$/d' ;;
"secret inspect")
  shift 2
  printf '['
  comma=
  for name do printf '%s{"Spec":{"Name":"%s","Labels":{%s}}}' "$comma" "$name" "$(cat "$SWARM/$name")"; comma=,; done
  printf ']' ;;
"secret create")
  shift 2
  labels=
  while [ "$1" = --label ]; do labels="$labels${labels:+,}\\"${2%%=*}\\":\\"${2#*=}\\""; shift 2; done
  [ ! -e "$SWARM/$1" ] || { echo 'Error response from daemon: secret already exists' >&2; exit 1; }
  cat >"$SWARM/$1.data"
  printf %s "$labels" >"$SWARM/$1" ;;
"secret rm") rm "$SWARM/$3" "$SWARM/$3.data" ;;
esac
"""
OUR_RECORDS = {".ledger", ".journal", ".undo"}
EXTERNAL = """\
name: shop
services:
  db:
    image: postgres:17
    secrets: [db_password, api_token]
secrets:
  db_password:
    external: true
  api_token: {external: true}
"""


class World(NamedTuple):
    """A project and all that is outside of it. ``variables`` are those by which it is reached."""

    folder: Path
    variables: Mapping[str, str]
    look: Callable[[], Any]


def run(world: World, words: list[str], last: int = -1) -> Ended:
    """Kills the program at its call number ``last``; with 0 it tells how many there are."""
    known = {"PATH": os.environ["PATH"], "HOME": str(world.folder), **world.variables}
    return nursery.run(world.folder / "shop", words, known, last)


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not OUR_RECORDS & set(path.parts)
    }


def lay_out(folder: Path, text: str = COMPOSE) -> Path:
    project = folder / "shop"
    if project.exists():
        return project
    (project / "secrets").mkdir(parents=True)
    (project / "compose.yml").write_text(text)
    for name, value in VALUES.items():
        (project / "secrets" / f"{name}.txt").write_bytes(value.encode())
        (project / "secrets" / f"{name}.txt").chmod(0o600)
    (folder / "value").write_text("Mullein-Gantry-84\n")
    return project


@contextmanager
def of_files(folder: Path, text: str = COMPOSE) -> Iterator[World]:
    project = lay_out(folder, text)
    yield World(folder, {}, lambda: files(project))


@contextmanager
def of_vault(folder: Path) -> Iterator[World]:
    project = lay_out(folder)
    with vault_server.running() as server:
        known = {"VAULT_ADDR": server.address, "VAULT_TOKEN": vault_server.TOKEN}
        yield World(folder, known, lambda: (_entries(server), files(project)))


def _entries(server: VaultServer) -> dict[str, Any]:
    """What stands there now; every version but the last counts as well, as nothing is to be written twice."""
    return {name: list(versions) for name, versions in server.entries.items() if versions}


@contextmanager
def of_swarm(folder: Path) -> Iterator[World]:
    project = lay_out(folder, EXTERNAL)
    swarm = folder / "swarm"
    swarm.mkdir(exist_ok=True)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "docker").write_text(DOCKER)
    (folder / "bin" / "docker").chmod(0o755)
    known = {"SWARM": str(swarm), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    def look() -> Any:
        data = {path.stem: path.read_bytes() for path in swarm.glob("*.data")}
        labels = {name: json.loads(f"{{{(swarm / name).read_text()}}}") for name in data}
        # the key of each run's folder is another
        for one in labels.values():
            one.pop("dsec.fingerprint")
        return data, labels, files(project)

    yield World(folder, known, look)


def check(
    make: Callable[[Path], Any],
    words: list[str],
    tmp_path: Path,
    before: list[list[str]] | None = None,
    again: str = "",
) -> None:
    """``again`` is what the second run may say when the first one was all but done."""

    prepared = tmp_path / "prepared"

    @contextmanager
    def world(name: str) -> Iterator[World]:
        folder = tmp_path / name
        if prepared.exists():
            shutil.copytree(prepared, folder, symlinks=True)
        else:
            folder.mkdir()
        with make(folder) as made:
            yield made
        shutil.rmtree(folder)

    if before:
        with world("first") as first:
            for earlier in before:
                result = run(first, earlier)
                assert result.status == 0, result.said
            shutil.copytree(first.folder, prepared, symlinks=True)

    with world("clean") as clean:
        start = clean.look()
        counted = run(clean, words, 0)
        assert counted.status == 0, counted.said
        expected = clean.look()
    assert expected != start
    calls = int(counted.said.split()[-1])
    assert calls > 2
    # of many places where it can be killed, a few of each
    pick = range(1, calls + 1) if ALL else (1, calls // 2, calls)
    for last in pick:
        with world(f"killed-{last}") as killed:
            ended = run(killed, words, last)
            assert ended.status == -9
            result = run(killed, words)
            assert result.status == 0 or (again and again in result.said), (last, result.said)
            assert killed.look() == expected, f"killed at call {last} of {calls}"
            assert not any(value in result.said for value in VALUES.values())


def test_push_to_vault(tmp_path: Path) -> None:
    check(of_vault, ["push", "--to", "vault", "--write"], tmp_path)


def test_push_to_one_entry_of_vault(tmp_path: Path) -> None:
    check(of_vault, ["push", "--to", "vault", "--entry", "apps/shop", "--write"], tmp_path)


def test_push_to_aws(tmp_path: Path, aws: Mapping[str, str]) -> None:  # noqa: F811
    @contextmanager
    def of_aws(folder: Path) -> Iterator[World]:
        project = lay_out(folder)
        reset(aws)

        def look() -> Any:
            listed = client(aws).list_secrets()["SecretList"]
            values = {
                one["Name"]: (one["Tags"], client(aws).get_secret_value(SecretId=one["Name"])["SecretString"])
                for one in listed
            }
            return values, files(project)

        yield World(folder, aws, look)

    check(of_aws, ["push", "--to", "aws", "--write"], tmp_path)


def test_push_to_swarm(tmp_path: Path) -> None:
    check(of_swarm, ["push", "--to", "swarm", "--write"], tmp_path)


def test_pull(tmp_path: Path) -> None:
    @contextmanager
    def pulling(folder: Path) -> Iterator[World]:
        with of_vault(folder) as world:
            run(world, ["push", "--to", "vault", "--write"])
            for name in VALUES:
                (folder / "shop" / "secrets" / f"{name}.txt").unlink()
            yield world

    check(pulling, ["pull", "--from", "vault", "--write"], tmp_path)


@pytest.mark.parametrize("more", [[], ["--with-values"]])
def test_manifests(tmp_path: Path, more: list[str]) -> None:
    check(of_files, ["push", "--to", "kubernetes", *more, "--write"], tmp_path)


def test_lock_and_unlock(tmp_path: Path) -> None:
    identity = pytest.importorskip("pyrage").x25519.Identity.generate()
    recipient = str(identity.to_public())

    def plain(folder: Path) -> Any:
        """The encrypted texts differ each time; what they hold does not."""
        keys = [Secret(str(identity))]
        return {
            name: (age.decrypt(data, keys, folder / name), mode) if name.endswith(".age") else (data, mode)
            for name, (data, mode) in files(folder).items()
        }

    @contextmanager
    def locking(folder: Path) -> Iterator[World]:
        project = lay_out(folder)
        yield World(folder, {}, lambda: plain(project))

    check(locking, ["lock", "--encrypt-to", recipient, "--write"], tmp_path)

    @contextmanager
    def unlocking(folder: Path) -> Iterator[World]:
        with locking(folder) as world:
            (folder / "key").write_text(str(identity))
            run(world, ["lock", "--encrypt-to", recipient, "--write"])
            for name in VALUES:
                (folder / "shop" / "secrets" / f"{name}.txt").unlink()
            yield world

    check(unlocking, ["unlock", "--identity", "../key", "--write"], tmp_path)


BEGIN = ["rotate", "db_password", "--strategy", "dual", "--value-file", "../value", "--write"]


def test_a_rotation_begins(tmp_path: Path) -> None:
    check(of_files, BEGIN, tmp_path, again="is in progress")


def test_a_rotation_ends(tmp_path: Path) -> None:
    words = ["rotate", "db_password", "--finish", "--confirmed", "--write"]
    check(of_files, words, tmp_path, [BEGIN], again="no rotation of db_password is in progress")


def test_a_rotation_is_taken_back(tmp_path: Path) -> None:
    words = ["rotate", "db_password", "--abort", "--write"]
    check(of_files, words, tmp_path, [BEGIN], again="no rotation of db_password is in progress")


ENVIRONMENT = COMPOSE.replace("file: ./secrets/db_password.txt", "environment: DB_PASSWORD")


def test_a_rotation_in_an_env_file_ends(tmp_path: Path) -> None:
    @contextmanager
    def of_variable(folder: Path) -> Iterator[World]:
        with of_files(folder, ENVIRONMENT) as world:
            if not (folder / "shop" / ".env").exists():
                (folder / "shop" / ".env").write_text("A=1\nDB_PASSWORD=Larkspur-Hinge-41\nB=2\n")
            yield world

    begin = ["rotate", "db_password", "--value-file", "../value", "--write"]
    end = ["rotate", "db_password", "--finish", "--confirmed", "--write"]
    check(of_variable, end, tmp_path, [begin], again="no rotation of db_password is in progress")


PUSH = ["push", "--to", "swarm", "--write"]
NEXT = ["rotate", "db_password", "--value-file", "../value", "--write"]


def test_a_version_in_swarm_is_made_once(tmp_path: Path) -> None:
    # a run that was all but done is a run that was done: the next one makes the next version, or refuses the same value
    check(of_swarm, NEXT, tmp_path, [PUSH], again="the new value is the former one")


@pytest.mark.parametrize("phase", ["--rollback", "--prune"])
def test_ways_back_in_swarm(tmp_path: Path, phase: str) -> None:
    before = [PUSH, NEXT] if phase == "--rollback" else [PUSH, NEXT, ["rotate", "db_password", "--rollback", "--write"]]
    check(of_swarm, ["rotate", "db_password", phase, "--write"], tmp_path, before)
