"""The script of a wrapper, run by real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsec_migrate.planning import wrapper_script
from dsec_migrate.planning.wrapper_script import Frame, Supply

SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
# a variable holds no NUL
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}X", fullmatch=True)


def run(script: str, *words: str, shell: str = "sh") -> subprocess.CompletedProcess[bytes]:
    command = [shell, wrapper_script.OPTIONS, script, wrapper_script.NAME, *words]
    return subprocess.run(command, capture_output=True, env={"PATH": os.environ["PATH"]}, check=False)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(NAMES, VALUES, min_size=1, max_size=3))
def test_every_value_arrives_byte_for_byte(shell: str, values: dict[str, str], tmp_path: Path) -> None:
    for name, value in values.items():
        (tmp_path / name.lower()).write_bytes(value.encode())
    script = wrapper_script.script([Supply(name, str(tmp_path / name.lower())) for name in values], "a comment")
    result = run(script, "env", "-0", shell=shell)
    assert result.returncode == 0
    variables = dict(line.split(b"=", 1) for line in result.stdout.split(b"\0") if line)
    assert {name: variables[name.encode()] for name in values} == {n: v.encode() for n, v in values.items()}


@pytest.mark.parametrize("shell", SHELLS)
def test_arguments_and_exit_status_are_those_of_the_program(shell: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"value")
    script = wrapper_script.script([Supply("X", str(tmp_path / "x"))])
    result = run(
        script, "sh", "-c", 'printf "%s|" "$X" "$@"; exit 17', "zero", "one two", "", "$HOME", "*", shell=shell
    )
    assert (result.returncode, result.stdout) == (17, b"value|one two||$HOME|*|")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_missing_file_is_no_empty_value(shell: str, tmp_path: Path) -> None:
    result = run(wrapper_script.script([Supply("X", str(tmp_path / "missing"))]), "echo", "started", shell=shell)
    assert result.returncode != 0
    assert result.stdout == b""
    assert b"missing" in result.stderr


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("value", ["plain", "a b  c", "$HOME `x` \\ \" '", "*", "-n", "/run/secrets/other"])
def test_an_argument_is_what_the_file_holds(shell: str, value: str, tmp_path: Path) -> None:
    path, longer = tmp_path / "pass", tmp_path / "pass_two"
    path.write_text(value, encoding="utf-8")
    longer.write_text("second", encoding="utf-8")
    script = wrapper_script.script([], arguments=[str(path), str(longer)])
    words = ["--pass", str(path), f"--url=redis://:{longer}@db", "", "two words", "$X", "--plain"]
    result = run(script, "sh", "-c", 'printf "%s|" "$@"', "zero", *words, shell=shell)
    assert result.stdout.decode() == f"--pass|{value}|--url=redis://:second@db||two words|$X|--plain|"


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_starts_without_the_file_of_an_argument(shell: str, tmp_path: Path) -> None:
    result = run(wrapper_script.script([], arguments=[f"{tmp_path}/no"]), "echo", f"{tmp_path}/no", shell=shell)
    assert result.returncode != 0
    assert result.stdout == b""


PATHS = st.from_regex(r"/run/secrets/[a-z0-9_.-]{1,9}", fullmatch=True)
ENCODED = st.none() | st.text("!*(),;=+&:@/%$ ", max_size=6)
AROUND = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)


@given(variables=st.dictionaries(NAMES, st.tuples(PATHS, AROUND, AROUND, ENCODED)), arguments=st.sets(PATHS))
def test_a_script_is_read_back(variables: dict[str, tuple[str, str, str, str | None]], arguments: set[str]) -> None:
    supplies = [
        Supply(name, path, Frame(before, behind, wrapper_script.kept_in(encoded) if encoded is not None else ""))
        for name, (path, before, behind, encoded) in variables.items()
    ]
    text = wrapper_script.script(supplies, "why", arguments)
    words = ["/bin/sh", "-ec", text, "sh", "start", "$1"]
    found = wrapper_script.read(words)
    assert found is not None
    assert list(found.variables.values()) == supplies
    assert (set(found.arguments), found.words) == (arguments, ["start", "$1"])


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=VALUES, kept=ENCODED)
def test_a_password_is_encoded_for_its_url(shell: str, password: str, kept: str | None, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(password.encode())
    frame = Frame("a://u:", "@h/", wrapper_script.kept_in(kept or ""))
    result = run(wrapper_script.script([Supply("X", str(tmp_path / "x"), frame)]), "env", "-0", shell=shell)
    assert f"X={frame.around(password)}".encode() in result.stdout.split(b"\0")
    encoded = frame.around(password).removeprefix(frame.before).removesuffix(frame.behind)
    assert unquote(encoded) == password
    assert set(encoded) & set("@/?#[] $") == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_what_stands_around_a_secret_is_put_together(shell: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("pass$word\n", encoding="utf-8")
    supply = Supply("X", str(tmp_path / "x"), Frame('a://"u`s$e\\r:', "@h/?q='$(id)'"))
    result = run(wrapper_script.script([supply]), "sh", "-c", 'printf %s "$X"', shell=shell)
    assert result.stdout.decode() == "a://\"u`s$e\\r:pass$word\n@h/?q='$(id)'"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["/bin/sh", "-ec", 'exec "$@"'],
        ["/bin/sh", "-c", 'exec "$@"\n', "sh"],
        ["/bin/zsh", "-ec", 'exec "$@"\n', "sh"],
        ["/bin/sh", "-ec", 'echo\nexec "$@"\n', "sh"],
        ["/bin/sh", "-ec", 'A="$(cat /a && printf x)"\nexport B="${B%x}"\nexec "$@"\n', "sh"],
        ["/bin/sh", "-ec", "", "sh"],
        ["/bin/sh", "-ec", 'for word do\n  shift\n  rm "$word"\ndone\nexec "$@"\n', "sh"],
        ["/bin/sh", "-ec", 'for word do\n  shift\nexec "$@"\n', "sh"],
    ],
)
def test_other_entrypoints_are_no_wrappers(words: list[str]) -> None:
    assert wrapper_script.read(words) is None
