"""What the documentation shows was run: each page is a session in one terminal, and every command has to say what the
page says. ``DSEC_REGENERATE=1`` writes anew what the commands say; a line of ``…`` alone stands for any lines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "```console" in path.read_text("utf-8")]
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


class Command(NamedTuple):
    """``shown`` is what the page says that it prints."""

    words: str
    shown: str


def commands(block: str) -> Iterator[Command]:
    for part in re.split(r"^(?=\$ )", block, flags=re.MULTILINE):
        words, _, shown = part.removeprefix("$ ").partition("\n")
        if part.startswith("$ "):
            yield Command(words, shown)


class Terminal:
    """A shell that keeps its folder from one command to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        programs = folder.parent / f"{folder.name}-bin"
        programs.mkdir()
        program = programs / "dsec-migrate"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from dsec_migrate.cli import main; main()" "$@"\n')
        program.chmod(0o755)
        self.here = programs / "here"
        self.here.write_text(str(folder))
        self.variables = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "COLUMNS": "80",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, words: str) -> str:
        keep = f'status=$?; pwd > "{self.here}"; exit $status'
        script = f'cd "$(cat "{self.here}")" && {words}\n{keep}'
        result = subprocess.run(
            ["sh", "-c", script],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{words}: {result.stdout}"
        return result.stdout


def test_there_are_sessions() -> None:
    assert len(PAGES) >= 6


@pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES])
def test_a_page_shows_what_its_commands_say(page: Path, tmp_path: Path) -> None:
    text = page.read_text("utf-8")
    folder = tmp_path / "session"
    folder.mkdir()
    terminal = Terminal(folder)

    def anew(block: re.Match[str]) -> str:
        parts = []
        for command in commands(block[1]):
            said = terminal.run(command.words)
            pattern = ".*".join(map(re.escape, re.split(r"^…\n", command.shown, flags=re.MULTILINE)))
            fits = re.fullmatch(pattern, said, re.DOTALL) is not None
            if not os.environ.get("DSEC_REGENERATE"):
                # pytest shows where they differ
                assert fits or said == command.shown, command.words
            parts.append(f"$ {command.words}\n{command.shown if fits else said}")
        return f"```console\n{''.join(parts)}```"

    written = _BLOCK.sub(anew, text)
    if os.environ.get("DSEC_REGENERATE"):
        page.write_text(written, "utf-8")
    else:
        assert written == text


def _help() -> str:
    from dsec_migrate.cli.commands import VERBS

    shown = ""
    for verb in ("", *VERBS):
        words = [verb, "--help"] if verb else ["--help"]
        result = subprocess.run(
            [sys.executable, "-c", "from dsec_migrate.cli import main; main()", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        shown += result.stdout
    return shown


def test_options_and_links_of_the_documentation_exist() -> None:
    shown = _help()
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text("utf-8")
        ours = re.sub(r"`[^`\n]*(?:docker|kubectl|age|RUN|pip|git) [^`\n]*`", "", text)
        lines = [
            line for line in ours.splitlines() if re.match(r"[ #$-]*(?:docker|kubectl|psql|pip|git|apk) ", line) is None
        ]
        options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", "\n".join(lines)))
        assert {option for option in options if option not in shown} == set(), page
        for link in re.findall(r"\]\(([^)#]+)", text):
            if "://" not in link and not link.startswith("reference/") and "/reference/" not in link:
                assert (page.parent / link).exists(), (page, link)


# --- the site ---


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


def test_the_site_has_each_page_and_each_check(site: Path) -> None:
    from dsec_migrate.checks import IDS

    for page in (*DOCS.rglob("*.md"), *map(DOCS.joinpath, ("reference/options.md", "reference/images.md"))):
        name = page.relative_to(DOCS).with_suffix("")
        made = site / (name if name.name != "index" else name.parent) / "index.html"
        assert made.exists(), name
    checks = (site / "reference" / "checks" / "index.html").read_text("utf-8")
    assert all(f'id="{name}"' in checks for name in IDS)
    options = (site / "reference" / "options" / "index.html").read_text("utf-8")
    assert all(option in options for option in ("--secrets-dir", "--forget-previous", "--baseline"))


def test_the_python_of_the_reference_says_what_it_shows(tmp_path: Path) -> None:
    text = (DOCS / "reference" / "python.md").read_text("utf-8")
    code, shown = re.findall(r"```(?:python|text)\n(.*?)```", text, re.DOTALL)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == (shown, "")


@pytest.mark.parametrize(("key", "schema"), [("jobs:", "github-workflows"), ("artifacts:", "gitlab-ci")])
def test_pipelines_of_the_documentation_are_valid(key: str, schema: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    text = (DOCS / "how-to" / "ci-gate.md").read_text("utf-8")
    (block,) = (block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if key in block)
    file = tmp_path / "pipeline.yml"
    file.write_text(block)
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_inputs_and_hooks_that_are_named_exist() -> None:
    text = (DOCS / "how-to" / "ci-gate.md").read_text("utf-8")
    (workflow,) = (block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "jobs:" in block)
    inputs = set(re.findall(r"^          ([a-z-]+):", workflow, re.MULTILINE))
    action = (ROOT / "action.yml").read_text("utf-8")
    assert len(inputs) == 4
    assert all(f"\n  {name}:\n" in action for name in inputs)
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    assert all(f"- id: {name}\n" in hooks for name in ("dsec-migrate", "dsec-migrate-audit"))
    for name in re.findall(r"- id: ([a-z-]+)", text):
        assert f"- id: {name}\n" in hooks
