"""What is told about the secrets of a project on this host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsec_migrate.lifecycle.file_state import (
    ExternalState,
    FileState,
    Kind,
    Reader,
    SecretFile,
    can_read,
    describe,
    describe_access,
    inspect,
    variable_state,
)

ROOT = Reader("root", 0, frozenset({0}), has_capabilities=True)
ROOT_WITHOUT = Reader("bare", 0, frozenset({0}))
UNKNOWN = Reader("unknown")
posix = pytest.mark.skipif(os.name == "nt", reason="modes mean nothing on Windows")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "secrets"
    path.mkdir(mode=0o700)
    return path


def state(path: Path, *readers: Reader) -> FileState:
    (result,) = inspect([SecretFile("pw", path, readers)])
    return result


def write(path: Path, data: bytes, mode: int = 0o444) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def user(uid: int, *groups: int) -> Reader:
    return Reader("app", uid, frozenset(groups))


@pytest.mark.parametrize(
    ("mode", "owner", "reader", "expected"),
    [
        (0o600, (0, 0), ROOT, True),
        (0o000, (0, 0), ROOT, True),
        (0o600, (1000, 1000), ROOT_WITHOUT, False),
        (0o600, (0, 0), user(1000, 1000), False),
        (0o640, (0, 0), user(1000, 0), True),
        (0o604, (0, 0), user(1000, 0), False),
        (0o640, (0, 0), user(1000, 1000), False),
        (0o644, (0, 0), user(1000, 1000), True),
        (0o444, (0, 0), user(1000, 1000), True),
        (0o400, (1000, 1000), user(1000, 1000), True),
        (0o440, (0, 2000), user(1000, 2000), True),
        (0o440, (0, 2000), user(1000, 1000, 2000), True),
        (0o444, (0, 0), UNKNOWN, True),
        (0o600, (0, 0), UNKNOWN, None),
        (0o000, (0, 0), UNKNOWN, False),
    ],
)
def test_who_reads_a_mounted_file_is_what_docker_showed(
    mode: int, owner: tuple[int, int], reader: Reader, expected: bool | None
) -> None:
    assert can_read(mode, *owner, reader) is expected


@given(st.integers(0, 0o777), st.integers(0, 3), st.integers(0, 3), st.frozensets(st.integers(0, 3)), st.integers(0, 3))
def test_unknown_programs_are_judged_as_every_user_would_be(
    mode: int, uid: int, gid: int, groups: frozenset[int], reader: int
) -> None:
    verdict = can_read(mode, uid, gid, UNKNOWN)
    if verdict is not None:
        assert can_read(mode, uid, gid, user(reader, *groups)) is verdict


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hunter2", ()),
        (b"hunter2\n", ("ends with a newline",)),
        (b"hunter2\r\n", ("carriage returns", "ends with a newline")),
        (b"-----BEGIN X-----\nhunter2\n-----END X-----\n", ()),
        (b"\xef\xbb\xbfhunter2", ("byte order mark",)),
        ("\ufeffhunter2\n".encode("utf-16-le"), ("UTF-16", "ends with a newline")),
        ("\ufeffhunter2".encode("utf-16-be"), ("UTF-16",)),
        (b"hunt\0er2", ("NUL bytes",)),
        (b"", ("is empty",)),
        (b"\xff\xfehunter2"[:5], ("UTF-16",)),
        (b"x" * 511_999, ()),
        (b"x" * 512_000, ("too large for Swarm",)),
    ],
    ids=lambda argument: "" if isinstance(argument, bytes) else ",".join(argument) or "nothing",
)
def test_what_a_file_holds(folder: Path, data: bytes, words: tuple[str, ...]) -> None:
    found = state(write(folder / "pw.txt", data))
    sentences = describe(found)
    assert len(sentences) == len(words)
    assert all(word in sentence for word, sentence in zip(words, sentences, strict=True))
    assert "hunter2" not in repr(found) + "".join(sentences)
    assert found.needs_value == (not data)
    assert not found.is_error


def test_what_is_no_file(folder: Path) -> None:
    assert state(folder / "none.txt").kind is Kind.MISSING
    assert state(folder / "no" / "folder" / "none.txt").needs_value
    (folder / "d").mkdir()
    (folder / "link").symlink_to(folder / "nowhere")
    assert state(folder / "link").kind is Kind.MISSING
    write(folder / "f", b"v")
    assert state(folder / "f" / "below").kind is Kind.MISSING
    assert "it is a directory, and is mounted as one" in describe(state(folder / "d"))[0]
    assert not state(folder / "d").needs_value


@posix
def test_a_pipe_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert state(folder / "pipe").kind is Kind.OTHER


def test_what_we_may_not_read_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, **_: bool) -> bytes:
        raise PermissionError

    path = write(folder / "pw.txt", b"v")
    monkeypatch.setattr("dsec_migrate.lifecycle.file_state.read_bytes", refuse)
    found = state(path)
    assert (found.kind, found.needs_value) == (Kind.UNREADABLE, False)
    assert describe(found) == ["its content was not checked: permission denied"]


@posix
def test_services_that_cannot_read_it_are_named(folder: Path) -> None:
    path = write(folder / "pw.txt", b"v", 0o600)
    owner = path.stat()
    other = Reader("web", owner.st_uid + 1, frozenset({owner.st_gid + 1}))
    found = state(path, ROOT, UNKNOWN, other)
    place = f"mode 0600, owner {owner.st_uid}:{owner.st_gid}"
    assert describe(found) == [
        f"web (user {owner.st_uid + 1}) cannot read it: {place}",
        f"whether unknown can read it depends on the user that its program runs as: {place}",
    ]
    assert describe_access(found) == f"{place}: readable by its owner and root"
    path.chmod(0o444)
    assert describe(state(path, ROOT, UNKNOWN, other)) == []


@posix
def test_a_closed_folder_protects_what_lies_in_it(folder: Path) -> None:
    inner = folder / "inner dir"
    inner.mkdir(mode=0o755)
    path = write(inner / "pw.txt", b"v", 0o444)
    assert describe(state(path)) == []
    assert f"the owner of {folder.resolve()}" in describe_access(state(path))


@posix
def test_an_open_folder_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder / "pw.txt", b"v", 0o646)
    # pytest's own folders are closed
    monkeypatch.setattr("dsec_migrate.lifecycle.file_state._closed_folder", lambda _path: None)
    can_be_read, can_be_written = describe(state(path))
    assert can_be_read.startswith("accessible to other users on this host (mode 0646")
    assert f"`chmod 700 {folder}`" in can_be_read
    assert can_be_written.startswith("writable by others than its owner")
    assert describe_access(state(path)).endswith("readable by everyone on this host")
    path.chmod(0o640)
    assert describe_access(state(path)).endswith("readable by its group on this host")


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def run(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    run("init")
    return run


def test_git(tmp_path: Path, folder: Path, git: Callable[..., None]) -> None:
    names = ["tracked.txt", "loose.txt", "ignored.txt", ":(top)x", "missing.txt", "é \n.txt"]
    paths = [folder / name for name in names]
    for path in paths[:4]:
        write(path, b"v")
    write(paths[5], b"v")
    git("add", "--", "secrets/tracked.txt")
    (tmp_path / ".gitignore").write_text("ignored.txt\ntracked.txt\né*\n", "utf-8")
    tracked, loose, ignored, magic, missing, odd = inspect([SecretFile("s", path) for path in paths])
    assert tracked.is_tracked
    assert tracked.is_error
    (sentence,) = describe(tracked)
    assert f"`git -C {folder} rm --cached -- tracked.txt`" in sentence
    assert "rotate" in sentence
    assert [s.is_tracked for s in (loose, ignored, magic, missing, odd)] == [False] * 5
    assert [s.is_ignored for s in (loose, ignored, magic, missing, odd)] == [False, True, False, False, True]
    assert describe(ignored) == []
    assert "git does not ignore it" in describe(loose)[0]
    # the command that was told is right
    git("-C", str(folder), "rm", "--cached", "--", "tracked.txt")
    assert not state(paths[0]).is_tracked
    assert paths[0].read_bytes() == b"v"


def test_without_git_nothing_is_said_about_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder / "pw.txt", b"v")
    assert state(path).is_ignored is None
    monkeypatch.setenv("PATH", str(folder))
    assert (state(path).is_ignored, state(path).is_tracked, describe(state(path))) == (None, False, [])


def test_variables_and_swarm() -> None:
    assert describe(variable_state("pw", "PW", "hunter2")) == []
    assert "hunter2" not in repr(variable_state("pw", "PW", "hunter2"))
    assert describe(variable_state("pw", "PW", "")) == ["PW is empty: Compose then silently creates no file"]
    assert "PW is set neither" in describe(variable_state("pw", "PW", None))[0]
    assert "stack_pw" in describe(ExternalState("pw", "stack_pw"))[0]
