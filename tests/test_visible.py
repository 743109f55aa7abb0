"""No report shows a character that steers a terminal, turns the line around or is not seen."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from dsec_migrate import cli
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.visible import harmless, harmless_lines

MARKS = [
    "\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\x7f", "\x85", "\r", "\x08", "\u202e", "\u2066", "\u061c", "\u200f",
    "\u200b", "\u2060", "\ufeff", "\u2028", "\u2029", "\xad", "\U000e0041", "\udc9b", "\ud800",
]  # fmt: skip


def steers(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("mark", MARKS, ids=ascii)
def test_one_place_decides_what_a_terminal_shows(mark: str) -> None:
    assert not any(map(steers, harmless(f"a{mark}b\nc")))
    assert "\n" not in harmless("a\nb")
    assert not any(map(steers, str(UserError(f"a{mark}b", f"x{mark}y", 1, 1, f"c{mark}d"))))
    assert not any(map(steers, harmless_lines(f"a{mark}b\n", is_coloured=True)))


def test_what_is_seen_stays() -> None:
    text = "naïve · 漢字 · עברית · 🐳\té"
    assert harmless(text) == text
    painted = f"\x1b[1m{text}\x1b[0m\n"
    assert harmless_lines(painted, is_coloured=True) == painted
    assert "\x1b" not in harmless_lines(painted, is_coloured=False)
    assert harmless_lines("\x1b[5m\x1b[1mx\x1b[0m", is_coloured=True) == "\\x1b[5m\x1b[1mx\x1b[0m"


def project(folder: Path, mark: str) -> None:
    """A project in whose names, values and comments the mark stands, with errors and findings."""
    name = f"x{mark}y"
    service = {
        "image": f"a/b{mark}:1",
        "environment": {"A_PASSWORD": "Whinchat-Sluice-44", f"B{mark}_TOKEN": "Zk00qW9xLL7e"},
        "healthcheck": {"test": f"curl -u a:Adit-Vellum-71 http://b/{mark}"},
        "labels": {f"l{mark}": "v"},
    }
    document = {"services": {name: service}, f"x-{mark}": 1, "volumes": {f"v{mark}": {"driver_opts": {"o": 5}}}}
    (folder / "good").mkdir()
    (folder / "bad").mkdir()
    text = json.dumps({"services": {"a": service}}, indent=1)
    (folder / "good" / "compose.yml").write_text(text + "\n", encoding="utf-8")
    (folder / "bad" / "compose.yml").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / "good" / ".env").write_text(f"# {mark.encode('utf-8', 'replace').decode()}\nX=1\n", encoding="utf-8")
    if "\0" not in mark and "/" not in mark:
        try:
            odd = folder / f"odd{mark}"
            odd.mkdir()
            (odd / "compose.yml").write_text("services: {a: {image: x, environment: {A_PASSWORD: Adit-Vellum-72}}}\n")
            (folder / f"odd2{mark}").mkdir()
            (folder / f"odd2{mark}" / "compose.yml").write_text("services: [\n")
        except (OSError, UnicodeError):
            return


@pytest.mark.skipif(os.name == "nt", reason="names of files")
@pytest.mark.parametrize("mark", MARKS, ids=ascii)
def test_no_format_and_no_verb_shows_such_a_character(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    project(tmp_path, mark)
    calls = [["--no-docker", "--format", form, "."] for form in REPORTS]
    calls += [["--no-docker", "--diff", diff, "."] for diff in ("side-by-side", "semantic")]
    calls += [[verb, "."] for verb in ("status", "undo", "fill")] + [["audit", "--no-history", "."]]
    calls += [["audit", "--no-history", "--format", form, "."] for form in ("markdown", "github", "sarif")]
    for words in calls:
        with pytest.raises(SystemExit):
            cli.main(words)
        out, err = capsys.readouterr()
        assert [character for character in out + err if steers(character)] == [], words
        assert "Traceback" not in err
        assert "internal error" not in err, words


def test_a_question_for_a_value_shows_no_such_character(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsec_migrate.lifecycle import filling

    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "x"

    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": staticmethod(lambda: True)})())
    filling.type_unseen("value of a\x1b[2J\u202e: ")
    assert asked == ["value of a\\x1b[2J\\u202e: "]
