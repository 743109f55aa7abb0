"""Edits of env files: exactly what was asked for changes, by our own reading and by Compose's."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsec_migrate.compose.dotenv import SPACES, DotenvError, Entry, parse, variables
from dsec_migrate.rewrite import env_file
from dsec_migrate.text.source import Source, splice

PATH = "/run/secrets/x"
SHELL = {"S": "shell", "K": "outer", "EMPTY": ""}
IN_LINE = SPACES.replace("\n", "")
NAMES = ["K", "L", "PW", "x.y-z[0]", "É", "export"]
PIECES = [
    *"aZ0'\"\\$#{}:=- é\t\xa0\u2003", "hunter2", "$K", "${PW}", "${L:-d}", "${S:+r}", "$$", " #", "\\n",
    "\\'", '\\"', "\n", "\r\n",
]  # fmt: skip


def generate(choose: random.Random, raw: bool) -> str:
    """A file of a few lines, most of which Compose takes."""
    newline = choose.choice(["\n", "\n", "\r\n"])
    parts = [choose.choice(["", "", "", "\ufeff"])]
    for _ in range(choose.randint(1, 7)):
        kind = choose.random()
        if kind < 0.12:
            parts.append(choose.choice(["", "# PW=hunter2", "  # c", "\t", "#"]) + newline)
            continue
        if kind < 0.22:
            parts.append(choose.choice(["K", "export L", "  PW", "S"]) + newline)
            continue
        mark = "" if raw else choose.choice(["", "", "'", '"'])
        value = "".join(choose.choices(PIECES, k=choose.randint(0, 6)))
        if raw or not mark:
            value = value.replace("\n", "")
        export = "" if raw else choose.choice(["", "", "export ", "export\t"])
        separator = "=" if raw else choose.choice(["=", "=", "=", " = ", ":", ": ", "=\t", " ="])
        parts.append(
            choose.choice(["", "", " ", "\t"]) + export + choose.choice(NAMES) + separator + mark + value + mark
        )
        end = newline if raw or not mark else choose.choice([newline, newline, "", " "])
        parts.append(choose.choice(["", "", " ", " # hunter2", " # c", "#"]) + end if end.strip(" ") else end)
    return "".join(parts).removesuffix(choose.choice(["", "\n"]))


def read(text: str, raw: bool) -> list[Entry]:
    try:
        return parse(text, SHELL, raw=raw)
    except DotenvError:
        assume(False)
        raise


def meaning(entry: Entry) -> tuple[object, ...]:
    """What an entry says whatever is above it."""
    return entry.name, entry.template, entry.quote, entry.exported, entry.references, entry.passed


def assert_same(before: Sequence[Entry], after: Sequence[Entry], changed: Iterable[str]) -> None:
    """Equal entries; equal values too, but where they follow from the ``changed`` names."""
    assert [meaning(entry) for entry in before] == [meaning(entry) for entry in after]
    touched = set(changed)
    for old, new in zip(before, after, strict=True):
        if touched & set(old.references):
            touched.add(old.name)
        else:
            assert old.value == new.value


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.booleans(), st.data())
def test_a_renamed_entry_is_the_only_one_that_changes(choose: random.Random, raw: bool, data: st.DataObject) -> None:
    text = generate(choose, raw)
    before = read(text, raw)
    candidates = [number for number, entry in enumerate(before) if entry.value is not None and entry.name]
    assume(candidates)
    chosen = data.draw(st.sets(st.sampled_from(candidates), min_size=1))
    value = data.draw(st.sampled_from([PATH, "/run/a b#c/$x", "it's", 'q"\\', ""]))
    edits = [edit for n in chosen for edit in env_file.move(text, before[n], f"{before[n].name}_FILE", value, raw=raw)]
    new_text = splice(text, edits)
    after = read(new_text, raw)
    changed = {name for n in chosen for name in (before[n].name, f"{before[n].name}_FILE")}
    kept = [n for n in range(len(before)) if n not in chosen]
    assert len(after) == len(before)
    assert_same([before[n] for n in kept], [after[n] for n in kept], changed)
    for n in chosen:
        old, new = before[n], after[n]
        assert (new.name, new.value, new.exported) == (f"{old.name}_FILE", value, old.exported)
        if value == PATH:
            assert new.quote == old.quote
    # nothing else in the text: with the names and values taken out, and comments masked, all is the same
    assert frame(text, before, chosen) == frame(new_text, after, chosen)
    lines_gone = sum(text[slice(*before[n].value_span)].count("\n") for n in chosen)
    assert new_text.count("\n") == text.count("\n") - lines_gone


def frame(text: str, entries: Sequence[Entry], chosen: Iterable[int]) -> str:
    cut = sorted(span for n in chosen for span in (entries[n].name_span, entries[n].value_span))
    parts, position = [], 0
    for start, end in cut:
        between = text[position:start]
        # an empty value stands in front of the blanks behind it, or behind them
        parts.append(between.rstrip(SPACES) + " " if start == end else between)
        position = end
    rest = "\0".join([*parts, text[position:]])
    rest = re.sub(rf"[{SPACES}]*\0[{SPACES}]*", "\0", rest)
    return re.sub(r"#.*", lambda comment: comment[0].replace("hunter2", "********"), rest)


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.booleans(), st.data())
def test_removed_entries_are_the_only_ones_that_go(choose: random.Random, raw: bool, data: st.DataObject) -> None:
    text = generate(choose, raw)
    before = read(text, raw)
    assume(before)
    chosen = data.draw(st.sets(st.integers(0, len(before) - 1), min_size=1))
    edits = env_file.remove(text, [before[n] for n in chosen])
    new_text = splice(text, edits)
    kept = [entry for n, entry in enumerate(before) if n not in chosen]
    assert_same(kept, read(new_text, raw), {before[n].name for n in chosen})
    for edit in edits:
        gone = text[edit.start : edit.end]
        for entry in sorted((before[n] for n in chosen), key=lambda entry: -entry.span.start):
            if edit.start <= entry.span.start and entry.span.end <= edit.end:
                start, end = entry.span.start - edit.start, entry.span.end - edit.start
                gone = gone[:start] + "\0" + gone[end:]
        # besides entries: blanks, and once at the end a comment and a line break
        assert re.fullmatch(rf"[\0{IN_LINE}]*(?:#[^\n]*)?\n?", gone)
    assert new_text.startswith("\ufeff") == text.startswith("\ufeff")


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.booleans())
def test_without_any_entry_only_comments_and_blank_lines_stay(choose: random.Random, raw: bool) -> None:
    text = generate(choose, raw)
    entries = read(text, raw)
    left = splice(text, env_file.remove(text, entries))
    assert re.fullmatch(rf"\ufeff?(?:[{SPACES}]|#[^\n]*(?:\n|\Z))*", left)
    lines = {number for e in entries for number in range(e.line, e.line + text[slice(*e.span)].count("\n") + 1)}
    untouched = [line for number, line in enumerate(text.split("\n"), start=1) if number not in lines]
    assert [line.lstrip("\ufeff") for line in left.split("\n") if line.strip(SPACES + "\ufeff")] == [
        line.lstrip("\ufeff") for line in untouched if line.strip(SPACES + "\ufeff")
    ]


def renamed(text: str, name: str = "X", value: str = PATH, raw: bool = False) -> str:
    (entry,) = (entry for entry in parse(text, {}, raw=raw) if entry.name == name)
    return splice(text, env_file.move(text, entry, f"{name}_FILE", value, raw=raw))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("X=secret # comment\n", "X_FILE=/run/secrets/x # comment\n"),
        ("X=secret", "X_FILE=/run/secrets/x"),
        ("\texport  X = secret\r\nY=1\r\n", "\texport  X_FILE = /run/secrets/x\r\nY=1\r\n"),
        ("X: 'secret'\n", "X_FILE: '/run/secrets/x'\n"),
        ('X:"sec\\"ret"#c\n', 'X_FILE:"/run/secrets/x"#c\n'),
        ("\ufeffX=s\n", "\ufeffX_FILE=/run/secrets/x\n"),
        ('# above\r\nX="one\r\ntwo\r\n"  # c\r\nY=1\r\n', '# above\r\nX_FILE="/run/secrets/x"  # c\r\nY=1\r\n'),
        ("X='a'Y='b' # c\n", "X_FILE='/run/secrets/x'Y='b' # c\n"),
        ("A=\"1\" X=2 Y=3\n", "A=\"1\" X_FILE=/run/secrets/x\n"),
        ("X=\r\nY=\r\n", "X_FILE=/run/secrets/x\r\nY=\r\n"),
        ("X=${Y:-s}$$ \nY\n", "X_FILE=/run/secrets/x \nY\n"),
    ],
)  # fmt: skip
def test_a_rename_keeps_the_style_of_its_line(before: str, after: str) -> None:
    assert renamed(before) == after


def test_raw_format_has_no_quotes_and_no_comments() -> None:
    text = "  X='s3cret4' # s3cret4\r\nY=1"
    assert renamed(text, raw=True) == "  X_FILE=/run/secrets/x\r\nY=1"
    assert renamed("X=a\n", value="a b#$", raw=True) == "X_FILE=a b#$\n"


def test_quotes_that_cannot_hold_the_value_are_changed() -> None:
    assert renamed("X='s' # c\n", value="a\\") == 'X_FILE="a\\\\" # c\n'
    assert renamed("X=s # c\n", value="a $b") == "X_FILE='a $b' # c\n"
    assert renamed("X='s'Y=1\n", value="x") == "X_FILE='x'Y=1\n"
    assert renamed("X=s # c\n", value="") == "X_FILE='' # c\n"


@pytest.mark.parametrize(
    ("comment", "masked"),
    [
        ("# was s3cret4 and s3cret4, s3cret", "# was ******** and ********, s3cret"),
        ("# nothing", "# nothing"),
        ("# $$s3cret4", "# $$********"),
    ],
)
def test_a_comment_does_not_repeat_the_value(comment: str, masked: str) -> None:
    for mark in ("", "'", '"'):
        assert renamed(f"X={mark}s3cret4{mark} {comment}\r\nY=s3cret4\r\n# s3cret4\r\n") == (
            f"X_FILE={mark}/run/secrets/x{mark} {masked}\r\nY=s3cret4\r\n# s3cret4\r\n"
        )


def test_a_comment_repeats_neither_the_meant_nor_the_written_value() -> None:
    assert renamed('X="s3$$cret" # s3$$cret is s3$cret\n') == 'X_FILE="/run/secrets/x" # ******** is ********\n'
    # a reference is not a value, nor is a plain word
    assert renamed("X=${PW_OF_DB1} # ${PW_OF_DB1}\n") == "X_FILE=/run/secrets/x # ${PW_OF_DB1}\n"
    assert renamed("X=admin # the admin\n") == "X_FILE=/run/secrets/x # the admin\n"


@pytest.mark.parametrize("text", ["X\n", "export X\n", "X", "=x\n"])
def test_what_says_nothing_under_a_name_is_not_renamed(text: str) -> None:
    (entry,) = parse(text, {"X": "hunter2"})
    with pytest.raises(ValueError, match="a name and a value of its own") as caught:
        env_file.move(text, entry, "X_FILE", PATH)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("new_name", "value", "raw"),
    [("", PATH, False), ("A B", PATH, False), ("A=", PATH, False), ("export", PATH, False), ("A:", PATH, False),
     ("#A", PATH, True), ("A B", PATH, True), ("A", "a\nb", True), ("A", "a\r", True), ("A", "a\0", False)],
)  # fmt: skip
def test_what_would_not_be_read_back_is_refused(new_name: str, value: str, raw: bool) -> None:
    (entry,) = parse("X=1\n", {}, raw=raw)
    with pytest.raises(ValueError, match=r"new name|line breaks|NUL"):
        env_file.move("X=1\n", entry, new_name, value, raw=raw)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# about X\nX=s # c\nY=1\n", "# about X\nY=1\n"),
        ("A=1\nX=s", "A=1\n"),
        ("\ufeff  export X = s\r\nY=1\r\n", "\ufeffY=1\r\n"),
        ("X='a\n# no comment\nb' # c\n\nY=1\n", "\nY=1\n"),
        ("X='a'Y=1\n", "Y=1\n"),
        ("A='1' X=\"a\nb\" B=2 # c\n", "A='1'  B=2 # c\n"),
        ("A='1' X=s # c\n", "A='1'  # c\n"),
        ("A='\n1' X\n", "A='\n1' \n"),
        ("X='1'X=\"2\" X=3 # c\nY=1\n", "Y=1\n"),
        ("X=\n", ""),
    ],
)
def test_a_removal_takes_whole_lines_where_it_can(before: str, after: str) -> None:
    entries = [entry for entry in parse(before, {}) if entry.name == "X"]
    assert splice(before, env_file.remove(before, entries)) == after
    assert splice(before, env_file.remove(before, [*entries, *reversed(entries)])) == after


def test_a_file_in_utf_16_keeps_its_encoding() -> None:
    source = Source.decode(Path("x.env"), "\ufeffX=s\r\nY=é".encode("utf-16-le"))
    assert source.encode(renamed(source.text)) == "\ufeffX_FILE=/run/secrets/x\r\nY=é".encode("utf-16-le")


@pytest.mark.engine
def test_compose_reads_the_same_but_for_the_renamed_and_removed_variables(tmp_path: Path) -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")
    choose = random.Random(3)
    services: dict[str, dict[str, Any]] = {}
    expected: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    edited: dict[Path, str] = {}
    while len(services) < 160:
        raw = len(services) % 4 == 3
        text = generate(choose, raw)
        try:
            entries = parse(text, SHELL, raw=raw)
        except DotenvError:
            continue
        mentioned = {name for entry in entries for name in entry.references}
        names = sorted({entry.name for entry in entries if entry.value is not None and entry.name} - mentioned)
        if not names:
            continue
        name = choose.choice(names)
        # a pass-through of the same name would set it again
        concerned = [entry for entry in entries if entry.name == name]
        if any(entry.value is None for entry in concerned):
            continue
        is_renamed = choose.random() < 0.6
        if is_renamed:
            edits = [e for entry in concerned for e in env_file.move(text, entry, f"{name}_FILE", PATH, raw=raw)]
        else:
            edits = env_file.remove(text, concerned)
        service = f"s{len(services)}"
        path = tmp_path / f"{service}.env"
        path.write_bytes(text.encode())
        edited[path] = splice(text, edits)
        services[service] = {"image": "i", "env_file": [{"path": path.name, **({"format": "raw"} if raw else {})}]}
        expected[service] = ({name: ""}, {f"{name}_FILE": PATH} if is_renamed else {})
        assert name in variables(entries)

    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
    before = _environments(tmp_path)
    for path, text in edited.items():
        path.write_bytes(text.encode())
    after = _environments(tmp_path)
    for service, (gone, added) in expected.items():
        left = {name: value for name, value in before[service].items() if name not in gone}
        assert len(left) == len(before[service]) - 1
        assert after[service] == {**left, **added}, (service, edited[tmp_path / f"{service}.env"])


def _environments(folder: Path) -> dict[str, dict[str, str]]:
    command = ["docker", "compose", "config", "--format", "json"]
    run = subprocess.run(command, cwd=folder, env={**os.environ, **SHELL}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return {name: service.get("environment", {}) for name, service in json.loads(run.stdout)["services"].items()}
