"""What moves together, under which name, who gets it and what stays, with the reason."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
from conftest import project_of

from dsec_migrate.compose.document import Alias, Mapping, Scalar, follow
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options, SourceKind, Unknown
from dsec_migrate.detectors.finding import Action
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.make_plan import make_plan
from dsec_migrate.planning.patches import InsertItem, SetValue
from dsec_migrate.text.source import Source

# a value that is nothing but the words of a placeholder, and one that nobody sets twice by chance
PLACEHOLDER, DISTINCTIVE = "changeme", "Fescue-Lathe-73"


def load(
    text: str,
    files: dict[str, str] | None = None,
    shell: dict[str, str] | None = None,
    folder: Path = Path("/nonexistent/project"),
) -> Project:
    source = Source.decode(folder / "compose.yml", dedent(text).encode())
    project = project_of(source, Environment(shell or {}, files or {}))
    assert not project.problems
    return project


def planned(text: str, options: Options | None = None, files: dict[str, str] | None = None) -> Plan:
    return make_plan(load(text, files), options or Options())


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
        "one variable of two sources with one value",
        services(
            "a: {image: postgres, environment: {POSTGRES_PASSWORD: '${ONE}'}}",
            "b: {image: postgres, environment: {POSTGRES_PASSWORD: '${TWO}'}}",
            "c: {image: x, environment: {TOKEN: '${TWO}', DATABASE_PASSWORD: '${TWO:-}'}}",
        ),
        [
            ("a_postgres_password", "a", "POSTGRES_PASSWORD"),
            ("b_postgres_password", "b c", "POSTGRES_PASSWORD TOKEN DATABASE_PASSWORD"),
        ],
        files={"ONE": DISTINCTIVE, "TWO": DISTINCTIVE},
    ),
    Grouping(
        "one variable of two sources with one default",
        services(
            f"a: {{image: x, environment: {{TOKEN: '${{ONE:-{DISTINCTIVE}}}'}}}}",
            f"b: {{image: x, environment: {{TOKEN: '${{TWO:-{DISTINCTIVE}}}'}}}}",
            f"c: {{image: x, environment: {{TOKEN: '{DISTINCTIVE}'}}}}",
        ),
        [("a_token", "a c", "TOKEN"), ("b_token", "b", "TOKEN")],
    ),
    Grouping(
        "a placeholder of a reference and a literal one",
        services(
            f"a: {{image: x, environment: {{TOKEN: '${{ONE:-{PLACEHOLDER}}}'}}}}",
            f"b: {{image: x, environment: {{TOKEN: '{PLACEHOLDER}'}}}}",
        ),
        [("a_token", "a", "TOKEN"), ("b_token", "b", "TOKEN")],
    ),
    Grouping(
        "URLs with the passwords of two sources",
        services(
            "a: {image: x, environment: {DATABASE_URL: 'postgres://u:${ONE}@db/d'}}",
            "b: {image: x, environment: {DATABASE_URL: 'postgres://u:${TWO}@db/d'}}",
            "c: {image: x, environment: {DATABASE_URL: 'postgres://${NAME}:${TWO}@db/d'}}",
        ),
        [("a_database_url", "a", "DATABASE_URL"), ("b_database_url", "b c", "DATABASE_URL")],
        files={"ONE": DISTINCTIVE, "TWO": DISTINCTIVE, "NAME": "u"},
    ),
    Grouping(
        "one placeholder of two data stores",
        services(
            f"a: {{image: postgres, environment: {{POSTGRES_PASSWORD: {PLACEHOLDER}}}}}",
            f"b: {{image: postgres, environment: {{POSTGRES_PASSWORD: {PLACEHOLDER}}}}}",
            f"c: {{image: x, environment: {{POSTGRES_PASSWORD: {PLACEHOLDER}}}}}",
        ),
        [("a_postgres_password", "a c", "POSTGRES_PASSWORD"), ("b_postgres_password", "b", "POSTGRES_PASSWORD")],
    ),
    Grouping(
        "one anchor of two data stores",
        services(
            f"a: {{image: postgres, environment: {{POSTGRES_PASSWORD: &p {PLACEHOLDER}}}}}",
            "b: {image: postgres, environment: {POSTGRES_PASSWORD: *p}}",
        ),
        [("postgres_password", "a b", "POSTGRES_PASSWORD")],
    ),
    Grouping(
        "a variable that is passed through and a reference to it",
        services(
            "a: {image: x, environment: [TOKEN]}",
            "b: {image: x, environment: {SERVICE_TOKEN: '${TOKEN}'}}",
        ),
        [("token", "a b", "TOKEN SERVICE_TOKEN")],
        files={"TOKEN": PLACEHOLDER},
    ),
    Grouping(
        "two variables, one placeholder",
        services(f"a: {{image: x, environment: {{TOKEN: {PLACEHOLDER}, PASSWORD: {PLACEHOLDER}}}}}"),
        [("token", "a", "TOKEN"), ("password", "a", "PASSWORD")],
    ),
    Grouping(
        "two variables, and a user called so",
        services(
            f"a: {{image: x, environment: {{TOKEN: {DISTINCTIVE}, PASSWORD: {DISTINCTIVE}, DB_USER: {DISTINCTIVE}}}}}"
        ),
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
    found: dict[int, list[InsertItem]] = {}
    for patch in plan.patches:
        if isinstance(patch, InsertItem):
            found.setdefault(id(patch.holder), []).append(patch)
    assert [
        (_path(own[0]), " ".join(str(one.item) for one in own), len(own[0].inherited)) for own in found.values()
    ] == case.mounts


def _path(patch: InsertItem) -> str:
    """The keys that lead to the mapping which gets the list, where it stands in the text."""
    for root in patch.document.roots:
        pending: list[tuple[str, Mapping]] = [("", root)] if isinstance(root, Mapping) else []
        while pending:
            path, node = pending.pop()
            if node is patch.holder:
                return path.removeprefix(".")
            pending += [(f"{path}.{e.name}", e.value) for e in node.entries if isinstance(e.value, Mapping)]
    raise AssertionError("the list goes into a mapping that is not in the file")


# --- what moves how, and what stays ---


class Decision(NamedTuple):
    """``expected`` is the applicability of what moves, else ``left``; ``note`` stands in the finding's note."""

    title: str
    expected: str
    note: str = ""
    service: str = "image: x"
    variables: str = "TOKEN: Teal"
    options: Options = Options()
    shell: dict[str, str] = {}  # noqa: RUF012


