"""What is masked, and what is not: names that hold a value, common values as credentials, words of the project."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nursery
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsec_migrate.detectors.variable_names import slip
from dsec_migrate.outcome import Masks
from dsec_migrate.reports.credentials import credentials
from dsec_migrate.reports.hiding import hider
from dsec_migrate.text.secret import MASK, Secret


@pytest.mark.parametrize(
    ("name", "has_value", "expected"),
    [
        ("POSTGRES_PASSWORD", False, "POSTGRES_PASSWORD"),
        ("xpack.security.enabled", True, "xpack.security.enabled"),
        ("ConnectionStrings:Default", True, "ConnectionStrings:Default"),
        ("POSTGRES_PASSWORD fern", False, f"POSTGRES_PASSWORD {MASK}"),
        ("POSTGRES_PASSWORD: fern", False, f"POSTGRES_PASSWORD: {MASK}"),
        ("ConnectionStrings:fern", False, f"ConnectionStrings:{MASK}"),
        ("POSTGRES_PASSWORD=fern", True, f"POSTGRES_PASSWORD={MASK}"),
        ("export POSTGRES_PASSWORD fern", False, f"export POSTGRES_PASSWORD {MASK}"),
        ("PASSWORD;fern", False, f"PASSWORD{MASK}"),
        ("PASSWORD\nfern", False, f"PASSWORD{MASK}"),
        ('"PASSWORD', False, MASK),
        # a blank behind the name, which Compose takes for a part of it, hides nothing
        ("PASSWORD ", True, "PASSWORD "),
        ("", False, ""),
    ],
)
def test_a_name_is_shown_as_far_as_it_is_one(name: str, has_value: bool, expected: str) -> None:
    found = slip(name, has_value=has_value)
    assert (name if found is None else found.shown) == expected


@given(st.text(alphabet="AZ_az09.- :=;$\"'\n\té", max_size=40), st.booleans())
def test_what_is_shown_of_a_name_are_characters_of_names(name: str, has_value: bool) -> None:
    found = slip(name, has_value=has_value)
    if found is not None:
        assert name[found.start :] == found.tail != ""
        assert set(found.shown.removesuffix(MASK)) <= set("AZ_az09.- \t:=export")


@pytest.mark.parametrize(
    "text",
    [
        "mysqladmin ping -uroot -p<rootpass1>",
        "tool --password <rootpass1>",
        'test: ["CMD", "tool", "--admin-password", "<rootpass1>"]',
        "test:\n  - redis-cli\n  - -a\n  - <rootpass1>\n",
        "redis-server --requirepass <rootpass1>",
        "mysql://root:<rootpass1>@db/rootpass1",
        "curl -u elastic:<rootpass1> localhost",
        "sh -c 'PGPASSWORD=<rootpass1> psql'",
        "x${ELASTIC_PASSWORD:-<rootpass1>}",
        '{"password": "<rootpass1>", "user": "rootpass1"}',
        "DB_PASSWORD: <rootpass1>",
        "ALTER USER 'a' IDENTIFIED BY '<rootpass1>'",
    ],
)
def test_a_common_value_is_found_where_it_is_a_credential(text: str) -> None:
    plain = text.replace("<", "").replace(">", "")
    start = text.index("<")
    found = [(start, start + len("rootpass1"))]
    assert list(credentials(plain, ["rootpass1"])) == found
    # of many values each word is looked up
    assert list(credentials(plain, ["rootpass1", *(f"apple{number}" for number in range(100))])) == found


@pytest.mark.parametrize(
    "text",
    [
        "image: rootpass1/rootpass1:rootpass1",
        "POSTGRES_USER: rootpass1",
        "psql -U rootpass1 -d rootpass1",
        "container_name: rootpass1",
        "- rootpass1:/data",
        "traefik.http.routers.rootpass1.rule=Host(`rootpass1.example.com`)",
        "--password rootpass12",
        "--password-file rootpass1",
        "http://rootpass1:8080/",
        "# what rootpass1 is for",
    ],
)
def test_and_stays_where_it_is_none(text: str) -> None:
    assert list(credentials(text, ["rootpass1"])) == []


@given(st.lists(st.text(min_size=8, max_size=20), max_size=4), st.text(max_size=60))
def test_no_value_survives_the_hider(values: list[str], text: str) -> None:
    lines = [value for value in values if "*" not in value and value.splitlines() == [value]]
    stripped = [value.strip() for value in lines if value.strip()]
    hide = hider(Masks(values=tuple(map(Secret, stripped))))
    for value in stripped:
        assert value not in hide(f"{text}{value}{text}")


def test_names_are_hidden_with_their_values() -> None:
    masks = Masks(names=((Secret("PASSWORD: Fern-Moss"), f"PASSWORD: {MASK}"),))
    assert hider(masks, ["db.PASSWORD: Fern-Moss is"])("db.PASSWORD: Fern-Moss is") == f"db.PASSWORD: {MASK} is"


def test_a_word_of_the_project_is_no_copy_of_its_password(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  bookstack:\n    image: ghcr.io/acme/bookstack:1\n"
        "  db:\n    image: postgres:16\n    environment:\n      POSTGRES_USER: bookstack\n"
        "      POSTGRES_PASSWORD: bookstack\n      REPLICATION_PASSWORD: Fern-Moss-31\n"
    )
    (tmp_path / "notes.txt").write_text("bookstack is the wiki\nFern-Moss-31 is not\n")
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": "/dev/null"}
    commands = (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"])
    for words in commands:
        subprocess.run(["git", *words], cwd=tmp_path, env=shell, check=True)
    said = nursery.run(tmp_path, ["status"], shell).said
    assert [line for line in ("compose.yml:2 ", "notes.txt:1 ") if line in said] == []
    # what is no such word is found
    assert "notes.txt:2 " in said
    report = nursery.run(tmp_path, ["--no-docker"], shell).said
    told = " ".join(report.split())
    assert "the password of db is the project's name, which attackers try first: change it" in told
    assert "image: ghcr.io/acme/bookstack:1" in report
    assert f"POSTGRES_PASSWORD: {MASK}" in report


def test_what_is_hidden_in_a_line_is_hidden_wherever_it_stands_there(tmp_path: Path) -> None:
    """The service is of no project, so nobody knows its values: the line alone tells."""
    (tmp_path / "base.yml").write_text(
        "services:\n  db:\n    image: mysql:8\n    environment:\n      MYSQL_ROOT_PASSWORD: Larkspur-Hinge-41\n"
        "  other:\n    image: mysql:8\n    healthcheck:\n"
        "      test: mysqladmin ping -uBasalt-Quarry-5592 -pBasalt-Quarry-5592\n",
        "utf-8",
    )
    (tmp_path / "compose.yml").write_text("services:\n  db:\n    extends: {file: base.yml, service: db}\n", "utf-8")
    said = nursery.run(tmp_path, ["--no-docker"], {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}).said
    assert "mysqladmin ping" in said
    assert "Basalt-Quarry" not in said
