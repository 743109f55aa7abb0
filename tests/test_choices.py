"""Choices for single variables: names, sources, ways, and what stays for good."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import snapshot

from dsec_migrate.cli import conversions, entry
from dsec_migrate.cli.request import Request
from dsec_migrate.cli.resolution import options_of
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config import project_file
from dsec_migrate.config.options import Mount, Options, SourceKind, Target, Unknown
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import BAD_INPUT, DONE, ProjectOutcome
from dsec_migrate.planning.naming import is_valid, tells
from dsec_migrate.text.errors import UserError

TEXT = """\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: Fescue-Lathe-73
  web:
    image: acme/web
    entrypoint: [/bin/web]
    command: [serve]
    environment:
      API_TOKEN: Teal-Rail-4711
      SESSION_SALT: Crake-Moor-0815
      OUTER_TOKEN: ${OUTER_TOKEN}
  worker:
    image: acme/worker
    environment:
      API_TOKEN: Sedge-Dell-9120
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yml").write_text(TEXT, "utf-8")
    return tmp_path


def plan(folder: Path, options: Options, shell: Mapping[str, str] | None = None) -> ProjectOutcome:
    return pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), options, shell or {})


def names(outcome: ProjectOutcome) -> dict[str, str | None]:
    assert outcome.status == DONE, outcome.errors
    return {f"{finding.service}.{finding.variable}": finding.secret for finding in outcome.findings}


def say(*words: str) -> None:
    """The command line, which has to end well."""
    with pytest.raises(SystemExit) as stopped:
        entry.main(words)
    assert stopped.value.code == 0


def error(outcome: ProjectOutcome) -> str:
    assert outcome.status == BAD_INPUT
    assert not outcome.rewritten
    return outcome.errors[0].what


# --- names ---


def test_a_secret_gets_the_chosen_name_and_file(folder: Path) -> None:
    outcome = plan(folder, Options(rename=(("db.POSTGRES_PASSWORD", "main_db"), ("web.API_TOKEN", "shop.token-1"))))
    found = names(outcome)
    assert (found["db.POSTGRES_PASSWORD"], found["web.API_TOKEN"]) == ("main_db", "shop.token-1")
    # the other variable of that name has the plain one to itself now
    assert found["worker.API_TOKEN"] == "api_token"
    assert {file.path.name for file in outcome.plan.files if file.is_secret} >= {"main_db.txt", "shop.token-1.txt"}
    assert "/run/secrets/main_db" in outcome.rewritten[0].text


def test_without_a_choice_nothing_is_called_otherwise(folder: Path) -> None:
    assert names(plan(folder, Options(rename=(("db.OTHER", "x"),)))) == names(plan(folder, Options()))


