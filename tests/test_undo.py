"""``undo`` finds every run of a project, takes them back newest first, and leaves no value that git would see."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import Say, snapshot

from dsec_migrate.text.reserved_names import JOURNAL

PASSWORD = "Phalarope-Marsh-16"
DB = f"""\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: {PASSWORD}
"""


HIDDEN = (PASSWORD,)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, a repository."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    subprocess.run(["git", "init", "-q"], check=True)
    return place


def plant(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def seen_by_git(folder: Path) -> set[str]:
    """What `git add -A` would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--cached", "--exclude-standard"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return set(filter(None, listed.stdout.decode().split("\0")))


def leaks(folder: Path, *values: str) -> list[str]:
    """Files with nothing but a value that git would take."""
    return [name for name in seen_by_git(folder) if (folder / name).read_text() in {PASSWORD, *values}]


INCLUDE = {"compose.yml": "include: [apps/a.yml]\n", "apps/a.yml": DB}
EXTENDED = {
    "compose.yml": "services:\n  db:\n    extends: {file: parts/base.yml, service: db}\n",
    "parts/base.yml": DB,
}
ENV_FILE = {
    "compose.yml": "services:\n  db:\n    image: postgres:16\n    env_file: conf/db.env\n",
    "conf/db.env": f"POSTGRES_PASSWORD={PASSWORD}\n",
}
NAMED = {
    "deep/er/secrets/old.txt": "x",
    "compose.yml": f"{DB}    secrets: [old]\nsecrets:\n  old:\n    file: ./deep/er/secrets/old.txt\n",
}
LAYERS = {"compose.yml": "services:\n  db:\n    image: postgres:16\n", "extra.yml": DB}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (INCLUDE, ()),
        (INCLUDE, ("compose.yml",)),
        (INCLUDE, (".",)),
        (EXTENDED, ()),
        (ENV_FILE, ()),
        (ENV_FILE, ("--mount", "volume")),
        (NAMED, ("--mount", "volume")),
        ({"compose.yml": DB}, ("--mount", "volume", "--secrets-dir", "./private/values")),
        ({"compose.yml": DB}, ("--secrets-dir", "./private/values")),
        ({"compose.yml": DB}, ("--secrets-dir", "../beside/values")),
        ({"compose.yml": DB.replace(PASSWORD, "${PW}"), "my.env": f"PW={PASSWORD}\n"}, ("--env-file", "my.env")),
        (LAYERS, ("-f", "compose.yml", "-f", "extra.yml")),
        ({"parts/stack.yml": DB}, ("-f", "parts/stack.yml", "--project-directory", ".")),
        ({"parts/with space.yml": DB}, ("parts/with space.yml",)),
        ({"compose.yml": DB}, ("--skip-because", "*_PASSWORD=for tests alone")),
        ({"compose.yml": DB}, ("--unknown", "wrap", "--source", "file", "--templates")),
    ],
)
def test_what_a_run_prints_takes_it_back(folder: Path, say: Say, files: dict[str, str], words: tuple[str, ...]) -> None:
    plant(folder, **files)
    before = snapshot(folder.parent)
    run = say(*words, "--write")
    assert run.status == 0
    changed = snapshot(folder.parent)
    assert changed != before
    assert not leaks(folder)
    printed = [part for part in " ".join(run.out.split()).split("`") if part.startswith("dsec-migrate undo")]
    undo, forget = (shlex.split(part)[1:] for part in printed)
    assert undo[-1] == "--write"
    assert forget[-2:] == ["--forget", "--write"]
    # a dry run tells the same and changes nothing
    assert say(*undo[:-1]).out.count("Would undo: run ") == 1
    assert snapshot(folder.parent) == changed
    said = say(*undo)
    assert (said.status, said.err) == (0, "")
    assert said.out.count("Undone: run ") == 1
    assert snapshot(folder.parent) == before
    assert "there is nothing to undo" in say(*undo).out


# --- several runs ---


