"""What this program starts and whom it asks, as long as nobody asks it for more."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest
from conftest import REPOSITORY

from dsec_migrate.cli import entry
from dsec_migrate.text import programs


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="programs of POSIX")
def test_a_relative_part_of_path_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "project" / "docker")
    program(tmp_path / "project" / "bin" / "docker")
    own = program(tmp_path / "own" / "docker")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("PATH", os.pathsep.join([".", "bin", ""]))
    assert programs.find("docker") is None
    monkeypatch.setenv("PATH", os.pathsep.join([".", "bin", "", str(own.parent)]))
    assert programs.find("docker") == str(own)


@pytest.mark.parametrize("words", [(), ("--check",), ("--write",), ("status",), ("audit",), ("--diff", "semantic")])
def test_nobody_is_asked_over_the_network_and_git_alone_is_started(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(REPOSITORY / "examples" / "legacy-shop", tmp_path / "shop")
    subprocess.run(["git", "init", "-q", str(tmp_path / "shop")], check=True)
    monkeypatch.chdir(tmp_path / "shop")
    started: list[str] = []
    start = subprocess.Popen.__init__

    def noted(self: Any, command: Any, *rest: Any, **more: Any) -> None:
        started.append(Path(command[0]).name)
        start(self, command, *rest, **more)

    def refused(*_: object) -> NoReturn:
        raise AssertionError("somebody is asked over the network")

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    with pytest.raises(SystemExit) as stop:
        entry.main([*words, *([] if words and words[0] in {"status", "audit"} else ["--no-docker"]), "compose.yml"])
    capsys.readouterr()
    assert stop.value.code in {0, 1}
    assert set(started) <= {"git"} | ({"docker"} if words and words[0] in {"status", "audit"} else set())
