"""Some of the hostile repositories of ``benchmarks/hostile.py``, with the calls that read and write most."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GATE

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import hostile

from dsec_migrate import cli

CALLS = (("--check", "."), ("--write", "--templates", "."))


def _obstacle() -> str:
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "there is no strace here: nobody could look on"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "strace may not look on here"


OBSTACLE = _obstacle()


@pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)
@pytest.mark.parametrize("name", sorted(hostile.KINDS)[:: 5 if GATE else 25])
def test_a_hostile_repository_is_only_data(name: str) -> None:
    assert list(hostile.problems(hostile.KINDS[name], CALLS)) == []


def test_there_are_enough_of_them() -> None:
    assert len(hostile.KINDS) >= 60


def test_whoever_looks_on_sees_what_is_wrong(tmp_path: Path) -> None:
    trace = f"""\
1 execve("/usr/bin/dsec-migrate", ["dsec-migrate"], 0x1 /* 2 vars */) = 0
2 execve("/bin/sh", ["sh", "-c", "touch x"], 0x1 /* 2 vars */) = 0
3 execve("/usr/bin/git", ["git", "status"], 0x1 /* 2 vars */ <unfinished ...>
1 openat(AT_FDCWD</x>, "/etc/b", O_RDONLY) = 3</etc/b>
3 <... execve resumed>) = 0
4 execve("/x/git", ["git"], 0x1 /* 2 vars */) = -1 ENOENT (No such file or directory)
1 openat(AT_FDCWD</x>, "{tmp_path}/a", O_WRONLY|O_CREAT, 0666) = 3<{tmp_path}/a>
1 openat(AT_FDCWD</x>, "/etc/a", O_WRONLY|O_CREAT, 0666) = 3</etc/a>
1 openat(AT_FDCWD</x>, "/etc/b", O_RDONLY) = 3</etc/b>
1 unlink("/etc/c") = 0
1 unlink("/etc/d") = -1 ENOENT (No such file or directory)
1 renameat(AT_FDCWD<{tmp_path}>, "e", AT_FDCWD</etc>, "f") = 0
"""
    assert list(hostile.wrong_in(trace, (tmp_path,))) == [
        'started /bin/sh ["sh", "-c", "touch x"]',
        'started /usr/bin/git ["git", "status"]',
        "opened /etc/a to write",
        "changed /etc/c",
        "changed /etc/f",
    ]


HARDENED = ["git", "--no-pager", *(word for setting in hostile.GIT_SETTINGS for word in ("-c", setting))]
HERE = ["--git-dir", "/x/.git", "--work-tree", "/x"]


@pytest.mark.parametrize(
    ("words", "are_ours"),
    [
        ([*HARDENED, *HERE, "check-ignore", "-z", "--stdin"], True),
        ([*HARDENED, "--git-dir", "/dev/null", "config", *hostile.GIT_COMMANDS["config"]], True),
        ([*HARDENED[:-2], *HERE, "check-ignore", "-z", "--stdin"], False),
        ([*HARDENED, "-c", "core.fsmonitor=x", *HERE, "check-ignore", "-z", "--stdin"], False),
        ([*HARDENED, "check-ignore", "-z", "--stdin"], False),
        ([*HARDENED, *HERE, "log", "-p"], False),
        ([*HARDENED, *HERE, "fetch"], False),
        ([*HARDENED], False),
        (["docker", "image", "inspect", "--format", "{{json .Config}}", "redis"], True),
        (["docker", "image", "inspect", "--format", "{{json .Config}}", "--privileged"], False),
        (["docker", "run", "redis"], False),
        (["docker-credential-evil", "get"], False),
    ],
)
def test_a_program_is_started_with_the_words_of_this_tool(words: list[str], are_ours: bool) -> None:
    assert hostile.is_ours(words) is are_ours


@pytest.mark.parametrize("named", [".", "compose.yml"])
def test_where_a_dotenv_leads_nothing_is_written(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("repository", "outside"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "compose.yml").write_text("services: {a: {image: 'mysql:8'}}\n")
    elsewhere = tmp_path / "outside" / "other.yml"
    text = "services:\n  a:\n    image: mysql:8\n    environment:\n      MYSQL_ROOT_PASSWORD: Whinchat-Sluice-44\n"
    elsewhere.write_text(text)
    (tmp_path / "repository" / ".env").write_text("COMPOSE_FILE=compose.yml:../outside/other.yml\n")
    monkeypatch.chdir(tmp_path / "repository")
    before = hostile.snapshot(tmp_path / "outside")
    for first in ("../outside/other.yml", "../outside/other.yml:compose.yml", "compose.yml:../outside/other.yml"):
        (tmp_path / "repository" / ".env").write_text(f"COMPOSE_FILE={first}\n")
        with pytest.raises(SystemExit):
            cli.main(["--write", "--no-docker", named])
        assert hostile.snapshot(tmp_path / "outside") == before
    capsys.readouterr()
    # what the call names itself is its word
    (tmp_path / "repository" / ".env").write_text("COMPOSE_FILE=../outside/other.yml\n")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--write", "--no-docker", "--allow", "../outside", "."])
    assert not stopped.value.code
    assert "MYSQL_ROOT_PASSWORD_FILE" in elsewhere.read_text()
