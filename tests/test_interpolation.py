"""Interpolation against what Compose 2.40 was observed to do (vectors/interpolation.json)."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsec_migrate.compose.interpolation import (
    Interpolated,
    InterpolationError,
    Reference,
    escape,
    interpolate,
    references,
)
from dsec_migrate.text import limits

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "interpolation.json").read_text("utf-8"))
VARIABLES: dict[str, str] = VECTORS["environment"]

templates = st.text(alphabet=st.sampled_from([*"$${}:-?+aB_1 \né"]))


def attempt(template: str, variables: dict[str, str]) -> Interpolated | InterpolationError:
    try:
        return interpolate(template, variables)
    except InterpolationError as error:
        return error


def mentioned(template: str) -> tuple[Reference, ...] | InterpolationError:
    try:
        return references(template)
    except InterpolationError as error:
        return error


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: repr(case["template"]))
def test_compose_does_the_same(case: dict[str, Any]) -> None:
    template = case["template"]
    if "error" not in case:
        result = interpolate(template, VARIABLES)
        assert (result.value, sorted(result.unset)) == (case["value"], sorted(case["unset"]))
        assert {reference.name for reference in references(template)} >= {*result.used, *result.unset}
        return
    with pytest.raises(InterpolationError) as caught:
        interpolate(template, VARIABLES)
    error = caught.value
    assert error.reason == case["error"]
    assert template[error.offset] == "$"
    if error.reason == "required":
        assert error.name == case["name"]
        # Compose interpolates the message; ours stays as the author wrote it, so that no value gets into it
        assert interpolate(error.message, VARIABLES).value == case["message"]
    else:
        with pytest.raises(InterpolationError, match="invalid interpolation format"):
            references(template)


def test_references_have_exact_places() -> None:
    template = "a $X ${Y:-b ${Z?c}} $$N ${W+}"
    assert references(template) == (
        Reference("X", 2, 4, "", "", 0),
        Reference("Y", 5, 19, ":-", "b ${Z?c}", 0),
        Reference("Z", 12, 18, "?", "c", 1),
        Reference("W", 24, 29, "+", "", 0),
    )


@pytest.mark.parametrize(
    ("template", "unset", "used"),
    [
        ("$A$B$A", (), ("A", "B")),
        ("$N$M$N", ("N", "M"), ("N", "M")),
        ("${A:-${B}}", (), ("A",)),
        ("${N:-${B}}", (), ("N", "B")),
        ("${A:+${B}}", (), ("A", "B")),
        ("${N:+${B}}", (), ("N",)),
        ("${A:-${N}}", ("N",), ("A",)),
        ("${E:-$B}${E-$N}", ("N",), ("E", "B")),
        ("${A?${N}}", ("N",), ("A",)),
        ("$$A", (), ()),
        ("plain", (), ()),
    ],
)
def test_which_names_took_part(template: str, unset: tuple[str, ...], used: tuple[str, ...]) -> None:
    result = interpolate(template, {"A": "1", "B": "2", "E": ""})
    assert (result.unset, result.used) == (unset, used)


def test_an_error_points_at_the_expression_and_tells_no_value() -> None:
    template = "x ${A:-${B:?set B to ${C}}}"
    with pytest.raises(InterpolationError) as caught:
        interpolate(template, {"A": "hunter2", "B": "", "C": "hunter2"})
    error = caught.value
    assert (error.reason, error.name, error.message, error.offset) == ("required", "B", "set B to ${C}", 7)
    assert "hunter2" not in f"{error}{error!r}"
    with pytest.raises(InterpolationError) as caught:
        interpolate("${A:-${hunter2!}}", {})
    assert (caught.value.reason, caught.value.offset) == ("format", 5)
    assert "hunter2" not in f"{caught.value}{caught.value!r}"


def test_references_are_nested_as_deep_as_the_limit_says() -> None:
    def nested(depth: int) -> str:
        return "${N:-" * depth + "end" + "}" * depth

    depth = limits.INTERPOLATION_DEPTH
    assert interpolate(nested(depth), {}).value == "end"
    assert references(nested(depth))[-1].depth == depth - 1
    for refused in (nested(depth + 1), nested(20_000), "${N:-{" * 20_000 + "}" * 20_000):
        with pytest.raises(InterpolationError) as caught:
            references(refused)
        assert caught.value.reason == "depth"


@pytest.mark.parametrize("template", ["$V$V", "${A:-$V$V}", "${V:-$V$V}", "${A:+$V$V}", "${A:-$V}$V", "${A:-${B:-$V}}"])
def test_a_value_unfolds_as_far_as_the_limit_says(template: str) -> None:
    value = "x" * (limits.UNFOLDED_CHARACTERS // 2 + 1)
    with pytest.raises(InterpolationError) as caught:
        interpolate(template, {"V": value})
    assert (caught.value.reason, str(caught.value)) == ("length", "the value expands to more than 1 MiB")
    assert interpolate("$V", {"V": value}).value == value
    # what stands in the text itself unfolds to nothing else
    assert interpolate(f"{value}{value}{value}$X", {"X": "end"}).value.endswith("xend")


@given(templates, st.dictionaries(st.sampled_from(["a", "B", "aB", "_"]), st.sampled_from(["", "v", "${x"])))
def test_only_interpolation_errors_are_raised(template: str, variables: dict[str, str]) -> None:
    found, result = mentioned(template), attempt(template, variables)
    if isinstance(found, InterpolationError):
        assert (found.reason, template[found.offset]) == ("format", "$")
        assert isinstance(result, InterpolationError)
    elif isinstance(result, InterpolationError):
        assert result.reason == "required"
        assert any((name, start) == (result.name, result.offset) for name, start, *_ in found)
    else:
        assert not {*result.unset} & {*variables}
        assert {*result.unset, *result.used} <= {reference.name for reference in found}


@given(templates)
def test_places_of_references_are_exact(template: str) -> None:
    found = mentioned(template)
    if isinstance(found, InterpolationError):
        return
    around: list[Reference] = []
    for reference in found:
        text = template[reference.start : reference.end]
        assert text in (f"${reference.name}", f"${{{reference.name}{reference.operator}{reference.branch}}}")
        # an expression means the same when it stands alone
        assert references(text)[0] == reference._replace(start=0, end=len(text), depth=0)
        del around[reference.depth :]
        assert len(around) == reference.depth
        if around:
            branch_end = around[-1].end - 1
            assert branch_end - len(around[-1].branch) <= reference.start < reference.end <= branch_end
        around.append(reference)


@given(st.text())
def test_escaped_text_comes_back(text: str) -> None:
    assert interpolate(escape(text), {}) == Interpolated(text, (), ())
    assert references(escape(text)) == ()


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert interpolate(text, {"a": "b"}) == Interpolated(text, (), ())
    assert references(text) == ()
    assert escape(text) == text


@given(st.text())
def test_values_are_not_interpolated_again(value: str) -> None:
    assert interpolate("<${K}|$K|${K-x}|${N-$K}>", {"K": value}).value == f"<{value}|{value}|{value}|{value}>"


def _generate(choose: random.Random, depth: int = 0) -> str:
    parts = []
    for _ in range(choose.randint(1, 3)):
        name = choose.choice(["SET", "EMPTY", "UNSET", "_u1", "set"])
        kind = choose.random()
        if kind < 0.5 and depth < 4:
            operator = choose.choice([":-", "-", ":+", "+", ":-", "-", ":?", "?"])
            parts.append(f"${{{name}{operator}{_generate(choose, depth + 1)}}}")
        elif kind < 0.6:
            parts.append(f"${{{name}}}")
        elif kind < 0.7:
            parts.append(f"${name}")
        else:
            soup = ["$", "$$", "{", "}", "x", "-", ":", "?", "+", " ", "1", '"', "\\", "\n", "{}", "é", "."]
            parts.append("".join(choose.choices(soup, k=choose.randint(0, 4))))
    return "".join(parts)


@pytest.mark.engine
def test_generated_templates_mean_the_same_to_compose(tmp_path: Path) -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")

    def config(values: dict[str, str]) -> subprocess.CompletedProcess[str]:
        # JSON is YAML
        compose = {"services": {"a": {"image": "i", "environment": values}}}
        (tmp_path / "compose.yaml").write_text(json.dumps(compose))
        command = ["docker", "compose", "config", "--format", "json"]
        return subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True)

    variables = {"SET": "v$SET}", "EMPTY": "", "set": "low"}
    choose = random.Random(20)
    accepted: dict[str, Interpolated] = {}
    refused: dict[str, InterpolationError] = {}
    for template in dict.fromkeys(_generate(choose) for _ in range(1_000)):
        result = attempt(template, variables)
        if isinstance(result, InterpolationError):
            refused[template] = result
        else:
            accepted[template] = result
    assert len(accepted) > 300
    run = config({f"K{number}": template for number, template in enumerate(accepted)})
    assert run.returncode == 0, run.stderr
    observed = json.loads(run.stdout)["services"]["a"]["environment"]
    # config prints every literal dollar twice
    values = [result.value for result in accepted.values()]
    assert observed == {f"K{number}": escape(value) for number, value in enumerate(values)}
    for name in {name for done in accepted.values() for name in done.unset}:
        assert f'The \\"{name}\\" variable is not set' in run.stderr
    for template, error in choose.sample(list(refused.items()), 6):
        run = config({"K": template})
        wanted = f"required variable {error.name} " if error.reason == "required" else "invalid interpolation format"
        assert run.returncode == 1, template
        assert wanted in run.stderr, template