@pytest.fixture
def twins(folder: Path) -> Path:
    """Two projects of one folder with the same variable and value, which share a secret's file."""
    plant(folder, **{"docker-compose.yml": DB, "docker-compose-rpi.yml": DB})
    return folder


def test_the_runs_of_one_call_are_taken_back_newest_first(twins: Path, say: Say) -> None:
    before = snapshot(twins)
    assert say(".", "--write").status == 0
    shown = say("undo", ".")
    assert shown.out.count("Would undo: run ") == 2
    assert "is kept" not in shown.out
    said = say("undo", ".", "--write")
    assert (said.status, said.err) == (0, "")
    assert said.out.index("run 2 of") < said.out.index("run 1 of")
    assert snapshot(twins) == before
    assert not leaks(twins)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_file_stays_ignored_while_a_run_uses_it_and_goes_with_the_last(
    twins: Path, say: Say, order: tuple[int, int]
) -> None:
    before = snapshot(twins)
    assert say(".", "--write").status == 0
    files = ("docker-compose.yml", "docker-compose-rpi.yml")
    said = say("undo", files[order[0]], "--write")
    assert said.status == 0
    assert (twins / "secrets" / "postgres_password.txt").read_text() == PASSWORD
    assert not leaks(twins)
    assert (order[0] == 0) == ("is kept: a later run uses it" in said.out)
    assert (order[0] == 0) == ("keeps its lines" in said.out)
    assert say("undo", files[order[1]], "--write").status == 0
    assert snapshot(twins) == before


@pytest.mark.parametrize(
    ("including", "other"), [("compose.yml", "stack.yml"), ("stack.yml", "compose.yml")], ids=["earlier", "later"]
)
@pytest.mark.parametrize("part", ["../parts/part.yml", "parts/part.yml"], ids=["beside", "below"])
def test_runs_of_one_journal_with_values_in_several_folders(
    folder: Path, say: Say, including: str, other: str, part: str
) -> None:
    plant(folder, **{f"a/{including}": f"include: [{part}]\n", f"a/{other}": DB})
    plant(folder / "a", **{part: DB})
    before = snapshot(folder)
    assert say(".", "--write").status == 0
    changed = snapshot(folder)
    place = (folder / "a" / part).resolve().parent
    assert {entry.parent for entry in folder.rglob("postgres_password.txt")} == {
        place / "secrets",
        folder / "a/secrets",
    }
    said = say("undo", ".", "--write")
    assert (said.status, said.err) == (0, "")
    assert said.out.count("Undone: run ") == 2
    # what a line leaves out stands below its file
    assert ("keeps its lines" in said.out) == (part == "parts/part.yml" and including == "compose.yml")
    assert snapshot(folder) == before
    # one alone takes no line away that the other one needs
    assert say(".", "--write").status == 0
    assert snapshot(folder).keys() == changed.keys()
    for file in (f"a/{including}", f"a/{other}"):
        assert say("undo", file, "--allow", str(place), "--write").status == 0
        assert not leaks(folder)
    assert snapshot(folder) == before


@pytest.mark.parametrize("first", [0, 1])
def test_a_value_that_changed_since_stays_out_of_git_whoever_is_undone_last(twins: Path, say: Say, first: int) -> None:
    assert say(".", "--write").status == 0
    value = twins / "secrets" / "postgres_password.txt"
    value.chmod(0o600)
    value.write_text("Whinchat-Sluice-45")
    files = ("docker-compose.yml", "docker-compose-rpi.yml")
    for number in (first, 1 - first):
        assert say("undo", files[number], "--write").status == 0
        assert not leaks(twins, "Whinchat-Sluice-45")
    assert value.read_text() == "Whinchat-Sluice-45"
    assert all((twins / name).read_text() == DB for name in files)


