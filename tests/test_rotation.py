"""``rotate``: the new value beside the former one, proof, and every way back. The engine's part is tested elsewhere."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from test_stores import files, run

from dsec_migrate.compose import dotenv
from dsec_migrate.lifecycle.rotation import databases, new_value
from dsec_migrate.text.errors import UserError

OLD, NEW = "Larkspur-Hinge-41", "Mullein-Gantry-84"
BUILT = """\
services:
  app:
    build: .
    environment:
      - DB_PASSWORD_FILE=/run/secrets/db_password  # of the database
      - LOG_LEVEL=info
    secrets:
      - db_password
  worker:
    build: .
    environment: {QUEUE: "a", DB_PASSWORD_FILE: /run/secrets/db_password}
    secrets: [other, db_password]

secrets:
  db_password:
    file: ./secrets/db_password.txt  # never in git
  other:
    file: ./secrets/other.txt
"""
DUAL = """\
services:
  app:
    build: .
    environment:
      - DB_PASSWORD_FILE=/run/secrets/db_password  # of the database
      - DB_PASSWORD_NEW_FILE=/run/secrets/db_password_new
      - LOG_LEVEL=info
    secrets:
      - db_password
      - db_password_new
  worker:
    build: .
    environment: {QUEUE: "a", DB_PASSWORD_FILE: /run/secrets/db_password, MORE}
    secrets: [other, db_password, db_password_new]

secrets:
  db_password:
    file: ./secrets/db_password.txt  # never in git
  db_password_new:
    file: ./secrets/db_password_new.txt
  other:
    file: ./secrets/other.txt
""".replace("MORE", "DB_PASSWORD_NEW_FILE: /run/secrets/db_password_new")
DATABASE = """\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
    secrets:
      - source: db_password
        target: db_password
  app:
    image: nextcloud:30
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
    secrets: [db_password]
secrets:
  db_password: {file: "secrets/db_password.txt"}
