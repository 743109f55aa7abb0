"""Where each edit goes and how it looks: the new text of small files, whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import project_of

from dsec_migrate.compose.document import Mapping, plain, walk
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.planning.make_plan import make_plan
from dsec_migrate.planning.patches import ReplaceComment
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.source import Edit, Source, Span, splice


def load(text: str) -> Project:
    # a folder that does not exist: the disk has no say
    source = Source.decode(Path("/nonexistent/project/compose.yml"), text.encode())
    return project_of(source)


def migrated(text: str, options: Options | None = None) -> str:
    project = load(text)
    assert not project.problems
    new, edits = rewrite(project.document, make_plan(project, options or Options()).patches)
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


def test_patches_that_contradict_each_other_change_nothing() -> None:
    text = "services: {a: {image: x, environment: {PASSWORD: Sloe-Jute-1}}}\n"
    project = load(text)
    patches = [
        *make_plan(project, Options()).patches,
        ReplaceComment(project.document, Span(text.index("Sloe") + 2, text.index("Sloe") + 6), "****", "a comment"),
    ]
    with pytest.raises(VerificationError) as caught:
        rewrite(project.document, patches)
    assert "Sloe" not in str(caught.value)
    assert str(caught.value).endswith("the move to password and a comment")


# --- whole files ---


class Case(NamedTuple):
    title: str
    before: str
    after: str
    options: Options


def read_cases(text: str) -> Iterator[Case]:
    for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, body = block.split("\n", 1)
        before, options, after = re.split(r"^-->(.*)\n", body, maxsplit=1, flags=re.MULTILINE)
        yield Case(
            title,
            before.replace("\n\\ no newline\n", ""),
            after.replace("\n\\ no newline\n", ""),
            read_options(options),
        )


def read_options(text: str) -> Options:
    given = dict(option.strip().split("=", 1) for option in text.split(";") if option.strip())
    mode = given.get("mode")
    return Options(
        uid=given.get("uid"), mode=None if mode is None else int(mode, 8), secrets_dir=given.get("secrets_dir")
    )


CASES = list(read_cases((Path(__file__).parent / "vectors" / "rewrites.txt").read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_new_text(case: Case, newline: str) -> None:
    before, after = (text.replace("\n", newline) for text in (case.before, case.after))
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
    """The expected texts are Compose files in which each mounted secret is defined."""
    for case in CASES:
        project = load(case.after)
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
