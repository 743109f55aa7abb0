"""audit: each check finds what it is for, and nothing where all is well."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import nursery
import pytest
from conftest import CORPUS, REPOSITORY, corpus_files
from test_stores import run

from dsec_migrate.checks.catalogue import CHECKS, IDS, load
from dsec_migrate.checks.strength import is_common, is_guessable
from dsec_migrate.lifecycle.file_state import FileState, Kind, SecretFile, access_problems

PASSWORD, OTHER = "Pipit-Causeway-52", "Dunlin-Weir-ab-7719"


class Case(NamedTuple):
    """``bad`` has one item of the check, about ``subject`` at ``place``; ``good`` has none. ``git``: files of ``bad``
    that are committed; None is no repository."""

    check: str
    bad: dict[str, str]
    place: str
    subject: str
    good: dict[str, str]
    git: tuple[str, ...] | None = None
    answers: bool = True


def compose(service: str, rest: str = "") -> str:
    return f"services:\n  db:\n{service}{rest}"


PLAIN = f"    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"
FROM_FILE = (
    "    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/pw\n    secrets: [pw]\n"
)
DEFINED = "secrets:\n  pw:\n    file: ./secrets/pw.txt\n"
MOVED = compose(FROM_FILE, DEFINED)
BUILT = "    build: .\n"
IN_ENV_FILE = compose("    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: ${DB_PASSWORD}\n")
STORES = """\
services:
  db:
    image: postgres:17
    networks: [back]
  app:
    image: a
    networks: [back]
    environment:
      DB_HOST: db
  mail:
    image: axllent/mailpit:v1
    networks: [{mail}]
networks:
  back:
  front:
