"""What a call may change: what the repository says, in a link or a path, is no leave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dsec_migrate.compose.interpolation import interpolated
from dsec_migrate.text.boundary import Boundary


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project in a repository, and what is beside both."""
    for folder in ("repository/.git/hooks", "repository/stack/part", "repository/common", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    stack = tmp_path / "repository" / "stack"
    (stack / "inside").symlink_to("part")
    (stack / "out").symlink_to("../../elsewhere")
    (stack / "up.env").symlink_to("../../elsewhere/.env")
    return tmp_path


def test_the_project_and_what_links_lead_to_inside_of_it(tree: Path) -> None:
    stack = tree / "repository" / "stack"
    boundary = Boundary.around(stack)
    assert all(boundary.holds(stack / path) for path in ("", "new", "part/new", "inside/new", "part/../new"))
    outside = ("out", "out/new", "up.env", "../common/new", "../../elsewhere", "part/../../new", "../stack-2/x")
    assert not any(boundary.holds(stack / path) for path in outside)
    # the project may itself be reached by a link
    (tree / "short").symlink_to(stack)
    assert Boundary.around(tree / "short").holds(stack / "new")


def test_the_repository_is_near_enough_for_secrets_but_not_its_git_folder(tree: Path) -> None:
    stack = tree / "repository" / "stack"
    boundary = Boundary.around(stack)
    assert boundary.surrounds(stack / "../common/new")
    assert not boundary.surrounds(stack / "out/new")
    for path in ("../.git/hooks/pre-commit", "../.git", ".GIT/config"):
        assert not boundary.surrounds(stack / path)
        assert not Boundary.around(stack, [tree]).holds(stack / path)


def test_what_the_call_names_may_change(tree: Path) -> None:
    stack = tree / "repository" / "stack"
    assert Boundary.around(stack, [tree / "elsewhere"]).holds(stack / "out/new")
    assert Boundary.around(stack, [tree / "elsewhere/.env"]).holds(stack / "up.env")
    # a link is named, not what it leads to
    assert not Boundary.around(stack, [stack / "up.env"]).holds(stack / "up.env")


@pytest.mark.parametrize(
    ("text", "shell", "is_named"),
    [
        ("../../elsewhere", {}, True),
        ("./out", {}, False),
        ("out/deeper", {}, False),
        ("${WHERE}", {"WHERE": "../../elsewhere/deeper"}, True),
        # `.env` of the repository says where: not the call
        ("${WHERE}", {}, False),
        ("${WHERE:-../../elsewhere}", {}, True),
        ("${WHERE", {}, False),
    ],
)
def test_a_folder_of_secrets_names_its_own_place(
    tree: Path, text: str, shell: Mapping[str, str], is_named: bool
) -> None:
    stack = tree / "repository" / "stack"
    boundary = Boundary.around(stack, (), interpolated(text, shell))
    assert boundary.holds(tree / "elsewhere" / "deeper" / "new") is is_named