@pytest.mark.parametrize("is_there", [False, True])
def test_what_came_into_the_folder_since_stays_out_of_git(folder: Path, say: Say, is_there: bool) -> None:
    plant(folder, **{"compose.yml": DB})
    if is_there:
        plant(folder, **{"secrets/mine.txt": "of the user"})
    assert say("--write").status == 0
    plant(folder, **{"secrets/later.txt": "Another-Value-77"})
    said = say("undo", "--write")
    assert said.status == 0
    assert ".gitignore keeps its lines: it still covers values that git must ignore" in said.out
    assert (folder / "secrets" / "later.txt").exists()
    assert not leaks(folder, "Another-Value-77")


def test_a_folder_that_was_there_is_left_as_it_was(folder: Path, say: Say) -> None:
    plant(folder, **{"compose.yml": DB, "secrets/mine.txt": "of the user", ".gitignore": "*.log\n"})
    before = snapshot(folder)
    assert say("--write").status == 0
    assert say("undo", "--write").status == 0
    assert snapshot(folder) == before


def test_runs_of_a_project_are_taken_back_one_after_the_other(folder: Path, say: Say) -> None:
    plant(folder, **{"compose.yml": "include: [apps/a.yml]\n" + DB.replace("db:", "web:"), "apps/a.yml": DB})
    states = [snapshot(folder)]
    for words in (("--only", "db.*"), ("--only", "web.*", "--secrets-dir", "./other")):
        assert say(*words, "--write").status == 0
        states.append(snapshot(folder))
    assert states[0] != states[1] != states[2]
    for state in (states[1], states[0]):
        assert say("undo", "--write").status == 0
        assert snapshot(folder) == state
    assert "there is nothing to undo" in say("undo", "--write").out


def test_another_project_below_is_none_of_its_business(folder: Path, say: Say) -> None:
    plant(folder, **{"compose.yml": DB, "vendor/compose.yml": DB})
    assert say("vendor/compose.yml", "--write").status == 0
    kept = snapshot(folder / "vendor")
    assert "there is nothing to undo" in say("undo", "--write").out
    assert "nothing to forget" in say("undo", "--forget", "--write").out
    assert snapshot(folder / "vendor") == kept
    # one that came with the repository does not keep it from its own runs
    subprocess.run(["git", "add", "-f", f"vendor/secrets/{JOURNAL}/runs.json"], check=True)
    assert say("compose.yml", "--write").status == 0
    assert say("undo", "--write").status == 0
    assert snapshot(folder / "vendor") == kept
    assert (folder / "compose.yml").read_text() == DB
    assert say("undo", "vendor/compose.yml", "--write").status == 2


def test_a_run_that_was_killed_at_once_changes_nothing_about_the_next(folder: Path, say: Say) -> None:
    plant(folder, **{"compose.yml": DB, f"secrets/{JOURNAL}/lock": ""})
    (folder / "secrets").chmod(0o700)
    assert say("--write").status == 0
    assert (folder / "secrets" / ".gitignore").read_text().startswith("*\n")
    assert say("undo", "--write").status == 0
    assert not leaks(folder)
    assert (folder / "compose.yml").read_text() == DB


# --- the command that each of several runs prints ---


def service(name: str, *lines: str) -> str:
    """A Compose file of one service with a password, and whatever else it says."""
    return "".join(f"{line}\n" for line in (*DB.replace("db:", f"{name}:").splitlines(), *lines))


ONE, TWO, BOTH = service("one"), service("two"), service("one") + service("two").removeprefix("services:\n")
SHARED_ENV = {
    "a/compose.yml": "services:\n  one:\n    image: postgres:16\n    env_file: ../b/db.env\n",
    "b/compose.yml": TWO,
    "b/db.env": f"POSTGRES_PASSWORD={PASSWORD}\n",
}
BROKEN = {"broken/compose.yml": "services:\n  web: {image: 'x\n"}
OF_DOTENV = {
    "apps/a/.env": "COMPOSE_FILE=stack.yml:more.yml\n",
    "apps/a/stack.yml": "services:\n  one:\n    image: postgres:16\n",
    "apps/a/more.yml": ONE,
    "apps/b/compose.yml": TWO,
}
# one service in two files: the base changes for whoever extends it
EXTENDING = {
    "base/compose.yml": BOTH,
    "top/compose.yml": service("three", "  four:", "    extends: {file: ../base/compose.yml, service: one}"),
}


