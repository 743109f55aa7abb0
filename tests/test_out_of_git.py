"""After a write git takes in no value, whatever ignore files say: git itself is asked."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import snapshot

from dsec_migrate import cli
from dsec_migrate.stores import age
from dsec_migrate.text.ignore_files import OWN

VALUE = "Bittern-Culvert-90"
COMPOSE = f"services:\n  db:\n    image: mysql:8\n    environment:\n      MYSQL_ROOT_PASSWORD: {VALUE}\n"
FILE = "secrets/mysql_root_password.txt"


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    (tmp_path / "compose.yml").write_text(COMPOSE, "utf-8")

    def run(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as stop:
            cli.main([*words, "--no-docker"] if words[:1] not in (("undo",), ("fill",)) else list(words))
        said = capsys.readouterr()
        assert stop.value.code == status, said.err
        assert VALUE not in said.out + said.err
        return " ".join((said.err + said.out).split())

    return run


def git(*words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout


def taken_in() -> set[str]:
    """What git has after all was added."""
    git("add", "-A")
    names = git("ls-files", "-z").split("\0")
    return {name for name in names if Path(name).is_file() and VALUE in Path(name).read_text("utf-8")}


def lay_out(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            Path(name).symlink_to(text[3:])
        else:
            Path(name).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ()),
        ({".gitignore": "*\n!*.txt\n!compose.yml\n!*/\n"}, ()),
        ({".gitignore": "secrets/\n!secrets/\n"}, ()),
        ({".gitignore": "/secrets/*\n!/secrets/*.txt"}, ()),
        ({"private/x": "", "secrets": "-> private"}, ()),
        ({"secrets/.gitignore": "!*\n"}, ()),
        ({"rules": "x\n", ".gitignore": "-> rules"}, ()),
        ({"conf/x": "", "conf/.gitignore": "!*\n"}, ("--secrets-dir", "conf/secrets")),
        ({"a b/[x]/y": ""}, ("--secrets-dir", "a b/[x]/*s")),
        ({"conf/x": ""}, ("--secrets-dir", "conf")),
        ({}, ("--secrets-dir", ".")),
        ({}, ("--mount", "volume")),
        ({}, ("--templates",)),
    ],
)
def test_git_takes_in_no_value(say: Callable[..., str], files: Mapping[str, str], words: tuple[str, ...]) -> None:
    lay_out(files)
    assert taken_in() == {"compose.yml"}
    git("commit", "-qm", "1")
    assert "would move" in say(*words, "compose.yml")
    say(*words, "--write", "compose.yml")
    assert [path for path in Path().rglob("mysql_root_password*") if path.read_text("utf-8") == VALUE]
    assert taken_in() == set()
    # and the way back, byte for byte
    before = git("show", "HEAD:compose.yml")
    say("undo", "--write", *words[:2] if words[:1] == ("--secrets-dir",) else ())
    assert Path("compose.yml").read_text("utf-8") == before
    assert taken_in() == {"compose.yml"}
    git("add", "-A")
    assert git("diff", "--cached", "HEAD") == ""


@pytest.mark.parametrize(
    ("files", "words"),
    [
        # nothing that the project's own file says reaches below that line
        ({"conf/x": "", "conf/.gitignore": "!*\n"}, ("--secrets-dir", "conf")),
        # git reads no link, and the folder is somebody else's
        ({"secrets/x": "", "rules": "x\n", ".gitignore": "-> rules"}, ()),
    ],
)
def test_what_git_would_take_in_is_not_written(
    say: Callable[..., str], tmp_path: Path, files: Mapping[str, str], words: tuple[str, ...]
) -> None:
    lay_out(files)
    before = {name: data for name, data in snapshot(tmp_path).items() if not name.startswith(".git/")}
    for more in ((), ("--write",)):
        said = say(*words, *more, "compose.yml", status=2)
        assert "error: git would track the file of a secret: a later or deeper .gitignore rule" in said
        assert "help: run `git check-ignore -v" in said
    assert {name: data for name, data in snapshot(tmp_path).items() if not name.startswith(".git/")} == before


def test_git_has_the_last_word(say: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsec_migrate.text.ignore_files.is_ignored_by_git", lambda *_: True)
    lay_out({"secrets/.gitignore": "!*\n", ".gitignore": "secrets/\n!secrets/\n"})
    before = {name: data for name, data in snapshot(tmp_path).items() if not name.startswith(".git/")}
    said = say("--write", "compose.yml", status=2)
    assert "despite the .gitignore files; nothing was written" in said
    assert {name: data for name, data in snapshot(tmp_path).items() if not name.startswith(".git/")} == before


def test_a_name_that_git_tracks_takes_no_new_value(say: Callable[..., str], tmp_path: Path) -> None:
    lay_out({FILE: "x"})
    git("add", "-A")
    Path(FILE).unlink()
    for more in ((), ("--write",)):
        said = say(*more, "compose.yml", status=2)
        assert "git tracks a file of that name: the next commit would contain the value" in said
        assert "rm --cached -- mysql_root_password.txt`" in said
    assert not Path(FILE).exists()


def test_a_value_that_git_has_is_told(say: Callable[..., str]) -> None:
    lay_out({FILE: VALUE})
    git("add", "-A")
    said = say("--write", "compose.yml")
    assert f"note: git tracks {FILE}: run `git -C secrets rm --cached -- mysql_root_password.txt`" in said


def test_that_nobody_knows_it_is_told(say: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no"))
    assert "note: unknown whether git tracks the secret files: git does not answer here" in say("--write")
    assert Path("secrets/.gitignore").read_text("utf-8") == OWN


def test_the_folder_is_closed_in_a_repository_above_the_project(say: Callable[..., str], tmp_path: Path) -> None:
    Path("stack").mkdir()
    Path("compose.yml").rename("stack/compose.yml")
    os.chdir("stack")
    say("--write", "--secrets-dir", "../keys", "compose.yml")
    os.chdir("..")
    assert Path("keys/mysql_root_password.txt").exists()
    assert taken_in() == set()


def test_fill_closes_the_folder_that_it_makes(say: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    say("--write")
    git("add", "compose.yml")
    shutil.rmtree("secrets")
    Path(".gitignore").unlink()
    for is_closed in (True, False):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"mysql_root_password={VALUE}".encode())))
        said = say("fill", "--stdin", "--write")
        assert Path(FILE).read_text("utf-8") == VALUE
        assert ("warning: git does not ignore" in said) is not is_closed
        assert taken_in() == (set() if is_closed else {FILE})
        # a folder that is there is somebody's
        Path("secrets/.gitignore").unlink(missing_ok=True)
        Path(FILE).unlink()


def test_without_a_repository_nothing_is_asked(say: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / ".git").rename(tmp_path / "away")
    lay_out({"conf/x": "", "conf/.gitignore": "!*\n"})
    say("--write", "--secrets-dir", "conf", "compose.yml")


def test_a_folder_of_ours_gives_git_what_is_meant_for_it(tmp_path: Path) -> None:
    assert OWN.splitlines()[0] == "*"
    assert {f"!/*{age.SUFFIX}", f"!/{age.RECIPIENTS}", "!/README.md"} == set(OWN.splitlines()[1:])


def test_a_build_context_around_the_project_is_told_until_the_call_names_it(
    say: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(tmp_path / ".git")
    project = tmp_path / "deploy"
    project.mkdir()
    (tmp_path / "Dockerfile").write_text("FROM busybox:stable\nCOPY . /app\n", "utf-8")
    (project / "compose.yml").write_text(f"{COMPOSE}  app:\n    build: ..\n", "utf-8")
    monkeypatch.chdir(project)
    said = say("--write", "compose.yml")
    assert "the build context .. contains secret files, and ../.dockerignore is outside the project" in said
    assert "`--allow ..`" in said
    assert (project / FILE).exists()
    assert not (tmp_path / ".dockerignore").exists()
    say("undo", "--write")
    assert "contains secret files" not in say("--write", "--allow", "..", "compose.yml")
    assert (tmp_path / ".dockerignore").read_text("utf-8") == "deploy/secrets/\n"