def stored(title: str, expected: str, note: str = "", *, more: str = "", variables: str = "TOKEN: '${T}'") -> Decision:
    """A decision with ``--source environment`` and a variable of the shell."""
    return Decision(title, expected, note, f"image: x{more}", variables, Options(SourceKind.ENVIRONMENT), {"T": "Teal"})


POSTGRES = "POSTGRES_PASSWORD: Teal"

DECISIONS = [
    # what the image reads
    Decision("known image", "safe", "", "image: postgres", POSTGRES),
    Decision("its full name", "safe", "", "image: 'docker.io/library/mysql:8@sha256:ab'", "MYSQL_PASSWORD: Teal"),
    Decision("options for the server", "safe", "", "image: postgres, command: -c a=b", POSTGRES),
    Decision("another command", "review", "overrides the CMD", "image: postgres, command: sh -c x", POSTGRES),
    Decision("another entrypoint", "review", "overrides the ENTRYPOINT", "image: postgres, entrypoint: [x]", POSTGRES),
    Decision("newline that is stripped", "review", "newline", "image: postgres", 'POSTGRES_PASSWORD: "Teal\\n"'),
    Decision("no file for it", "left", "does not read PGPASSWORD_FILE", "image: postgres", "PGPASSWORD: Teal"),
    Decision("built", "review", "the program of a", "image: postgres, build: .", POSTGRES),
    Decision("unknown", "review", "the image x/y", "image: 'x/y:1'"),
    Decision("unknown, to be kept", "left", "--unknown keep", options=Options(unknown=Unknown.KEEP)),
    # what is asked for
    Decision("only what is safe", "left", "--safe", options=Options(safe=True)),
    Decision("skipped", "left", "not selected", options=Options(skip=("TOK*",))),
    Decision("skipped by service", "left", "not selected", options=Options(skip=("a.*",))),
    Decision("not among the asked-for", "left", "not selected", options=Options(only=("b.*",))),
    Decision("asked for", "review", options=Options(only=("TOKEN",))),
    Decision("only possible", "left", "--only", variables="NONCE: '${N}'"),
    # what is known
    Decision("not set", "left", "T is not set", variables="TOKEN: '${T}'"),
    Decision("passed through, not set", "left", "TOKEN is not set", variables="TOKEN: "),
    Decision("known to the shell only", "left", "from the shell", variables="TOKEN: '${T}'", shell={"T": "Teal"}),
    Decision("a part from the shell", "left", "from the shell", variables="TOKEN: 'a${T}'", shell={"T": "Teal"}),
    Decision(
        "default", "review", "T in the shell or in .env no longer has any effect", variables="TOKEN: '${T:-Teal}'"
    ),
    # a variable as the store
    stored("set", "review"),
    stored("as a part", "left", "from the shell", variables="TOKEN: 'a${T}'"),
    stored("read-only service", "left", "read_only", more=", read_only: true"),
    stored("tmpfs over the secrets", "left", "tmpfs", more=", tmpfs: ['/run:size=1m']"),
    stored("tmpfs elsewhere", "review", more=", tmpfs: /tmp"),
    # what would break
    Decision("half done", "left", "TOKEN_FILE is also set", variables="TOKEN: Teal, TOKEN_FILE: /t"),
    Decision("healthcheck", "review", "", "image: x, healthcheck: {test: 'a $$TOKEN'}"),
    Decision("healthcheck of words", "left", "healthcheck", "image: x, healthcheck: {test: [CMD, a, $$TOKEN]}"),
    Decision("braces", "left", "command", "image: x, command: ['a', '$${TOKEN}']"),
    Decision("hook", "left", "post_start", "image: x, post_start: [{command: 'a $$TOKEN'}]"),
    Decision("a longer name", "review", "", "image: x, healthcheck: {test: 'a $$TOKEN_2'}"),
    Decision("a dollar before it", "review", "", "image: x, healthcheck: {test: 'a $$$$TOKEN'}"),
    Decision("odd name", "left", "characters", variables="'a token': Teal"),
]


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: case.title)
def test_what_is_decided_and_why(case: Decision) -> None:
    project = load(services(f"a: {{{case.service}, environment: {{{case.variables}}}}}"), shell=case.shell)
    plan = make_plan(project, case.options)
    finding = plan.findings[0]
    decision = finding.applicability if finding.action is Action.MIGRATE else "left"
    assert decision == case.expected, finding.note
    assert case.note in finding.note
    assert "Teal" not in repr(plan.findings)
    assert bool(plan.patches) == bool(plan.secrets) == (decision != "left")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("services: {a: {image: x, environment: [T_TOKEN=Teal, T_TOKEN=Rail]}}", "to a different value"),
        (
            "x-e: &e {TOKEN: Teal}\nservices:\n  a: {image: x, environment: *e}\n"
            "  b: {image: x, environment: *e, command: '$$TOKEN'}\n",
            "the same line also sets b.TOKEN",
        ),
        (
            "services: {a: {image: x, environment: {TOKEN: &t Teal}, labels: {t: *t}}}",
            "is also used through the alias at compose.yml:1",
        ),
        (
            "services:\n  a: {image: x, secrets: &s [one], environment: {TOKEN: Teal}}\n"
            "  b: {image: x, secrets: *s}\nsecrets: {one: {file: ./one}}\n",
            "another service shares its list of secrets",
        ),
    ],
    ids=[
        "two values in one list",
        "a line of two services",
        "an alias outside",
        "a list of secrets that another service has too",
    ],
)
def test_lines_move_together_or_not_at_all(text: str, note: str) -> None:
    plan = planned(text)
    assert {finding.action for finding in plan.findings} == {Action.KEEP}
    assert note in plan.findings[0].note.replace("/nonexistent/project/", "")
    assert [*plan.patches, *plan.files, *plan.secrets] == []