"""
CASES = [
    Case(
        "secret-in-build-argument",
        {
            "compose.yml": compose(f"    build:\n      context: .\n      args:\n        NPM_TOKEN: {PASSWORD}\n"),
            "Dockerfile": "FROM node:22\nARG NPM_TOKEN\nRUN npm ci\n",
        },
        "compose.yml:6",
        "db.build:NPM_TOKEN",
        {
            "compose.yml": compose("    build:\n      context: .\n      args:\n        LEVEL: debug\n"),
            "Dockerfile": "FROM a\n",
        },
    ),
    Case(
        "secret-in-image-environment",
        {"compose.yml": compose(BUILT), "Dockerfile": f"FROM a\nENV API_PASSWORD={PASSWORD}\nCMD [\"a\"]\n"},
        "Dockerfile:2",
        "db.build:API_PASSWORD",
        {"compose.yml": compose(BUILT), "Dockerfile": "FROM a\nENV LEVEL=info\n"},
    ),
    Case(
        "secret-in-build-command",
        {"compose.yml": compose(BUILT), "Dockerfile": f"FROM a\nRUN fetch --password {PASSWORD}\n"},
        "Dockerfile:2",
        "db.build:password",
        {"compose.yml": compose(BUILT), "Dockerfile": "FROM a\nRUN fetch --password-file /run/secrets/x\n"},
    ),
    Case(
        "secret-copied-into-image",
        {
            "compose.yml": compose(BUILT),
            "Dockerfile": "FROM a\nCOPY .npmrc /app/\nRUN npm ci\n",
            ".npmrc": f"//registry.example.com/:_authToken={PASSWORD}\n",
        },
        "Dockerfile:2",
        "db.build:.npmrc",
        {"compose.yml": compose(BUILT), "Dockerfile": "FROM a\nCOPY package.json /app/\n", "package.json": "{}"},
    ),
    Case(
        "build-mounts",
        {
            "compose.yml": compose(
                "    build:\n      context: .\n      secrets: [token]\n", "secrets:\n  token:\n    environment: T\n"
            ),
            "Dockerfile": "FROM a\nRUN --mount=type=secret,id=token npm ci\n",
        },
        "Dockerfile:2",
        "token",
        {
            "compose.yml": compose(
                "    build:\n      context: .\n      secrets: [token]\n", "secrets:\n  token:\n    environment: T\n"
            ),
            "Dockerfile": "FROM a\nRUN --mount=type=secret,id=token,required=true npm ci\n",
        },
    ),
    Case(
        "secret-in-git",
        {"compose.yml": IN_ENV_FILE, ".env": f"LEVEL=info\nDB_PASSWORD={PASSWORD}\n"},
        ".env:2",
        ".env",
        {"compose.yml": IN_ENV_FILE, ".env": f"DB_PASSWORD={PASSWORD}\n", ".gitignore": ".env\n"},
        ("compose.yml", ".env"),
    ),
    Case(
        "secret-in-git-history",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, ".gitignore": "secrets\n", "old.yml": compose(PLAIN)},
        "compose.yml:8",
        "pw",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, ".gitignore": "secrets\n"},
        ("compose.yml", ".gitignore", "old.yml"),
        answers=False,
    ),
    Case(
        "plaintext-in-environment", {"compose.yml": compose(PLAIN)}, "compose.yml:5", "db.POSTGRES_PASSWORD",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, answers=False,
    ),
    Case(
        "plaintext-in-command",
        {"compose.yml": compose(f"    image: redis:8\n    command: redis-server --requirepass {PASSWORD}\n")},
        "compose.yml:4",
        "db.command:--requirepass",
        {"compose.yml": compose("    image: redis:8\n    command: redis-server --port 6380\n")},
        answers=False,
    ),
    Case(
        "plaintext-elsewhere",
        {"compose.yml": compose(f"    image: a\n    labels:\n      widget.password: {PASSWORD}\n")},
        "compose.yml:5",
        "db.labels:widget.password",
        {"compose.yml": compose("    image: a\n    labels:\n      widget.type: postgres\n")},
        answers=False,
    ),
    Case(
        "commented-secret",
        {"compose.yml": compose(f"    image: a\n    environment:\n      # DB_PASSWORD: {PASSWORD}\n      TZ: UTC\n")},
        "compose.yml:5",
        "a comment",
        {"compose.yml": compose("    image: a\n    environment:\n      # DB_PASSWORD: change-me\n      TZ: UTC\n")},
        answers=False,
    ),
    Case(
        "secrets-from-files", {"compose.yml": IN_ENV_FILE, ".env": f"DB_PASSWORD={PASSWORD}\n"}, "compose.yml:5",
        "db.POSTGRES_PASSWORD", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD},
    ),
    Case(
        "half-done-migration",
        {
            "compose.yml": MOVED.replace("POSTGRES_PASSWORD_FILE", "POSTGRES_PASSWORD"),
            "secrets/pw.txt": PASSWORD,
        },
        "compose.yml:5", "db.POSTGRES_PASSWORD", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, answers=False,
    ),
    Case(
        "secret-file", {"compose.yml": MOVED}, "compose.yml:8", "pw",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD},
    ),
    Case(
        "secret-file-mode",
        # not even its owner, unless that is root
        {"compose.yml": MOVED.replace("    secrets", "    user: '12345'\n    secrets"), "secrets/pw.txt": PASSWORD},
        "compose.yml:9", "pw", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD},
    ),
    Case(
        "internal-network", {"compose.yml": STORES.format(mail="back")}, "compose.yml:2", "db",
        {"compose.yml": STORES.format(mail="front")},
    ),
    Case(
        "published-data-store",
        {"compose.yml": compose("    image: redis:8\n    ports:\n      - '6379:6379'\n")}, "compose.yml:5", "db:6379",
        {"compose.yml": compose("    image: redis:8\n    ports:\n      - '127.0.0.1:6379:6379'\n")},
    ),
    Case(
        "unused-mount",
        {
            "compose.yml": compose(
                FROM_FILE.replace("[pw]", "[pw, token]"), f"{DEFINED}  token:\n    environment: T\n"
            ),
            "secrets/pw.txt": PASSWORD,
        },
        "compose.yml:6", "db.token", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, answers=False,
    ),
    Case(
        "secret-age",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, "dsec-migrate.toml": "[audit]\nmax-age-days = 10\n"},
        "compose.yml:8", "pw",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, "dsec-migrate.toml": "[audit]\nmax-age-days = 40\n"},
    ),
    Case(
        "external-manager", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, "compose.yml:8", "secrets",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, "compose.vault.yml": "services: {}\n"},
    ),
    Case(
        "encrypted-at-rest", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, "compose.yml:8", "secrets",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, "secrets/pw.txt.age": "x"},
    ),
    Case(
        "default-value", {"compose.yml": MOVED, "secrets/pw.txt": "changeme"}, "compose.yml:8", "pw",
        {"compose.yml": MOVED, "secrets/pw.txt": OTHER},
    ),
    Case(
        "weak-value", {"compose.yml": MOVED, "secrets/pw.txt": "vqz81k"}, "compose.yml:8", "pw",
        {"compose.yml": MOVED, "secrets/pw.txt": OTHER}, answers=False,
    ),
    Case(
        "shared-value",
        {
            "compose.yml": compose(
                f"    image: mariadb:11\n    environment:\n      MARIADB_ROOT_PASSWORD: {PASSWORD}\n"
                f"      MARIADB_PASSWORD: {PASSWORD}\n"
            )
        },
        "compose.yml:6",
        "db.MARIADB_PASSWORD",
        {
            "compose.yml": compose(
                f"    image: mariadb:11\n    environment:\n      MARIADB_ROOT_PASSWORD: {PASSWORD}\n"
                f"      MARIADB_PASSWORD: {OTHER}\n",
                # its client has the same one rightly
                f"  app:\n    image: a\n    environment:\n      DB_PASSWORD: {OTHER}\n",
            )
        },
    ),
    Case(
        "gitignore", {"compose.yml": IN_ENV_FILE, ".env": f"DB_PASSWORD={PASSWORD}\n"}, ".env:1", ".env",
        {"compose.yml": IN_ENV_FILE, ".env": f"DB_PASSWORD={PASSWORD}\n", ".gitignore": ".env\n"}, ("compose.yml",),
    ),
    Case(
        "dockerignore",
        {
            "compose.yml": compose("    build: .\n    environment:\n      API_PASSWORD: ${P}\n"),
            "Dockerfile": "FROM a\n",
            ".env": f"P={PASSWORD}\n",
        },
        "compose.yml:3", "db",
        {
            "compose.yml": compose("    build: .\n    environment:\n      API_PASSWORD: ${P}\n"),
            "Dockerfile": "FROM a\n",
            ".env": f"P={PASSWORD}\n", ".dockerignore": ".env\n",
        },
    ),
    Case(
        "template", {"compose.yml": IN_ENV_FILE, ".env": f"DB_PASSWORD={PASSWORD}\n"}, ".env:1", ".env",
        {"compose.yml": IN_ENV_FILE, ".env": f"DB_PASSWORD={PASSWORD}\n", ".env.example": "DB_PASSWORD=\n"},
    ),
    Case(
        "documented-secrets", {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, "compose.yml:8", "secrets",
        {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD, "secrets/README.md": "- `pw`: of the database\n"},
    ),
    Case(
        "one-set-per-environment",
        {
            "compose.yml": MOVED, "secrets/pw.txt": OTHER, ".env.development": f"A_PASSWORD={PASSWORD}\n",
            ".env.production": f"LEVEL=info\nA_PASSWORD={PASSWORD}\n",
        },
        ".env.production:2", "A_PASSWORD",
        {
            "compose.yml": MOVED, "secrets/pw.txt": OTHER, ".env.development": f"A_PASSWORD={PASSWORD}\n",
            ".env.production": f"A_PASSWORD={OTHER}\n",
        },
    ),
]  # fmt: skip


def lay_out(folder: Path, files: dict[str, str], committed: tuple[str, ...] | None) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    closed = folder / "secrets"
    if closed.is_dir():
        closed.chmod(0o700)
        for path in closed.iterdir():
            path.chmod(0o600)
            month_ago = time.time() - 30 * 86_400
            os.utime(path, (month_ago, month_ago))
    if committed is not None:
        git(folder, "init", "-q")
        git(folder, "add", *committed)
        git(folder, "commit", "-qm", "x")
        if "old.yml" in committed:
            git(folder, "rm", "-q", "old.yml")
            git(folder, "commit", "-qm", "y")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def audit(folder: Path, *words: str, status: int = 0) -> dict[str, Any]:
    said = run(folder, "audit", "--format", "json", *words, status=status)
    assert PASSWORD not in said
    assert OTHER not in said
    found: dict[str, Any] = json.loads(said)
    return found


def points(report: dict[str, Any]) -> dict[str, Any]:
    return {point["id"]: point for project in report["projects"] for point in project["checks"]}


def test_each_check_has_a_case() -> None:
    missing = set(IDS) - {case.check for case in CASES}
    assert not missing, f"{missing}: add a case to CASES, with a project that has the item and one that does not"
    assert [case.check for case in CASES] == list(IDS), "CASES are in the order of checks.CHECKS"


@pytest.mark.parametrize("case", CASES, ids=[case.check for case in CASES])
def test_a_check_finds_what_it_is_for(case: Case, tmp_path: Path) -> None:
    lay_out(tmp_path, case.bad, case.git)
    report = audit(tmp_path, "--only", case.check, "compose.yml")
    (item,) = points(report)[case.check]["items"]
    file = os.path.relpath(tmp_path / item["file"], tmp_path)
    assert (f"{file}:{item['line']}", item["subject"]) == (case.place, case.subject)
    assert item["reason"]
    assert item["fix"]


@pytest.mark.parametrize("case", CASES, ids=[case.check for case in CASES])
def test_a_check_finds_nothing_where_all_is_well(case: Case, tmp_path: Path) -> None:
    lay_out(tmp_path, case.good, tuple(name for name in (".gitignore",) if name in case.good) if case.git else None)
    point = points(audit(tmp_path, "--only", case.check, "compose.yml")).get(case.check)
    if point is not None:
        assert point["items"] == []
        assert point["done"]
    elif case.answers and case.check not in {"secret-in-build-argument", "secret-in-image-environment"}:
        assert case.check in {"secret-in-build-command", "secret-copied-into-image"}


@pytest.mark.parametrize("name", IDS)
def test_a_check_explains_itself(name: str, tmp_path: Path) -> None:
    check = load(name)
    assert len(check.title) < 80
    assert len(check.text) > 100, (
        f"the docstring of {name} tells why it matters and what to do, in 100 letters at least"
    )
    said = run(tmp_path, "audit", "--explain", name)
    assert check.title in " ".join(said.split())
    assert name in said


def test_the_list_names_each_check_in_its_group(tmp_path: Path) -> None:
    said = run(tmp_path, "audit", "--list")
    assert [line for line in said.splitlines() if line in {group.value for group in CHECKS}] == [*CHECKS]
    assert all(name in said for name in IDS)


def test_every_module_of_the_folder_is_listed_or_helps() -> None:
    import ast

    folder = REPOSITORY / "dsec_migrate" / "checks"
    with_look = {
        path.stem.replace("_", "-")
        for path in folder.glob("*.py")
        if any(isinstance(n, ast.FunctionDef) and n.name == "look" for n in ast.parse(path.read_text()).body)
    }
    assert not with_look - set(IDS), f"checks/ has {with_look - set(IDS)}: add it to its group in checks.CHECKS"
    assert not set(IDS) - with_look, f"{set(IDS) - with_look}: no module of that name with look in checks/"


def test_an_unknown_check_gets_a_proposal(tmp_path: Path) -> None:
    assert "did you mean weak-value?" in run(tmp_path, "audit", "--explain", "weak-values", status=2)
    assert "no check matches nothing-*" in run(tmp_path, "audit", "--only", "nothing-*", status=2)


# --- exceptions ---


def test_a_comment_with_a_reason_excepts_a_line(tmp_path: Path) -> None:
    text = compose(
        PLAIN.replace(
            "\n      POSTGRES", "\n      # dsec: ignore[plaintext-in-environment] a test only\n      POSTGRES"
        )
    )
    lay_out(tmp_path, {"compose.yml": text}, None)
    point = points(audit(tmp_path))["plaintext-in-environment"]
    assert point["items"] == []
    assert [(one["subject"], one["because"]) for one in point["excepted"]] == [("db.POSTGRES_PASSWORD", "a test only")]
    # the migration heeds it as well
    said = run(tmp_path, "--check", "compose.yml")
    assert "check passed" in said
    assert "excluded: a test only" in " ".join(said.split())
    run(tmp_path, "--write", "compose.yml")
    assert (tmp_path / "compose.yml").read_text() == text


@pytest.mark.parametrize(
    ("comment", "what"),
    [
        ("# dsec: ignore[plaintext-in-environment]", "has no reason"),
        ("# dsec: ignore[plaintext-everywhere] because", "unknown check plaintext-everywhere"),
        ("# dsec: ignore because", "the exception names no check"),
    ],
)
def test_an_exception_that_says_too_little_excepts_nothing(comment: str, what: str, tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": compose(PLAIN.rstrip() + f"  {comment}\n")}, None)
    report = audit(tmp_path, status=2)
    (error,) = report["projects"][0]["errors"]
    assert what in error["what"]
    assert error["line"] == 5
    assert len(points(report)["plaintext-in-environment"]["items"]) == 1
    assert "check failed" in run(tmp_path, "--check", "compose.yml", status=1)


def test_settings_except_with_a_pattern(tmp_path: Path) -> None:
    rule = '[[ignore]]\ncheck = "plaintext-in-environment"\nmatch = "db.*"\nreason = "a throw-away database"\n'
    lay_out(tmp_path, {"compose.yml": compose(PLAIN, "  app:\n" + PLAIN), "dsec-migrate.toml": rule}, None)
    point = points(audit(tmp_path))["plaintext-in-environment"]
    assert [one["subject"] for one in point["items"]] == ["app.POSTGRES_PASSWORD"]
    assert [one["subject"] for one in point["excepted"]] == ["db.POSTGRES_PASSWORD"]
    run(tmp_path, "--check", "compose.yml", status=1)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[[ignore]]\ncheck = "weak-value"\n', "an exception needs a reason"),
        ('[[ignore]]\nreason = "x"\n', "an exception needs a check"),
        ('[[ignore]]\ncheck = "weak-valu"\nreason = "x"\n', "unknown check weak-valu"),
        ('[[ignore]]\ncheck = "weak-value"\nwhy = "x"\n', "unknown key why"),
        ('ignore = "x"\n', "`ignore` must be a list of tables"),
        ("[audit]\nmax-age-days = 0\n", "max-age-days must be a positive number"),
        ("[audit]\nmaximum = 3\n", "`audit` takes only max-age-days"),
    ],
)
def test_settings_that_nobody_understands_are_errors(text: str, what: str, tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": compose(PLAIN), "dsec-migrate.toml": text}, None)
    said = run(tmp_path, "audit", status=2)
    assert what in said
    assert "dsec-migrate.toml" in said


# --- baseline, check, formats ---


def test_a_baseline_keeps_what_is_known_apart(tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": compose(PLAIN)}, None)
    assert "wrote the current items to" in run(tmp_path, "audit", "--baseline", "known.json", "--write")
    assert PASSWORD not in (tmp_path / "known.json").read_text()
    assert audit(tmp_path, "--baseline", "known.json", "--check")["summary"]["items"] == 0
    # the same finding in another line is known, another one is not
    moved = compose("    # a comment\n" + PLAIN, "  app:\n" + PLAIN)
    (tmp_path / "compose.yml").write_text(moved)
    report = audit(tmp_path, "--baseline", "known.json", "--check", status=1)
    assert [item["subject"] for item in points(report)["plaintext-in-environment"]["items"]] == [
        "app.POSTGRES_PASSWORD"
    ]


def test_a_file_that_is_no_baseline_is_an_error(tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": compose(PLAIN), "known.json": "[]"}, None)
    assert "the file is not a baseline" in run(tmp_path, "audit", "--baseline", "known.json", status=2)
    assert "--write needs --baseline" in run(tmp_path, "audit", "--write", status=2)


def test_errors_alone_say_it_all(tmp_path: Path) -> None:
    said = run(tmp_path, "audit", "nowhere.yml", status=2)
    assert said.startswith("error: cannot read the file")
    assert "nothing to do" not in said


def test_check_fails_where_items_of_weight_are_open(tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": MOVED, "secrets/pw.txt": OTHER}, None)
    assert "check passed" in run(tmp_path, "audit", "--check")
    assert "check failed" in run(tmp_path, "audit", "--check", "--strict", status=1)
    (tmp_path / "secrets/pw.txt").write_text("changeme")
    assert "check failed" in run(tmp_path, "audit", "--check", status=1)


def test_the_text_is_a_checklist(tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": MOVED, "secrets/pw.txt": "changeme"}, None)
    said = run(tmp_path, "audit", "compose.yml")
    assert "  [ ] No secret has a common default value (default-value)\n    - compose.yml:8 pw\n" in said
    assert "fix: `dsec-migrate rotate pw compose.yml --generate 32`" in said
    assert "  [x] Programs read their secrets from files (secrets-from-files)\n" in said
    assert all(len(line) <= 80 for line in said.splitlines())


@pytest.mark.parametrize("form", ["markdown", "sarif", "github", "gitlab", "junit", "text"])
def test_other_programs_get_the_items(form: str, tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": compose(PLAIN)}, None)
    said = run(tmp_path, "audit", "--format", form, "--output", f"{form}=report")
    saved = (tmp_path / "report").read_text()
    assert said == saved
    assert PASSWORD not in said
    assert "POSTGRES" in said
    if form == "sarif":
        results = json.loads(said)["runs"][0]["results"]
        assert {"plaintext-in-environment"} <= {one["ruleId"] for one in results}
        schema = REPOSITORY.parent / "shared" / "schemas" / "sarif-2.1.0.json"
        if schema.exists():
            import jsonschema

            jsonschema.validate(json.loads(said), json.loads(schema.read_text("utf-8")))


def test_the_json_is_as_its_schema_says(tmp_path: Path) -> None:
    import jsonschema

    schema = json.loads((REPOSITORY / "schemas" / "audit.schema.json").read_text("utf-8"))
    lay_out(tmp_path, {"compose.yml": compose(PLAIN), "b.yml": "services: 1\n"}, None)
    jsonschema.validate(audit(tmp_path, "compose.yml", "b.yml", status=2), schema)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real files is not here")
def test_no_real_file_breaks_it(tmp_path: Path) -> None:
    paths = [file.lay_out(tmp_path / str(number)) for number, file in enumerate(corpus_files()[::25])]
    words = ("audit", "--format", "json", *map(str, paths))
    report = json.loads(nursery.run(tmp_path, words, {"PATH": os.environ["PATH"]}).said)
    assert len(report["projects"]) == len(paths)
    assert report["summary"]["items"] > 10


def test_what_another_project_reads_is_left_as_the_migration_leaves_it(tmp_path: Path) -> None:
    env_file = compose("    image: postgres:17\n    env_file: ../shared/db.env\n")
    for name, text in (
        ("one/compose.yml", env_file),
        ("two/compose.yml", env_file),
        ("shared/db.env", f"POSTGRES_PASSWORD={PASSWORD}\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for words in (("one/compose.yml",), (".",)):
        said = " ".join(run(tmp_path, "audit", "--only", "plaintext-in-environment", *words).split())
        assert "as well, and would" in said
        assert "--only db.POSTGRES_PASSWORD --write" not in said
    (tmp_path / "two" / "compose.yml").unlink()
    said = " ".join(run(tmp_path, "audit", "--only", "plaintext-in-environment", "--", "one/compose.yml").split())
    assert "as well" not in said


def test_a_history_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsec_migrate import git as asked
    from dsec_migrate.checks.checklist import Audit
    from dsec_migrate.compose.discovery.project_files import ProjectFiles
    from dsec_migrate.config.options import Options

    lay_out(tmp_path, {"compose.yml": MOVED, "secrets/pw.txt": PASSWORD}, ("compose.yml",))
    files = ProjectFiles.of(tmp_path / "compose.yml")

    def said(**more: Any) -> list[str]:
        audit = Audit([load("secret-in-git-history")], Options(), {}, **more)
        return [warning.what for warning in audit.look(files).warnings]

    whole = time.monotonic() + 60
    assert said(until=whole) == []
    assert said(until=0.0) == ["only a part of the git history was searched within the time limit"]
    assert said(until=0.0, looks_back=False) == []
    monkeypatch.setattr(asked, "committed", lambda folder, texts: ({}, False))
    assert len(said(until=whole)) == 1


@pytest.mark.parametrize(
    ("value", "common", "guessable"),
    [
        ("example", True, True), ("changeme", True, True), ("admin", True, True), ("password123", True, True),
        ("Change-me-please!", True, False), ("vqz81k", False, True), ("839201746531", False, True),
        (PASSWORD, False, False), ("null", False, True), ("", False, True),
    ],
)  # fmt: skip
def test_how_hard_a_value_is_to_guess(value: str, common: bool, guessable: bool) -> None:
    assert (is_common(value), is_guessable(value)) == (common, guessable)


# --- secrets of builds ---

NPMRC = f"//registry.example.org/:_authToken={OTHER}\n"
BUILDING = {
    "compose.yml": (
        f"services:\n  api:\n    build:\n      context: api\n      args:\n        NPM_TOKEN: {PASSWORD}-{OTHER}\n"
    ),
    "api/Dockerfile": (
        "FROM busybox:stable\nARG NPM_TOKEN\nWORKDIR /app\nCOPY .npmrc ./\nRUN npm ci\n"
        'RUN fetch "$NPM_TOKEN"\nCOPY id_ed25519 /root/.ssh/id_ed25519\nRUN git clone git@git.example.org:a.git\n'
        "COPY . .\n"
    ),
    "api/.npmrc": NPMRC,
    "api/id_ed25519": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    "api/main.js": "\n",
}


def test_what_builds_use_is_used_and_a_file_of_its_own_form_is_no_value(tmp_path: Path) -> None:
    lay_out(tmp_path, BUILDING, tuple(BUILDING))
    before = points(audit(tmp_path, "compose.yml"))
    assert [item["subject"] for item in before["secret-in-git"]["items"]] == [".npmrc", "id_ed25519"]
    run(tmp_path, "--no-docker", "compose.yml", "--write")
    told = run(tmp_path, "status", "compose.yml")
    assert "unused" not in told
    assert "no service mounts" not in told
    assert "truncate" not in told
    after = points(audit(tmp_path, "compose.yml"))
    # what git has tracked it goes on tracking, whatever .gitignore says by now
    assert [item["subject"] for item in after["secret-in-git"]["items"]] == ["npmrc", "id_ed25519"]
    for check in ("secret-file", "secret-file-mode", "dockerignore", "gitignore", "default-value", "build-mounts"):
        assert [item["reason"] for item in after[check]["items"]] == [], check
    # the file goes back to whoever issued it, the token is a value of the project
    advice = {item["subject"]: item["fix"] for item in after["secret-in-git-history"]["items"]}
    assert advice.keys() == {"npm_token", "npmrc", "id_ed25519"}
    assert "rotate npm_token" in advice["npm_token"]
    for name in ("npmrc", "id_ed25519"):
        assert "rotate" not in advice[name]
        assert "where it is issued" in advice[name]


def test_letters_do_not_take_the_place_of_a_file_of_its_own_form(tmp_path: Path) -> None:
    lay_out(tmp_path, BUILDING, None)
    run(tmp_path, "--no-docker", "compose.yml", "--write")
    said = run(tmp_path, "rotate", "npmrc", "compose.yml", "--generate", "32", "--write", status=2)
    assert "--value-file" in said
    assert (tmp_path / "api" / ".npmrc").read_text("utf-8") == NPMRC
    assert "beside the former one" in run(tmp_path, "rotate", "npm_token", "compose.yml", "--generate", "32")


def test_others_may_read_the_source_of_a_build_but_not_its_credentials() -> None:
    path = Path("api/.npmrc")
    of_builds, of_services = SecretFile("npmrc", path, is_of_builds=True), SecretFile("npmrc", path)
    fixes = [
        [problem.fix for problem in access_problems(FileState(file, Kind.FILE, mode=0o644, uid=0, gid=0))]
        for file in (of_builds, of_services)
    ]
    assert fixes == [["`chmod 600 api/.npmrc`"], ["`chmod 700 api`"]]
    assert list(access_problems(FileState(of_builds, Kind.FILE, mode=0o600, uid=0, gid=0))) == []


def test_a_secret_that_nothing_uses_is_still_told(tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": f"services:\n  db:\n    image: a\n{DEFINED}", "secrets/pw.txt": PASSWORD}, None)
    assert "no service mounts it and no build uses it" in " ".join(run(tmp_path, "status", "compose.yml").split())
