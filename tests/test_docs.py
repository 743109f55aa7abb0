"""What the documentation shows was run: its console blocks are run here, and have to say the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in sorted((ROOT / "docs").glob("*.md"))
    for number, block in enumerate(re.findall(r"```console\n(.*?)```", path.read_text("utf-8"), re.DOTALL))
]


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_does_what_it_shows(block: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "dsec-migrate"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from dsec_migrate.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    expected = "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("$ "))
    result = subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd=tmp_path,
        env={"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    # what is not shown is not promised
    assert not expected or result.stdout == expected


@pytest.mark.parametrize("name", ["stores.md", "rotation.md"])
def test_options_and_links_of_the_documentation_exist(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from dsec_migrate.cli import commands, main

    text = (ROOT / "docs" / name).read_text("utf-8")
    shown = ""
    for verb in commands.COMMANDS:
        with pytest.raises(SystemExit):
            main([verb, "--help"] if verb else ["--help"])
        shown += capsys.readouterr().out
    ours = re.sub(r"`[^`\n]*(?:docker|kubectl|age) [^`\n]*`", "", text)
    ours = "\n".join(
        line for line in ours.splitlines() if not line.lstrip().startswith(("docker ", "kubectl ", "psql "))
    )
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ours))
    assert len(options) > 5
    assert {option for option in options if option not in shown} == set()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / "docs" / link).exists()
