"""``--interactive``: the decisions, what is kept of them, and a conversation through a real terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import examples, snapshot
from conversations import Keys, talk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from terminals import MAIN, needs_tmux, opened

from dsec_migrate import cli
from dsec_migrate.cli.conversation import repeated
from dsec_migrate.cli.interactive.choices import command_lines, final, options_of, spoken, words_of
from dsec_migrate.cli.interactive.decision_units import Unit
from dsec_migrate.cli.interactive.dialogue import End
from dsec_migrate.cli.interactive.planner import Planner
from dsec_migrate.cli.interactive.progress import Progress
from dsec_migrate.cli.interactive.session import Rule, Session, State, Step, Wish
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind, Target, Unknown, literally
from dsec_migrate.migrate.pipeline import migrate
from dsec_migrate.text.reserved_names import JOURNAL

ADJECTIVES = ("Teal", "Sedge", "Crake", "Vetch", "Fescue", "Kestrel", "Bracken", "Heron", "Lichen", "Osier")
THINGS = ("Rail", "Dell", "Moor", "Kiln", "Lathe", "Quill")


def value(number: int) -> str:
    return f"{ADJECTIVES[number % 10]}-{THINGS[number % 6]}-{4700 + 37 * number}"


SERVICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "db": ("postgres:17", ("POSTGRES_PASSWORD",)),
    "users": ("mysql:8.4", ("MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD")),
    "api": ("acme/api", ("JWT_SECRET", "API_TOKEN", "SESSION_SALT", "STRIPE_SECRET_KEY", "SMTP_PASSWORD", "CSRF_SALT")),
    "web": ("acme/web", ("API_TOKEN", "COOKIE_SALT", "SENTRY_AUTH_TOKEN", "GITHUB_CLIENT_SECRET")),
    "worker": ("acme/worker", ("QUEUE_PASSWORD", "API_TOKEN", "WEBHOOK_SECRET", "BACKUP_PASSPHRASE")),
    "mail": ("acme/mail", ("RELAY_PASSWORD", "DKIM_SECRET", "IMAP_PASSWORD")),
    "grafana": ("grafana/grafana:11.0.0", ("GF_SECURITY_ADMIN_PASSWORD", "GF_DATABASE_PASSWORD")),
    "cloud": ("nextcloud:29", ("MYSQL_PASSWORD", "NEXTCLOUD_ADMIN_PASSWORD")),
    "cron": ("acme/cron", ("LDAP_PASSWORD", "S3_SECRET_KEY", "ADMIN_TOKEN", "PEPPER_SALT", "REPORT_PASSWORD")),
    "probe": ("acme/probe", ("PROBE_TOKEN",)),
}


def compose() -> str:
    """A project with 30 secrets, each with a value of its own, and some variables that are none."""
    lines, number = ["# the shop", "services:"], 0
    for service, (image, names) in SERVICES.items():
        lines += [f"  {service}:", f"    image: {image}", "    environment:", "      LOG_LEVEL: info"]
        for name in names:
            lines.append(f"      {name}: {value(number)}")
            number += 1
        lines += ["    restart: always", ""]
    assert number == 30
    return "\n".join(lines)


VALUES = tuple(value(number) for number in range(30))
SETTINGS = "# what our images read\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yml").write_text(compose(), "utf-8")
    (folder / "dsec-migrate.toml").write_text(SETTINGS, "utf-8")
    return folder


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


# --- the decisions ---


UNITS = (
    Unit((("db", "PASSWORD"),), is_safe=True),
    Unit((("api", "TOKEN"), ("web", "TOKEN"))),
    Unit((("api", "SALT"),), is_possible=True),
    Unit((("web", "SALT"),), is_safe=True),
    Unit((("web", "LEFT"),), is_movable=False),
    Unit((("my.service", "xpack.key[0]"),)),
)
ACTIONS: dict[str, Callable[[Session], object]] = {
    "accept": lambda session: session.accept() if session.unit.is_movable or session.wish != Wish() else None,
    "skip": lambda session: session.skip(),
    "safe": lambda session: session.accept_safe(),
    "rule": lambda session: session.skip_all(Rule(literally(session.unit.variables[0][1]), "because")),
    "salts": lambda session: session.skip_all(Rule("*SALT", "public")),
    "name": lambda session: session.want(Wish("chosen")),
    "way": lambda session: session.want(Wish(delivery=Unknown.WRAP)),
    "undo": lambda session: session.undo(),
}
some_actions = st.lists(st.sampled_from(sorted(ACTIONS)), max_size=25)


def played(actions: Sequence[str]) -> Session:
    session = Session(UNITS)
    for action in actions:
        if action == "undo" or not session.is_done:
            ACTIONS[action](session)
    return session


@given(some_actions)
def test_undo_is_the_inverse_of_each_decision(actions: Sequence[str]) -> None:
    session = Session(UNITS)
    former: list[State] = []
    for action in actions:
        if action == "undo":
            assert session.undo() is bool(former)
            if former:
                assert session.state == former.pop()
        elif not session.is_done:
            state = session.state
            ACTIONS[action](session)
            if session.state is not state:
                former.append(state)
    while session.undo():
        pass
    assert session.state == State()


@given(some_actions)
def test_what_is_asked_about_is_never_decided_yet(actions: Sequence[str]) -> None:
    session = played(actions)
    assert session.is_done is (not session.undecided)
    assert session.is_done or session.state.position in session.undecided
    assert not any(
        session.state.accepted.get(n) for rule in session.state.rules for n in session.named_by(rule.pattern)
    )


@given(some_actions)
def test_decisions_are_the_same_when_they_are_taken_up_again(actions: Sequence[str]) -> None:
    session = played(actions)
    again = Session(UNITS)
    assert again.restore(list(session.steps())) == 0
    assert (again.state.accepted, again.state.wishes) == (session.state.accepted, session.state.wishes)
    assert again.state.rules == session.state.rules
    assert options_of(Options(), UNITS, again.accepted, again.state) == final(Options(), session)


def test_decisions_about_what_is_gone_are_dropped() -> None:
    session = played(["accept", "accept", "name", "accept", "salts"])
    less = Session(UNITS[2:])
    assert less.restore(list(session.steps())) == 2
    assert [less.units[number].name for number in sorted(less.state.accepted)] == ["api.SALT", "web.SALT"]
    # what moves together by now was never asked about so
    joined = Session((Unit((*UNITS[0].variables, *UNITS[1].variables)),))
    assert joined.restore(list(session.steps())) == 4
    assert joined.undecided == (0,)


def test_what_cannot_move_is_not_accepted() -> None:
    session = Session(UNITS[4:5])
    with pytest.raises(ValueError, match=r"web\.LEFT cannot move"):
        session.accept()


# --- as options ---


@given(some_actions)
def test_options_name_exactly_what_was_accepted(actions: Sequence[str]) -> None:
    session = played(actions)
    options = final(Options(), session)
    for number, unit in enumerate(UNITS):
        is_accepted = number in session.accepted
        for service, variable in unit.variables:
            is_asked = options.is_asked_for(service, variable)
            # what is only possible, or cannot move, stays wherever it is not named
            if unit.is_movable and not (unit.is_possible and not options.only):
                assert is_asked is is_accepted
            if unit.is_possible and is_accepted:
                assert options.is_named(service, variable)


def test_patterns_mean_one_variable_alone() -> None:
    options = options_of(Options(), UNITS, {5}, State(accepted={5: True}))
    assert options.only == ("my.service.xpack.key[[]0]",)
    assert options.is_asked_for("my.service", "xpack.key[0]")
    assert not options.is_asked_for("my.service", "xpack.key0")


def test_what_the_call_asked_for_is_not_said_again() -> None:
    base = Options(only=("*SALT", "web.*"), skip=("*LEFT",), rename=(("x", "y"),))
    session = Session(UNITS[2:4])
    session.accept()
    session.accept()
    assert list(words_of(base, spoken(base, session))) == []
    session.undo()
    session.skip()
    assert list(words_of(base, spoken(base, session))) == [("--skip", "web.SALT")]
    assert final(base, session).only == ("api.SALT",)


def test_what_stays_is_named_where_that_is_shorter() -> None:
    session = Session([unit for unit in UNITS if not unit.is_possible])
    for decide in (session.accept, session.accept, session.accept, session.skip, session.accept):
        decide()
    assert list(words_of(Options(), spoken(Options(), session))) == [("--skip", "web.LEFT")]
    # a run of its own names what moves: what nobody was asked about stays
    assert not final(Options(), session).is_asked_for("web", "NEW_PASSWORD")


def test_a_command_for_a_shell() -> None:
    pairs = [("--only", "db.PASSWORD"), ("--skip-because", "*_SALT=it's public"), ("--rename", "db.PASSWORD=main")]
    lines = command_lines("dsec-migrate", pairs, ["-f", "my file.yml"], 50)
    assert all(len(line) <= 50 for line in lines)
    words = shlex.split("\n".join(lines).replace("\\\n", ""))
    assert words == [
        "dsec-migrate", "--only", "db.PASSWORD", "--skip-because", "*_SALT=it's public", "--rename", "db.PASSWORD=main",
        "-f", "my file.yml",
    ]  # fmt: skip


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_both_spellings_of_the_same_decisions_give_the_same_plan(project: Path, data: st.DataObject) -> None:
    """Naming what moves, or what stays."""
    planner = Planner(ProjectFiles.of(project / "compose.yml"), Options(), {})
    units = planner.units()
    chosen = data.draw(st.sets(st.integers(0, len(units) - 1), min_size=1))
    state = State(accepted=dict.fromkeys(chosen, True))
    named = Options(only=tuple(key for number in sorted(chosen) for key in units[number].keys))
    skipped = Options(skip=tuple(key for n, unit in enumerate(units) if n not in chosen for key in unit.keys))
    files = ProjectFiles.of(project / "compose.yml")
    session = Session(units)
    session.restore(Step(units[number].keys, number in chosen) for number in range(len(units)))
    several = (named, skipped, options_of(Options(), units, chosen, state), spoken(Options(), session))
    texts = [[file.text for file in migrate(files, options, {}).rewritten] for options in several]
    assert texts[0] == texts[1] == texts[2] == texts[3]
    assert texts[0]


# --- the dialogue, without a terminal ---


SMALL = """\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: Fescue-Lathe-73
  api:
    image: acme/api
    entrypoint: [/bin/api]
    command: [serve]
    environment:
      API_TOKEN: Teal-Rail-4711
      SESSION_SALT: Crake-Moor-0815
      OUTER_TOKEN: ${OUTER_TOKEN}
