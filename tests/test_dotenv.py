"""Env files against what Compose 2.40 was observed to read (vectors/dotenv.json, vectors/dotenv_raw.json)."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsec_migrate.compose.dotenv import DotenvError, Entry, parse, quote, variables
from dsec_migrate.compose.interpolation import interpolate
from dsec_migrate.text.source import Span

VECTORS = Path(__file__).parent / "vectors"
FILES: dict[str, Any] = json.loads((VECTORS / "dotenv.json").read_text("utf-8"))
RAW_FILES: dict[str, Any] = json.loads((VECTORS / "dotenv_raw.json").read_text("utf-8"))

REASONS = {
    "name": ("name of a variable", "name is missing after export"),
    "quote": ("this quote is never closed",),
    "format": ("invalid interpolation format",),
    "required": ("required variable ",),
}

SHELL = {"K": "shell", "L": ""}
WORDS = ["K", "L2", "export ", "${K}", "${N:-d}", "$$", " #", "\r\n", *"==:'\"\\$# \t\n\n\xa0\u2003\x1cé.-[!0n"]
files = st.lists(st.sampled_from(WORDS), max_size=25).map("".join)


def attempt(text: str, environment: dict[str, str], raw: bool) -> list[Entry] | DotenvError:
    try:
        return parse(text, environment, raw=raw)
    except DotenvError as error:
        return error


@pytest.mark.parametrize("case", FILES["cases"], ids=lambda case: repr(case["file"]))
def test_compose_reads_the_same(case: dict[str, Any]) -> None:
    _check(case, FILES["environment"], raw=False)


@pytest.mark.parametrize("case", RAW_FILES["cases"], ids=lambda case: repr(case["file"]))
def test_compose_reads_the_same_in_raw_format(case: dict[str, Any]) -> None:
    _check(case, RAW_FILES["environment"], raw=True)


def _check(case: dict[str, Any], environment: dict[str, str], raw: bool) -> None:
    result = attempt(case["file"], environment, raw)
    if "refused" in case:
        assert isinstance(result, DotenvError)
        assert any(words in result.reason for words in REASONS[case["refused"]])
    else:
        assert not isinstance(result, DotenvError)
        assert variables(result) == case["variables"]
        _check_places(case["file"], result, environment, raw)


def _check_places(text: str, entries: list[Entry], environment: dict[str, str], raw: bool) -> None:
    end = 0
    for number, entry in enumerate(entries):
        span, value_span = entry.span, entry.value_span
        assert end <= span.start <= value_span.start <= value_span.end == span.end <= len(text)
        end = span.end
        assert entry.line == text.count("\n", 0, span.start) + 1
        shown = text[span.start : span.end]
        assert shown.startswith("export" if entry.exported else entry.name)
        assert span.start <= entry.name_span.start <= entry.name_span.end <= value_span.start
        assert text[entry.name_span.start : entry.name_span.end] == entry.name
        written = text[value_span.start : value_span.end]
        if entry.value is None:
            assert (written, entry.template) == ("", None)
            continue
        if entry.quote:
            assert (written[0], written[-1]) == (entry.quote, entry.quote)
        earlier = variables(entries[:number])
        assert entry.template is not None
        assert interpolate(entry.template, {**earlier, **environment}).value == entry.value
        (again,) = parse(f"K={written}\r\n", environment, earlier=earlier, raw=raw)
        assert (again.value, again.quote, again.references) == (entry.value, entry.quote, entry.references)


def test_spans_quotes_and_references() -> None:
    text = "# c\r\nexport A = \"x\\$ $B ${C:-${D}}$B\" # e\r\n  E='$F'G=${A} #\r\nH\r\n"
    entries = parse(text, {"B": "b", "H": "shell"})
    assert [(e.name, e.value, e.template, e.references, e.passed) for e in entries] == [
        ("A", "x$ b b", "x$$ $B ${C:-${D}}$B", ("B", "C", "D"), None),
        ("E", "$F", "$$F", (), None),
        ("G", "x$ b b", "${A}", ("A",), None),
        ("H", None, None, (), "shell"),
    ]
    assert [(e.span, e.name_span, e.value_span, e.quote, e.exported, e.line) for e in entries] == [
        (Span(5, 37), Span(12, 13), Span(16, 37), '"', True, 2),
        (Span(45, 51), Span(45, 46), Span(47, 51), "'", False, 3),
        (Span(51, 57), Span(51, 52), Span(53, 57), "", False, 3),
        (Span(61, 62), Span(61, 62), Span(62, 62), "", False, 4),
    ]


def test_a_byte_order_mark_counts_as_a_character() -> None:
    for raw in (False, True):
        (entry,) = parse("\ufeffK=v\r\n", {}, raw=raw)
        assert (entry.name, entry.value, entry.span, entry.value_span) == ("K", "v", Span(1, 4), Span(3, 4))


def test_in_a_dotenv_the_shell_beats_the_lines_above_also_when_it_is_empty() -> None:
    entries = parse("K=1\nE=1\nN=1\nL=$K|$E|$N\n", {"K": "shell", "E": ""})
    assert variables(entries) == {"K": "1", "E": "1", "N": "1", "L": "shell||1"}


def test_references_only_look_backwards_and_see_the_latest_value() -> None:
    assert variables(parse("L=<$K>\nK=1\nM=$K\nK=2\nN=$K\n", {})) == {"L": "<>", "K": "2", "M": "1", "N": "2"}


def test_in_an_env_file_the_project_beats_the_service_beats_the_lines_above_beats_earlier_files() -> None:
    project, service = {"P": "p", "S": "dot"}, {"E": "e", "Z": "", "R": "p", "P": "no"}
    first = parse("E=a\nN=a\nS=a\nZ=a\nFA=fa\nFB=fb\n", project, service=service)
    second = parse(
        "FB=2\nQ=$E|$N|$S|$Z|$FA|$FB|$R|$P\nE\nZ\nP\nN\nFA\n", project, service=service, earlier=variables(first)
    )
    # a pass-through sees neither lines nor files
    assert variables(second) == {"FB": "2", "Q": "e|a|dot||fa|2|p|p", "E": "e", "Z": "", "P": "p"}


def test_a_pass_through_says_nothing_itself() -> None:
    set_entry, unset_entry = parse("A\nexport B\n", {"A": "1"})
    assert (set_entry.value, set_entry.passed) == (None, "1")
    assert (unset_entry.value, unset_entry.passed, unset_entry.exported) == (None, None, True)
    assert variables([set_entry, unset_entry]) == {"A": "1"}


def test_errors_have_a_place_and_no_value() -> None:
    for text, line, column in [
        ("A=1\nB='hunter2\nC=1\n", 2, 3),
        ("A=1\r\n hunter2! =1\r\n", 2, 9),
        ("A=hunter2\n\nB C=hunter2\n", 3, 1),
        ("A=1\nB=a${hunter2\n", 2, 3),
        ("A=1\nB=${C:?hunter2}\n", 2, 3),
        ("A=1\nexport ", 2, 1),
    ]:
        with pytest.raises(DotenvError) as caught:
            parse(text, {})
        assert (caught.value.line, caught.value.column) == (line, column)
        assert "hunter2" not in f"{caught.value}{caught.value!r}"


def test_an_entry_does_not_show_its_value() -> None:
    assert "hunter2" not in repr(parse("A=hunter2\nB\n", {"B": "hunter2"}))


@pytest.mark.parametrize(
    ("length", "end", "accepted"),
    [(65_535, "\n", True), (65_534, "\r\n", True), (65_536, "\n", False), (65_536, "", False), (65_535, "\r\n", False)],
)
def test_lines_in_raw_format_have_a_limit(length: int, end: str, accepted: bool) -> None:
    text = "é=" + "x" * (length - 3) + end
    if accepted:
        assert len(variables(parse(text, {}, raw=True))["é"]) == length - 3
    else:
        with pytest.raises(DotenvError, match="65,535 bytes"):
            parse(text, {}, raw=True)


@given(files, st.booleans())
def test_only_dotenv_errors_are_raised_and_places_are_exact(text: str, raw: bool) -> None:
    environment = {"K": "v", "EMPTY": ""}
    result = attempt(text, environment, raw)
    if isinstance(result, DotenvError):
        lines = text.split("\n")
        assert 1 <= result.line <= len(lines)
        assert 1 <= result.column <= len(lines[result.line - 1]) + 1
    else:
        _check_places(text, result, environment, raw)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_quoted_value_reads_back(value: str) -> None:
    spelling = quote(value)
    assert "\n" not in spelling
    lookup = {"x": "no", "K": "no"}
    for text in (f"K={spelling}", f"K={spelling}\n", f"K={spelling}\r\n", f"A=1\nexport K={spelling} \nB='2'\n"):
        entry = next(entry for entry in parse(text, lookup) if entry.name == "K")
        assert entry.value == value
        assert text[entry.value_span.start : entry.value_span.end] == spelling


@given(st.text(alphabet="'\"\\$ #n\n{}ax").filter(bool))
def test_quotes_backslashes_and_dollars_read_back(value: str) -> None:
    (entry,) = parse(f"K={quote(value)}\n", {"a": "no", "x": "no"})
    assert entry.value == value


def test_the_simplest_spelling_is_taken() -> None:
    assert quote("") == ""
    assert quote("aB9_./:@%+,=-") == "aB9_./:@%+,=-"
    assert quote('p$w`"#\\n x') == "'p$w`\"#\\n x'"
    assert quote("it's") == r"'it\'s'"
    assert quote("ends in \\") == r'"ends in \\"'
    assert quote("line\nline\r\n") == r'"line\nline\r\n"'


@given(st.text(alphabet="'\"\\$ #\n{}ax"), st.sampled_from("'\""))
def test_the_quotes_that_are_asked_for_are_used_where_they_can_be(value: str, mark: str) -> None:
    (entry,) = parse(f"K={quote(value, mark)}\n", {"a": "no", "x": "no"})
    assert entry.value == value
    assert entry.quote == mark or (mark == "'" and entry.quote == '"' and ("\\" in value or "\n" in value))


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_variable_can_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote(value)


def _generate(choose: random.Random) -> str:
    soup = [*"KLab=:'\"\\$# \t\n.-0", "${K}", "${U:-d}", "$$", " #", "\\n", '\\"', "\\'", "\r\n", "é"]
    lines = []
    for _ in range(choose.randint(1, 4)):
        value = "".join(choose.choices(soup, k=choose.randint(0, 7)))
        mark = choose.choice(["", "", "'", '"'])
        if choose.random() < 0.9:
            name = choose.choice(["K", "L", "export M", " N", "O ", "x.y-z[0]"])
            value = f"{name}{choose.choice(['=', '=', '= ', ':', ' = '])}{mark}{value}{mark}"
        lines.append(value + choose.choice(["\n", "\n", "\r\n", " # c\n", ""]))
    return "".join(lines)


@pytest.fixture
def compose(tmp_path: Path) -> Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]:
    """Runs ``docker compose config`` for services in ``tmp_path``."""
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")

    def config(services: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
        command = ["docker", "compose", "config", "--format", "json"]
        return subprocess.run(command, cwd=tmp_path, env={**os.environ, **SHELL}, capture_output=True, text=True)

    return config


def shown(values: dict[str, str]) -> dict[str, str]:
    """As ``config`` prints them: every literal dollar twice."""
    return {name.replace("$", "$$"): value.replace("$", "$$") for name, value in values.items()}


@pytest.mark.engine
def test_generated_files_mean_the_same_to_compose(
    tmp_path: Path, compose: Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]
) -> None:
    def service(case: tuple[str, bool]) -> dict[str, Any]:
        name = f"{len(list(tmp_path.iterdir()))}.env"
        (tmp_path / name).write_bytes(case[0].encode())
        return {"image": "i", "env_file": [{"path": name, **({"format": "raw"} if case[1] else {})}]}

    choose = random.Random(20)
    accepted: dict[tuple[str, bool], dict[str, str]] = {}
    refused: list[tuple[str, bool]] = []
    for number in range(600):
        case = (_generate(choose), number % 5 == 0)
        result = attempt(case[0], SHELL, case[1])
        if isinstance(result, DotenvError):
            refused.append(case)
        else:
            accepted[case] = variables(result)
    assert len(accepted) > 300
    run = compose({f"s{number}": service(case) for number, case in enumerate(accepted)})
    assert run.returncode == 0, run.stderr
    observed = json.loads(run.stdout)["services"]
    for number, (case, expected) in enumerate(accepted.items()):
        assert observed[f"s{number}"].get("environment", {}) == shown(expected), case
    for case in choose.sample(refused, 6):
        run = compose({"a": service(case)})
        assert run.returncode == 1, case
        assert "failed to read" in run.stderr or "failed to parse env_file" in run.stderr


@pytest.mark.engine
def test_compose_reads_quoted_values_back(
    tmp_path: Path, compose: Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]
) -> None:
    choose = random.Random(20)
    soup = [*"aZ0'\"\\$#{}:=-_!`%~ \t\n\r\x07\x1c\x7f\x85\xa0\u2028é\ufeff", "$SHELL", "${K}", " #", "\\n"]
    values = {f"V{number}": "".join(choose.choices(soup, k=choose.randint(0, 9))) for number in range(600)}
    text = "".join(f"{name}={quote(value)}\n" for name, value in values.items())
    (tmp_path / ".env").write_bytes(text.encode())
    as_dotenv = {"image": "i", "environment": dict.fromkeys(values)}
    run = compose({"dotenv": as_dotenv, "file": {"image": "i", "env_file": ".env"}})
    assert run.returncode == 0, run.stderr
    observed = json.loads(run.stdout)["services"]
    assert observed["dotenv"]["environment"] == shown(values)
    assert observed["file"]["environment"] == shown(values)