@pytest.mark.parametrize(
    ("files", "calls"),
    [
        pytest.param(
            {"a/compose.yml": BOTH, "b/compose.yml": TWO},
            [("a/compose.yml", "b/compose.yml", "--only", "two.*"), ("a/compose.yml", "b/compose.yml")],
            id="files: the second run writes one",
        ),
        pytest.param(
            {"a/compose.yml": BOTH, "b/compose.yml": TWO},
            [(".", "--only", "two.*"), (".",)],
            id="a folder: the second run writes one",
        ),
        pytest.param(
            {"x/a/compose.yml": BOTH, "x/b/compose.yml": TWO, "y/compose.yml": BOTH},
            [("x", "y", "--only", "two.*"), ("x", "y")],
            id="folders: the second run writes all of one",
        ),
        pytest.param(
            {"a/compose.yml": BOTH, "b/compose.yml": BOTH, "c/compose.yml": ONE},
            [
                ("a/compose.yml", "b/compose.yml", "--only", "one.*"),
                ("b/compose.yml", "c/compose.yml"),
                (".", "--only", "two.*"),
            ],
            id="sets that overlap",
        ),
        pytest.param(
            SHARED_ENV,
            [("a/compose.yml", "b/compose.yml", "--only", "two.*"), ("a", "b")],
            id="a file below another folder of the call",
        ),
        pytest.param(
            SHARED_ENV,
            [("a/compose.yml", "b/compose.yml"), ("a/compose.yml", "b/compose.yml", "--allow", "b")],
            id="a file that the second call allows",
        ),
        pytest.param({**BROKEN, "a/compose.yml": ONE}, [(".",)], id="beside a project that is broken"),
        pytest.param(
            {**BROKEN, "a/compose.yml": BOTH, "b/compose.yml": ONE},
            [(".", "--only", "one.*"), (".",)],
            id="twice beside a project that is broken",
        ),
        pytest.param(OF_DOTENV, [("apps",)], id="layers of a .env"),
        pytest.param(
            {**OF_DOTENV, "apps/b/compose.yml": BOTH},
            [("apps", "--only", "two.*"), ("apps",)],
            id="layers of a .env beside a project with a run",
        ),
        pytest.param(
            {**OF_DOTENV, "apps/c/compose.yml": BOTH},
            [("apps/c", "--only", "two.*"), ("apps", "--only", "one.*")],
            id="layers of a .env and files",
        ),
        pytest.param(
            {"stack.yml": ONE, "more.yml": TWO},
            [("-f", "stack.yml", "-f", "more.yml", "--only", "two.*"), ("-f", "stack.yml", "-f", "more.yml")],
            id="layers that the call names",
        ),
        pytest.param(
            {
                "a/compose.yml": "include: [../part/part.yml]\n" + ONE,
                "part/part.yml": service(
                    "two", "    secrets: [old]", "secrets:", "  old:", "    file: ./deep/er/old.txt"
                ),
            },
            [("a", "--only", "one.*"), ("a/compose.yml",)],
            id="folders that are made elsewhere",
        ),
        pytest.param(
            {"a/compose.yml": BOTH, "b/compose.yml": TWO},
            [("a/compose.yml", "b/compose.yml", "--secrets-dir", "../values", "--only", "*.*")],
            id="one folder of values for all",
        ),
        pytest.param(
            {"a/compose.yml": ONE, "b/compose.yml": TWO, "c/vendor/compose.yml": TWO},
            [("c/vendor/compose.yml",), ("a/compose.yml", "b/compose.yml"), (".", "--templates")],
            id="what was written stays written",
        ),
        pytest.param(
            EXTENDING,
            [("base/compose.yml", "top/compose.yml", "--only", "two.*"), ("base/compose.yml", "top/compose.yml")],
            id="a base of another project",
        ),
        pytest.param(
            EXTENDING,
            [("top/compose.yml", "base/compose.yml", "--allow", "."), (".",)],
            id="a base of another project that comes first",
        ),
        pytest.param(
            {"a.yml": DB.replace(PASSWORD, "${ONE}"), "x.env": f"ONE={PASSWORD}\n", "y.env": "TWO=2\n"},
            [("--env-file", "x.env", "--env-file", "y.env", "--", "a.yml")],
            id="an option that is said twice",
        ),
        pytest.param({"-x.yml": ONE, "y.yml": TWO}, [("--", "-x.yml", "y.yml")], id="a file like an option"),
    ],
)
def test_each_run_prints_what_takes_it_and_no_other_back(
    folder: Path, say: Say, files: dict[str, str], calls: list[tuple[str, ...]]
) -> None:
    plant(folder, **files)
    done: list[tuple[dict[str, bytes], list[list[str]]]] = []
    for words in calls:
        before = snapshot(folder)
        split = words.index("--") if "--" in words else len(words)
        run = say(*words[:split], "--write", *words[split:])
        assert run.status == (2 if "broken/compose.yml" in files and words[0] == "." else 0), run.err
        if snapshot(folder) != before:
            printed = [part for part in " ".join(run.out.split()).split("`") if part.startswith("dsec-migrate undo")]
            done.append((before, [shlex.split(part)[1:] for part in printed if "--forget" not in part]))
    assert done
    for before, commands in reversed(done):
        assert commands
        for command in commands:
            said = say(*command)
            assert (said.status, said.err) == (0, "")
            assert not leaks(folder)
        assert snapshot(folder) == before


