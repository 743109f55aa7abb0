"""A config whose content is a secret becomes a secret only where every container finds the same file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import project_of, snapshot

from dsec_migrate.cli import entry
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Mount, Options, SourceKind
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.make_plan import make_plan
from dsec_migrate.planning.patches import InsertItem
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Source
from dsec_migrate.verify import configs
from dsec_migrate.verify.containers import check_values

VALUE = "Quarry-Velvet-72"
CONTENT = f"[smtp]\npassword = {VALUE}\n"
CONFIGS = f"configs:\n  mail:\n    content: |\n      [smtp]\n      password = {VALUE}\n"
BOARD = "services:\n  board:\n    image: acme/board:4\n"
SHORT = BOARD + "    configs:\n      - mail\n"
TEXT = SHORT + CONFIGS


def long(*lines: str, more: str = "") -> str:
    """The project with the long syntax: further ``lines`` of the entry, and ``more`` of the service."""
    entry = "".join(f"        {line}\n" for line in lines)
    return f"{BOARD}    configs:\n      - source: mail\n{entry}{more}{CONFIGS}"


def tried(folder: Path, texts: dict[str, str], options: Options | None = None) -> ProjectOutcome:
    """What a run would do to ``compose.yml`` of a project of these files."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    outcome = pipeline.migrate(
        ProjectFiles.of(folder / "compose.yml"), options or Options(docker=False), {"STAGE": "x"}
    )
    assert (outcome.errors, outcome.failure) == ((), "")
    return outcome


MOVES = {
    "the short syntax": (TEXT, "/mail"),
    "a target": (long("target: /etc/mail.ini"), "/etc/mail.ini"),
    "a target that is not absolute": (long("target: etc/mail.ini"), "/etc/mail.ini"),
    "the mode that Compose gives anyway": (long("target: /etc/mail.ini", "mode: 0444"), "/etc/mail.ini"),
    "a volume beside it": (long("target: /etc/mail.ini", more="    volumes: [./data:/etc/mail]\n"), "/etc/mail.ini"),
    "a dollar": (TEXT.replace(VALUE, f"{VALUE}$$HOME"), "/mail"),
}


@pytest.mark.parametrize(("text", "path"), MOVES.values(), ids=MOVES)
def test_it_becomes_a_secret_at_the_same_path(text: str, path: str, tmp_path: Path) -> None:
    outcome = tried(tmp_path, {"compose.yml": text})
    (secret,) = outcome.plan.secrets
    assert secret.value == Secret(CONTENT.replace(VALUE, f"{VALUE}$HOME") if "$$" in text else CONTENT)
    assert (secret.name, secret.mode) == ("mail", 0o444)
    (mounted,) = (one for one in outcome.plan.patches if isinstance(one, InsertItem))
    assert (mounted.key, mounted.item) == ("secrets", {"source": "mail", "target": path})
    assert "configs" not in outcome.rewritten[0].text


FOLLOWS = TEXT.replace("[smtp]", "[${STAGE}]")
STAYS = {
    "an owner": {"compose.yml": long("target: /etc/mail.ini", 'uid: "70"')},
    "a group": {"compose.yml": long('gid: "70"')},
    "another mode": {"compose.yml": long("mode: 0400")},
    "a target that follows the environment": {"compose.yml": long("target: /etc/${STAGE}")},
    "a target with a step up": {"compose.yml": long("target: /etc/../mail")},
    "below a volume": {"compose.yml": long("target: /data/mail.ini", more="    volumes: ['./data:/data:rw']\n")},
    "below a volume in the long syntax": {
        "compose.yml": long("target: /data/a/mail", more="    volumes:\n      - {type: tmpfs, target: /data/}\n")
    },
    "below a tmpfs": {"compose.yml": long("target: /run/mail", more="    tmpfs: /run\n")},
    "below a volume that follows the environment": {"compose.yml": long(more="    volumes: ['./d:${STAGE}']\n")},
    "content that follows the environment": {"compose.yml": FOLLOWS},
    "content that names a secret": {"compose.yml": TEXT.replace("[smtp]", "ca = /run/secrets/ca")},
    "a further key": {"compose.yml": TEXT.replace("    content", "    name: other\n    content")},
    "an anchor on the definition": {"compose.yml": TEXT.replace("  mail:\n", "  mail: &m\n") + "x-copy: *m\n"},
    "an anchor on the content": {"compose.yml": TEXT.replace("content: |", "content: &c |") + "x-copy: *c\n"},
    "an anchor on the service": {
        "compose.yml": SHORT.replace("board:\n", "board: &b\n") + "  other:\n    <<: *b\n" + CONFIGS
    },
    "an anchor on the list": {
        "compose.yml": SHORT.replace("configs:", "configs: &l")
        + "  other:\n    image: a/b:1\n    configs: *l\n"
        + CONFIGS
    },
    "a list that a merge key brings": {
        "compose.yml": "x-a: &a\n  configs: [mail]\n" + BOARD + "    <<: *a\n" + CONFIGS
    },
    "a service that another one extends": {
        "compose.yml": SHORT + "  other:\n    extends: {service: board}\n" + CONFIGS
    },
    "a service in flow style": {"compose.yml": "services: {board: {image: a/b:1, configs: [mail]}}\n" + CONFIGS},
    "a config in flow style": {"compose.yml": SHORT + f"configs:\n  mail: {{content: 'password = {VALUE}'}}\n"},
    "two documents": {"compose.yml": TEXT + "---\nservices: {}\n"},
    "a secret of that name": {"compose.yml": TEXT + "secrets:\n  mail:\n    file: ./other.txt\n", "other.txt": "x"},
    "a secret at that path": {
        "compose.yml": SHORT
        + "    secrets: [{source: other, target: /mail}]\n"
        + CONFIGS
        + "secrets:\n  other:\n    file: ./other.txt\n",
        "other.txt": "x",
    },
    "nobody uses it": {"compose.yml": BOARD + CONFIGS},
    "an override beside it": {
        "compose.yml": TEXT,
        "compose.prod.yml": "services:\n  board:\n    configs: [mail]\n",
    },
    "a layer on it": {"compose.yml": TEXT, "compose.override.yml": "services:\n  board:\n    configs: [mail]\n"},
    "a file that extends the service": {
        "compose.yml": TEXT,
        "other.yml": "services:\n  other:\n    extends: {file: compose.yml, service: board}\n",
    },
    "a project elsewhere that extends the service": {
        "compose.yml": TEXT,
        "part/compose.yml": "services:\n  other:\n    extends: {file: ../compose.yml, service: board}\n" + CONFIGS,
    },
    "a project elsewhere that includes it": {
        "compose.yml": TEXT,
        "part/compose.yml": "include: [../compose.yml]\nservices:\n  other:\n    image: a/b:1\n    configs: [mail]\n",
    },
}