"""
SMALL_VALUES = ("Fescue-Lathe-73", "Teal-Rail-4711", "Crake-Moor-0815")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "compose.yml").write_text(SMALL, "utf-8")
    return folder


def test_a_layer_has_a_secret_of_its_own(small: Path) -> None:
    layer = small / "compose.override.yml"
    layer.write_text("services:\n  api:\n    environment:\n      API_TOKEN: Sedge-Dell-9120\n", "utf-8")
    files = ProjectFiles((small / "compose.yml", layer), small, name="compose.yml")
    planner = Planner(files, Options(), {})
    session = Session(planner.units())
    session.skip()
    assert session.unit.name == "api.API_TOKEN"
    assert [secret.name for secret in planner.alone(session).plan.secrets] == [
        secret.name for secret in planner.expected(session).plan.secrets if "api_token" in secret.name
    ]
    session.want(Wish("main"))
    names = {secret.name for secret in planner.alone(session).plan.secrets}
    assert names == {"main", "compose_override_main"}


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    keys=st.lists(st.sampled_from("ynasrodvwuq?kfps \x1b"), max_size=25),
    lines=st.lists(st.sampled_from(["=", None, "", "*_SALT", "x", "main_db", "no name!"]), max_size=10),
    write=st.booleans(),
)
def test_any_keys_end_and_change_nothing(small: Path, keys: list[str], lines: list[str | None], write: bool) -> None:
    Progress(ProjectFiles.of(small / "compose.yml")).forget()
    before = snapshot(small)
    terminal, dialogue, end = talk(small, keys, lines, write=write)
    assert end in End
    assert end is not End.WRITE or write
    assert snapshot(small) == before
    assert not any(secret in terminal.shown for secret in SMALL_VALUES)
    assert max(map(len, terminal.shown.split("\n"))) <= 200
    # what was decided can be taken up again, and means the same
    kept = Session(dialogue.session.units)
    kept.restore(Progress(ProjectFiles.of(small / "compose.yml")).load())
    if "d" not in keys:
        assert kept.state.accepted == dialogue.session.state.accepted


def test_it_is_told_what_why_and_how(small: Path) -> None:
    terminal, _, end = talk(small, ["q"])
    assert end is End.QUIT
    text = terminal.shown
    assert "[1/4] db.POSTGRES_PASSWORD" in text
    assert "compose.yml:5" in text
    assert "the name ends in PASSWORD (certain)" in text
    assert "postgres_password in ./secrets/postgres_password.txt (0600)" in text
    assert "db reads the file that POSTGRES_PASSWORD_FILE names (safe)" in text
    assert "-      POSTGRES_PASSWORD: ********\n+      POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password\n" in text
    # of this change alone
    assert "API_TOKEN_FILE" not in text
    assert all(len(line) <= 80 for line in text.split("\n") if "state" not in line)


def test_what_stays_says_why_and_is_not_accepted(small: Path) -> None:
    terminal, dialogue, _ = talk(small, ["n", "n", "n", "y", "n", "\n"])
    assert "OUTER_TOKEN is not set" in terminal.shown
    assert "Skip it?" in terminal.shown
    assert "it cannot move: its value is unknown here" in " ".join(terminal.shown.split())
    assert dialogue.session.accepted == ()


def test_a_source_makes_it_movable(small: Path) -> None:
    shell = {"OUTER_TOKEN": "Vetch-Kiln-55"}
    terminal, dialogue, _ = talk(small, [*"nnn", *"ov", *"y"], shell=shell)
    assert "outer_token, from the variable OUTER_TOKEN" in terminal.shown
    assert dialogue.options.source_of == (("api.OUTER_TOKEN", SourceKind.ENVIRONMENT),)
    assert "the source environment" in terminal.shown
    assert "Vetch" not in terminal.shown


def test_choices_that_are_none_are_refused(small: Path) -> None:
    terminal, dialogue, _ = talk(small, [*"ov", *"dp", *"r", *"r"], ["not a name", "x-fescue-lathe-73"])
    text = " ".join(terminal.shown.split())
    assert "its value is in the files, so no variable provides it" in text
    assert "a name consists of letters, digits" in text
    assert "not possible: --rename of db.POSTGRES_PASSWORD: the name would reveal the value" in text
    assert "lathe" not in text.lower().replace("x-fescue-lathe-73", "")
    assert dialogue.session.wish == Wish(delivery=Unknown.REWRITE)


def test_swarm_keeps_some(small: Path) -> None:
    terminal, dialogue, _ = talk(small, [*"os", "y"], options=Options(target=Target.SWARM))
    assert "postgres_password, stored in Swarm" in terminal.shown
    assert dialogue.options.source_of == (("db.POSTGRES_PASSWORD", SourceKind.EXTERNAL),)


def test_a_shell_is_the_other_way(small: Path) -> None:
    terminal, dialogue, _ = talk(small, ["n", *"ds", "y"])
    assert "a shell reads the file into API_TOKEN when api starts" in terminal.shown
    assert dialogue.options.delivery_of == (("api.API_TOKEN", Unknown.WRAP),)


def test_all_like_this(small: Path) -> None:
    terminal, dialogue, _ = talk(
        small, ["n", "n", "s", "s", "s", "s"], ["*_KEY", "=", "", "=", "it is Crake-Moor-0815", "*_SALT", "public"]
    )
    text = " ".join(terminal.shown.split())
    assert "*_KEY does not match api.SESSION_SALT" in text
    assert "a reason is required to skip permanently" in text
    assert "that would reveal a value" in text
    assert dialogue.session.state.rules == (Rule("*_SALT", "public"),)
    assert dialogue.options.skip_because == (("*_SALT", "public"),)


def test_all_that_is_safe(small: Path) -> None:
    terminal, dialogue, _ = talk(small, ["a", "a"])
    assert "accepted 1 that need no check" in terminal.shown
    assert "none of the remaining findings is safe without a check" in terminal.shown
    assert [dialogue.session.units[number].name for number in dialogue.session.accepted] == ["db.POSTGRES_PASSWORD"]


def test_the_value_is_shown_only_where_it_leaves_no_trace(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, _, _ = talk(small, ["v"])
    assert "Fescue-Lathe-73" in terminal.flashed
    monkeypatch.setattr(Keys, "has_screens", False)
    terminal, _, _ = talk(small, ["v"])
    assert terminal.flashed == []
    assert "keeps its output" in terminal.shown
    terminal, _, _ = talk(small, ["n", "n", "n", "v"])
    assert "its value is not known here" in terminal.shown


def test_a_long_value_stays_on_the_screen(small: Path) -> None:
    key = (
        "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join("Q" * 64 for _ in range(60)) + "\n-----END RSA PRIVATE KEY-----"
    )
    lines = "\n".join(f"        {line}" for line in key.split("\n"))
    head = "services:\n  a:\n    image: acme/a\n    environment:\n"
    text = f"{head}      SIGNING_KEY: |\n{lines}\n      B_TOKEN: {'q7' * 3000}x\n"
    (small / "compose.yml").write_text(text, "utf-8")
    terminal, _, _ = talk(small, ["v", "n", "v"])
    assert terminal.flashed.count("Any key hides it.") == 2
    assert len(terminal.flashed) <= 2 * 23
    assert all(len(line) < 80 for line in terminal.flashed)


def test_steering_characters_do_not_steer(small: Path) -> None:
    text = 'services:\n  a:\n    image: acme/a\n    environment:\n      B_TOKEN: "x\\e[2Jq7Teal-Rail-4711"\n'
    (small / "compose.yml").write_text(text, "utf-8")
    terminal, _, _ = talk(small, ["v", "w"])
    assert not any("\x1b" in line for line in terminal.flashed)
    assert "\x1b" not in terminal.shown


def test_lines_that_services_share_are_one_decision(small: Path) -> None:
    text = "services:\n  a: &a\n    image: acme/a\n    environment:\n      B_TOKEN: Teal-Rail-4711\n  c: *a\n"
    (small / "compose.yml").write_text(text, "utf-8")
    terminal, dialogue, _ = talk(small, ["y", "w"])
    assert "[1/1] a.B_TOKEN (also c)" in terminal.shown
    assert "B_TOKEN_FILE: /run/secrets/b_token" in terminal.shown
    assert len(dialogue.session.accepted) == 1


def test_what_is_only_possible_is_asked_about_and_named(small: Path) -> None:
    (small / "compose.yml").write_text(SMALL + "      CLIENT_KEY: plain-word-17x\n", "utf-8")
    terminal, dialogue, _ = talk(small, "nnnny")
    assert "(possible)" in terminal.shown
    assert "CLIENT_KEY_FILE: /run/secrets/client_key" in terminal.shown
    assert dialogue.options.only == ("api.CLIENT_KEY",)
    # no key accepts it along with others
    _, dialogue, _ = talk(small, "uannn")
    assert "api.CLIENT_KEY" not in [dialogue.session.units[number].name for number in dialogue.session.accepted]


def test_nothing_accepted_is_nothing_written(small: Path) -> None:
    terminal, dialogue, end = talk(small, [*"nnnn", "y", "n"], write=True)
    assert end is End.NEXT
    assert "Write?" not in terminal.shown
    assert dialogue.options.skip == ("*",)


def test_it_goes_on_where_it_stopped(small: Path) -> None:
    talk(small, ["y", "r", "y", "q", "k"], ["main_token"])
    terminal, dialogue, _ = talk(small, ["u", "q", "k"])
    assert "resuming: 2 of 4 decided earlier" in terminal.shown
    assert "[3/4] api.SESSION_SALT" in terminal.shown
    # also what was decided then can be taken back
    assert "[2/4] api.API_TOKEN" in terminal.shown
    assert dialogue.session.wish == Wish("main_token")
    (small / "compose.yml").write_text(SMALL.replace("POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"), "utf-8")
    terminal, dialogue, _ = talk(small, ["q", "k"])
    assert "1 dropped because their findings are gone or changed" in " ".join(terminal.shown.split())


def test_another_call_drops_what_it_cannot_do(small: Path) -> None:
    shell = {"OUTER_TOKEN": "Vetch-Kiln-55"}
    talk(small, [*"nnn", *"ov", *"y", "q"], shell=shell)
    terminal, dialogue, _ = talk(small, ["q", "k"], options=Options(target=Target.SWARM), shell=shell)
    assert "3 of 4 decided earlier; 1 dropped" in " ".join(terminal.shown.split())
    assert dialogue.session.undecided == (3,)


def test_who_has_enough_writes_what_is_accepted(small: Path) -> None:
    terminal, dialogue, end = talk(small, [*"yq", "w", "y"], write=True)
    assert end is End.WRITE
    assert "1 accepted, 0 skipped, 3 not decided, skipped" in terminal.shown
    assert dialogue.options.only == ("db.POSTGRES_PASSWORD",)
    terminal, _, end = talk(small, [*"q", "w", "\n"])
    assert end is End.NEXT
    assert "dsec-migrate --only db.POSTGRES_PASSWORD\n" in terminal.shown


def test_what_the_settings_skip_is_not_asked_about(small: Path) -> None:
    (small / "dsec-migrate.toml").write_text('[[skip]]\nmatch = "api.*_TOKEN"\nreason = "rotated daily"\n', "utf-8")
    terminal, dialogue, _ = talk(small, "q")
    assert "2 findings are already skipped on purpose" in terminal.shown
    assert [unit.name for unit in dialogue.session.units] == ["db.POSTGRES_PASSWORD", "api.SESSION_SALT"]


def test_what_comes_into_the_file_meanwhile_is_not_moved(small: Path) -> None:
    _, dialogue, end = talk(small, "yyyny", write=True)
    assert end is End.WRITE
    (small / "compose.yml").write_text(SMALL + "      NEW_PASSWORD: Sedge-Dell-9120\n", "utf-8")
    outcome = migrate(ProjectFiles.of(small / "compose.yml"), dialogue.options, {})
    assert "NEW_PASSWORD: Sedge-Dell-9120" in outcome.rewritten[0].text
    assert "API_TOKEN_FILE" in outcome.rewritten[0].text


def test_dropped_decisions_are_gone(small: Path) -> None:
    talk(small, ["y", "y", "q", "d"])
    assert not Progress(ProjectFiles.of(small / "compose.yml")).path.exists()
    terminal, _, _ = talk(small, ["q"])
    assert "going on" not in terminal.shown


def test_what_is_kept_holds_no_value(small: Path) -> None:
    talk(small, ["y", "v", "s"], ["*_TOKEN", "rotated daily"])
    path = Progress(ProjectFiles.of(small / "compose.yml")).path
    text = path.read_text("utf-8")
    assert not any(secret in text for secret in SMALL_VALUES)
    assert [step.get("skip") or step["variables"] for step in json.loads(text)["steps"]] == [
        "*_TOKEN",
        ["db.POSTGRES_PASSWORD"],
    ]
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2, "steps": []}', '{"version": 1, "steps": [{"variables": ["a.B"], "name": "../x"}]}'],
)
def test_what_was_kept_and_is_damaged_is_nothing(small: Path, text: str) -> None:
    progress = Progress(ProjectFiles.of(small / "compose.yml"))
    progress.path.parent.mkdir(parents=True)
    progress.path.write_text(text, "utf-8")
    assert progress.load() == ()


# --- the command line ---


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--check"], "--interactive cannot be used with --check"),
        (["--format", "json"], "--interactive cannot be used with --format json"),
        (["--output", "json=x.json"], "--interactive cannot be used with --output"),
        ([], "--interactive needs a terminal"),
        (["--write"], "--interactive needs a terminal"),
    ],
)
def test_what_it_does_not_go_with(
    small: Path, words: list[str], what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small)
    before = snapshot(small)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--interactive", *words])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert what in out + err
    assert snapshot(small) == before


@pytest.mark.parametrize(
    ("words", "named", "only", "rest"),
    [
        ("--interactive --write", "", None, ""),
        ("--interactive -f a.yml -f b.yml --safe", "", None, "-f a.yml -f b.yml --safe"),
        ("shop --interactive --secrets-dir ./shop", "shop", None, "shop --secrets-dir ./shop"),
        ("--interactive one two/ --safe", "one two", "two/compose.yml", "--safe two/compose.yml"),
        ("--secrets-dir one --interactive one two", "one two", "one/compose.yml", "--secrets-dir one one/compose.yml"),
    ],
)
def test_the_call_is_said_again_for_one_project(words: str, named: str, only: str | None, rest: str) -> None:
    assert repeated(words.split(), [Path(word) for word in named.split()], only) == rest.split()


# --- through a real terminal ---


talking = contextmanager(opened)
PROMPT = "?]"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "NO_COLOR": ""}


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode; of the journal only which files there are, since its hashes have keys of their own."""
    return {
        path.relative_to(folder).as_posix(): (
            stat.S_IMODE(path.stat().st_mode),
            b"" if path.is_dir() or JOURNAL in path.parts else path.read_bytes(),
        )
        for path in folder.rglob("*")
        if not path.name.endswith(".stty")
    }


