"""What a new colleague is given: names and meaning, and no value of a secret."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_env_file import NAMES, generate

from dsec_migrate import cli
from dsec_migrate.compose.dotenv import DotenvError, parse, variables
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.placeholder import is_telling
from dsec_migrate.planning.templates import (
    MARKER,
    Described,
    EnvText,
    ReadVariable,
    TextFile,
    env_example,
    missing_in_example,
    secrets_readme,
    text_files,
)
from dsec_migrate.text.secret import Secret

ENV = """\
# The shop. Ask Bob.
# old database password: Tulip.Harbor.41

# --- database ---
# rotated last spring
DB_PASSWORD=Tulip.Harbor.41 # from the vault, was Tulip.Harbor.41
export DB_PORT = 5432   # as in pg_hba.conf
# DB_SSL=hunter2

# not used any more
UNUSED=hunter2
# --- mail ---
MAIL_HOST='mail.example.org'
MAIL_URL=smtp://me:hunter2@mail
PASS_THROUGH
# SENTRY_DSN=https://key@sentry.example/1
"""
READ = [
    ReadVariable("MAIL_URL", is_harmless=True),
    ReadVariable("MAIL_HOST", is_harmless=True),
    ReadVariable("DB_PORT", is_harmless=True),
    ReadVariable("DB_PASSWORD"),
    ReadVariable("PASS_THROUGH"),
    ReadVariable("LOG_LEVEL", meaning="how much is logged"),
]
EXAMPLE = """\
# The shop. Ask Bob.

# --- database ---
# rotated last spring
DB_PASSWORD=
export DB_PORT = 5432 # as in pg_hba.conf

# DB_SSL=

# --- mail ---
MAIL_HOST='mail.example.org'
MAIL_URL=
PASS_THROUGH
# how much is logged
LOG_LEVEL=

# SENTRY_DSN=

