"""docs/security.md says nothing without a test of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "security.md").read_text("utf-8")
_NAMED = re.compile(r"`(test_\w+)::(test_\w+)`")
_PROMISING = ("What it trusts", "What it starts", "What it writes", "What it refuses")


def statements() -> dict[str, list[str]]:
    """The items of each chapter that promises something."""
    chapters = {part.split("\n", 1)[0]: part for part in PAGE.split("\n## ")}
    return {title: re.split(r"^- ", chapters[title], flags=re.MULTILINE)[1:] for title in _PROMISING}


def names_in(module: str) -> set[str]:
    path = Path(__file__).parent / f"{module}.py"
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_each_sentence_names_tests_that_there_are() -> None:
    missing = []
    for items in statements().values():
        assert len(items) >= 4
        for item in items:
            named = _NAMED.findall(item)
            if not named:
                missing.append(item.split("\n")[0])
            missing += [f"{module}::{name}" for module, name in named if name not in names_in(module)]
    assert missing == []
