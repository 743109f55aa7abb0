"""Ignore files mean what git takes them for."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dsec_migrate.text.ignore_files import is_ignored_by_docker, is_ignored_by_git

NAMES = ("a", "secrets", "b.txt", "c d", "[x]", "e", "pw.txt")
ATOMS = (
    "a", "secrets", "*", "**", "?", "/", "!", "#", " ", "\\", ".txt", "[a-e]", "[!x]", "[^a]", "[", "]", "[[:alpha:]]",
    "pw", "b", "e", "/**/", "**/", "/**", "*.txt", "[]x]", "[a-", "c d", "\\ ", "\r",
)  # fmt: skip
LINES = st.lists(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4).map("".join), max_size=4).map("\n".join)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(tuple)


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@pytest.fixture(scope="module")
def top() -> Path:
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="ignoring-")))
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@given(
    st.dictionaries(st.sampled_from(["", "a", "secrets", "a/secrets", "secrets/a"]), LINES, max_size=3),
    st.lists(PATHS, min_size=12, max_size=12),
)
@example({"": "*\n!*.txt\n!*/"}, [("pw.txt",), ("secrets", "pw.txt"), ("a", "e")])
@example({"": "secrets/\n!secrets/"}, [("secrets", "pw.txt"), ("a", "secrets", "pw.txt")])
@example({"": "/secrets/", "secrets": "!*"}, [("secrets", "pw.txt"), ("a", "secrets", "pw.txt")])
@example({"": "/secrets/*\n!/secrets/b.txt", "secrets": "*"}, [("secrets", "pw.txt"), ("secrets", "b.txt")])
@example({"": "a/**\n!a/**/b.txt"}, [("a", "b.txt"), ("a", "secrets", "b.txt"), ("a",)])
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_mean_what_git_takes_them_for(top: Path, texts: dict[str, str], paths: list[tuple[str, ...]]) -> None:
    for folder in ("", "a", "secrets", "a/secrets", "secrets/a"):
        (top / folder).mkdir(parents=True, exist_ok=True)
        (top / folder / ".gitignore").write_bytes(texts.get(folder, "").encode())
    names = ["/".join(parts) for parts in paths]
    said = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin"],
        input="".join(f"./{name}\0" for name in names).encode(),
        cwd=top,
        check=False,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )
    assert said.returncode in {0, 1}, said.stderr
    expected = {name.removeprefix("./") for name in said.stdout.decode().split("\0") if name}
    # git takes what is a folder on disk for one
    found = {n for n in names if not (top / n).is_dir() and is_ignored_by_git(top, top / n, read)}
    assert found == {name for name in expected if not (top / name).is_dir()}


def test_a_link_is_no_gitignore(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("*\n", "utf-8")
    (tmp_path / ".gitignore").symlink_to("rules")
    assert not is_ignored_by_git(tmp_path, tmp_path / "pw.txt", read)


@pytest.mark.parametrize(
    ("text", "is_ignored"),
    [
        ("secrets/", True),
        ("/secrets", True),
        ("./secrets", True),
        ("*", True),
        ("*\n!src", True),
        ("*\n!secrets/*.txt", False),
        ("secrets\n!secrets", False),
        ("secrets\n!**/*.txt", False),
        ("**/*.txt", True),
        ("*.txt", False),
        ("!secrets\nsecrets", True),
        ("# secrets", False),
        ("a/secrets", False),
        ("\ufeffsecrets", True),
        ("", False),
    ],
)
def test_what_docker_leaves_out(text: str, is_ignored: bool) -> None:
    assert is_ignored_by_docker(text, "secrets/pw.txt") is is_ignored