@pytest.mark.parametrize(
    ("pairs", "what"),
    [
        ((("API_TOKEN", "token"),), "would be named token"),
        (
            (("web.API_TOKEN", "postgres_password"), ("POSTGRES_PASSWORD", "postgres_password")),
            "two secrets with different values or sources",
        ),
        ((("API_TOKEN", "a"), ("web.API_TOKEN", "a")), "would be named a"),
        ((("web.API_TOKEN", "x-teal-rail-4711"),), "would reveal the value"),
        ((("web.API_TOKEN", "Fescue-Lathe-73"),), "would reveal the value"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(folder: Path, pairs: tuple[tuple[str, str], ...], what: str) -> None:
    said = error(plan(folder, Options(rename=pairs)))
    assert what in said
    assert "teal-rail" not in said.lower()
    assert "Lathe" not in said


def test_a_name_of_the_project_is_taken(folder: Path) -> None:
    (folder / "compose.yml").write_text(TEXT + "secrets:\n  mine:\n    file: ./mine.txt\n", "utf-8")
    assert "the name mine is taken" in error(plan(folder, Options(rename=(("db.POSTGRES_PASSWORD", "mine"),))))


def test_a_secret_that_the_project_has_keeps_its_name(folder: Path) -> None:
    (folder / "compose.yml").write_text(
        TEXT + "secrets:\n  postgres_password:\n    file: ./postgres_password.txt\n", "utf-8"
    )
    (folder / "postgres_password.txt").write_text("Fescue-Lathe-73", "utf-8")
    said = error(plan(folder, Options(rename=(("db.POSTGRES_PASSWORD", "other"),))))
    assert "under the name postgres_password" in said
    same = plan(folder, Options(rename=(("db.POSTGRES_PASSWORD", "postgres_password"),)))
    assert names(same)["db.POSTGRES_PASSWORD"] == "postgres_password"


def test_one_secret_of_two_variables_has_one_name(folder: Path) -> None:
    (folder / "compose.yml").write_text(TEXT.replace("Sedge-Dell-9120", "Teal-Rail-4711"), "utf-8")
    assert names(plan(folder, Options(rename=(("worker.API_TOKEN", "x"),))))["web.API_TOKEN"] == "x"
    two = (("worker.API_TOKEN", "x"), ("web.API_TOKEN", "y"))
    assert "two names to one secret" in error(plan(folder, Options(rename=two)))


@pytest.mark.parametrize("name", ["", "-a", "a-", ".", "..", "a/b", "a b", "ä", "a" * 65, "a\n", "${A}"])
def test_names_that_compose_or_swarm_refuses(name: str) -> None:
    assert not is_valid(name)
    with pytest.raises(UserError) as caught:
        conversions.chosen_name(f"A={name}")
    assert len(name) < 3 or name not in str(caught.value)


def test_what_a_name_tells() -> None:
    assert tells("hunter2", ["Hunter2"])
    assert not tells("hunter22", ["hunter2"])
    assert tells("my-password", ["password"])
    assert not tells("anything", [""])


# --- sources ---


def test_sources_of_one_project_differ(folder: Path) -> None:
    outcome = plan(folder, Options(source_of=(("*_TOKEN", SourceKind.ENVIRONMENT),)), {"OUTER_TOKEN": "Vetch-Kiln-55"})
    sources = {secret.name: secret.source for secret in outcome.plan.secrets}
    assert sources["outer_token"] is SourceKind.ENVIRONMENT
    # literals stand in no variable
    assert {kind for name, kind in sources.items() if name != "outer_token"} == {SourceKind.FILE}
    assert "environment: OUTER_TOKEN" in outcome.rewritten[0].text


def test_the_last_source_that_fits_counts(folder: Path) -> None:
    pairs = (("*", SourceKind.FILE), ("web.OUTER_*", SourceKind.ENVIRONMENT))
    options = Options(source=SourceKind.ENVIRONMENT, source_of=pairs)
    assert options.source_for("web", "OUTER_TOKEN") is SourceKind.ENVIRONMENT
    assert options.source_for("web", "API_TOKEN") is SourceKind.FILE
    assert Options(source_of=pairs[::-1]).source_for("web", "OUTER_TOKEN") is SourceKind.FILE


def test_a_swarm_has_files_and_its_own_secrets(folder: Path) -> None:
    outcome = plan(folder, Options(target=Target.SWARM, source_of=(("db.*", SourceKind.EXTERNAL),)))
    sources = {secret.name: secret.source for secret in outcome.plan.secrets}
    assert sources["postgres_password"] is SourceKind.EXTERNAL
    assert sources["session_salt"] is SourceKind.FILE
    (script,) = [file for file in outcome.plan.files if file.path.name == "create-secrets.sh"]
    text = script.content.reveal()
    assert "create 'postgres_password'" in text
    assert "session_salt" not in text


def test_one_value_from_two_sources_is_two_secrets(folder: Path) -> None:
    (folder / "compose.yml").write_text(TEXT.replace("Sedge-Dell-9120", "Teal-Rail-4711"), "utf-8")
    outcome = plan(folder, Options(target=Target.SWARM, source_of=(("web.API_TOKEN", SourceKind.EXTERNAL),)))
    found = names(outcome)
    assert found["web.API_TOKEN"] != found["worker.API_TOKEN"]


def test_a_shared_line_has_one_source(folder: Path) -> None:
    shared = """\
services:
  one: &one
    image: acme/one
    environment:
      API_TOKEN: Teal-Rail-4711
  two: *one
"""
    (folder / "compose.yml").write_text(shared, "utf-8")
    options = Options(target=Target.SWARM, source_of=(("two.API_TOKEN", SourceKind.EXTERNAL),))
    outcome = plan(folder, options)
    assert set(names(outcome).values()) == {None}
    assert "its line also reaches" in outcome.findings[0].note
    assert "external" in outcome.findings[0].note


@pytest.mark.parametrize(
    ("text", "source", "target", "mount"),
    [
        ("A=external", SourceKind.FILE, Target.COMPOSE, Mount.SECRETS),
        ("A=environment", SourceKind.FILE, Target.SWARM, Mount.SECRETS),
        ("A=file", SourceKind.VAULT, Target.COMPOSE, Mount.SECRETS),
        ("A=file", SourceKind.FILE, Target.COMPOSE, Mount.VOLUME),
    ],
)
def test_sources_that_do_not_go_together(text: str, source: SourceKind, target: Target, mount: Mount) -> None:
    with pytest.raises(UserError, match="--source-of"):
        options_of(Request(source_of=(conversions.chosen_source(text),), source=source, target=target, mount=mount))


# --- ways ---


def test_a_shell_instead_of_a_variable_that_names_a_file(folder: Path) -> None:
    outcome = plan(folder, Options(delivery_of=(("db.*", Unknown.WRAP), ("web.SESSION_SALT", Unknown.WRAP))))
    ways = {f"{finding.service}.{finding.variable}": finding.delivery for finding in outcome.findings}
    assert ways["db.POSTGRES_PASSWORD"] == ways["web.SESSION_SALT"] == "wrapper"
    assert ways["web.API_TOKEN"] == "file-variable"


def test_a_variable_instead_of_a_shell(folder: Path) -> None:
    options = Options(unknown=Unknown.WRAP, delivery_of=(("web.SESSION_SALT", Unknown.REWRITE),))
    ways = {f"{finding.service}.{finding.variable}": finding.delivery for finding in plan(folder, options).findings}
    assert ways["web.SESSION_SALT"] == "file-variable"
    assert ways["web.API_TOKEN"] == "wrapper"


def test_where_no_shell_can_do_it_the_variable_stays(folder: Path) -> None:
    outcome = plan(folder, Options(delivery_of=(("worker.*", Unknown.WRAP),)))
    (finding,) = [finding for finding in outcome.findings if finding.service == "worker"]
    assert finding.secret is None
    assert finding.note.startswith("no wrapper script can set it")


@pytest.mark.parametrize("text", ["A", "=wrap", "A=keep", "A=shell"])
def test_ways_that_nobody_knows(text: str) -> None:
    with pytest.raises(UserError, match="--delivery-of"):
        conversions.chosen_delivery(text)


# --- what stays for good ---


def test_the_settings_say_what_stays_and_why(folder: Path) -> None:
    (folder / "dsec-migrate.toml").write_text('[[skip]]\nmatch = "web.*_SALT"\nreason = "public"\n', "utf-8")
    outcome = plan(folder, Options())
    assert names(outcome)["web.SESSION_SALT"] is None
    (finding,) = [finding for finding in outcome.findings if finding.variable == "SESSION_SALT"]
    assert finding.note == "skipped on purpose: public"
    assert names(outcome)["web.API_TOKEN"] is not None
    # who names it does not get it either: the file is the project's word
    assert names(plan(folder, Options(only=("SESSION_SALT",))))["web.SESSION_SALT"] is None


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ('[[skip]]\nmatch = "A"\n', "reason is missing", 1),
        ('[[skip]]\nmatch = "A"\nreason = " "\n', "reason is missing or not a string", 1),
        ('\n[[skip]]\nmatch = 1\nreason = "x"\n', "match is missing or not a string", 2),
        ('[[skip]]\nmatch = "A"\nreason = "x"\nuntil = "y"\n', "unknown key until", 1),
        ("[skip]\n", "`skip` must be a list of tables", 1),
        ("skip = [1]\n", "`skip` must be a list of tables", 1),
    ],
)
def test_settings_that_nobody_understands(folder: Path, text: str, what: str, line: int) -> None:
    (folder / "dsec-migrate.toml").write_text(text, "utf-8")
    outcome = plan(folder, Options())
    assert what in error(outcome)
    assert outcome.errors[0].line == line


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# ours\n",
        "# ours, no end",
        '[[skip]]\nmatch = "B"\nreason = "x"\n',
        "# ours\r\n",
        '[[image]]\nnames = ["a/b"]',
    ],
)
def test_a_table_is_written_behind_all_that_is_there(tmp_path: Path, before: str) -> None:
    path, data = tmp_path / project_file.NAME, before.encode()
    if "[[image]]" in before:
        with pytest.raises(UserError):
            project_file.with_skip(path, data, "*_SALT", "x")
        return
    addition = project_file.with_skip(path, data, "*_SALT", 'no "secret", \\ it is\tpublic ☂')
    path.write_bytes(data + addition)
    assert project_file.read(tmp_path).skips[-1] == ("*_SALT", 'no "secret", \\ it is\tpublic ☂')
    assert b"\r\n" not in addition or b"\r\n" in data
    assert project_file.with_skip(path, data + addition, "*_SALT", "another reason") == b""