def has_no_value(text: str) -> bool:
    return not any(secret in text for secret in (*VALUES, *SMALL_VALUES))


def narrow(text: str) -> bool:
    return all(len(line.rstrip()) <= 80 for line in text.split("\n"))


@needs_tmux
def test_a_recorded_run_ends_in_the_files_that_the_same_choices_as_options_give(
    tmp_path: Path, project: Path, variables: dict[str, str]
) -> None:
    copy = tmp_path / "copy" / "shop"
    copy.mkdir(parents=True)
    for name in ("compose.yml", "dsec-migrate.toml"):
        (copy / name).write_bytes((project / name).read_bytes())
    before = snapshot(project)

    with talking(project, "--interactive", **variables) as terminal:

        def answer(number: int, *keys: str) -> None:
            terminal.wait_for(f"[{number}/30]")
            terminal.wait_for(PROMPT)
            for key in keys:
                terminal.press(key)

        answer(1, "r")
        terminal.wait_for("Name of the secret:")
        terminal.press("C-u")
        terminal.type("main_db")
        terminal.press("Enter")
        terminal.wait_for("the name main_db")
        terminal.wait_for(PROMPT)
        terminal.press("v")
        terminal.wait_for_screen(VALUES[0])
        terminal.press("Space")
        terminal.wait_for(PROMPT)
        terminal.press("y")
        answer(2, "y")
        answer(3, "n")
        answer(4, "n")
        answer(5, "u")
        answer(4, "y")
        answer(5, "y")
        answer(6, "s")
        terminal.wait_for("(pattern): *_SALT")
        terminal.press("Enter")
        terminal.wait_for("Why (4 findings):")
        terminal.type("they are public; it's fine")
        terminal.press("Enter")
        answer(7, "y")
        answer(8, "n")
        answer(10, "q")
        terminal.wait_for("Quit:")
        terminal.press("k")
        terminal.wait_for("are kept in")
        terminal.wait_for("status 0")
        assert has_no_value(terminal.history)
        assert narrow(terminal.history)
    assert {path for path in snapshot(project) if not path.endswith(".stty")} == set(before)

    with talking(project, "--interactive", **variables) as terminal:
        terminal.wait_for("resuming: 11 of 30 decided earlier")
        terminal.wait_for("[10/30]")
        terminal.wait_for(PROMPT)
        terminal.press("r")
        terminal.wait_for("Name of the secret:")
        for _ in range(40):
            terminal.press("BSpace")
        terminal.type("web-token.1")
        terminal.press("Enter")
        terminal.wait_for("the name web-token.1")
        terminal.wait_for(PROMPT)
        terminal.press("y")
        terminal.wait_for("[12/30]")
        terminal.wait_for(PROMPT)
        terminal.press("a")
        terminal.wait_for("that need no check")
        terminal.wait_for(PROMPT)
        terminal.press("n")
        while "Enter ends]" not in terminal.wait_for_question():
            terminal.press("y")
        terminal.wait_for("The same as a command")
        told = terminal.wait_for("Enter ends]")
        terminal.press("w")
        terminal.wait_for("+++ b/compose.yml")
        terminal.wait_for("Enter ends]")
        terminal.press("Enter")
        terminal.wait_for("status 0")
        assert has_no_value(terminal.history)
        assert narrow(terminal.history)
    assert {path for path in snapshot(project) if not path.endswith(".stty")} == set(before)
    assert (project / "compose.yml").read_text("utf-8") == compose()

    words = shlex.split(told[told.index("dsec-migrate ") : told.index("[w shows")].replace("\\\n", ""))
    assert words[0] == "dsec-migrate"
    assert ("--rename", "db.POSTGRES_PASSWORD=main_db") in pairwise(words)
    assert ("--skip-because", "*_SALT=they are public; it's fine") in pairwise(words)
    environment = {**os.environ, **variables}
    subprocess.run(
        [sys.executable, "-c", MAIN, *words[1:], "--write"], cwd=copy, env=environment, check=True, capture_output=True
    )

    with talking(project, "--interactive", "--write", **variables) as terminal:
        terminal.wait_for("30 of 30 decided earlier")
        terminal.wait_for("Write? [y/N")
        terminal.press("y")
        terminal.wait_for("Moved")
        terminal.wait_for("status 0")
        assert has_no_value(terminal.history)
        assert narrow(terminal.history)
    ours, theirs = tree(project), tree(copy)
    assert sorted(ours) == sorted(theirs)
    assert ours == theirs
    # it did something, and not everything
    assert ours["secrets/main_db.txt"][1] == VALUES[0].encode()
    assert ours["secrets/web-token.1.txt"][1] == VALUES[9].encode()
    text = (project / "compose.yml").read_text("utf-8")
    assert f"MYSQL_PASSWORD: {VALUES[2]}" in text
    assert f"SESSION_SALT: {VALUES[5]}" in text
    assert VALUES[0] not in text
    settings_now = (project / "dsec-migrate.toml").read_text("utf-8")
    assert settings_now == f'{SETTINGS}\n[[skip]]\nmatch = "*_SALT"\nreason = "they are public; it\'s fine"\n'
    assert not list((tmp_path / "state").rglob("*.json"))


