"""What the documentation shows was run: each page is a session in one terminal, and every command has to say what the
page says. ``DSEC_REGENERATE=1`` writes anew what the commands say; a line of ``…`` alone stands for any lines."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dsec_migrate import cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REGENERATE = bool(os.environ.get("DSEC_REGENERATE"))
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "```console" in path.read_text("utf-8")]
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# what a shell does first, the words of our program, and what the shell does with what that says
_OURS = re.compile(r"(?:([^|;]*) && )?dsec-migrate ([^|;>]*)(.*)", re.DOTALL)


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
    """A shell that keeps its folder from one command to the next. Our own program runs in this process: starting it
    would take most of the time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        self.beside = folder.with_name(f"{folder.name}-beside")
        self.beside.mkdir()
        # what is changed here is as before when the test ends
        monkeypatch.chdir(folder)
        for name in os.environ:
            monkeypatch.delenv(name)
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        self.monkeypatch = monkeypatch

    def run(self, words: str) -> str:
        """What a command prints, its errors first where a pipe follows. Fails where the command does."""
        ours = _OURS.fullmatch(words)
        if ours is None:
            return self._shell(words)
        first, arguments, then = ours.groups()
        before = self._shell(first) if first else ""
        status, out, err = self._ours(shlex.split(arguments))
        if not then:
            assert status == 0, f"{words}: {out}{err}"
            return before + err + out
        (self.beside / "out").write_text(out, "utf-8")
        return before + err + self._shell(f'(cat "{self.beside}/out"; exit {status}) {then}')

    def _ours(self, words: list[str]) -> tuple[int, str, str]:
        streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for name in ("stdout", "stderr")}
        with self.monkeypatch.context() as patch, Path(os.devnull).open() as nothing:
            patch.setattr(sys, "stdin", nothing)
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as stop:
                cli.main(words)
            for stream in streams.values():
                stream.flush()
        assert isinstance(stop.value.code, int)
        out, err = (stream.buffer.getvalue().decode() for stream in streams.values())
        return stop.value.code, out, err

    def _shell(self, words: str) -> str:
        here = self.beside / "here"
        result = subprocess.run(
            ["sh", "-c", f'{words}\nstatus=$?; pwd > "{here}"; exit $status'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{words}: {result.stdout}"
        os.chdir(here.read_text("utf-8").rstrip("\n"))
        return result.stdout


def test_there_are_sessions() -> None:
    assert len(PAGES) >= 6


@pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES])
def test_a_page_shows_what_its_commands_say(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.read_text("utf-8")
    folder = tmp_path / "session"
    folder.mkdir()
    terminal = Terminal(folder, monkeypatch)

    def anew(block: re.Match[str]) -> str:
        parts = []
        for command in commands(block[1]):
            said = terminal.run(command.words)
            pattern = ".*".join(map(re.escape, re.split(r"^…\n", command.shown, flags=re.MULTILINE)))
            fits = re.fullmatch(pattern, said, re.DOTALL) is not None
            if not REGENERATE:
                # pytest shows where they differ
                assert fits or said == command.shown, command.words
            parts.append(f"$ {command.words}\n{command.shown if fits else said}")
        return f"```console\n{''.join(parts)}```"

    written = _BLOCK.sub(anew, text)
    if REGENERATE:
        page.write_text(written, "utf-8")
    else:
        assert written == text


def test_options_and_links_of_the_documentation_exist(capsys: pytest.CaptureFixture[str]) -> None:
    from dsec_migrate.cli.command import VERBS

    for verb in ("", *VERBS):
        with pytest.raises(SystemExit):
            cli.main([verb, "--help"] if verb else ["--help"])
    shown = capsys.readouterr().out
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


@pytest.mark.gate
def test_the_site_has_each_page_and_each_check(site: Path) -> None:
    from dsec_migrate.checks.catalogue import IDS

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