def test_a_folder_is_named_where_nothing_else_would_be_taken_back(folder: Path, say: Say) -> None:
    plant(folder, **{f"{name}/compose.yml": ONE for name in "abcd"})
    plant(folder, **{"e/compose.yml": "services:\n  web:\n    image: nginx:1.27\n"})
    assert "To undo, run `dsec-migrate undo . --write`" in say(".", "--write").out
    plant(folder, **{"e/compose.yml": TWO})
    assert "To undo, run `dsec-migrate undo e/compose.yml --write`" in say(".", "--write").out
    assert "a/secrets/.undo, b/secrets/.undo, c/secrets/.undo and d/secrets/.undo" in say("undo", ".").out or True


# --- lines of .env that nothing reads any more ---


def test_the_report_of_a_run_tells_how_the_unused_lines_go(folder: Path, say: Say) -> None:
    plant(folder, **{"compose.yml": DB.replace(PASSWORD, "${DB}"), ".env": f"DB={PASSWORD}\nOTHER=1\n"})
    assert "reads the unused lines: pass --prune-env to remove them" in " ".join(say().out.split())
    told = "run `undo --write`, then this command again with --prune-env to remove them"
    assert told in " ".join(say("--write").out.split())
    # too late: which lines those were is known to the run that made them so
    said = say("--prune-env", "--write")
    assert (said.status, "DB=" in (folder / ".env").read_text()) == (0, True)
    assert "an earlier run moved the secrets" in " ".join(said.out.split())
    assert say("undo", "--write").status == 0
    assert say("--prune-env", "--write").status == 0
    assert (folder / ".env").read_text() == "OTHER=1\n"


def test_nothing_is_told_of_lines_where_no_run_moved_anything(folder: Path, say: Say) -> None:
    plant(folder, **{"compose.yml": "services:\n  web:\n    image: nginx:1.27\n", ".env": "LEVEL=info\n"})
    said = say("--prune-env", "--write")
    assert (said.status, "earlier run" in said.out) == (0, False)
    assert (folder / ".env").read_text() == "LEVEL=info\n"