"""


def project(folder: Path, text: str, **values: str) -> Path:
    (folder / "secrets").mkdir()
    (folder / "compose.yml").write_text(text)
    for name, value in values.items():
        (folder / "secrets" / f"{name}.txt").write_text(value)
    (folder / "value").write_text(f"{NEW}\n")
    return folder


def rotate(folder: Path, *words: str, status: int = 0) -> str:
    result = run(folder, "rotate", "db_password", *words, status=status)
    said = result
    assert OLD not in said
    assert NEW not in said
    return said


def _rotated(folder: Path, text: str) -> list[str]:
    """The texts of the Compose file while the second value is there, and at the end."""
    folder.mkdir()
    project(folder, "", db_password=OLD, other="x")
    found = []
    (folder / "compose.yml").write_bytes(text.encode())
    for words in (("--value-file", "value"), ("--finish", "--confirmed")):
        rotate(folder, *words, "--write")
        found.append((folder / "compose.yml").read_bytes().decode())
    return found


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    plain = _rotated(tmp_path / "lf", BUILT)
    assert plain == [DUAL, BUILT]
    other = _rotated(tmp_path / "crlf", BUILT.replace("\n", "\r\n"))
    assert other == [text.replace("\n", "\r\n") for text in plain]


def seen(folder: Path) -> Mapping[str, bytes]:
    return {name: data for name, data in files(folder).items() if ".journal" not in name and ".undo" not in name}


def test_what_a_rotation_puts_into_the_reach_of_git_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path, BUILT, db_password=OLD, other="x")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    # names of files that do not hold for the one beside them
    (folder / ".gitignore").write_text("/secrets/db_password.txt\n")
    said = " ".join(rotate(folder, "--value-file", "value", "--write").split())
    assert "warning: git does not ignore secrets/db_password_new.txt" in said
    assert "warning" not in rotate(folder, "--finish", "--confirmed", "--write")
    subprocess.run(["git", "-C", str(folder), "add", "-f", "secrets"], check=True)
    (folder / "value").write_text("Ragwort-Lintel-19")
    (folder / ".gitignore").write_text("/secrets/\n")
    assert "warning" not in rotate(folder, "--value-file", "value", "--write")
    said = " ".join(rotate(folder, "--finish", "--confirmed", "--write").split())
    assert "warning: git tracks secrets/db_password.txt: the next commit would contain the value" in said


def test_two_values_stand_side_by_side_until_the_new_one_is_confirmed(tmp_path: Path) -> None:
    folder = project(tmp_path, BUILT, db_password=OLD, other="x")
    start = seen(folder)
    assert "docker compose up -d app worker" in rotate(folder, "--value-file", "value")
    assert seen(folder) == start
    rotate(folder, "--value-file", "value", "--write")
    assert (folder / "compose.yml").read_text() == DUAL
    assert (folder / "secrets" / "db_password_new.txt").read_text() == NEW
    assert (folder / "secrets" / "db_password.txt").read_text() == OLD
    assert "is in progress" in rotate(folder, "--value-file", "value", "--write", status=2)
    assert "has not been tested" in rotate(folder, "--finish", "--write", status=2)
    assert "nothing written" in rotate(folder, "--finish", "--confirmed")
    inode = (folder / "secrets" / "db_password.txt").stat().st_ino
    rotate(folder, "--finish", "--confirmed", "--write")
    assert (folder / "compose.yml").read_text() == BUILT
    assert (folder / "secrets" / "db_password.txt").read_text() == NEW
    # a running container sees the file that it has mounted
    assert (folder / "secrets" / "db_password.txt").stat().st_ino == inode
    assert not (folder / "secrets" / "db_password_new.txt").exists()
    kept = folder / "secrets" / ".previous" / "db_password"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == (OLD, 0o600)
    rotate(folder, "--forget-previous")
    assert kept.exists()
    rotate(folder, "--forget-previous", "--write")
    assert not kept.exists()


def test_a_rotation_is_taken_back(tmp_path: Path) -> None:
    folder = project(tmp_path, BUILT, db_password=OLD, other="x")
    start = seen(folder)
    rotate(folder, "--value-file", "value", "--write")
    rotate(folder, "--abort")
    assert (folder / "secrets" / "db_password_new.txt").exists()
    rotate(folder, "--abort", "--write")
    kept = {"secrets/.previous/db_password_new": NEW.encode(), "secrets/.previous/.gitignore": b"*\n"}
    assert seen(folder) == {**start, **kept}
    assert "no rotation of db_password is in progress" in rotate(folder, "--abort", "--write", status=2)
    rotate(folder, "--generate", "32", "--write")
    made = (folder / "secrets" / "db_password_new.txt").read_text()
    assert len(made) == 32
    assert made.isalnum()


def test_a_database_is_told_without_a_second_variable(tmp_path: Path) -> None:
    folder = project(tmp_path, DATABASE, db_password=OLD)
    said = rotate(folder, "--value-file", "value", "--write")
    text = (folder / "compose.yml").read_text()
    assert "      - source: db_password_new\n        target: db_password_new\n" in text
    assert text.count("db_password_new") == 4
    assert 'db_password_new: {file: "secrets/db_password_new.txt"}' in text
    assert "NEW_FILE" not in text
    assert "ALTER ROLE" in said
    assert "/run/secrets/db_password_new" in said
    # what comes next is told again
    again = rotate(folder)
    assert "ALTER ROLE" in again
    assert "is in progress" in rotate(folder, "--generate", "32", "--write", status=2)
    assert "new logins of app fail" in " ".join(again.split())
    assert "pass --apply to log in" in rotate(folder, "--finish", "--write", status=2)
    said = rotate(folder, "--finish", "--confirmed", "--write")
    assert (folder / "compose.yml").read_text() == DATABASE
    assert "docker compose up -d --force-recreate db app" in said


def test_a_value_behind_a_variable_changes_in_its_env_file(tmp_path: Path) -> None:
    text = "services:\n  app:\n    image: nextcloud:30\n    secrets: [db_password]\nsecrets:\n  db_password:\n"
    folder = project(tmp_path, f"{text}    environment: DB_PASSWORD\n")
    (folder / ".env").write_text(f"A=1\nDB_PASSWORD='{OLD}'  # of the database\nB=2\n")
    rotate(folder, "--value-file", "value", "--write")
    assert OLD in (folder / ".env").read_text()
    said = rotate(folder, "--finish", "--confirmed", "--write")
    assert (folder / ".env").read_text() == f"A=1\nDB_PASSWORD='{NEW}'  # of the database\nB=2\n"
    assert "--force-recreate app" in said
    assert (folder / "secrets" / ".previous" / "db_password").read_text() == OLD


@pytest.mark.parametrize("before", [OLD, f"'{OLD}'", f'"{OLD}"  # of: x'])
@pytest.mark.parametrize("value", ["n$ew$$va'l\"ue", "${HOME} #x", "two\nlines\\n", "   "])
def test_any_value_stands_in_an_env_file(tmp_path: Path, before: str, value: str) -> None:
    folder = project(tmp_path, "services:\n  a:\n    image: x\n    secrets: [db_password]\n")
    (folder / "compose.yml").write_text(
        f"{(folder / 'compose.yml').read_text()}secrets:\n  db_password:\n    environment: DB_PASSWORD\n"
    )
    (folder / ".env").write_text(f"A=1\nDB_PASSWORD={before}\nB=2\n")
    (folder / ".env").chmod(0o640)
    (folder / "value").write_text(value)
    rotate(folder, "--value-file", "value", "--write")
    rotate(folder, "--finish", "--confirmed", "--write")
    entries = dotenv.parse((folder / ".env").read_text(), {})
    assert {one.name: one.value for one in entries} == {"A": "1", "DB_PASSWORD": value, "B": "2"}
    assert (folder / ".env").stat().st_mode & 0o777 == 0o640


def test_a_value_of_the_shell_is_not_ours_to_change(tmp_path: Path) -> None:
    text = "services:\n  app:\n    image: nextcloud:30\n    secrets: [db_password]\nsecrets:\n  db_password:\n"
    folder = project(tmp_path, f"{text}    environment: DB_PASSWORD\n")
    run(folder, "rotate", "db_password", "--value-file", "value", "--write", variables={"DB_PASSWORD": OLD})
    words = ("rotate", "db_password", "--finish", "--confirmed", "--write")
    result = run(folder, *words, status=2, variables={"DB_PASSWORD": OLD})
    assert "is set in the shell" in result
    assert "--force-recreate app" in result


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--generate", "5", "--write"), "--generate takes a length"),
        (("--generate", "32", "--prompt"), "mutually exclusive"),
        (("--finish", "--abort"), "mutually exclusive"),
        (("--write",), "there is no new value"),
        (("--value-file", "same", "--write"), "the new value is the former one"),
        (("--value-file", "missing", "--write"), "cannot read the new value"),
        (("--value-file", "empty", "--write"), "is empty"),
        (("--prompt", "--write"), "no terminal to enter"),
        (("--rollback", "--write"), "is only for secrets in Swarm"),
        (("--strategy", "swarm", "--generate", "32", "--write"), "db_password is not stored in Swarm"),
        (("--finish", "--confirmed", "--write"), "no rotation of db_password is in progress"),
    ],
)
def test_what_does_not_fit_changes_nothing(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    folder = project(tmp_path, BUILT, db_password=OLD, other="x")
    (folder / "same").write_text(OLD)
    (folder / "empty").write_text("")
    before = seen(folder)
    assert told in rotate(folder, *words, status=2)
    assert seen(folder) == before


def test_a_mount_that_a_variable_names_has_no_second_beside_it(tmp_path: Path) -> None:
    folder = project(
        tmp_path, BUILT.replace("- db_password\n", "- ${WHICH:-db_password}\n", 1), db_password=OLD, other="x"
    )
    assert "${WHICH" in (folder / "compose.yml").read_text()
    before = seen(folder)
    words = ("--strategy", "dual", "--generate", "32", "--write")
    assert "this mount refers to db_password through a variable" in " ".join(rotate(folder, *words, status=2).split())
    assert seen(folder) == before


def test_what_a_driver_gives_is_not_ours_to_change(tmp_path: Path) -> None:
    text = BUILT.replace("file: ./secrets/db_password.txt  # never in git", "driver: secret-bucket")
    folder = project(tmp_path, text, other="x")
    before = seen(folder)
    said = " ".join(rotate(folder, "--generate", "32", "--write", status=2).split())
    assert "the driver secret-bucket provides db_password to each task in Swarm" in said
    assert seen(folder) == before
    # of two documents, another file may still say where the value is
    (folder / "compose.yml").write_text(f"{text}---\nservices: {{}}\n")
    assert "db_password driver secret-bucket" in " ".join(run(folder, "status", "compose.yml").split())


def test_an_unknown_secret_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    folder = project(tmp_path, BUILT, db_password=OLD, other="x")
    result = run(folder, "rotate", "nope", "--generate", "32", status=2)
    assert "no such secret: nope" in result
    assert "db_password, other" in result


def test_a_value_is_typed_twice_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([NEW, NEW, NEW, OLD, ""])
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr(new_value, "type_unseen", answer)
    assert new_value.typed("db_password").reveal() == NEW
    assert asked == ["new value of db_password: ", "db_password again: "]
    for _ in range(2):
        with pytest.raises(UserError):
            new_value.typed("db_password")


MARIADB = shutil.which("mariadbd") or shutil.which("mysqld")


@pytest.mark.skipif(MARIADB is None or os.name == "nt", reason="this host has no MariaDB")
def test_mariadb_takes_the_statement(tmp_path: Path) -> None:
    """What the containers would run, against a server of the test's own on a socket."""
    folder = Path(tempfile.mkdtemp(prefix="dsec-"))
    socket, data = folder / "s", folder / "data"
    user = getpass.getuser()
    install = ["mariadb-install-db", f"--user={user}", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run([*install, "--skip-test-db"], check=True, capture_output=True)
    server = [str(MARIADB), f"--user={user}", f"--datadir={data}", f"--socket={socket}", "--skip-networking"]
    server.append(f"--pid-file={folder}/pid")
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sql(text: str, password: str = "") -> int:
        words = ["mariadb", "-S", str(socket), "-u", "root"]
        known = {"PATH": os.environ["PATH"], **({"MYSQL_PWD": password} if password else {})}
        return subprocess.run(words, input=text.encode(), env=known, capture_output=True, check=False).returncode

    def in_container(script: str) -> int:
        script = script.replace("/run/secrets", str(tmp_path)).replace("-h 127.0.0.1", "")
        script = script.replace('"$client"', f'"$client" -S {socket}')
        known = {"PATH": os.environ["PATH"], "MYSQL_USER": "shop"}
        ended = subprocess.run(["sh", "-e"], input=script.encode(), env=known, capture_output=True, check=False)
        return ended.returncode

    try:
        for _ in range(100):
            if sql("SELECT 1") == 0:
                break
            time.sleep(0.1)
        # as the images do: root for both hosts, a user for all
        accounts = (("root", "localhost", OLD), ("root", "%", OLD), ("shop", "%", "of shop"))
        made = "".join(f"CREATE OR REPLACE USER '{name}'@'{host}' IDENTIFIED BY '{pw}';" for name, host, pw in accounts)
        grants = "GRANT ALL ON *.* TO 'root'@'localhost' WITH GRANT OPTION; DROP USER IF EXISTS ''@'localhost';"
        assert sql(f"{made}{grants}FLUSH PRIVILEGES;") == 0
        contents = {"root": OLD, "root_new": HOSTILE, "shop": "of shop", "shop_new": f"{HOSTILE}2"}
        for name, content in contents.items():
            (tmp_path / name).write_text(content)
        known = databases.of(
            {"MARIADB_ROOT_PASSWORD_FILE": "/run/secrets/root", "MYSQL_PASSWORD_FILE": "/run/secrets/shop"}
        )
        for variable, name in (("MYSQL_PASSWORD_FILE", "shop"), ("MARIADB_ROOT_PASSWORD_FILE", "root")):
            database = known[variable]
            assert in_container(database.to_prove(f"{name}_new")) != 0
            assert in_container(database.to_change(name, f"{name}_new")) == 0
            assert in_container(database.to_prove(f"{name}_new")) == 0
            assert in_container(database.to_prove(name)) != 0
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


HOSTILE = 'qu\'o\\te`$x "q" --;%s %%'
CLIENT = """#!/bin/sh
printf '%s\\n' "$*" >>"$LOG.words"
printf '%s\\n' "$MYSQL_PWD" >>"$LOG.old"
cat >>"$LOG"
"""


@pytest.mark.parametrize("shell", [shell for shell in ("sh", "bash", "dash", "busybox") if shutil.which(shell)])
def test_the_statement_for_mysql_is_one_whatever_the_value(shell: str, tmp_path: Path) -> None:
    """As MariaDB 10.11 took it: the new password logged in, the former one did not."""
    (tmp_path / "mariadb").write_text(CLIENT)
    (tmp_path / "mariadb").chmod(0o755)
    for name, value in {"root": "of root", "pw": OLD, "pw_new": HOSTILE}.items():
        (tmp_path / name).write_text(value)
    paths = {f"MYSQL{kind}_PASSWORD_FILE": f"/run/secrets/{name}" for kind, name in (("_ROOT", "root"), ("", "pw"))}
    script = databases.of(paths)["MYSQL_PASSWORD_FILE"].to_change("pw", "pw_new")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(tmp_path / "log"), "MYSQL_USER": "shop"}
    words = [shell, "sh", "-e"] if shell == "busybox" else [shell, "-e"]
    script = script.replace("/run/secrets", str(tmp_path))
    subprocess.run(words, input=script.encode(), env=environment, check=True, capture_output=True)
    quoted = HOSTILE.replace("\\", "\\\\").replace("'", "''")
    assert (tmp_path / "log").read_text().splitlines() == [
        f"ALTER USER IF EXISTS 'shop'@'{host}' IDENTIFIED BY '{quoted}';" for host in ("%", "localhost")
    ]
    assert (tmp_path / "log.old").read_text() == "of root\n"
    assert (tmp_path / "log.words").read_text() == "-u root\n"