def test_where_no_table_can_follow_nothing_is_written(tmp_path: Path) -> None:
    data = b'skip = [{match = "A", reason = "x"}]\n'
    with pytest.raises(UserError, match="cannot append another"):
        project_file.with_skip(tmp_path / project_file.NAME, data, "B", "y")


def test_what_is_skipped_for_good_is_written_with_all_else(folder: Path) -> None:
    (folder / project_file.NAME).write_bytes(b"# our settings")
    options = Options(skip_because=(("*_SALT", "public"), ("NOTHING", "is called so")))
    before = snapshot(folder)
    outcome = plan(folder, options)
    assert snapshot(folder) == before
    outcome = pipeline.commit(outcome)
    assert outcome.is_written
    text = (folder / project_file.NAME).read_text("utf-8")
    assert text == '# our settings\n\n[[skip]]\nmatch = "*_SALT"\nreason = "public"\n'
    assert "SESSION_SALT: Crake-Moor-0815" in (folder / "compose.yml").read_text("utf-8")
    assert not plan(folder, options).plan.files


def test_only_a_table_is_written_where_nothing_else_moves(folder: Path) -> None:
    text = "services:\n  a:\n    image: acme/a\n    environment:\n      SESSION_SALT: Crake-Moor-0815\n"
    (folder / "compose.yml").write_text(text, "utf-8")
    outcome = pipeline.commit(plan(folder, Options(skip_because=(("*_SALT", "public"),))))
    assert outcome.is_written
    assert (folder / "compose.yml").read_text("utf-8") == text
    assert project_file.read(folder).skips == (("*_SALT", "public"),)


def test_undo_takes_the_table_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / project_file.NAME).write_bytes(b"# our settings")
    before = snapshot(folder)
    monkeypatch.chdir(folder)
    for words in (["--skip-because", "*_SALT=public", "--write"], ["undo", "--write"]):
        say(*words)
    assert snapshot(folder) == before


def test_a_table_alone_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    say("--only", "NOTHING", "--skip-because", "*_SALT=public")
    report = capsys.readouterr().out
    assert 'Would write\n  dsec-migrate.toml  adds [[skip]] match = "*_SALT" reason = "public"\n' in report
    assert "skipped on purpose: public" in report


def test_a_name_for_what_is_not_there_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    say("--rename", "db.POSTGRES_PASSWROD=x", "--rename", "SESSION_SALT=y")
    assert capsys.readouterr().err == "note: --rename of db.POSTGRES_PASSWROD: there is no such variable\n"


@pytest.mark.parametrize("text", ["A", "A=", "A=  ", "=reason"])
def test_a_reason_is_needed(text: str) -> None:
    with pytest.raises(UserError, match="--skip-because"):
        conversions.skipped(text)
