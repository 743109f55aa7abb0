"""A repository is data: what it ships as state of this program, and where its links and paths lead, is no leave to
write anywhere."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Say, snapshot

from dsec_migrate import transaction
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.transaction import disk

PASSWORD = "Phalarope-Marsh-16"
COMPOSE = f"""\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: {PASSWORD}
"""
MIGRATED = """\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/pw
    secrets: [pw]
secrets:
  pw:
    file: FILE
"""
KEY = b"k" * 32

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")


HIDDEN = (PASSWORD,)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with what belongs to others beside it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".bashrc").write_text("# of the distribution\n")
    (tmp_path / "home" / "notes").write_text("one\nALLOW 10.0.0.1\ntwo\n")
    (tmp_path / "home" / "empty").mkdir()
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "compose.yml").write_text(COMPOSE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    return folder


def outside(project: Path) -> dict[str, bytes]:
    """What belongs to others, and which of their folders there are."""
    home = project.parent / "home"
    folders = {f"{path.relative_to(home)}/": b"" for path in home.rglob("*") if path.is_dir()}
    return {**snapshot(home), **folders}


def digest(content: bytes) -> str:
    return hmac.new(KEY, content, hashlib.sha256).hexdigest()


def plant(project: Path, state: str, **parts: Any) -> None:
    """A journal as a repository may ship one, with the bytes that are to be put somewhere."""
    home = project / "secrets" / JOURNAL
    kept = project / "secrets" / UNDO / "1"
    for folder in (home, kept):
        folder.mkdir(parents=True)
    (home / "key").write_bytes(KEY)
    (kept / "0").write_bytes(b"evil\n")
    lists: dict[str, Any] = {key: [] for key in ("replaced", "created", "appended", "removed", "folders", "uses")}
    run = {
        "number": 1,
        "state": state,
        "seconds": 1,
        "undoes": 0,
        "originals": True,
        **lists,
        **parts,
    }
    (home / "runs.json").write_text(json.dumps({"version": 1, "runs": [run]}))


def replaced(path: str, before: bytes, after: bytes) -> dict[str, Any]:
    hashes = {"before": digest(before), "after": digest(after)}
    return {"path": path, **hashes, "edits": [], "encoding": "utf-8", "mark": 0}


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("committed", {"replaced": [replaced("../../home/.bashrc", b"evil\n", b"# of the distribution\n")]}),
    ("prepared", {"created": [{"path": "../../home/.bashrc", "content": "", "secret": False}]}),
    ("prepared", {"appended": [{"path": "../../home/notes", "text": "ALLOW 10.0.0.1\n", "new": False}]}),
    ("prepared", {"folders": ["../../home/empty"]}),
    # by a link that looks like the project's own folder
    ("prepared", {"appended": [{"path": "../link/notes", "text": "ALLOW 10.0.0.1\n", "new": False}]}),
    (
        "done",
        {"undoes": 1, "removed": [{"path": "../../home/.bashrc", "content": ""}], "folders": ["../../home/empty"]},
    ),
    ("done", {"replaced": [replaced("../../home/.bashrc", b"evil\n", b"# of the distribution\n")]}),
    ("prepared", {"appended": [{"path": "../.git/config", "text": "[core]\n", "new": False}]}),
]


@pytest.mark.parametrize(("state", "parts"), HOSTILE)
def test_a_journal_that_tells_of_files_elsewhere_is_not_followed(
    project: Path, say: Say, state: str, parts: dict[str, Any]
) -> None:
    (project / "link").symlink_to("../home")
    (project / ".git").mkdir()
    (project / ".git" / "config").write_text("[core]\n")
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    for name in ("objects", "refs"):
        (project / ".git" / name).mkdir()
    plant(project, state, **parts)
    before, inside = outside(project), snapshot(project)
    for words in (["undo", "--write"], ["rotate", "pw", "--generate", "32", "--write"]):
        assert "Traceback" not in say(*words).err
        assert outside(project) == before
        assert snapshot(project) == inside
    said = say("--write")
    assert outside(project) == before
    assert (project / ".git" / "config").read_text() == "[core]\n"
    if state != "done":
        assert said.status == 2
        assert "outside the project: nothing was done" in said.err
        assert snapshot(project) == inside


def test_a_journal_of_the_project_itself_is_followed_and_told(project: Path, say: Say) -> None:
    """Where all of it is inside, the worst that it can do is to change the project it came with."""
    plant(project, "prepared", appended=[{"path": "../.gitignore", "text": "mine\n", "new": False}])
    (project / ".gitignore").write_text("mine\nother\n")
    said = say("--write")
    assert said.status == 0
    assert "an earlier run was interrupted: it is taken back now: .gitignore" in said.out
    assert "mine" not in (project / ".gitignore").read_text()


@pytest.mark.parametrize("name", ["runs.json", "key"])
def test_a_journal_that_git_tracks_is_not_used(project: Path, say: Say, name: str) -> None:
    plant(project, "prepared", appended=[{"path": "../notes", "text": "mine\n", "new": False}])
    (project / "notes").write_text("mine\n")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "-f", f"secrets/{JOURNAL}/{name}"], check=True)
    inside = snapshot(project)
    for words in (["--write"], ["undo", "--write"], ["undo", "--forget", "--write"]):
        said = say(*words)
        assert said.status == 2
        assert f"git tracks {JOURNAL}/{name}: it came with the repository" in said.err
    assert snapshot(project) == inside
    # nothing is written by a dry run: it tells, and shows what there is
    assert (said := say()).status == 0
    assert "git tracks" in said.out
    assert "1 secret in 1 file would move" in said.out


def test_a_host_without_git_follows_what_git_does_not_track(
    project: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "compose.yml"], check=True)
    monkeypatch.setenv("PATH", str(project / "none"))
    before = snapshot(project)
    assert say("--write").status == 0
    assert "the journal" not in (shown := say()).out
    assert shown.status == 0
    (project / "compose.yml").write_text((project / "compose.yml").read_text().replace("db:", "db2:"))
    assert say("--write").status == 0
    (project / "compose.yml").write_text((project / "compose.yml").read_text().replace("db2:", "db:"))
    assert (said := say("undo", "--write")).status == 0, said.err
    assert snapshot(project) == before
    # what the index lists came with the repository, whoever can be asked
    plant(project, "prepared", appended=[{"path": "../notes", "text": "mine\n", "new": False}])
    (project / "notes").write_text("mine\n")
    monkeypatch.undo()
    monkeypatch.chdir(project)
    subprocess.run(["git", "add", "-f", f"secrets/{JOURNAL}/runs.json"], check=True)
    monkeypatch.setenv("PATH", str(project / "none"))
    for words in (["--write"], ["undo", "--write"]):
        assert "it came with the repository" in " ".join(say(*words).err.split())
    # and what nobody understands is no answer
    (project / ".git" / "index").write_bytes(b"DIRC")
    for words in (["--write"], ["undo", "--write"]):
        assert (said := say(*words)).status == 2
        assert "git does not answer here" in said.err
    assert (project / "notes").read_text() == "mine\n"


@pytest.mark.parametrize("part", [f"{JOURNAL}/lock", f"{JOURNAL}/key", f"{JOURNAL}/runs.json", JOURNAL, UNDO])
@pytest.mark.parametrize("kind", ["link", "link to what is there", "hard link", "pipe"])
def test_parts_of_the_journal_are_plain_files_of_their_own(project: Path, say: Say, part: str, kind: str) -> None:
    path = project / "secrets" / part
    path.parent.mkdir(parents=True)
    aim = project.parent / "home" / "new"
    if kind == "link to what is there":
        aim = project.parent / "home" / ("empty" if part in {JOURNAL, UNDO} else "notes")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "hard link":
        if part in {JOURNAL, UNDO}:
            pytest.skip("there are none of folders")
        os.link(project.parent / "home" / "notes", path)
    else:
        path.symlink_to(aim)
    before = outside(project)
    said = say("--write")
    assert said.status == 2
    assert "the journal of earlier runs is not used" in said.err
    assert outside(project) == before
    assert (project / "compose.yml").read_text() == COMPOSE


def test_folders_of_our_own_ignore_themselves_whatever_was_put_there(project: Path, say: Say) -> None:
    (project / "secrets" / UNDO).mkdir(parents=True)
    (project / "secrets" / UNDO / ".gitignore").symlink_to("../../../home/notes")
    before = outside(project)
    assert say("--write").status == 0
    assert (project / "secrets" / UNDO / ".gitignore").read_bytes() == b"*\n"
    assert outside(project) == before


# --- where things are written ---


@pytest.mark.parametrize("name", ["secrets", ".gitignore", "compose.yml"])
def test_what_leads_out_of_the_project_stops_a_write(project: Path, say: Say, name: str) -> None:
    aim = project.parent / "home" / "aim"
    if name == "secrets":
        aim.mkdir()
    elif name == "compose.yml":
        (project / name).rename(aim)
    else:
        # a folder that was there does not say for itself what git ignores in it
        (project / "secrets").mkdir(mode=0o700)
        (project / "secrets" / "old").write_text("x")
        aim.write_text("kept\n")
    (project / name).symlink_to(aim)
    before, inside = outside(project), snapshot(project)
    shown = say()
    assert shown.status == 0
    said = say("--write")
    assert outside(project) == before
    assert snapshot(project) == inside
    if name != "compose.yml":
        assert said.status == 2
        assert "this is outside the project and will not be changed" in said.err
        assert str(aim) in said.err
        assert "--allow" in said.err
        assert "outside the project" in shown.out
    # the call may name the place
    assert say("--write", "--allow", str(aim.parent)).status == 0
    assert (outside(project) != before) == (name != ".gitignore")
    assert (project / name).is_symlink()
    assert say("undo", "--write", "--allow", str(aim.parent)).status == 0
    assert outside(project) == before


def test_a_folder_of_secrets_that_the_call_names_is_no_surprise(project: Path, say: Say) -> None:
    place = project.parent / "home" / "values"
    (project / ".env").write_text("PLACE=../home/values\n")
    assert say("--write", "--secrets-dir", "${PLACE}").status == 2
    assert not place.exists()
    assert say("--write", "--secrets-dir", "../home/values").status == 0
    assert (place / "postgres_password.txt").read_text() == PASSWORD
    assert say("undo", "--write", "--secrets-dir", "../home/values").status == 0
    assert not place.exists()
    assert (project / "compose.yml").read_text() == COMPOSE


def test_links_inside_of_the_project_keep_working(project: Path, say: Say) -> None:
    for name in ("values", "shared"):
        (project / name).mkdir(mode=0o700)
    (project / "secrets").symlink_to("values")
    (project / "shared" / "stack.yml").write_text(COMPOSE.replace(PASSWORD, "${PW}"))
    (project / "shared" / "env").write_text(f"PW={PASSWORD}\n")
    (project / "shared" / "ignore").write_text("values/\n")
    (project / "compose.yml").unlink()
    for name, aim in (("compose.yml", "stack.yml"), (".env", "env"), (".gitignore", "ignore")):
        (project / name).symlink_to(f"shared/{aim}")
    before = snapshot(project)
    assert say("--write", "--prune-env").status == 0
    assert (project / "values" / "postgres_password.txt").read_text() == PASSWORD
    assert (project / "shared" / "env").read_text() == ""
    assert "POSTGRES_PASSWORD_FILE" in (project / "shared" / "stack.yml").read_text()
    assert all((project / name).is_symlink() for name in ("compose.yml", ".env", ".gitignore", "secrets"))
    assert say("undo", "--write").status == 0
    assert snapshot(project) == before


def test_the_repository_around_the_project_is_near_enough_for_secrets(project: Path, say: Say) -> None:
    folder = project.parent / "values"
    folder.mkdir(mode=0o700)
    (folder / "old").write_text("x")
    text = COMPOSE + "    secrets: [old]\nsecrets:\n  old:\n    file: ../values/old\n"
    (project / "compose.yml").write_text(text)
    assert say("--write").status == 2
    assert [path.name for path in folder.iterdir()] == ["old"]
    subprocess.run(["git", "init", "-q", str(project.parent)], check=True)
    (project.parent / ".gitignore").write_text("/values/\n")
    assert say("--write").status == 0
    assert (folder / "postgres_password").read_text() == PASSWORD
    assert say("undo", "--write").status == 0
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert (project / "compose.yml").read_text() == text


@pytest.mark.parametrize("way", ["../home/pw", "./link/pw", "/HOME/pw"])
@pytest.mark.parametrize("present", [None, "", "former"])
def test_verbs_write_no_value_where_the_project_only_says_so(
    project: Path, say: Say, monkeypatch: pytest.MonkeyPatch, way: str, present: str | None
) -> None:
    home = project.parent / "home"
    (project / "link").symlink_to("../home")
    (project / "compose.yml").write_text(MIGRATED.replace("FILE", way.replace("/HOME", str(home))))
    if present is not None:
        (home / "pw").write_text(present)
    before = outside(project)
    value = project / "value"
    value.write_text("Another-Value-77")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"pw=v1\n")))
    calls = [["fill", "--stdin", "--write"]] if not present else []
    if present:
        calls.append(["rotate", "pw", "--value-file", str(value), "--strategy", "replace", "--write"])
        calls.append(["lock", "--encrypt-to", f"age1{'q' * 58}", "--write"])
    for words in calls:
        said = say(*words)
        assert said.status == 2, words
        assert outside(project) == before, words
    if not present:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"pw=v1\n")))
        assert say("fill", "--stdin", "--write", "--allow", str(home)).status == 0
        assert (home / "pw").read_text() == "v1"


def test_a_rotation_changes_no_file_that_has_another_name_elsewhere(project: Path, say: Say) -> None:
    (project / "compose.yml").write_text(MIGRATED.replace("FILE", "./pw"))
    os.link(project.parent / "home" / "notes", project / "pw")
    before = outside(project)
    (project / "value").write_text("Another-Value-77")
    say("rotate", "pw", "--value-file", "value", "--strategy", "replace", "--write")
    said = say("rotate", "pw", "--finish", "--confirmed", "--write")
    assert said.status == 2
    assert "hard link" in said.err
    assert outside(project) == before


def test_a_link_in_place_of_the_ledger_is_not_followed(project: Path, say: Say) -> None:
    (project / "compose.yml").write_text(MIGRATED.replace("FILE", "./secrets/pw"))
    (project / "secrets").mkdir()
    (project / "secrets" / "pw").write_text(PASSWORD)
    (project / "secrets" / ".ledger").symlink_to("../../home/empty")
    (project / "value").write_text("Another-Value-77")
    before = outside(project)
    said = say("rotate", "pw", "--value-file", "value", "--strategy", "replace", "--write")
    assert said.status == 2
    assert outside(project) == before


# --- between a check and a step ---


def test_a_folder_that_becomes_a_link_after_the_check_is_not_followed(
    project: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = outside(project)
    real = disk.stage
    made: list[Path] = []

    def swapped(path: Path, *words: Any) -> None:
        if path.parent.name == "secrets" and not made:
            made.append(path)
            path.parent.rename(project / "moved")
            path.parent.symlink_to("../home")
        real(path, *words)

    monkeypatch.setitem(transaction.commit.__globals__, "stage", swapped)
    said = say("--write")
    assert made
    assert said.status == 2
    assert outside(project) == before
    assert (project / "compose.yml").read_text() == COMPOSE


@pytest.mark.parametrize("name", [".env", ".gitignore", "secrets/postgres_password.txt", "compose.override.yml"])
def test_a_pipe_in_place_of_a_file_holds_nobody_up(project: Path, say: Say, name: str) -> None:
    path = project / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    said = say("--write")
    assert said.status in {0, 2}
    assert path.is_fifo()
    if said.status:
        assert (project / "compose.yml").read_text() == COMPOSE


def test_a_report_goes_through_no_link(project: Path, say: Say) -> None:
    for name in ("report.json", f".report.json.{os.getpid()}"):
        (project / name).symlink_to("../home/notes")
    before = outside(project)
    assert say("--output", "json=report.json").status == 0
    assert outside(project) == before
    assert json.loads((project / "report.json").read_text())["version"] == 1


# --- root ---


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_the_owner_of_the_project(project: Path, say: Say) -> None:
    for path in (project, project / "compose.yml"):
        os.chown(path, 4321, 4322)
    assert say("--write", "--templates").status == 0
    made = {path: path.lstat() for path in project.rglob("*")}
    assert {path.name for path in made} >= {"secrets", ".gitignore", JOURNAL, UNDO, "key", "lock", "runs.json"}
    assert {(status.st_uid, status.st_gid) for status in made.values()} == {(4321, 4322)}
    assert say("undo", "--write").status == 0
    assert [path.name for path in project.rglob("*")] == ["compose.yml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("part", ["", "runs.json", "key"])
def test_a_journal_of_another_user_is_not_used(project: Path, say: Say, part: str) -> None:
    plant(project, "prepared", appended=[{"path": "../notes", "text": "mine\n", "new": False}])
    (project / "notes").write_text("mine\n")
    os.chown(project / "secrets" / JOURNAL / part, 4321, 4321)
    said = say("--write")
    assert said.status == 2
    assert "belongs to another user" in said.err
    assert (project / "notes").read_text() == "mine\n"


def test_who_is_called(project: Path) -> None:
    assert Boundary.around(project).is_of_caller(project.stat())
