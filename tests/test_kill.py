"""A run that is killed, or whose disk fails, at any step: no value is lost, no file is half, the next run completes.

A few runs of each kind; benchmarks/kill.py makes hundreds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import killing
import pytest
from conftest import snapshot
from killing import Project, Step, Verdict

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are ended otherwise there")
GOOD = Verdict([], [], [])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Smaller than in the benchmark, of the same parts."""
    return killing.make_project(tmp_path_factory.mktemp("project"), layers=3, env_files=7, values=40)


@pytest.fixture(scope="module")
def steps(project: Project, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Every call of a whole run that changes the disk; most are about a value, each of which has its own file."""
    found = killing.steps(tmp_path_factory.mktemp("whole") / "run", project)
    assert len(found) > 4 * len(project.values)
    return found


def test_the_project_of_the_benchmark_is_as_large_as_promised(tmp_path: Path) -> None:
    project = killing.make_project(tmp_path)
    assert (len(project.before), len(project.values)) == (40, 200)
    assert len({*project.values}) == 200
    assert sum(name.endswith(".txt") for name in project.after) == 200


# parts of a run: the journal, the first and the last value, the new texts, the word that all is there, the renames
@pytest.mark.parametrize("part", [0.01, 0.2, 0.86, 0.96, 0.999])
def test_a_kill_loses_nothing(project: Project, steps: list[Step], tmp_path: Path, part: float) -> None:
    step = steps[int(len(steps) * part)]
    with killing.laid_out(tmp_path, project) as folder:
        killing.end_at(folder, project, step)
        assert killing.judge(folder, project) == GOOD, step


@pytest.mark.parametrize("milliseconds", [15])
def test_a_kill_at_any_moment_loses_nothing(project: Project, tmp_path: Path, milliseconds: int) -> None:
    with killing.laid_out(tmp_path, project) as folder:
        killing.end_after(folder, project, milliseconds / 1000)
        assert killing.judge(folder, project) == GOOD


@pytest.mark.parametrize(("fault", "lasting", "part"), [("ENOSPC", True, 0.95), ("EACCES", False, 0.95)])
def test_an_error_loses_nothing_and_is_told(
    project: Project, steps: list[Step], tmp_path: Path, fault: str, lasting: bool, part: float
) -> None:
    calls = {"fsync", "linkat", "rename", "any"}
    step = [step for step in steps if step.call in calls][int(sum(step.call in calls for step in steps) * part)]
    with killing.laid_out(tmp_path, project) as folder:
        printed = killing.end_at(folder, project, step, fault, lasting=lasting)
        assert b"Traceback" not in printed
        assert b"internal error" not in printed
        assert not any(value in printed for value in project.values)
        assert killing.judge(folder, project) == GOOD, step


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_killed_undo_loses_nothing(project: Project, steps: list[Step], tmp_path: Path, part: float) -> None:
    # it makes no files for values: half as many calls
    calls = {"fsync", "rename", "any"}
    found = [step for step in steps if step.call in calls]
    step = found[int(len(found) * part / 2)]
    with killing.laid_out(tmp_path, project) as folder:
        killing.write(folder, project)
        killing.end_at(folder, project, step, "SIGKILL", "undo")
        assert killing.judge_undo(folder, project) == GOOD, step


def test_undo_takes_the_whole_project_back(project: Project, tmp_path: Path) -> None:
    with killing.laid_out(tmp_path, project) as folder:
        killing.write(folder, project)
        process = killing.start(folder, project, [sys.executable, "-c", killing.COMMAND], "undo")
        assert b"Undone" in process.communicate()[0]
        assert process.returncode == 0
        assert {path.name for path in folder.rglob("*") if path.is_dir()} == {"part"}
        assert snapshot(folder) == project.before


def test_the_judge_sees_what_is_wrong(project: Project, tmp_path: Path) -> None:
    """Without it a test of kills would prove nothing."""
    with killing.laid_out(tmp_path, project) as folder:
        killing.write(folder, project)
        secret = next(path for path in sorted((folder / "secrets").iterdir()) if path.suffix == ".txt")
        secret.write_bytes(secret.read_bytes()[:5])
        (folder / "1.env").write_bytes(project.before["1.env"][:-3])
        (folder / "2.env").unlink()
        verdict = killing.judge(folder, project)
    assert len(verdict.lost) == 1
    assert {f"secrets/{secret.name}", "1.env", "2.env"} <= set(verdict.half_written)
    assert verdict.unfinished
    assert not verdict.is_good