# Secrets are not set here, each is a file: see secrets/README.md
"""
SECRETS = [
    Described("db_password", SourceKind.FILE, "./secrets/db_password.txt", 0o600, services=("db",), variables=("PW",)),
    Described(
        "api_key", SourceKind.FILE, "./secrets/api_key.txt", services=("web", "jobs"), variables=("API_KEY",),
        meaning="key of the payment | service",
    ),
    Described("mail", SourceKind.ENVIRONMENT, variable="MAIL_PW", services=("web",), variables=("MAIL_PASSWORD",)),
]  # fmt: skip


def env(text: str, *values: str) -> EnvText:
    return EnvText(text, tuple(parse(text, {})), tuple(map(Secret, values)))


def test_an_example_follows_the_file_without_its_values() -> None:
    assert env_example(env(ENV), READ, "secrets") == EXAMPLE
    assert env_example(env(ENV.replace("\n", "\r\n")), READ, "secrets") == EXAMPLE.replace("\n", "\r\n")
    assert env_example(env("\ufeff" + ENV), READ, "secrets") == EXAMPLE


def test_comments_tell_no_value_that_is_known_from_elsewhere() -> None:
    text = "# like lantern reef 88\n# fine\nA=1\n"
    assert env_example(env(text, "lantern reef 88"), [ReadVariable("A")]) == "# fine\nA=\n"
    assert "lantern" not in repr(env(text, "lantern reef 88"))


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("# 5fK2xQ8wRz1uN6cB", ""),
        ("# postgres://u:hunter2@db/x", ""),
        ("# see https://example.org/docs/setup", "# see https://example.org/docs/setup\n"),
        ("#export OLD=hunter2", "#export OLD=\n"),
        ("## TOKEN = hunter2", "## TOKEN =\n"),
        ("# the password: ask Bob", "# the password: ask Bob\n"),
    ],
)
def test_comments_that_may_hold_a_secret_go(comment: str, kept: str) -> None:
    assert env_example(env(f"{comment}\nA=1\n"), [ReadVariable("A")]) == f"{kept}A=\n"


def test_a_comment_never_becomes_the_value() -> None:
    text = env_example(env("A=hunter2 # why\nB='x y' # because\n"), [ReadVariable("A"), ReadVariable("B", True)])
    assert text == "# why\nA=\nB='x y' # because\n"
    assert variables(parse(text, {})) == {"A": "", "B": "x y"}
    assert env_example(env("A=\u2003 # why\n"), [ReadVariable("A", is_harmless=True)]) == "# why\nA=\n"


def test_the_last_of_several_lines_counts_and_lines_can_be_shared() -> None:
    text = "A=1\nB=\"2\" C='3' # c\nA=4\n"
    known = [ReadVariable(name, is_harmless=True) for name in "ABC"]
    assert env_example(env(text), known) == "A=4\nB=\"2\"\nC='3' # c\n"


def test_without_anything_to_fill_in_there_is_no_example() -> None:
    assert env_example(env(ENV), [], "secrets") == ""
    assert env_example(EnvText(), []) == ""
    assert env_example(EnvText(), [ReadVariable("A", True)]) == "A=\n"


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_no_value_of_a_random_file_gets_into_its_example(
    choose: random.Random, read: set[str], harmless: set[str]
) -> None:
    text = generate(choose, raw=False)
    try:
        entries = parse(text, {})
    except DotenvError:
        assume(False)
    known = [ReadVariable(name, name in harmless) for name in sorted(read)]
    example = env_example(EnvText(text, tuple(entries)), known)
    again = parse(example, {})
    # (a last line NAME without a line break sets a variable without name)
    assert {entry.name for entry in again} == read
    final = {entry.name: entry for entry in entries}
    for entry in again:
        if entry.name not in harmless:
            assert not entry.value
        elif entry.value:
            assert entry.template == final[entry.name].template
    shown = {entry.value for entry in again if entry.value}
    for entry in entries:
        if entry.value and entry.name not in read & harmless and is_telling(entry.value) and entry.value not in shown:
            assert not any(entry.value in line for line in example.split("\n") if line.startswith("#"))
    assert missing_in_example(example, EnvText(text, tuple(entries)), known) == ""


def test_an_example_that_is_there_only_gets_what_it_lacks() -> None:
    present = "# DB_PORT=5432\r\nexport MAIL_HOST: x\r\n\ufeffPASS_THROUGH"
    assert missing_in_example(present, env(ENV), READ) == (
        "\r\n# --- database ---\r\n# rotated last spring\r\nDB_PASSWORD=\r\n"
        "MAIL_URL=\r\n# how much is logged\r\nLOG_LEVEL=\r\n"
    )
    assert missing_in_example(EXAMPLE, env(ENV), READ) == ""
    assert missing_in_example("", env("A=1\n"), [ReadVariable("A")]) == "A=\n"


def test_the_readme_says_what_each_secret_is() -> None:
    text = secrets_readme(SECRETS, "secrets")
    assert text.startswith(MARKER)
    assert "| `./secrets/db_password.txt` | `PW` | db | 0600 |\n" in text
    assert "| `./secrets/api_key.txt` | key of the payment \\| service | web, jobs (`API_KEY_FILE`) | 0444 |\n" in text
    assert "| `MAIL_PW` | `MAIL_PASSWORD` | web |\n" in text
    only_variables = secrets_readme(SECRETS[2:], "secrets")
    assert "printf" not in only_variables
    assert "Swarm" not in text
    external = secrets_readme([Described("pw", SourceKind.EXTERNAL, "./secrets/pw.txt", 0o600)], "secrets")
    assert "Swarm holds `pw`; `create-secrets.sh`" in external


@pytest.mark.skipif(os.name == "nt", reason="runs bash")
@pytest.mark.parametrize("folder", ["secrets", "my secrets"])
def test_the_commands_of_the_readme_make_the_file(tmp_path: Path, folder: str) -> None:
    secret = Described("pw", SourceKind.FILE, f"${{DIR}}/{folder}/pw.txt", 0o440)
    _, by_hand, _, random_value, _ = secrets_readme([secret], folder).split("```")
    for block, expected in ((by_hand, b" p$w\\ "), (random_value, None)):
        script = block.removeprefix("sh\n")
        subprocess.run(["bash", "-euc", script], cwd=tmp_path, input=b" p$w\\ \n", check=True)
        path = tmp_path / folder / "pw.txt"
        data = path.read_bytes()
        assert data == expected or (expected is None and len(data) == 64 and data.isalnum())
        assert path.stat().st_mode & 0o777 == 0o440
        assert path.parent.stat().st_mode & 0o777 == 0o700
        path.unlink()


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", "/conf/secrets/*\n!/conf/secrets/README.md\n"),
        ("x", "x\n/conf/secrets/*\n!/conf/secrets/README.md\n"),
        ("/conf/secrets/\n*.log\n", "*.log\n/conf/secrets/*\n!/conf/secrets/README.md\n"),
        ("secrets\r\n", "secrets\r\n!/conf/secrets/\r\n/conf/secrets/*\r\n!/conf/secrets/README.md\r\n"),
        (
            "*.txt\nsecrets/\n/conf/secrets/*\n",
            "*.txt\nsecrets/\n!/conf/secrets/\n/conf/secrets/*\n!/conf/secrets/README.md\n",
        ),
    ],
)
def test_git_takes_in_the_readme_alone(
    before: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    Path("compose.yml").write_text(
        "services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: Knot-Groyne-77\n", "utf-8"
    )
    if before:
        Path(".gitignore").write_bytes(before.encode())
    for _ in range(2):
        with pytest.raises(SystemExit) as stop:
            cli.main(["--templates", "--write", "--no-docker", "--secrets-dir", "conf/secrets", "compose.yml"])
        assert stop.value.code == 0
        assert str(tmp_path) not in capsys.readouterr().out
        assert Path(".gitignore").read_bytes() == expected.encode()
        status = subprocess.run(
            ["git", "status", "--porcelain", "-uall", "conf"], check=True, capture_output=True, text=True
        )
        assert status.stdout == "?? conf/secrets/README.md\n"


def planned(present: Mapping[str, str]) -> list[TextFile]:
    directory = Path("/p")
    disk = {directory / name: text.encode() for name, text in present.items()}
    return text_files(directory, directory / "secrets", SECRETS, READ, env(ENV), disk.get)


def test_files_are_new_added_to_or_our_own() -> None:
    readme, example = Path("/p/secrets/README.md"), Path("/p/.env.example")
    new = planned({})
    assert [(file.path, file.append, file.replaces) for file in new] == [
        (example, False, False),
        (readme, False, False),
    ]
    assert new[0].text == EXAMPLE
    done = {file.path.relative_to("/p").as_posix(): file.text for file in new}
    assert planned(done) == []
    foreign = planned({".env.example": "DB_PASSWORD=\n", "secrets/README.md": "# mine\n"})
    assert [(file.path, file.append) for file in foreign] == [(example, True)]
    older = planned({**done, "secrets/README.md": f"{MARKER}\nold\n"})
    assert [(file.path, file.replaces) for file in older] == [(readme, True)]
    assert older[0].text == done["secrets/README.md"]


def test_a_folder_outside_of_the_project_is_not_ignored_by_it() -> None:
    files = text_files(Path("/p"), Path("/etc/s"), SECRETS, [], EnvText(), lambda _path: None)
    assert [file.path for file in files] == [Path("/etc/s/README.md")]
    assert "/etc/s/db_password.txt" in files[0].text
    assert text_files(Path("/p"), Path("/p/secrets"), [], [], EnvText(), lambda _path: None) == []


def test_no_text_holds_a_value() -> None:
    for file in planned({}):
        assert "hunter2" not in file.text
        assert "Tulip" not in file.text
