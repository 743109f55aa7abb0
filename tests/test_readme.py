"""What README shows is what the tool does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsec_migrate import cli
from dsec_migrate.reports.formats import REPORTS

ROOT = Path(__file__).parent.parent
EXAMPLE = Path("examples/legacy-shop/compose.yml")


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(ROOT)
    for name in ("PAYMENT_API_KEY", "WAREHOUSE_BACKUP_PASSPHRASE", "SESSION_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as stop:
        cli.main([str(EXAMPLE)])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_every_line_of_the_first_screen_is_in_the_report(report: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first_screen = readme[: readme.index("\nEvery password")]
    blocks = re.findall(r"```(?:diff|text)\n(.*?)```", first_screen, re.DOTALL)
    assert len(blocks) == 2
    shown = [line for block in blocks for line in block.splitlines() if line.strip() not in ("", "…")]
    assert [line for line in shown if line not in report.splitlines()] == []


def test_the_example_has_a_dozen_secrets_and_shows_none(report: str) -> None:
    text = (ROOT / EXAMPLE).read_text(encoding="utf-8")
    values = ["0v3r-the-Quay", "lantern-reef-88-cobalt", "erp_7Yq2vK94mTzWc81b", "granite-0rbit-17", "Harbor 41"]
    assert all(value in text and value not in report for value in values)
    moved = re.search(r"^(\d+) secrets in 1 file would move", report, re.MULTILINE)
    assert moved is not None
    assert int(moved.group(1)) >= 11


@pytest.mark.parametrize("option", re.findall(r"`(--[a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
def test_every_option_that_is_named_exists(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("", "audit"):
        with pytest.raises(SystemExit):
            cli.main([verb, "--help"] if verb else ["--help"])
    assert option in capsys.readouterr().out


def test_the_formats_are_those_of_the_help() -> None:
    assert set(REPORTS) == {"text", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"}
