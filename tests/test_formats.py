"""Reports for other programs: valid, complete, and without a value."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from conftest import REPOSITORY
from test_stores import run

PASSWORD, TOKEN = "Larkspur-Hinge-41", "Mullein-Gantry-84"
COMPOSE = f"""\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: {PASSWORD}  # of: the "shop", & 100% <b>
  own:
    image: example.com/unheard-of
    environment:
      API_TOKEN: {TOKEN}
      OTHER_TOKEN: ${{OTHER_TOKEN}}
"""
SARIF_SCHEMA = REPOSITORY.parent / "shared" / "schemas" / "sarif-2.1.0.json"
FORMS = ("sarif", "github", "gitlab", "junit", "markdown")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / "bad.yml").write_text("services:\n  a:\n    image: x\n    iamge: y\n")
    return tmp_path


def reports(folder: Path, *words: str, status: int = 0) -> dict[str, str]:
    outputs = [word for form in FORMS for word in ("--output", f"{form}={form}.out")]
    said = run(folder, "--no-docker", *outputs, *words, status=status)
    found = {form: (folder / f"{form}.out").read_text() for form in FORMS}
    assert not any(value in text for value in (PASSWORD, TOKEN) for text in (said, *found.values()))
    return found


def test_sarif_is_valid_and_names_each_place(folder: Path) -> None:
    report = json.loads(reports(folder, "compose.yml", "bad.yml", status=2)["sarif"])
    if SARIF_SCHEMA.exists():
        import jsonschema

        jsonschema.validate(report, json.loads(SARIF_SCHEMA.read_text("utf-8")))
    (sarif_run,) = report["runs"]
    results = {one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]: one for one in sarif_run["results"]}
    places = {
        name: (one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], one["level"])
        for name, one in results.items()
        if one["ruleId"] == "plaintext-secret"
    }
    assert places == {
        "db.POSTGRES_PASSWORD": ("compose.yml", "error"),
        "own.API_TOKEN": ("compose.yml", "error"),
        "own.OTHER_TOKEN": ("compose.yml", "warning"),
    }
    assert {one["ruleId"] for one in results.values()} == {"plaintext-secret", "invalid-file"}
    rules = [rule["id"] for rule in sarif_run["tool"]["driver"]["rules"]]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in results.values())


def applied(text: str, replacements: list[Any]) -> str:
    lines = text.splitlines(keepends=True)
    for one in reversed(replacements):
        region = one["deletedRegion"]
        lines[region["startLine"] - 1 : region["endLine"] - 1] = [one["insertedContent"]["text"]]
    return "".join(lines)


def test_a_fix_of_sarif_is_what_write_does(folder: Path) -> None:
    report = json.loads(reports(folder, "compose.yml")["sarif"])
    fixes = [fix for one in report["runs"][0]["results"] for fix in one.get("fixes", ())]
    # one for all that moves: each of them would be as long as the file
    (fix,) = fixes
    (change,) = fix["artifactChanges"]
    assert unquote(change["artifactLocation"]["uri"]) == "compose.yml"
    fixed = applied(COMPOSE, change["replacements"])
    run(folder, "--no-docker", "compose.yml", "--write")
    assert fixed == (folder / "compose.yml").read_text()


def test_a_fix_that_would_need_a_value_is_left_out(folder: Path) -> None:
    """A line that comes and holds another secret, which stays: its text cannot be told."""
    variables = f"{{POSTGRES_PASSWORD: {PASSWORD}, API_TOKEN: {TOKEN}}}"
    text = f"services:\n  a:\n    image: postgres:17\n    environment: {variables}\n"
    (folder / "compose.yml").write_text(text)
    report = json.loads(reports(folder, "compose.yml", "--skip", "API_TOKEN")["sarif"])
    assert all("fixes" not in one for one in report["runs"][0]["results"])


def test_annotations_are_lines_that_github_reads(folder: Path) -> None:
    lines = reports(folder, "compose.yml", "bad.yml", status=2)["github"].splitlines()
    pattern = re.compile(r"::(error|warning|notice) file=[^,:]+,line=\d+,col=\d+,title=[^,:]+::.+")
    assert [line for line in lines if pattern.fullmatch(line) is None] == []
    assert sum(line.startswith("::error file=compose.yml,line=5,") for line in lines) == 1
    assert sum(line.startswith("::error file=bad.yml,line=4,") for line in lines) == 1


def test_junit_fails_for_what_check_refuses(folder: Path) -> None:
    root = ElementTree.fromstring(reports(folder, "compose.yml", "--check", status=1)["junit"])
    (suite,) = root
    assert (root.get("tests"), root.get("failures"), suite.get("name")) == ("3", "2", "compose.yml")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["db.POSTGRES_PASSWORD compose.yml:5:7", "own.API_TOKEN compose.yml:9:7"]
    strict = ElementTree.fromstring(reports(folder, "compose.yml", "--check", "--strict", status=1)["junit"])
    assert strict.get("failures") == "3"


def test_code_quality_has_what_gitlab_asks_for(folder: Path) -> None:
    found = json.loads(reports(folder, "compose.yml")["gitlab"])
    assert [(one["location"], one["severity"]) for one in found] == [
        ({"path": "compose.yml", "lines": {"begin": 5}}, "critical"),
        ({"path": "compose.yml", "lines": {"begin": 9}}, "critical"),
        ({"path": "compose.yml", "lines": {"begin": 10}}, "minor"),
    ]
    assert len({one["fingerprint"] for one in found}) == 3
    assert all(set(one) == {"description", "check_name", "fingerprint", "severity", "location"} for one in found)
    # a line above changes no fingerprint
    (folder / "compose.yml").write_text(f"# new\n{COMPOSE}")
    again = json.loads(reports(folder, "compose.yml")["gitlab"])
    assert [one["fingerprint"] for one in again] == [one["fingerprint"] for one in found]


def test_markdown_is_a_table_and_a_diff(folder: Path) -> None:
    text = reports(folder, "compose.yml")["markdown"]
    assert text.startswith("## dsec-migrate: 2 secrets in plaintext\n")
    assert "| in plaintext | compose.yml:5 | db.POSTGRES\\_PASSWORD |" in text
    assert "```diff\n--- a/compose.yml" in text
    assert "<b>" not in text.split("```diff")[0]
    run(folder, "--no-docker", "compose.yml", "--write")
    (folder / "compose.yml").write_text("services: {a: {image: x}}\n")
    assert "Nothing was found." in reports(folder, "compose.yml")["markdown"]
