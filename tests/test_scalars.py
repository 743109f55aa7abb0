"""Scalars against what Compose 2.40 was observed to make of them (vectors/scalars.json, vectors/modes.json)."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import MappingStartEvent, ScalarEvent

from dsec_migrate.compose.interpolation import interpolate
from dsec_migrate.compose.scalars import ScalarError, Timestamp, Value, environment_text, file_mode, resolve

VECTORS = Path(__file__).parent / "vectors"
SCALARS: dict[str, Any] = json.loads((VECTORS / "scalars.json").read_text("utf-8"))
MODES: dict[str, Any] = json.loads((VECTORS / "modes.json").read_text("utf-8"))


def read(yaml: str) -> Value:
    """What ``K: yaml`` means. Raises YAMLError when it is no YAML, TypeError when it is no scalar."""
    events = list(YAML(typ="safe", pure=True).parse(f"K: {yaml}\n"))
    mapping = next(number for number, event in enumerate(events) if isinstance(event, MappingStartEvent))
    value = events[mapping + 2]
    if not isinstance(value, ScalarEvent):
        raise TypeError("not a scalar")
    return resolve(value.value, value.tag, plain=not value.style)


@pytest.mark.parametrize("case", SCALARS["cases"], ids=lambda case: repr(case["yaml"]))
def test_the_container_gets_what_compose_gives_it(case: dict[str, Any]) -> None:
    kind = case.get("refused")
    if kind is None:
        text = environment_text(read(case["yaml"]))
        assert (text and interpolate(text, {}).value) == case["environment"]
    elif kind == "timestamp":
        value = read(case["yaml"])
        assert isinstance(value, Timestamp)
        with pytest.raises(ScalarError, match="date"):
            environment_text(value)
    elif kind == "tag":
        with pytest.raises(ScalarError, match="!!"):
            read(case["yaml"])
    else:
        # refused before a scalar is looked at: no YAML, an alias or a collection
        assert kind in ("yaml", "type")
        with pytest.raises((YAMLError, TypeError)):
            read(case["yaml"])


@pytest.mark.parametrize("case", MODES["cases"], ids=lambda case: case["yaml"])
def test_a_mode_is_a_number_or_octal_digits_in_quotes(case: dict[str, Any]) -> None:
    value = read(case["yaml"])
    if isinstance(value, str):
        value = interpolate(value, {"M": "0400"}).value
    if case["mode"] is None:
        with pytest.raises(ScalarError):
            file_mode(value)
    else:
        assert f"0{file_mode(value):o}" == case["mode"]


def test_a_negative_mode_is_refused() -> None:
    for value in (-1, "-400"):
        with pytest.raises(ScalarError):
            file_mode(value)


@pytest.mark.parametrize("case", MODES["owners"], ids=lambda case: case["uid"])
def test_compose_takes_an_owner_only_when_it_reads_as_a_string(case: dict[str, Any]) -> None:
    assert (isinstance(read(case["uid"]), str) and isinstance(read(case["gid"]), str)) is case["accepted"]


@pytest.mark.parametrize(
    ("text", "tag", "plain", "expected"),
    [
        ("", None, True, None),
        ("", None, False, ""),
        ("~", None, True, None),
        ("~", None, False, "~"),
        ("True", None, True, True),
        ("yes", None, True, "yes"),
        ("0123", None, True, 83),
        ("0123", None, False, "0123"),
        ("0123", "!!str", True, "0123"),
        ("0123", "tag:yaml.org,2002:str", True, "0123"),
        ("0123", "!", True, 83),
        ("0123", "!", False, "0123"),
        ("0123", "!vault", True, "0123"),
        ("", "!vault", True, ""),
        ("0123", "!!int", False, 83),
        ("5", "!!float", True, 5.0),
        ("1.50", None, True, 1.5),
        ("0888", None, True, 888.0),
        (".inf", None, True, math.inf),
        ("18446744073709551615", None, True, 2**64 - 1),
        ("18446744073709551616", None, True, 18446744073709551616.0),
        ("<<", None, True, "<<"),
        ("aGVs\nbG8=\r\n", "!!binary", False, "hello"),
        ("2024-01-02", None, True, Timestamp("2024-01-02")),
        ("2024-01-02", None, False, "2024-01-02"),
        ("2024-01-02", "!!timestamp", False, Timestamp("2024-01-02")),
    ],
)
def test_types(text: str, tag: str | None, plain: bool, expected: Value) -> None:
    value = resolve(text, tag, plain)
    assert (type(value), value) == (type(expected), expected)


def test_binary_that_is_no_text_is_refused() -> None:
    with pytest.raises(ScalarError, match="UTF-8"):
        resolve("//79", "!!binary")


def test_thousands_of_digits_are_a_float_or_a_string() -> None:
    assert resolve("9" * 300) == 1e300
    assert resolve("9" * 5000) == "9" * 5000
    assert resolve("0" * 5000 + "1") == 1


def test_neither_messages_nor_representations_hold_the_value() -> None:
    assert "2031" not in repr(Timestamp("2031-01-02"))
    for text, tag in (("hunter2", "!!int"), ("hunter2*", "!!binary"), ("2031-01-02", "!!bool")):
        with pytest.raises(ScalarError) as caught:
            resolve(text, tag)
        assert "hunter2" not in str(caught.value)
        assert "2031" not in str(caught.value)
    with pytest.raises(ScalarError) as caught:
        environment_text(Timestamp("2031-01-02"))
    assert "2031" not in str(caught.value)


@given(st.text(), st.booleans())
def test_a_scalar_without_a_tag_is_always_readable(text: str, plain: bool) -> None:
    value = resolve(text, None, plain)
    if not plain or isinstance(value, str):
        assert value == text


@given(st.text(alphabet="0123456789+-._:eExXoObBTtZz nNaAiIfF", max_size=30))
def test_what_looks_like_a_number_is_always_readable(text: str) -> None:
    value = resolve(text)
    if isinstance(value, Timestamp):
        assert value.text == text
    else:
        assert environment_text(value) is None or text


@given(st.integers(-(2**63), 2**64 - 1))
def test_decimal_integers_keep_their_digits(number: int) -> None:
    assert environment_text(resolve(str(number))) == str(number)


@given(st.floats(allow_nan=False))
@example(1e5)
@example(1e6)
@example(0.0001)
@example(0.00001)
@example(-0.0)
@example(5e-324)
def test_the_text_of_a_float_reads_back_as_the_same_float(number: float) -> None:
    text = environment_text(number)
    assert text is not None
    back = float(text)
    assert (back, math.copysign(1, back)) == (number, math.copysign(1, number))


def _generate(choose: random.Random) -> str:
    kind = choose.randrange(5)
    if kind == 0:
        return "".join(choose.choices("0123456789_", k=choose.randint(1, 12)))
    if kind == 1:
        sign, prefix = choose.choice(["", "-", "+"]), choose.choice(["0x", "0X", "0b", "0o", "0", "0O", "0B", ""])
        return sign + prefix + "".join(choose.choices("01234567_89abF", k=choose.randint(0, 20)))
    if kind == 2:
        number = choose.choice([choose.random(), choose.randint(0, 10**6) / 8, choose.uniform(-1e22, 1e22)])
        return choose.choice([f"{number!r}", f"{number:.3e}", f"{number:.0f}.", f"{number:.2f}"])
    if kind == 3:
        return ".".join("".join(choose.choices("0123456789_eE+-", k=choose.randint(0, 6))) for _ in range(2))
    date = f"{choose.randint(0, 9999):04}-{choose.randint(0, 13)}-{choose.randint(0, 32):0{choose.randint(1, 2)}}"
    clock = ":".join(str(choose.randint(0, 61)) for _ in range(choose.choice([2, 3, 3, 3])))
    zone = choose.choice(["", "Z", "+01:00", "-23:59", "+25:00", "+01:60", ".5", ",25Z", ".1+00:61", "z"])
    return choose.choice([date, date, date + choose.choice(["T", "t", " ", "  "]) + clock + zone])


@pytest.mark.engine
def test_generated_scalars_mean_the_same_to_compose(tmp_path: Path) -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")
    choose = random.Random(20)
    texts = [text for text in dict.fromkeys(_generate(choose) for _ in range(900)) if text not in ("", "-")]
    values = {f"K{number}": (text, resolve(text)) for number, text in enumerate(texts)}
    dates = {key: text for key, (text, value) in values.items() if isinstance(value, Timestamp)}
    accepted = {key: text for key, (text, value) in values.items() if key not in dates}
    assert len(dates) > 20
    assert len(accepted) > 400
    # an extension shows a timestamp in its normal form; environment refuses it
    lines = [f"  {key}: {text}" for key, text in dates.items()]
    lines += ["services:", "  a:", "    image: i", "    environment:"]
    lines += [f"      {key}: {text}" for key, text in accepted.items()]
    (tmp_path / "compose.yaml").write_text("\n".join(["x-dates:", *lines, ""]))
    run = subprocess.run(["docker", "compose", "config", "--format", "json"], cwd=tmp_path, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    observed = json.loads(run.stdout)
    assert observed["services"]["a"]["environment"] == {key: environment_text(values[key][1]) for key in accepted}
    for key, text in dates.items():
        year, month, day = (int(digits) for digits in re.findall("[0-9]+", text)[:3])
        assert observed["x-dates"][key].startswith(f"{year:04}-{month:02}-{day:02}T")


@settings(max_examples=examples(20))
@given(st.sampled_from(["!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary"]), st.text(max_size=12))
def test_a_tag_that_does_not_fit_raises_nothing_but_a_scalar_error(tag: str, text: str) -> None:
    try:
        value = resolve(text, tag)
    except ScalarError:
        return
    assert isinstance(value, str) is (tag == "!!binary")