@needs_tmux
def test_a_value_is_shown_for_a_moment(small: Path, variables: dict[str, str]) -> None:
    with talking(small, "--interactive", **variables) as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("v")
        terminal.wait_for_screen("Fescue-Lathe-73")
        # without a key it goes by itself
        terminal.wait_for_screen("[1/4]")
        assert "Fescue" not in terminal.history
        terminal.press("v")
        terminal.wait_for_screen("Fescue-Lathe-73")
        terminal.press("C-c")
        terminal.wait_for("stopped, nothing written")
        terminal.wait_for("status 130")
        assert "Fescue" not in terminal.history
    assert not any("Fescue" in path.read_text("utf-8") for path in small.parent.rglob("*.json"))


@needs_tmux
def test_ctrl_c_leaves_the_terminal_and_the_files_as_they_were(small: Path, variables: dict[str, str]) -> None:
    with talking(small, "--interactive", "--write", **variables) as terminal:
        terminal.wait_for(PROMPT)
        terminal.press("y")
        terminal.wait_for("[2/4]")
        terminal.press("r")
        terminal.wait_for("Name of the secret")
        terminal.press("C-c")
        terminal.wait_for("1 decision is kept in")
        terminal.wait_for("status 130")
    assert (small / "before.stty").read_text() == (small / "after.stty").read_text()
    assert (small / "compose.yml").read_text("utf-8") == SMALL
    assert sorted(path.name for path in small.iterdir()) == ["after.stty", "before.stty", "compose.yml"]


