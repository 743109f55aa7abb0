"""undo, status and fill as a user calls them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Say, snapshot

from dsec_migrate.text.reserved_names import UNDO

PASSWORD, TOKEN = "Whinchat-Sluice-44", "Whinchat-Sluice-tok"
COMPOSE = f"""\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: {PASSWORD}
      POSTGRES_DB: shop
  api:
    image: example.com/api:1
    env_file: api.env
"""
ENV_FILE = f"API_TOKEN={TOKEN}  # of the test system\nLOG_LEVEL=info\n"


HIDDEN = (PASSWORD, TOKEN)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "shop"
    project.mkdir()
    (project / "compose.yml").write_text(COMPOSE, "utf-8")
    (project / "api.env").write_text(ENV_FILE, "utf-8")
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "120")
    return project


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


# --- undo ---


def test_undo_is_a_dry_run_until_write_and_then_leaves_no_trace(folder: Path, say: Say) -> None:
    before = everything(folder)
    files = snapshot(folder)
    assert say("--write").status == 0
    changed = snapshot(folder)
    shown = say("undo")
    assert shown.status == 0
    assert "Would undo: run 1 of " in shown.out
    assert "secrets/postgres_password.txt" in shown.out
    assert "nothing written: add --write" in shown.out
    assert snapshot(folder) == changed
    assert "Undone: run 1" in say("undo", "--write").out
    assert snapshot(folder) == files
    assert everything(folder) == before
    assert "there is nothing to undo" in say("undo", "--write").out


def test_undo_keeps_later_edits_and_a_rotated_secret(folder: Path, say: Say) -> None:
    say("--write")
    text = (folder / "compose.yml").read_text("utf-8")
    (folder / "compose.yml").write_text(text.replace("POSTGRES_DB: shop", "POSTGRES_DB: depot"), "utf-8")
    rotated = folder / "secrets" / "postgres_password.txt"
    rotated.chmod(0o600)
    rotated.write_text("Whinchat-Sluice-45", "utf-8")
    shown = say("undo", "--write")
    assert shown.status == 0
    assert "keeping edits made elsewhere since" in shown.out
    assert "secrets/postgres_password.txt has changed since" in shown.out
    assert (folder / "compose.yml").read_text("utf-8") == COMPOSE.replace("POSTGRES_DB: shop", "POSTGRES_DB: depot")
    assert rotated.read_text("utf-8") == "Whinchat-Sluice-45"
    assert (folder / ".gitignore").read_text("utf-8") == "/secrets/\n"


def test_undo_refuses_where_a_touched_place_was_edited(folder: Path, say: Say) -> None:
    say("--write")
    text = (folder / "compose.yml").read_text("utf-8")
    (folder / "compose.yml").write_text(text.replace("/run/secrets/postgres_password", "/run/secrets/other"), "utf-8")
    kept = snapshot(folder)
    refused = say("undo", "--write")
    assert refused.status == 2
    assert "edited since" in refused.err
    assert "compose.yml:5" in refused.err
    assert snapshot(folder) == kept


def test_undo_works_where_the_files_are_invalid_by_now(folder: Path, say: Say) -> None:
    files = snapshot(folder)
    say("--write")
    with (folder / "compose.yml").open("a", encoding="utf-8") as stream:
        stream.write("# [\nx-later: [\n")
    assert say("compose.yml").status == 2
    assert say("undo", "--write").status == 0
    assert (folder / "compose.yml").read_bytes() == files["compose.yml"] + b"# [\nx-later: [\n"


def test_forget_deletes_the_former_files(folder: Path, say: Say) -> None:
    say("--write")
    shown = say("undo", "--forget")
    assert "Would delete" in shown.out
    assert "the original compose.yml" in shown.out
    assert list((folder / "secrets" / UNDO / "1").iterdir())
    assert "Deleted" in say("undo", "--forget", "--write").out
    kept = [path.read_bytes() for path in (folder / "secrets" / UNDO).rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in data or TOKEN.encode() in data for data in kept)
    refused = say("undo", "--write")
    assert refused.status == 2
    assert "were deleted" in refused.err
    assert "nothing to forget" in say("undo", "--forget", "--write").out


def test_lines_of_two_kinds_in_one_ignore_file_go_again(folder: Path, say: Say) -> None:
    files = snapshot(folder)
    assert say("--templates", "--write").status == 0
    assert (folder / ".gitignore").read_text("utf-8").count("secrets") > 1
    say("undo", "--write")
    assert snapshot(folder) == files


# --- status ---


def test_status_tells_what_is_there_and_what_is_not(folder: Path, say: Say) -> None:
    say("--write")
    (folder / "secrets" / "api_token.txt").unlink()
    password = folder / "secrets" / "postgres_password.txt"
    password.chmod(0o644)
    password.write_text(f"{PASSWORD}\n", "utf-8")
    shown = say("status")
    assert shown.status == 0
    rows = [line.split() for line in shown.out.splitlines() if line.startswith("  ")]
    there = next(row for row in rows if row[0] == "postgres_password")
    assert there[1:4] == ["file", "secrets/postgres_password.txt", "there"]
    assert "mode 0644, owner" in shown.out
    assert ["api_token", "file", "secrets/api_token.txt", "missing"] in rows
    assert "postgres_password: it ends with a newline" in " ".join(shown.out.split())
    assert "the original compose.yml" in shown.out
    assert "undo --forget --write" in shown.out


def test_status_before_and_after(folder: Path, say: Say) -> None:
    plain = say("status").out
    assert "compose.yml:5  db.POSTGRES_PASSWORD" in plain
    assert "api.env:1      api.API_TOKEN" in plain
    say("--write")
    say("undo", "--forget", "--write")
    assert "no secret is in plaintext" in say("status").out


def test_status_says_that_git_tracks_a_value(folder: Path, say: Say) -> None:
    say("--write")
    for words in (["init", "-q"], ["add", "-f", "secrets/postgres_password.txt"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    shown = " ".join(say("status").out.split())
    assert "TRACKED BY GIT" in shown
    assert "rm --cached -- postgres_password.txt" in shown
    assert "rotate it" in shown


def test_status_says_which_values_git_has_seen_and_until_when(folder: Path, say: Say) -> None:
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "1"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    say("--write")
    shown = " ".join(say("status").out.split())
    seen = "its value is in the git history"
    assert shown.count(seen) == 2
    assert f"postgres_password: {seen}" in shown
    assert "since 20" in shown
    assert "today" in shown
    say("rotate", "postgres_password", "--generate", "32", "--write")
    assert "a rotation is in progress" in say("status").out
    say("rotate", "postgres_password", "--finish", "--confirmed", "--write")
    shown = " ".join(say("status").out.split())
    assert f"postgres_password: {seen}" not in shown
    assert f"api_token: {seen}" in shown
    assert "rotated 20" in shown
    # a rotation is no migration: that one is what `undo` takes back
    assert shown.count("the original compose.yml") == 1


def test_status_of_other_sources(folder: Path, say: Say) -> None:
    (folder / "compose.yml").write_text(
        "services:\n  web:\n    image: example.com/web:1\n    secrets: [a]\n"
        "secrets:\n  a: {environment: NOBODY_SETS_THIS}\n  b: {external: true}\n",
        "utf-8",
    )
    shown = say("status").out
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "a variable NOBODY_SETS_THIS unset" in rows
    assert "b external b unused" in rows


# --- fill ---


def test_fill_writes_exactly_what_is_fed(folder: Path, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    say("--write")
    values = snapshot(folder)
    for name in ("api_token.txt", "postgres_password.txt"):
        (folder / "secrets" / name).unlink()
    dry = say("fill")
    assert "Would prompt for" in dry.out
    assert snapshot(folder).keys() == values.keys() - {"secrets/api_token.txt", "secrets/postgres_password.txt"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"api_token={TOKEN}\n".encode())))
    shown = say("fill", "--stdin", "--write")
    assert shown.status == 0
    assert "still missing: postgres_password" in shown.out
    assert snapshot(folder)["secrets/api_token.txt"] == values["secrets/api_token.txt"]


def test_fill_never_takes_a_value_from_a_pipe_by_accident(
    folder: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("--write")
    (folder / "secrets" / "api_token.txt").unlink()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"something\n")))
    refused = say("fill", "--write")
    assert refused.status == 2
    assert "no terminal" in refused.err
    assert not (folder / "secrets" / "api_token.txt").exists()


def test_fill_has_nothing_to_do(folder: Path, say: Say) -> None:
    assert "no secret file is missing or empty" in say("fill").out


# --- all of them ---


@pytest.mark.parametrize("verb", ["undo", "status", "fill"])
def test_a_wrong_name_is_an_error(folder: Path, say: Say, verb: str) -> None:
    missing = say(verb, "-f", "nowhere.yml")
    assert missing.status == 2
    assert missing.err.startswith("error: ")
    assert "nowhere.yml" in missing.err
    assert say(verb, "nowhere.yml").status == 2
    unknown = say(verb, "--nonsense")
    assert unknown.status == 2
    assert "no such option: --nonsense" in unknown.err