@pytest.mark.parametrize("texts", STAYS.values(), ids=STAYS)
def test_it_stays_where_that_would_not_be_the_same(texts: dict[str, str], tmp_path: Path) -> None:
    outcome = tried(tmp_path, texts)
    assert not outcome.rewritten
    finding = next(one for one in outcome.findings if one.path == "configs.mail.content")
    assert finding.action is Action.KEEP
    assert finding.note.startswith("a config is not a secret")


@pytest.mark.parametrize(
    "options",
    [
        Options(safe=True),
        Options(source=SourceKind.ENVIRONMENT),
        Options(mount=Mount.VOLUME),
        Options(mode=0o400),
        Options(only=("OTHER",)),
        Options(skip=("configs.*",)),
        Options(skip_because=(("configs.mail.content", "of the demo"),)),
    ],
    ids=["safe", "environment", "volume", "mode", "only", "skip", "skip-because"],
)
def test_it_stays_where_it_is_not_asked_for(options: Options, tmp_path: Path) -> None:
    outcome = tried(tmp_path, {"compose.yml": TEXT}, replace(options, docker=False))
    assert not outcome.plan.secrets


def test_the_proof_refuses_another_file() -> None:
    """Other bytes, another mode, another path, none at all."""
    before = project_of(Source.decode(Path("/nonexistent/compose.yml"), TEXT.encode()), Environment({}, {}))
    plan = make_plan(before, Options(docker=False))
    (secret,) = plan.secrets
    head = BOARD + "    secrets:\n      - source: mail\n        target: /mail\n"
    end = f"secrets:\n  mail:\n    file: {secret.file}\n"

    def check(text: str, planned: PlannedSecret = secret) -> None:
        after = project_of(Source.decode(Path("/nonexistent/compose.yml"), text.encode()), Environment({}, {}))
        check_values(before, after, replace(plan, secrets=(planned,)))

    check(head + end)
    check(TEXT)
    for text, planned in (
        (head + end, replace(secret, value=Secret(CONTENT.rstrip()))),
        (head + end, replace(secret, mode=0o400)),
        ((head + end).replace("/mail", "/other"), secret),
        (head + end.replace(secret.file, "./other.txt"), secret),
        (BOARD + end, secret),
        (TEXT.replace(VALUE, "other"), secret),
    ):
        with pytest.raises(VerificationError, match="would not find the same file at /mail"):
            check(text, planned)


def test_one_that_cannot_be_proved_stays_and_the_rest_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_before: Project, _after: Project, secrets: Mapping[str, PlannedSecret]) -> None:
        if "mail" in secrets:
            raise VerificationError("the files would differ")

    monkeypatch.setattr(configs, "check", refuse)
    database = f"  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: {VALUE}7\n"
    outcome = tried(tmp_path, {"compose.yml": SHORT + database + CONFIGS})
    assert [secret.name for secret in outcome.plan.secrets] == ["postgres_password"]
    finding = next(one for one in outcome.findings if one.path == "configs.mail.content")
    assert "failed verification (a bug: please report it): the files would differ" in finding.note


def test_a_second_run_has_nothing_to_do_and_undo_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    (tmp_path / "compose.yml").write_text(TEXT, "utf-8")
    before = snapshot(tmp_path)

    def say(*words: str) -> int:
        with pytest.raises(SystemExit) as stop:
            entry.main(words)
        assert VALUE not in "".join(capsys.readouterr())
        assert isinstance(stop.value.code, int)
        return stop.value.code

    assert say("--no-docker", "--check", "compose.yml") == 1
    assert say("--no-docker", "--write", "compose.yml") == 0
    assert (tmp_path / "secrets" / "mail.txt").read_text("utf-8") == CONTENT
    written = snapshot(tmp_path)
    assert say("--no-docker", "--write", "compose.yml") == 0
    assert snapshot(tmp_path) == written
    assert say("--no-docker", "--check", "compose.yml") == 0
    assert say("undo", "--write", "compose.yml") == 0
    assert snapshot(tmp_path) == before