@needs_tmux
def test_who_is_asked_to_end_ends_tidily(small: Path, variables: dict[str, str]) -> None:
    with talking(small, "--interactive", **variables) as terminal:
        terminal.wait_for(PROMPT)
        found = subprocess.run(
            ["pgrep", "-f", f"^{re.escape(sys.executable)} -c .*--interactive"],
            capture_output=True,
            text=True,
            check=False,
        )
        ours = [int(pid) for pid in found.stdout.split() if Path(f"/proc/{pid}/cwd").resolve() == small.resolve()]
        if not ours:
            pytest.skip("nobody tells which process it is")
        os.kill(ours[0], signal.SIGTERM)
        terminal.wait_for(f"status {128 + signal.SIGTERM}")
    assert (small / "before.stty").read_text() == (small / "after.stty").read_text()


@needs_tmux
def test_another_size_of_the_window_is_no_end(small: Path, variables: dict[str, str]) -> None:
    with talking(small, "--interactive", **variables) as terminal:
        terminal.wait_for(PROMPT)
        for columns, rows in ((40, 6), (20, 3), (200, 50), (60, 24)):
            terminal.resize(columns, rows)
            terminal.press("v", "Space", "?", "n", "u")
        terminal.resize(80, 24)
        terminal.press("n")
        terminal.wait_for_screen("[2/4]")
        terminal.press("q")
        terminal.wait_for_screen("Quit:")
        terminal.press("d")
        terminal.wait_for_screen("status 0")
        assert "error" not in terminal.history


