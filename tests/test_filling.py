"""Values that are asked for reach their files exactly, and nothing else."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsec_migrate.lifecycle import filling
from dsec_migrate.lifecycle.filling import MissingValue, fill_by_asking, fill_from_lines, type_unseen, write
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.secret import Secret

posix = pytest.mark.skipif(os.name == "nt", reason="modes and terminals of POSIX")
lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)


@pytest.fixture
def vacancies(tmp_path: Path) -> list[MissingValue]:
    folder = tmp_path / "secrets"
    return [
        MissingValue("a", folder / "a.txt", 0o600, ("web", "db"), Boundary.around(tmp_path)),
        MissingValue("b", folder / "b.txt", boundary=Boundary.around(tmp_path)),
        MissingValue("c", folder / "c.txt", boundary=Boundary.around(tmp_path)),
    ]


def answers(*given: str) -> tuple[filling.Ask, list[str]]:
    prompts: list[str] = []
    rest: Iterator[str] = iter(given)

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        for answer in rest:
            return answer
        raise EOFError

    return ask, prompts


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_value_is_written_exactly(vacancies: list[MissingValue]) -> None:
    ask, prompts = answers(" p$w'\"\\n é ", "", "second try", "", "")
    assert fill_by_asking(vacancies, ask) == vacancies[:2]
    assert [v.path.read_bytes() for v in vacancies[:2]] == [" p$w'\"\\n é ".encode(), b"second try"]
    assert not vacancies[2].path.exists()
    assert [prompt.split(":")[0] for prompt in prompts] == ["a (read by web, db)", "b", "b", "c", "c"]
    if os.name != "nt":
        assert [mode(v.path) for v in vacancies[:2]] == [0o600, 0o444]
        assert mode(vacancies[0].path.parent) == 0o700


def test_the_end_of_input_keeps_what_was_entered(vacancies: list[MissingValue]) -> None:
    ask, _ = answers("one", "")
    assert fill_by_asking(vacancies, ask) == vacancies[:1]
    assert vacancies[0].path.read_bytes() == b"one"


@pytest.mark.parametrize("value", ["-----BEGIN PRIVATE KEY-----", "x" * 4095, "hunter2\udcff"])
def test_what_a_terminal_would_spoil_is_refused(vacancies: list[MissingValue], value: str) -> None:
    ask, _ = answers(value)
    with pytest.raises(UserError) as caught:
        fill_by_asking(vacancies, ask)
    assert value not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not vacancies[0].path.exists()


def test_an_empty_file_is_filled_in_place(vacancies: list[MissingValue]) -> None:
    path = vacancies[0].path
    path.parent.mkdir(mode=0o755)
    path.touch(mode=0o640)
    path.chmod(0o640)
    before = path.stat()
    write(vacancies[0], Secret("v"))
    after = path.stat()
    assert path.read_bytes() == b"v"
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)


def test_what_stands_there_by_now_is_left_alone(vacancies: list[MissingValue], tmp_path: Path) -> None:
    first, second, third = vacancies
    first.path.parent.mkdir()
    first.path.write_bytes(b"old")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    second.path.symlink_to(elsewhere)
    third.path.mkdir()
    for vacancy in vacancies if os.name != "nt" else [first, third]:
        with pytest.raises(UserError) as caught:
            write(vacancy, Secret("hunter2"))
        assert caught.value.file == str(vacancy.path)
        assert "hunter2" not in str(caught.value)
    assert first.path.read_bytes() == b"old"
    assert elsewhere.read_bytes() == b""


@posix
def test_a_pipe_in_its_place_does_not_block(vacancies: list[MissingValue]) -> None:
    vacancies[0].path.parent.mkdir()
    os.mkfifo(vacancies[0].path)
    reader = os.open(vacancies[0].path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(UserError):
            write(vacancies[0], Secret("hunter2"))
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_full_disk_leaves_no_half_value(
    vacancies: list[MissingValue], monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    path = vacancies[0].path
    if not is_new:
        path.parent.mkdir()
        path.touch()

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="No space left"):
        write(vacancies[0], Secret("hunter2"))
    assert path.exists() != is_new
    assert is_new or path.read_bytes() == b""


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), lines.filter(lambda value: not value.endswith("\r")), min_size=1),
    st.booleans(),
)
def test_lines_are_taken_literally(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str], ends_with_newline: bool
) -> None:
    folder = tmp_path_factory.mktemp("x")
    data = "\n".join(f"{name}={value}" for name, value in values.items()) + "\n" * ends_with_newline
    waiting = [MissingValue(name, folder / name, boundary=Boundary.around(folder)) for name in "abc"]
    filled = fill_from_lines(waiting, data.encode())
    assert {vacancy.name for vacancy in filled} == values.keys()
    assert {path.name: path.read_bytes().decode() for path in folder.iterdir()} == values


@pytest.mark.parametrize(
    ("data", "number", "words"),
    [
        (b"a=1\nhunter2\n", 2, "no `=`"),
        (b"a=1\nhunter2=x\n", 2, "no missing file has that name; missing: a, b, c"),
        (b"a=1\na=hunter2\n", 2, "twice"),
        (b"a=1\n\nb=2\n", 2, "no `=`"),
        (b"a=\n", 1, "no value"),
        (b"a=hunter2\r\n", 1, "carriage return"),
        (b"a=hunter2\xff\n", 1, "not UTF-8"),
        (b"\n", 1, "no `=`"),
    ],
)
def test_one_bad_line_and_nothing_is_written(
    vacancies: list[MissingValue], data: bytes, number: int, words: str
) -> None:
    with pytest.raises(UserError) as caught:
        fill_from_lines(vacancies, data)
    assert f"line {number} of the standard input" in caught.value.what
    assert words in caught.value.what
    assert "hunter2" not in str(caught.value)
    assert not vacancies[0].path.parent.exists()


def test_no_input_fills_nothing(vacancies: list[MissingValue]) -> None:
    assert fill_from_lines(vacancies, b"") == []


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(UserError, match="no terminal"):
            type_unseen("a: ")


@posix
def test_a_terminal_shows_the_question_and_not_the_answer(vacancies: list[MissingValue]) -> None:
    import pty

    child, terminal = pty.fork()
    if not child:
        status = 1
        try:
            # pytest replaced it
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            status = 0 if fill_by_asking(vacancies[:2]) == vacancies[:2] else 2
        finally:
            os._exit(status)
    shown = b""
    for question, answer in (("a (read by web, db): ", "hunter2 é"), ("b: ", " x ")):
        while not shown.endswith(question.encode()):
            assert select.select([terminal], [], [], 20)[0], shown
            shown += os.read(terminal, 1000)
        os.write(terminal, f"{answer}\n".encode())
    _, status = os.waitpid(child, 0)
    while select.select([terminal], [], [], 0)[0]:
        try:
            shown += os.read(terminal, 1000)
        except OSError:
            break
    os.close(terminal)
    assert status == 0
    assert b"hunter2" not in shown
    assert [v.path.read_bytes() for v in vacancies[:2]] == ["hunter2 é".encode(), b" x "]
