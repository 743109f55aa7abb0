"""What moves together, under which name, who gets it and what stays, with the reason."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from dsec_migrate import project as projects
from dsec_migrate.document import Mapping, Scalar, follow
from dsec_migrate.environment import Environment
from dsec_migrate.errors import UserError
from dsec_migrate.files import Disk
from dsec_migrate.finding import Action
from dsec_migrate.naming import Style, Wanted, name_groups, style_of
from dsec_migrate.options import Options, SourceKind, Target, Unknown
from dsec_migrate.plan import AddMounts, Plan
from dsec_migrate.planning import make_plan
from dsec_migrate.project import Project
from dsec_migrate.source import Source

# a value that is nothing but the words of a placeholder, and one that nobody sets twice by chance
PLACEHOLDER, DISTINCTIVE = "changeme", "Fescue-Lathe-73"


def load(
    text: str,
    files: dict[str, str] | None = None,
    shell: dict[str, str] | None = None,
    folder: Path = Path("/nonexistent/project"),
) -> Project:
    source = Source.decode(folder / "compose.yml", dedent(text).encode())
    project = projects.load(source, Environment(shell or {}, files or {}))
    assert not project.problems
    return project


def planned(text: str, options: Options | None = None, files: dict[str, str] | None = None) -> Plan:
    return make_plan(load(text, files), options or Options())


# --- names ---


@pytest.mark.parametrize(
    ("text", "snake", "upper", "kebab"),
    [
        ("POSTGRES_PASSWORD", "postgres_password", "POSTGRES_PASSWORD", "postgres-password"),
        ("smtpPassword", "smtp_password", "SMTP_PASSWORD", "smtp-password"),
        ("spring.datasource.password", "spring_datasource_password", "SPRING_DATASOURCE_PASSWORD", None),
        ("DB__Connection", "db_connection", "DB_CONNECTION", "db-connection"),
        ("back-office", "back_office", "BACK_OFFICE", "back-office"),
        ("_TOKEN_", "token", "TOKEN", "token"),
        ("S3Key", "s3_key", "S3_KEY", "s3-key"),
        ("___", "secret", "SECRET", "secret"),
    ],
)
def test_spelling(text: str, snake: str, upper: str, kebab: str | None) -> None:
    assert Style().spell(text) == snake
    assert Style("UPPER_SNAKE_CASE").spell(text) == upper
    assert Style("kebab-case").spell(text) == (kebab or snake.replace("_", "-"))


@pytest.mark.parametrize(
    ("existing", "directory", "expected"),
    [
        ({}, None, Style()),
        ({}, "../keys", Style(directory="../keys")),
        ({"db_password": "./config/db_password"}, None, Style(directory="./config", suffix="")),
        ({"db_password": "db_password.secret"}, None, Style(directory=".", suffix=".secret")),
        ({"db-password": "./secrets/db-password.txt"}, None, Style("kebab-case")),
        ({"DB_PASSWORD": "./secrets/DB_PASSWORD.txt"}, None, Style("UPPER_SNAKE_CASE")),
        ({"password": "./s/password"}, None, Style(directory="./s", suffix="")),
        ({"a_b": "./x/a_b", "c_d": "./y/c_d", "e_f": "./y/e_f"}, None, Style(directory="./y", suffix="")),
        ({"a_b": "./x/other_name.txt"}, None, Style(directory="./x")),
        ({"a_b": "./x/a_b"}, "./z", Style(directory="./z", suffix="")),
        ({"tls_key": "./tls/tls_key.pem"}, None, Style()),
        ({"tls_key": "./tls/tls_key.pem", "a_b": "./x/a_b"}, None, Style(directory="./x", suffix="")),
        ({"a-b": None, "c_d": None, "e-f": None}, None, Style("kebab-case")),
    ],
)
def test_style_of_what_is_there(existing: dict[str, str | None], directory: str | None, expected: Style) -> None:
    definitions = {name: {"file": file} if file else {"external": True} for name, file in existing.items()}
    assert style_of(definitions, directory) == expected


@pytest.mark.parametrize(
    ("wanted", "taken", "expected"),
    [
        ([("TOKEN", "a")], set(), ["token"]),
        ([("TOKEN", "a"), ("TOKEN", "b")], set(), ["a_token", "b_token"]),
        ([("TOKEN", "a"), ("PASSWORD", "a"), ("TOKEN", "b")], set(), ["a_token", "password", "b_token"]),
        ([("TOKEN", "a"), ("token", "a")], set(), ["a_token", "a_token_2"]),
        ([("TOKEN", "a")], {"token"}, ["a_token"]),
        ([("TOKEN", "a")], {"token", "a_token"}, ["a_token_2"]),
        ([("TOKEN", "a")], {"token", "a_token", "a_token_2"}, ["a_token_3"]),
        ([("TOKEN", "a"), ("A_TOKEN", "b"), ("TOKEN", "c")], set(), ["a_token", "a_token_2", "c_token"]),
    ],
)
def test_names_are_distinct(wanted: list[tuple[str, str]], taken: set[str], expected: list[str]) -> None:
    groups = [Wanted(variable, service) for variable, service in wanted]
    assert name_groups(groups, Style(), taken.__contains__) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POSTGRES_PASSWORD", "password"),
        ("POSTGRES_PASSWORD", "POSTGRES_PASSWORD"),
        ("MINIOADMIN_SECRET", "minioadmin"),
        ("PASSWORD", "password"),
    ],
)
def test_no_name_tells_its_value(variable: str, value: str) -> None:
    (name,) = name_groups([Wanted(variable, "service", value)], Style(), set[str]().__contains__)
    assert value.lower() not in name
    assert name


# --- what shares a secret ---


class Grouping(NamedTuple):
    """``secrets`` are (name, services, variables) of each secret that is planned, in its order."""

    title: str
    text: str
    secrets: list[tuple[str, str, str]]
    options: Options = Options()
    files: dict[str, str] = {}  # noqa: RUF012


def services(*bodies: str) -> str:
    lines = [f"  {body}" for body in bodies]
    return "\n".join(["services:", *lines, ""])


GROUPINGS = [
    Grouping(
        "one variable, one value, two services",
        services("a: {image: x, environment: {TOKEN: Teal}}", "b: {image: x, environment: {TOKEN: Teal}}"),
        [("token", "a b", "TOKEN")],
    ),
    Grouping(
        "one variable, two values",
        services("a: {image: x, environment: {TOKEN: Teal}}", "b: {image: x, environment: {TOKEN: Rail}}"),
        [("a_token", "a", "TOKEN"), ("b_token", "b", "TOKEN")],
    ),
    Grouping(
        "two variables, one distinctive value",
        services(
            f"a: {{image: x, environment: {{TOKEN: {DISTINCTIVE}}}}}",
            f"b: {{image: x, environment: {{B_KEY_SECRET: {DISTINCTIVE}}}}}",
        ),
        [("token", "a b", "TOKEN B_KEY_SECRET")],
    ),
    Grouping(
        "two variables, one placeholder",
        services(f"a: {{image: x, environment: {{TOKEN: {PLACEHOLDER}, PASSWORD: {PLACEHOLDER}}}}}"),
        [("token", "a", "TOKEN"), ("password", "a", "PASSWORD")],
    ),
    Grouping(
        "the server names it",
        services(
            f"a: {{image: x, environment: {{DB_PASS: {DISTINCTIVE}}}}}",
            f"db: {{image: 'postgres:16', environment: {{POSTGRES_PASSWORD: {DISTINCTIVE}}}}}",
        ),
        [("postgres_password", "a db", "DB_PASS POSTGRES_PASSWORD")],
    ),
    Grouping(
        "one reference under two names, though its value is a placeholder",
        services("a: {image: x, environment: {TOKEN: '${T}'}}", "b: {image: x, environment: {B_TOKEN: '${T}'}}"),
        [("token", "a b", "TOKEN B_TOKEN")],
        files={"T": PLACEHOLDER},
    ),
    Grouping(
        "two references with one placeholder",
        services("a: {image: x, environment: {TOKEN: '${T}', PASSWORD: '${P}'}}"),
        [("token", "a", "TOKEN"), ("password", "a", "PASSWORD")],
        files={"T": PLACEHOLDER, "P": PLACEHOLDER},
    ),
    Grouping(
        "an alias under two names",
        services("a: {image: x, environment: {TOKEN: &t Teal}}", "b: {image: x, environment: {B_TOKEN: *t}}"),
        [("token", "a b", "TOKEN B_TOKEN")],
    ),
    Grouping(
        "written differently, the same to the container",
        services(
            "a: {image: x, environment: {PASSWORD: 0123}}",
            "b: {image: x, environment: {PASSWORD: '83'}}",
            "c: {image: x, environment: ['PASSWORD=0123']}",
        ),
        [("a_password", "a b", "PASSWORD"), ("c_password", "c", "PASSWORD")],
    ),
    Grouping(
        "a variable of .env as the store",
        services("a: {image: x, environment: {TOKEN: '${T}'}}", "b: {image: x, environment: {T: }}", "c: {image: x}"),
        [("token", "a", "TOKEN")],
        Options(SourceKind.ENVIRONMENT),
        {"T": DISTINCTIVE},
    ),
    Grouping(
        "one variable of .env as the store of two",
        services("a: {image: x, environment: {TOKEN: '${T}'}}", "b: {image: x, environment: {B_TOKEN: '${T}'}}"),
        [("token", "a b", "TOKEN B_TOKEN")],
        Options(SourceKind.ENVIRONMENT),
        {"T": PLACEHOLDER},
    ),
    Grouping(
        "a name in use under another target",
        """\
        services:
          a:
            image: x
            environment: {TOKEN: Teal}
            secrets: [{source: other, target: token}]
        secrets: {other: {file: ./other}}
        """,
        [("a_token", "a", "TOKEN")],
    ),
]


@pytest.mark.parametrize("case", GROUPINGS, ids=lambda case: case.title)
def test_what_shares_a_secret(case: Grouping) -> None:
    plan = planned(case.text, case.options, case.files)
    assert [(s.name, " ".join(s.services), " ".join(s.variables)) for s in plan.secrets] == case.secrets


def test_a_note_tells_when_lines_that_stand_apart_are_joined() -> None:
    apart = planned(services("a: {image: x, environment: {TOKEN: Teal}}", "b: {image: x, environment: {TOKEN: Teal}}"))
    shared = planned("x-e: &e {TOKEN: Teal}\n" + services("a: {image: x, environment: *e}", "b: {environment: *e}"))
    assert len(apart.notes) == 1
    assert "TOKEN in a, b" in apart.notes[0]
    assert shared.notes == ()


# --- which list gets the mount ---


class Placement(NamedTuple):
    """``mounts``: for each list, the path of the mapping that gets it, the new names and the items it repeats."""

    title: str
    text: str
    mounts: list[tuple[str, str, int]]


PLACEMENTS = [
    Placement(
        "the service itself",
        services("a: {image: x, environment: {TOKEN: Teal, PASSWORD: Rail}}"),
        [("services.a", "token password", 0)],
    ),
    Placement(
        "each service that inherits an environment",
        "x-e: &e {TOKEN: Teal}\n"
        + services("a: {image: x, environment: {<<: *e}}", "b: {image: x, environment: *e}", "c: {image: x}"),
        [("services.a", "token", 0), ("services.b", "token", 0)],
    ),
    Placement(
        "the template, where all who inherit it need it",
        "x-s: &s {image: x, environment: {TOKEN: Teal}}\n" + services("a: {<<: *s}", "b: {<<: *s, user: '1'}"),
        [("x-s", "token", 0)],
    ),
    Placement(
        "not the template, where one replaces its environment",
        "x-s: &s {image: x, environment: {TOKEN: Teal}}\n"
        + services("a: {<<: *s}", "b: {<<: *s, environment: {MODE: b}}"),
        [("services.a", "token", 0)],
    ),
    Placement(
        "not the template, where one has secrets of its own",
        "x-s: &s {image: x, environment: {TOKEN: Teal}}\n"
        + services("a: {<<: *s}", "b: {<<: *s, secrets: [one]}")
        + "secrets: {one: {file: ./one}}\n",
        [("services.a", "token", 0), ("services.b", "token", 0)],
    ),
    Placement(
        "a service that another one inherits",
        services("a: &a {image: x, environment: {TOKEN: Teal}}", "b: {<<: *a, user: '1'}"),
        [("services.a", "token", 0)],
    ),
    Placement(
        "with what a merge key supplied so far",
        "x-s: &s {image: x, secrets: [one, two]}\n"
        + services("a: {<<: *s, environment: {TOKEN: Teal}}", "b: {<<: *s}")
        + "secrets: {one: {file: ./one}, two: {file: ./two}}\n",
        [("services.a", "token", 2)],
    ),
    Placement(
        "with what an alias supplied so far",
        "x-s: &s [one]\n"
        + services("a: {image: x, secrets: *s, environment: {TOKEN: Teal}}")
        + "secrets: {one: {file: ./one}}\n",
        [("services.a", "token", 1)],
    ),
    Placement(
        "the base of `extends`, which passes it on",
        services("a: {image: x, environment: {TOKEN: Teal}}", "b: {extends: a}", "c: {extends: {service: a}}"),
        [("services.a", "token", 0)],
    ),
    Placement(
        "each document for its own",
        "services: {a: {image: x, environment: {TOKEN: Teal}}}\n---\nservices: {a: {environment: {PASSWORD: Rail}}}\n",
        [("services.a", "token", 0), ("services.a", "password", 0)],
    ),
]


@pytest.mark.parametrize("case", PLACEMENTS, ids=lambda case: case.title)
def test_which_list_gets_the_mount(case: Placement) -> None:
    plan = planned(case.text)
    assert [
        (_path(operation), " ".join(operation.names), len(operation.inherited))
        for operation in plan.operations
        if isinstance(operation, AddMounts)
    ] == case.mounts


def _path(operation: AddMounts) -> str:
    """The keys that lead to the mapping which gets the list, where it stands in the text."""
    for root in operation.document.roots:
        pending: list[tuple[str, Mapping]] = [("", root)] if isinstance(root, Mapping) else []
        while pending:
            path, node = pending.pop()
            if node is operation.holder:
                return path.removeprefix(".")
            pending += [(f"{path}.{e.name}", e.value) for e in node.entries if isinstance(e.value, Mapping)]
    raise AssertionError("the list goes into a mapping that is not in the file")


# --- what moves how, and what stays ---


class Decision(NamedTuple):
    """``expected`` is the applicability of what moves, else ``left``; ``note`` stands in the finding's note."""

    title: str
    body: str
    expected: str
    note: str = ""
    options: Options = Options()
    shell: dict[str, str] = {}  # noqa: RUF012