@needs_tmux
def test_colours_and_none(small: Path, variables: dict[str, str]) -> None:
    with talking(small, "--interactive", **variables) as terminal:
        terminal.wait_for(PROMPT)
        assert "\x1b[31m-      POSTGRES_PASSWORD" in terminal.coloured_history
    with talking(small, "--interactive", **{**variables, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for(PROMPT)
        assert "\x1b[" not in terminal.coloured_history


@needs_tmux
def test_projects_are_asked_about_one_after_the_other(tmp_path: Path, small: Path, variables: dict[str, str]) -> None:
    other = tmp_path / "small" / "other"
    other.mkdir()
    (other / "compose.yml").write_text(
        "services:\n  a:\n    image: acme/a\n    environment:\n      B_TOKEN: Teal-Rail-4711\n", "utf-8"
    )
    with talking(small, "--interactive", "--write", "compose.yml", "other", **variables) as terminal:
        terminal.wait_for("== compose.yml ")
        terminal.wait_for("[1/4]")
        for number in (2, 3, 4):
            terminal.press("n")
            terminal.wait_for(f"[{number}/4]")
        terminal.press("n")
        terminal.wait_for("Enter ends]")
        terminal.press("Enter")
        terminal.wait_for("== other")
        terminal.wait_for("[1/1]")
        terminal.press("y")
        terminal.wait_for("Write? [y/N")
        terminal.press("y")
        terminal.wait_for("Moved")
        terminal.wait_for("status 0")
    assert (small / "compose.yml").read_text("utf-8") == SMALL
    assert (other / "secrets" / "b_token.txt").read_text("utf-8") == "Teal-Rail-4711"


@needs_tmux
def test_there_may_be_nothing_to_ask(small: Path, variables: dict[str, str]) -> None:
    (small / "compose.yml").write_text("services:\n  a:\n    image: acme/a\n", "utf-8")
    with talking(small, "--interactive", **variables) as terminal:
        terminal.wait_for("no secrets found")
        terminal.wait_for("status 0")
    (small / "compose.yml").write_text("services:\n  a:\n    image: [acme/a]\n", "utf-8")
    with talking(small, "--interactive", **variables) as terminal:
        terminal.wait_for("error: ")
        terminal.wait_for("status 2")


# --- what belongs to no service ---

WITH_CONFIG = """\
services:
  board:
    image: acme/board:4
    environment:
      API_TOKEN: Teal-Rail-4711
    configs:
      - mail
configs:
  mail:
    content: |
      [smtp]
      password = Quarry-Velvet-72
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    folder = tmp_path / "board"
    folder.mkdir()
    (folder / "compose.yml").write_text(WITH_CONFIG, "utf-8")
    return folder


def test_a_config_that_is_a_secret_is_asked_about(board: Path) -> None:
    terminal, dialogue, _ = talk(board, ["n", "y"])
    assert "[2/2] configs.mail.content" in terminal.shown
    assert "Quarry-Velvet-72" not in terminal.shown
    options = final(Options(), dialogue.session)
    assert options.only == ("configs.mail.content",)
    (rewritten,) = migrate(ProjectFiles.of(board / "compose.yml"), options, {}).rewritten
    assert "Quarry-Velvet-72" not in rewritten.text
    assert "API_TOKEN: Teal-Rail-4711" in rewritten.text


def test_a_config_that_was_not_accepted_stays(board: Path) -> None:
    _, dialogue, _ = talk(board, ["y", "n"])
    for options in (final(Options(), dialogue.session), spoken(Options(), dialogue.session)):
        (rewritten,) = migrate(ProjectFiles.of(board / "compose.yml"), options, {}).rewritten
        assert "password = Quarry-Velvet-72" in rewritten.text
        assert "Teal-Rail-4711" not in rewritten.text


def test_a_config_that_is_a_secret_gets_the_name_that_was_chosen(board: Path) -> None:
    _, dialogue, _ = talk(board, ["n", "r", "y"], ["post"])
    (rewritten,) = migrate(ProjectFiles.of(board / "compose.yml"), final(Options(), dialogue.session), {}).rewritten
    assert "file: ./secrets/post.txt" in rewritten.text
    assert "target: /mail" in rewritten.text


@pytest.mark.parametrize(
    ("name", "said"),
    [("quarry-velvet-72", "the name would reveal the value"), ("api_token", "the name api_token is taken")],
)
def test_the_name_of_such_a_secret_tells_no_value_and_is_no_other_one(name: str, said: str, board: Path) -> None:
    terminal, dialogue, _ = talk(board, ["y", "r", "n"], [name])
    assert said in " ".join(terminal.shown.split())
    assert dialogue.session.accepted == (0,)
