"""Where each edit goes and how it looks: the new text of small files, whole."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from dsec_migrate import project as projects
from dsec_migrate.document import Mapping, plain, walk
from dsec_migrate.environment import Environment
from dsec_migrate.errors import VerificationError
from dsec_migrate.options import Options
from dsec_migrate.plan import MaskComment
from dsec_migrate.planning import make_plan
from dsec_migrate.project import Project
from dsec_migrate.rewrite import rewrite
from dsec_migrate.source import Edit, Source, Span, splice


def load(text: str) -> Project:
    # a folder that does not exist: the disk has no say
    source = Source.decode(Path("/nonexistent/project/compose.yml"), text.encode())
    return projects.load(source, Environment())


def migrated(text: str, options: Options | None = None) -> str:
    project = load(text)
    assert not project.problems
    new, edits = rewrite(project.document, make_plan(project, options or Options()).operations)
    assert new == splice(text, edits)
    return new


# --- splice ---

SPLICES = [
    ("no edit", "abc", [], "abc"),
    ("insert at the start", "abc", [Edit(0, 0, "x")], "xabc"),
    ("insert in the middle", "abc", [Edit(1, 1, "x")], "axbc"),
    ("insert at the end", "abc", [Edit(3, 3, "x")], "abcx"),
    ("insert into nothing", "", [Edit(0, 0, "x")], "x"),
    ("replace", "abc", [Edit(1, 2, "xyz")], "axyzc"),
    ("replace all", "abc", [Edit(0, 3, "x")], "x"),
    ("remove", "abc", [Edit(1, 3, "")], "a"),
    ("two apart", "abcd", [Edit(3, 4, "y"), Edit(0, 1, "x")], "xbcy"),
    ("two side by side", "abcd", [Edit(0, 2, "x"), Edit(2, 4, "y")], "xy"),
    ("insert before a replacement", "abc", [Edit(1, 2, "y"), Edit(1, 1, "x")], "axyc"),
    ("insert behind a replacement", "abc", [Edit(2, 2, "x"), Edit(1, 2, "y")], "ayxc"),
    ("insertions at one place keep their order", "ab", [Edit(1, 1, "x"), Edit(1, 1, "y")], "axyb"),
    ("equal edits are one", "abc", [Edit(1, 2, "x"), Edit(1, 2, "x")], "axc"),
    ("equal insertions are one", "ab", [Edit(1, 1, "x"), Edit(1, 1, "x")], "axb"),
    ("outside the BMP", "a😀b", [Edit(1, 2, "x"), Edit(3, 3, "ä")], "axbä"),
]


@pytest.mark.parametrize(("_title", "text", "edits", "expected"), SPLICES, ids=[row[0] for row in SPLICES])
def test_splice(_title: str, text: str, edits: list[Edit], expected: str) -> None:
    assert splice(text, edits) == expected


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(0, 2, "x"), Edit(1, 3, "y")],
        [Edit(0, 3, "x"), Edit(1, 1, "y")],
        [Edit(0, 2, "x"), Edit(0, 2, "y")],
        [Edit(2, 1, "x")],
        [Edit(2, 4, "x")],
        [Edit(-1, 0, "x")],
    ],
    ids=["overlap", "insertion inside", "two texts for one place", "backwards", "behind the end", "before the start"],
)
def test_edits_that_contradict_each_other_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="overlap"):
        splice("abc", edits)


def test_operations_that_contradict_each_other_change_nothing() -> None:
    text = "services: {a: {image: x, environment: {PASSWORD: Sloe-Jute-1}}}\n"
    project = load(text)
    operations = [
        *make_plan(project, Options()).operations,
        MaskComment(project.document, Span(text.index("Sloe") + 2, text.index("Sloe") + 6)),
    ]
    with pytest.raises(VerificationError) as caught:
        rewrite(project.document, operations)
    assert "Sloe" not in str(caught.value)


# --- whole files ---


class Case(NamedTuple):
    title: str
    before: str
    after: str
    options: Options = Options()


CASES = [
    # --- the slot ---
    Case(
        "mapping",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: Sloe-Jute-1
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/password
            secrets:
              - password

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "list, with a key behind it",
        """\
        services:
          a:
            environment:
              - PASSWORD=Sloe-Jute-1
            image: x
        volumes: {}
        """,
        """\
        services:
          a:
            environment:
              - PASSWORD_FILE=/run/secrets/password
            secrets:
              - password
            image: x
        volumes: {}

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "tag that would change the path goes, the anchor stays",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: !!binary &pw U2xvZS1KdXRlLTE=
              OTHER_PASSWORD: !!str 0123
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: &pw /run/secrets/password
              OTHER_PASSWORD_FILE: /run/secrets/other_password
            secrets:
              - password
              - other_password

        secrets:
          password:
            file: ./secrets/password.txt
          other_password:
            file: ./secrets/other_password.txt
        """,
    ),
    Case(
        "comment in the header of a literal stays",
        """\
        services:
          a:
            image: x
            environment:
              PRIVATE_KEY: |- # from the safe
                one Sloe
                two Jute
              NEXT: x
        """,
        """\
        services:
          a:
            image: x
            environment:
              PRIVATE_KEY_FILE: /run/secrets/private_key # from the safe
              NEXT: x
            secrets:
              - private_key

        secrets:
          private_key:
            file: ./secrets/private_key.txt
        """,
    ),
    Case(
        "explicit key",
        """\
        services:
          a:
            image: x
            environment:
              ? PASSWORD
              : Sloe-Jute-1
        """,
        """\
        services:
          a:
            image: x
            environment:
              ? PASSWORD_FILE
              : /run/secrets/password
            secrets:
              - password

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "value on the line below",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD:
                Sloe-Jute-1
              TOKEN:
                "Sloe-Jute-2"
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE:
                /run/secrets/password
              TOKEN_FILE:
                "/run/secrets/token"
            secrets:
              - password
              - token

        secrets:
          password:
            file: ./secrets/password.txt
          token:
            file: ./secrets/token.txt
        """,
    ),
    Case(
        "value twice in its own comment",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: Sloe-Jute-1 # Sloe-Jute-1, before that Sloe-Jute-1
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/password # ********, before that ********
            secrets:
              - password

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    # --- the list of a service ---
    Case(
        "grows behind its last item and that one's comment",
        """\
        services:
          a:
            image: x
            secrets:
              - one # first
            environment:
              PASSWORD: Sloe-Jute-1
        secrets:
          one: {external: true}
        """,
        """\
        services:
          a:
            image: x
            secrets:
              - one # first
              - password
            environment:
              PASSWORD_FILE: /run/secrets/password
        secrets:
          one: {external: true}
          password: {file: ./secrets/password.txt}
        """,
    ),
    Case(
        "empty flow list",
        """\
        services:
          a:
            image: x
            secrets: []
            environment: [PASSWORD=Sloe-Jute-1]
        """,
        """\
        services:
          a:
            image: x
            secrets: [password]
            environment: [PASSWORD_FILE=/run/secrets/password]

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "flow list over several lines, with a comma at its end",
        """\
        services:
          a:
            image: x
            environment: {PASSWORD: Sloe-Jute-1}
            secrets: [
              one,
              two,
            ]
        secrets: {one: {file: ./one}, two: {file: ./two}}
        """,
        """\
        services:
          a:
            image: x
            environment: {PASSWORD_FILE: /run/secrets/password}
            secrets: [
              one,
              two,
              password
            ]
        secrets: {one: {file: ./one}, two: {file: ./two}, password: {file: ./password}}
        """,
    ),
    Case(
        "a list that another service uses through an alias is left to that one",
        """\
        services:
          a:
            image: x
            secrets: &list
              - one
            environment: [PASSWORD=Sloe-Jute-1]
          b:
            image: x
            secrets: *list
        secrets:
          one:
            file: ./one
        """,
        """\
        services:
          a:
            image: x
            secrets: &list
              - one
              - password
            environment: [PASSWORD_FILE=/run/secrets/password]
          b:
            image: x
            secrets:
              - one
        secrets:
          one:
            file: ./one
          password:
            file: ./password
        """,
    ),
    Case(
        "no item twice",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: Sloe-Jute-1
            secrets:
              - password
        secrets:
          password:
            environment: PASSWORD
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/a_password
            secrets:
              - password
              - a_password
        secrets:
          password:
            environment: PASSWORD
          a_password:
            file: ./secrets/a_password.txt
        """,
    ),
    Case(
        "service through an alias",
        """\
        services:
          a: &a
            image: x
            environment:
              PASSWORD: Sloe-Jute-1
          b: *a
        """,
        """\
        services:
          a: &a
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/password
            secrets:
              - password
          b: *a

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "environment through an alias",
        """\
        x-env: &env
          PASSWORD: Sloe-Jute-1
        services:
          a:
            environment: *env
            image: x
          b: {image: x, environment: *env}
        """,
        """\
        x-env: &env
          PASSWORD_FILE: /run/secrets/password
        services:
          a:
            environment: *env
            secrets:
              - password
            image: x
          b: {image: x, environment: *env, secrets: [password]}

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "template whose environment one service replaces",
        """\
        x-app: &app
          image: x
          environment:
            PASSWORD: Sloe-Jute-1
        services:
          a:
            <<: *app
          b:
            <<: *app
            environment:
              MODE: b
        """,
        """\
        x-app: &app
          image: x
          environment:
            PASSWORD_FILE: /run/secrets/password
        services:
          a:
            <<: *app
            secrets:
              - password
          b:
            <<: *app
            environment:
              MODE: b

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "item with options",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: Sloe-Jute-1
            secrets:
            - one
          b: {environment: {TOKEN: Sloe-Jute-2}}
        secrets: {one: {file: ./one}}
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/password
            secrets:
            - one
            - source: password
              uid: "1000"
              mode: 0440
          b: {environment: {TOKEN_FILE: /run/secrets/token}, secrets: [{source: token, uid: "1000", mode: 0440}]}
        secrets: {one: {file: ./one}, password: {file: ./password}, token: {file: ./token}}
        """,
        Options(uid="1000", mode=0o440),
    ),
    # --- what a comment belongs to ---
    Case(
        "comment of the next key stays with it",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: Sloe-Jute-1
            # which ports are open
            ports: ["80:80"]
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/password
            secrets:
              - password
            # which ports are open
            ports: ["80:80"]

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "commented-out variable stays with its block, at the margin too",
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD: Sloe-Jute-1
              # MODE: fast
        #      LEVEL: 3
        #    ports: ["80:80"]
          b:
            image: x
        """,
        """\
        services:
          a:
            image: x
            environment:
              PASSWORD_FILE: /run/secrets/password
              # MODE: fast
        #      LEVEL: 3
            secrets:
              - password
        #    ports: ["80:80"]
          b:
            image: x

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "commented-out item of a list in its key's column",
        """\
        services:
          a:
            image: x
            environment:
            - PASSWORD=Sloe-Jute-1
            # - MODE=fast
            # the next one
            ports:
            - "80:80"
        """,
        """\
        services:
          a:
            image: x
            environment:
            - PASSWORD_FILE=/run/secrets/password
            # - MODE=fast
            secrets:
            - password
            # the next one
            ports:
            - "80:80"

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    # --- the definitions ---
    Case(
        "one blank line, if there is none yet",
        """\
        services:
          a:
            image: x
            environment: [PASSWORD=Sloe-Jute-1]


        """,
        """\
        services:
          a:
            image: x
            environment: [PASSWORD_FILE=/run/secrets/password]
            secrets:
              - password


        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "existing block, in the middle of the file, with an entry commented out",
        """\
        secrets:
          one:
            file: ./secrets/one.txt
          # two:
          #   file: ./secrets/two.txt

        # the services
        services:
          a:
            image: x
            environment: [PASSWORD=Sloe-Jute-1]
        """,
        """\
        secrets:
          one:
            file: ./secrets/one.txt
          # two:
          #   file: ./secrets/two.txt
          password:
            file: ./secrets/password.txt

        # the services
        services:
          a:
            image: x
            environment: [PASSWORD_FILE=/run/secrets/password]
            secrets:
              - password
        """,
    ),
    Case(
        "existing empty mapping",
        """\
        secrets: {}
        services:
          a:
            image: x
            environment: [PASSWORD=Sloe-Jute-1]
        """,
        """\
        secrets: {password: {file: ./secrets/password.txt}}
        services:
          a:
            image: x
            environment: [PASSWORD_FILE=/run/secrets/password]
            secrets:
              - password
        """,
    ),
    Case(
        "before the end of the document",
        """\
        ---
        services:
          a:
            image: x
            environment: [PASSWORD=Sloe-Jute-1]
        # behind it
        ...
        """,
        """\
        ---
        services:
          a:
            image: x
            environment: [PASSWORD_FILE=/run/secrets/password]
            secrets:
              - password
        # behind it

        secrets:
          password:
            file: ./secrets/password.txt
        ...
        """,
    ),
    Case(
        "a literal that keeps its blank lines stands last",
        """\
        services:
          a:
            image: x
            environment: [PASSWORD=Sloe-Jute-1]
        configs:
          c:
            content: |+
              text

        """,
        """\
        services:
          a:
            image: x
            environment: [PASSWORD_FILE=/run/secrets/password]
            secrets:
              - password
        configs:
          c:
            content: |+
              text

        secrets:
          password:
            file: ./secrets/password.txt
        """,
    ),
    Case(
        "a literal without its newline stands last",
        "services: {a: {image: x, environment: [PASSWORD=Sloe-Jute-1]}}\nx-run: |\n  run\n    all",
        "services: {a: {image: x, environment: [PASSWORD_FILE=/run/secrets/password], secrets: [password]}}\n"
        "x-run: |-\n  run\n    all\n\nsecrets:\n  password:\n    file: ./secrets/password.txt",
    ),
    Case(
        "a file that is one flow mapping",
        "{services: {a: {image: x, environment: {PASSWORD: Sloe-Jute-1}}}}\n",
        "{services: {a: {image: x, environment: {PASSWORD_FILE: /run/secrets/password}, secrets: [password]}}, "
        "secrets: {password: {file: ./secrets/password.txt}}}\n",
    ),
    Case(
        "expressions stand in quotes where they would mean something else",
        """\
        services:
          a:
            image: x
            environment: [PASSWORD=Sloe-Jute-1]
        """,
        """\
        services:
          a:
            image: x
            environment: [PASSWORD_FILE=/run/secrets/password]
            secrets:
              - password

        secrets:
          password:
            file: "${DIR:-./my secrets}/password.txt"
        """,
        Options(secrets_dir="${DIR:-./my secrets}"),
    ),
    Case(
        "a name that YAML would read as a number stands in quotes",
        """\
        services:
          a:
            image: x
            environment: {_123_TOKEN: Sloe-Jute-1}
        secrets:
          "1e3":
            file: ./secrets/1e3
        """,
        """\
        services:
          a:
            image: x
            environment: {_123_TOKEN_FILE: /run/secrets/123_token}
            secrets:
              - "123_token"
        secrets:
          "1e3":
            file: ./secrets/1e3
          "123_token":
            file: ./secrets/123_token
        """,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_new_text(case: Case, newline: str) -> None:
    before, after = (dedent(text).replace("\n", newline) for text in (case.before, case.after))
    assert migrated(before, case.options) == after
    # nothing is left to do
    assert migrated(after, case.options) == after


@pytest.mark.parametrize("step", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("margin", [0, 2])
def test_new_lines_have_the_steps_of_the_file(step: int, margin: int) -> None:
    before = "services:\n_a:\n__image: x\n__environment:\n___PASSWORD: Sloe-Jute-1\n"
    after = (
        "services:\n_a:\n__image: x\n__environment:\n___PASSWORD_FILE: /run/secrets/password\n__secrets:\n"
        "__  - password\n\nsecrets:\n_password:\n__file: ./secrets/password.txt\n"
    )

    def indented(text: str) -> str:
        lines = text.replace("_PASSWORD", "\0PASSWORD").replace("PASSWORD_FILE", "PASSWORD\0FILE").split("\n")
        return "\n".join(
            " " * margin + line.replace("_", " " * step).replace("\0PASSWORD", " " * step + "PASSWORD")
            if line
            else line
            for line in lines
        ).replace("\0FILE", "_FILE")

    assert migrated(indented(before)) == indented(after)


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ("    ports:\n      - a\n", "      - password\n"),
        ("    ports:\n    - a\n", "    - password\n"),
        ("    ports:\n        -   a\n", "        -   password\n"),
        ("    ports: [a]\n", "      - password\n"),
    ],
    ids=["indented", "not indented", "wide", "none"],
)
def test_items_stand_as_those_of_the_file(lists: str, expected: str) -> None:
    text = f"services:\n  a:\n    image: x\n    environment:\n      PASSWORD: Sloe-Jute-1\n{lists}"
    assert f"    secrets:\n{expected}" in migrated(text)


def test_each_line_end_is_that_of_the_line_above() -> None:
    text = (
        "services:\r\n  a:\r\n    image: x\r\n    environment: {PASSWORD: Sloe-Jute-1}\r\n"
        "  b:\n    image: x\n    environment: {TOKEN: Sloe-Jute-2}\n"
    )
    new = migrated(text)
    assert "    secrets:\r\n      - password\r\n  b:\n" in new
    assert new.endswith("    secrets:\n      - token\n\nsecrets:\n" + new.split("\n\nsecrets:\n")[1])
    assert "\r" not in new.split("  b:\n")[1]


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  a:\n    image: x\n",
        "services:\n  a:\n    image: x\n    environment:\n      MODE: fast\n",
        "services: {}\n",
        "x-only: 1\n",
    ],
)
def test_nothing_to_do_leaves_the_text(text: str) -> None:
    assert migrated(text) == text


def test_every_case_reads_back() -> None:
    """The expected texts of this file are Compose files in which each mounted secret is defined."""
    for case in CASES:
        project = load(dedent(case.after))
        assert not project.problems, case.title
        for root in project.document.roots:
            data = plain(root)
            assert isinstance(data, dict)
            mounted = {
                item if isinstance(item, str) else item["source"]
                for service in data["services"].values()
                for item in service.get("secrets", ())
            }
            assert mounted <= data["secrets"].keys(), case.title
        assert any(isinstance(node, Mapping) for root in project.document.roots for node in walk(root))