DECISIONS = [
    Decision("known image", "{image: postgres, environment: {POSTGRES_PASSWORD: Teal}}", "safe"),
    Decision("known image by its full name", "{image: 'docker.io/library/mysql:8@sha256:ab', environment: {MYSQL_PASSWORD: Teal}}", "safe"),
    Decision("options for the server", "{image: postgres, command: -c a=b, environment: {POSTGRES_PASSWORD: Teal}}", "safe"),
    Decision("another command", "{image: postgres, command: sh -c x, environment: {POSTGRES_PASSWORD: Teal}}", "review", "another command"),
    Decision("another entrypoint", "{image: postgres, entrypoint: [x], environment: {POSTGRES_PASSWORD: Teal}}", "review", "entrypoint"),
    Decision("newline that the image strips", '{image: postgres, environment: {POSTGRES_PASSWORD: "Teal\\n"}}', "review", "newline"),
    Decision("reads no file for it", "{image: postgres, environment: {PGPASSWORD: Teal}}", "left", "reads no PGPASSWORD_FILE"),
    Decision("built", "{image: postgres, build: ., environment: {POSTGRES_PASSWORD: Teal}}", "review", "the program of a"),
    Decision("unknown", "{image: 'x/y:1', environment: {TOKEN: Teal}}", "review", "the image x/y"),
    Decision("unknown, to be kept", "{image: x, environment: {TOKEN: Teal}}", "left", "--unknown keep", Options(unknown=Unknown.KEEP)),
    Decision("only what is safe", "{image: x, environment: {TOKEN: Teal}}", "left", "--safe", Options(safe=True)),
    Decision("skipped", "{image: x, environment: {TOKEN: Teal}}", "left", "not asked for", Options(skip=("TOK*",))),
    Decision("skipped by service", "{image: x, environment: {TOKEN: Teal}}", "left", "not asked for", Options(skip=("a.*",))),
    Decision("not among the asked-for", "{image: x, environment: {TOKEN: Teal}}", "left", "not asked for", Options(only=("b.*",))),
    Decision("asked for", "{image: x, environment: {TOKEN: Teal}}", "review", "", Options(only=("TOKEN",))),
    Decision("only possible", "{image: x, environment: {NONCE: '${N}'}}", "left", "--only"),
    Decision("not set", "{image: x, environment: {TOKEN: '${T}'}}", "left", "T is not set"),
    Decision("passed through, not set", "{image: x, environment: {TOKEN: }}", "left", "TOKEN is not set"),
    Decision("known to the shell only", "{image: x, environment: {TOKEN: '${T}'}}", "left", "from the shell", shell={"T": "Teal"}),
    Decision("a part known to the shell only", "{image: x, environment: {TOKEN: 'a${T}'}}", "left", "from the shell", shell={"T": "Teal"}),
    Decision("variable as the store", "{image: x, environment: {TOKEN: '${T}'}}", "review", "", Options(SourceKind.ENVIRONMENT), {"T": "Teal"}),
    Decision("variable as the store of a part", "{image: x, environment: {TOKEN: 'a${T}'}}", "left", "from the shell", Options(SourceKind.ENVIRONMENT), {"T": "Teal"}),
    Decision("read-only service", "{image: x, read_only: true, environment: {TOKEN: '${T}'}}", "left", "read_only", Options(SourceKind.ENVIRONMENT), {"T": "Teal"}),
    Decision("tmpfs over the secrets", "{image: x, tmpfs: ['/run:size=1m'], environment: {TOKEN: '${T}'}}", "left", "tmpfs", Options(SourceKind.ENVIRONMENT), {"T": "Teal"}),
    Decision("tmpfs elsewhere", "{image: x, tmpfs: /tmp, environment: {TOKEN: '${T}'}}", "review", "", Options(SourceKind.ENVIRONMENT), {"T": "Teal"}),
    Decision("default", "{image: x, environment: {TOKEN: '${T:-Teal}'}}", "review", "T in the shell or in .env has no effect"),
    Decision("half done", "{image: x, environment: {TOKEN: Teal, TOKEN_FILE: /t}}", "left", "TOKEN_FILE is set beside it"),
    Decision("healthcheck", "{image: x, healthcheck: {test: 'a $$TOKEN'}, environment: {TOKEN: Teal}}", "left", "healthcheck"),
    Decision("braces", "{image: x, command: ['a', '$${TOKEN}'], environment: {TOKEN: Teal}}", "left", "command"),
    Decision("hook", "{image: x, post_start: [{command: 'a $$TOKEN'}], environment: {TOKEN: Teal}}", "left", "post_start"),
    Decision("longer name in the healthcheck", "{image: x, healthcheck: {test: 'a $$TOKEN_2'}, environment: {TOKEN: Teal}}", "review"),
    Decision("escaped dollar in the healthcheck", "{image: x, healthcheck: {test: 'a $$$$TOKEN'}, environment: {TOKEN: Teal}}", "left"),
    Decision("odd name", "{image: x, environment: {'a token': Teal}}", "left", "characters"),
]  # fmt: skip


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: case.title)
def test_what_is_decided_and_why(case: Decision) -> None:
    project = load(services(f"a: {case.body}"), shell=case.shell)
    plan = make_plan(project, case.options)
    finding = plan.findings[0]
    decision = finding.applicability if finding.action is Action.MIGRATE else "left"
    assert decision == case.expected, finding.note
    assert case.note in finding.note
    assert "Teal" not in repr(plan.findings)
    assert bool(plan.operations) == bool(plan.secrets) == (decision != "left")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("services: {a: {image: x, environment: [T_TOKEN=Teal, T_TOKEN=Rail]}}", "with another value"),
        (
            "x-e: &e {TOKEN: Teal}\nservices:\n  a: {image: x, environment: *e}\n"
            "  b: {image: x, environment: *e, command: '$$TOKEN'}\n",
            "the same line also reaches b.TOKEN",
        ),
        (
            "services: {a: {image: x, environment: {TOKEN: &t Teal}, labels: {t: *t}}}",
            "is also used through the alias at compose.yml:1",
        ),
    ],
    ids=["two values in one list", "a line of two services", "an alias outside"],
)
def test_lines_move_together_or_not_at_all(text: str, note: str) -> None:
    plan = planned(text)
    assert {finding.action for finding in plan.findings} == {Action.KEEP}
    assert note in plan.findings[0].note.replace("/nonexistent/project/", "")
    assert not (plan.operations or plan.files or plan.secrets)


