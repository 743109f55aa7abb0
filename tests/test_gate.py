"""A gate on what others propose: what the files under test except can be left out, and is counted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dsec_migrate import cli

VALUE = "Ruff-Penstock-61"
COMPOSE = f"services:\n  db:\n    image: mysql:8\n    environment:\n      MYSQL_ROOT_PASSWORD: {VALUE}\n"
COMMENT = COMPOSE.rstrip("\n") + " # dsec: ignore[*] x\n"
SKIP = '[[skip]]\nmatch = "*"\nreason = "x"\n'
IGNORE = '[[ignore]]\ncheck = "*"\nreason = "x"\n'
EXCUSES: Mapping[str, Mapping[str, str]] = {
    "a comment": {"compose.yml": COMMENT},
    "a table of what is skipped": {"compose.yml": COMPOSE, "dsec-migrate.toml": SKIP},
    "a table of what is ignored": {"compose.yml": COMPOSE, "dsec-migrate.toml": IGNORE},
    "all of them": {"compose.yml": COMMENT, "dsec-migrate.toml": SKIP + IGNORE},
}
CALLS = (("--check", "--no-docker"), ("--check", "--no-docker", "."), ("audit", "--check", "--only", "plaintext-*"))
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path / "tree")

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(list(words))
        said = capsys.readouterr()
        assert VALUE not in said.out + said.err
        assert isinstance(stop.value.code, int)
        return stop.value.code, (said.out.splitlines() or said.err.splitlines())[-1]

    return run


@pytest.fixture(params=EXCUSES)
def tree(request: pytest.FixtureRequest, say: Say) -> None:
    for name, text in EXCUSES[request.param].items():
        Path(name).write_text(text, "utf-8")


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("words", CALLS)
def test_what_is_excepted_passes_and_is_counted(say: Say, words: tuple[str, ...]) -> None:
    assert say(*words) == (0, "check passed, 1 excepted")


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("words", CALLS)
def test_a_call_may_take_no_excuse_of_the_files_under_test(say: Say, tmp_path: Path, words: tuple[str, ...]) -> None:
    failed = "check failed: 1 item to do" if words[0] == "audit" else "check failed: 1 secret in the files"
    assert say(*words, "--no-exceptions") == (1, failed)
    ours = tmp_path / "ours.toml"
    ours.write_text("", "utf-8")
    assert say(*words, "--settings", str(ours)) == (1, failed)
    ours.write_text('[[ignore]]\ncheck = "*"\nmatch = "db.MYSQL_ROOT_PASSWORD"\nreason = "known"\n', "utf-8")
    assert say(*words, "--settings", str(ours)) == (0, "check passed, 1 excepted")
    assert say(*words, "--settings", str(ours), "--no-exceptions") == (1, failed)


def test_what_is_excepted_is_counted_beside_what_is_not(say: Say) -> None:
    other = "  app:\n    image: x\n    environment:\n      API_TOKEN: Whinchat-Lock-4417\n"
    Path("compose.yml").write_text(COMMENT + other, "utf-8")
    assert say("--check", "--no-docker") == (1, "check failed: 1 secret in the files, 1 excepted")
    # and a file with an error is no pass
    Path("other.yml").write_text("services: 5\n", "utf-8")
    status, said = say("--check", "--no-docker", "compose.yml", "other.yml")
    assert (status, said) == (2, "check failed: 1 secret in the files, 1 file with errors, 1 excepted")


def test_status_is_a_gate_for_what_is_missing(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("compose.yml").write_text(COMPOSE, "utf-8")
    say("--write", "--no-docker", "compose.yml")
    value = Path("secrets/mysql_root_password.txt")
    assert say("status", "--check") == (0, "check passed")
    text = value.read_bytes()
    value.unlink()
    assert say("status", "--check") == (1, "check failed: 1 to do")
    assert say("status")[0] == 0
    value.write_bytes(text)
    subprocess.run(["git", "init", "-q"], check=True)
    assert say("status", "--check") == (0, "check passed")
    subprocess.run(["git", "add", "-f", str(value)], check=True)
    assert say("status", "--check") == (1, "check failed: 1 to do")
    monkeypatch.setenv("PATH", "")
    assert say("status", "--check") == (2, "check failed: 1 with errors")


def test_settings_that_are_not_there_are_an_error(say: Say) -> None:
    Path("compose.yml").write_text(COMPOSE, "utf-8")
    for words in CALLS:
        status, _ = say(*words, "--settings", "../gone.toml")
        assert status == 2


def test_an_age_of_the_tree_counts_for_nothing(say: Say, tmp_path: Path) -> None:
    from dsec_migrate.config import project_file

    Path("dsec-migrate.toml").write_text("[audit]\nmax-age-days = 90000\n", "utf-8")
    ours = tmp_path / "ours.toml"
    ours.write_text("[audit]\nmax-age-days = 30\n", "utf-8")
    assert project_file.read(Path()).maximum_age == 90000
    assert project_file.read(Path(), excepts=False).maximum_age == project_file.MAXIMUM_AGE_DAYS
    assert project_file.read(Path(), ours).maximum_age == 30