def test_an_alias_outside_keeps_its_text_where_the_variable_is_the_alias() -> None:
    plan = planned("x-t: &t Teal\nservices: {a: {image: x, environment: {TOKEN: *t}, labels: {t: *t}}}")
    assert [finding.action for finding in plan.findings] == [Action.MIGRATE]
    (change,) = plan.changes
    (move,) = change.moves
    assert move.replaces_alias
    values = [patch.target for patch in plan.patches if isinstance(patch, SetValue)]
    assert [type(node) for node in values] == [Alias]


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
    assert [len(change.moves) for change in plan.changes] == [1, 1]


def test_positions_of_findings_are_those_of_their_lines() -> None:
    project = load("services:\n  a:\n    image: x\n    environment:\n      - &t TOKEN=Teal\n      - PASSWORD=Rail\n")
    plan = make_plan(project, Options())
    assert [(finding.site.line, finding.site.column) for finding in plan.findings] == [(5, 9), (6, 9)]


def test_a_plan_does_not_show_values() -> None:
    plan = planned(services(f"a: {{image: x, environment: {{TOKEN: {DISTINCTIVE}, URL: 'http://u:{DISTINCTIVE}@h'}}}}"))
    assert len(plan.secrets) == 2
    assert DISTINCTIVE not in f"{plan!r}{plan.secrets!r}{plan.files!r}{plan.patches!r}{plan.findings!r}"


def test_nodes_of_a_slot_lead_to_its_text() -> None:
    project = load("x-t: &t Teal\nservices: {a: {image: x, environment: {TOKEN: *t}}}")
    declaration = project.services["a"].variables["TOKEN"].declaration
    assert isinstance(declaration.content, Scalar)
    assert declaration.content is follow(declaration.node)
    assert declaration.content.value == declaration.text == "Teal"


@pytest.mark.parametrize(
    "text",
    [
        "include:\n  - parts/queue.yml\n",
        "include:\n  - path: [parts/queue.yml, parts/live.yml]\n",
        services("api: {extends: {file: base.yml, service: app}}"),
        services("api: {extends: base}"),
    ],
)
def test_a_part_that_is_not_there_is_a_problem_with_a_place(tmp_path: Path, text: str) -> None:
    (problem,) = project_of(Source(tmp_path / "compose.yml", text.encode(), text)).problems
    assert "no such file" in problem.what or "has no service base" in problem.what
    assert problem.line
    assert problem.help


@pytest.mark.parametrize(
    "item",
    [
        "https://github.com/northwind/platform.git#main:queue.yml",
        "oci://docker.io/northwind/queue:1",
        "git@host:a/b.git",
    ],
)
def test_what_compose_fetches_is_no_problem(tmp_path: Path, item: str) -> None:
    text = f"include:\n  - {item}\n" + services("app: {image: app}")
    assert project_of(Source(tmp_path / "compose.yml", text.encode(), text)).problems == ()
