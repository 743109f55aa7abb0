"""What git tracks, read from the index alone, as git itself tells it; whatever is not understood is no answer."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dsec_migrate import git
from dsec_migrate.text import programs
from dsec_migrate.transaction import git_index

NAMES = [
    "a",
    "sub/runs.json",
    "ünïcode name",
    "x" * 200 + "/" + "x" * 200,
    *(f"long/{'y' * length}" for length in range(1, 21)),
]


def run(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    top.mkdir()
    run(top, "init", "-q")
    for name in (*NAMES, "other", "sub/key"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)
    run(top, "add", "--", *NAMES)
    return top


def told(top: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The files that are tracked, where there is no git."""
    files = [path for path in top.rglob("*") if path.is_file() and ".git" not in path.parts]
    with monkeypatch.context() as context:
        context.setattr(programs, "find", lambda _name: None)
        return {path.relative_to(top).as_posix() for path in files if git_index.is_tracked(path)}


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (("update-index", "--index-version", "3"),),
        (("add", "-N", "other"),),
        (("update-index", "--skip-worktree", "a"),),
        (("commit", "-qm", "x"), ("status",)),
        (("commit", "-qm", "x"), ("rm", "-q", "--cached", "a")),
        (("config", "core.untrackedCache", "true"), ("update-index", "--untracked-cache"), ("status",)),
    ],
)
def test_it_says_what_git_says(
    repository: Path, monkeypatch: pytest.MonkeyPatch, steps: Sequence[Sequence[str]]
) -> None:
    for words in steps:
        run(repository, *words)
    files = [path for path in repository.rglob("*") if path.is_file() and ".git" not in path.parts]
    expected = {path.relative_to(repository).as_posix() for path in git.tracked(files)}
    assert {"sub/runs.json"} <= expected < {path.relative_to(repository).as_posix() for path in files}
    assert told(repository, monkeypatch) == expected


def test_nothing_is_tracked_before_the_first_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("x")
    assert told(tmp_path, monkeypatch) == set()


@pytest.mark.parametrize(
    "step",
    [
        ("update-index", "--index-version", "4"),
        ("update-index", "--split-index"),
        ("sparse-checkout", "set", "--cone", "--sparse-index", "long"),
    ],
)
def test_another_form_is_no_answer(repository: Path, monkeypatch: pytest.MonkeyPatch, step: Sequence[str]) -> None:
    run(repository, "commit", "-qm", "x")
    run(repository, *step)
    with pytest.raises(git.NoAnswerError, match="not installed"):
        told(repository, monkeypatch)


def test_a_damaged_index_is_no_answer(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = repository / ".git" / "index"
    data = index.read_bytes()
    for damaged in (b"", data[:40], data[:-1], data[:-1] + b"x", data.replace(b"sub/runs.json", b"sub/rums.json")):
        index.write_bytes(damaged)
        with pytest.raises(git.NoAnswerError):
            told(repository, monkeypatch)


def test_hashes_of_another_length_are_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "init", "-q", "--object-format=sha256")
    (tmp_path / "a").write_text("x")
    run(tmp_path, "add", "a")
    with pytest.raises(git.NoAnswerError):
        told(tmp_path, monkeypatch)