def test_an_alias_outside_keeps_its_text_where_the_variable_is_the_alias() -> None:
    plan = planned("x-t: &t Teal\nservices: {a: {image: x, environment: {TOKEN: *t}, labels: {t: *t}}}")
    assert [finding.action for finding in plan.findings] == [Action.MIGRATE]
    (change,) = plan.changes
    assert [operation.replaces_alias for operation in change.operations] == [True]


def test_a_change_is_whole() -> None:
    """Each finding that moves belongs to one change, which names the lines that change together."""
    plan = planned(
        "x-e: &e {TOKEN: Teal}\n"
        + services("a: {image: x, environment: *e}", "b: {image: x, environment: {<<: *e, PASSWORD: Rail}}")
    )
    assert [[f"{f.service}.{f.variable}" for f in change.findings] for change in plan.changes] == [
        ["a.TOKEN", "b.TOKEN"],
        ["b.PASSWORD"],
    ]
    assert [len(change.operations) for change in plan.changes] == [1, 1]


# --- what stands on disk ---


def test_files_reach_the_disk_in_order_with_their_modes(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*.md\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    text = services(
        "a: {build: ., environment: {TOKEN: Teal}}",
        "db: {image: postgres, environment: {POSTGRES_PASSWORD: Rail}}",
        "pg: {image: postgres, user: '5', environment: {POSTGRES_PASSWORD: Crake}}",
    )
    plan = make_plan(load(text, folder=tmp_path), Options())
    files = [(file.path.relative_to(tmp_path).as_posix(), oct(file.mode), file.append) for file in plan.files]
    assert files == [
        (".gitignore", "0o644", True),
        (".dockerignore", "0o644", True),
        ("secrets/token.txt", "0o444", False),
        ("secrets/db_postgres_password.txt", "0o600", False),
        ("secrets/pg_postgres_password.txt", "0o444", False),
    ]


@pytest.mark.parametrize(
    "present", ["secrets", "secrets/", "/secrets", "/secrets/*", "**/secrets/**", "./secrets", "*"]
)
def test_a_folder_that_is_ignored_already_is_not_ignored_again(tmp_path: Path, present: str) -> None:
    (tmp_path / ".gitignore").write_text(f"# mine\n{present}\n")
    plan = make_plan(load(services("a: {image: x, environment: {TOKEN: Teal}}"), folder=tmp_path), Options())
    assert [file.path.name for file in plan.files] == ["token.txt"]


@pytest.mark.parametrize(
    ("present", "added"),
    [("", "/secrets/\n"), ("a\n", "/secrets/\n"), ("a", "\n/secrets/\n"), ("a\r\n", "/secrets/\r\n"), ("#secrets\n", "/secrets/\n")],
)  # fmt: skip
def test_what_is_added_to_an_ignore_file(tmp_path: Path, present: str, added: str) -> None:
    (tmp_path / ".gitignore").write_bytes(present.encode())
    plan = make_plan(load(services("a: {image: x, environment: {TOKEN: Teal}}"), folder=tmp_path), Options())
    assert plan.files[0].content.reveal() == added


def test_a_file_with_the_same_content_is_used_and_one_with_another_is_left(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token.txt").write_text("Teal")
    (tmp_path / "secrets" / "password.txt").write_text("another")
    project = load(services("a: {image: x, environment: {TOKEN: Teal, PASSWORD: Rail}}"), folder=tmp_path)
    plan = make_plan(project, Options())
    assert [(secret.file, secret.has_file) for secret in plan.secrets] == [
        ("./secrets/token.txt", True),
        ("./secrets/compose.password.txt", False),
    ]


def test_two_projects_of_one_run_do_not_take_the_same_file(tmp_path: Path) -> None:
    disk = Disk()
    files = []
    for name, value in (("one.yml", "Teal"), ("two.yml", "Rail"), ("three.yml", "Teal")):
        text = services(f"a: {{image: x, environment: {{TOKEN: {value}}}}}")
        project = projects.load(Source.decode(tmp_path / name, text.encode()), Environment())
        plan = make_plan(project, Options(), disk)
        files.append((plan.secrets[0].file, [file.path.name for file in plan.files]))
    assert files == [
        ("./secrets/token.txt", [".gitignore", "token.txt"]),
        ("./secrets/two.token.txt", ["two.token.txt"]),
        ("./secrets/token.txt", []),
    ]


def test_no_free_file_name_is_an_error_without_the_value(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("token.txt", "compose.token.txt"):
        (tmp_path / "secrets" / name).write_text("another")
    with pytest.raises(UserError) as caught:
        make_plan(load(services("a: {image: x, environment: {TOKEN: Teal}}"), folder=tmp_path), Options())
    assert "Teal" not in str(caught.value)
    assert caught.value.help


def test_an_existing_secret_is_used_only_where_it_is_sure_to_be_the_same(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(DISTINCTIVE)
    (tmp_path / "two").write_text(PLACEHOLDER)
    text = services(
        f"a: {{image: x, environment: {{A_TOKEN: {DISTINCTIVE}, B_TOKEN: {PLACEHOLDER}, TWO_TOKEN: {PLACEHOLDER}}}}}"
    )
    definitions = "secrets: {one: {file: ./one}, two_token: {file: ./two}}\n"
    plan = make_plan(load(text + definitions, folder=tmp_path), Options())
    assert {secret.variables: (secret.name, secret.is_new) for secret in plan.secrets} == {
        ("A_TOKEN",): ("one", False),
        ("B_TOKEN",): ("b_token", True),
        ("TWO_TOKEN",): ("two_token", False),
    }


def test_an_expression_as_folder_is_resolved_for_writing_only(tmp_path: Path) -> None:
    project = load(services("a: {image: x, environment: {TOKEN: Teal}}"), {"KEYS": "./k"}, folder=tmp_path)
    plan = make_plan(project, Options(secrets_dir="${KEYS:-./secrets}"))
    assert plan.secrets[0].file == "${KEYS:-./secrets}/token.txt"
    assert plan.secrets[0].path == tmp_path / "k" / "token.txt"


def test_external_secrets_come_with_a_script_that_holds_no_value(tmp_path: Path) -> None:
    text = services("a: {image: x, environment: {TOKEN: Teal, PASSWORD: Rail}}")
    plan = make_plan(load(text, folder=tmp_path), Options(SourceKind.EXTERNAL, Target.SWARM))
    script = plan.files[-1]
    assert (script.path.name, script.mode, script.is_secret) == ("create-secrets.sh", 0o700, False)
    assert "create token token.txt" in script.content.reveal()
    assert not any(value in script.content.reveal() for value in ("Teal", "Rail"))
    assert [secret.as_data() for secret in plan.secrets] == [{"external": True}] * 2


def test_positions_of_findings_are_those_of_their_lines() -> None:
    project = load("services:\n  a:\n    image: x\n    environment:\n      - &t TOKEN=Teal\n      - PASSWORD=Rail\n")
    plan = make_plan(project, Options())
    assert [(finding.site.line, finding.site.column) for finding in plan.findings] == [(5, 9), (6, 9)]


def test_a_plan_does_not_show_values() -> None:
    plan = planned(services(f"a: {{image: x, environment: {{TOKEN: {DISTINCTIVE}, URL: 'http://u:{DISTINCTIVE}@h'}}}}"))
    assert len(plan.secrets) == 2
    assert DISTINCTIVE not in f"{plan!r}{plan.secrets!r}{plan.files!r}{plan.operations!r}{plan.findings!r}"


def test_nodes_of_a_slot_lead_to_its_text() -> None:
    project = load("x-t: &t Teal\nservices: {a: {image: x, environment: {TOKEN: *t}}}")
    slot = project.services["a"].variables["TOKEN"].slot
    assert isinstance(slot.content, Scalar)
    assert slot.content is follow(slot.node)
    assert slot.content.value == slot.text == "Teal"
