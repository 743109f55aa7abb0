"""A run that is killed, or whose disk fails, at any step: no value is lost, no file is half, the next run completes.

A few runs of each kind; benchmarks/kill.py makes hundreds.
"""

from __future__ import annotations

import os
from pathlib import Path

import killing
import pytest
from killing import Project, Step, Verdict

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are ended otherwise there")
GOOD = Verdict([], [], [])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return killing.make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def steps(project: Project, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Every fourth of them is about a value: 200 values, each with its own file."""
    found = killing.steps(tmp_path_factory.mktemp("whole") / "run", project)
    assert len(found) > 4 * len(project.values)
    return found


def test_the_project_is_as_large_as_promised(project: Project) -> None:
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


def test_the_judge_sees_what_is_wrong(project: Project, tmp_path: Path) -> None:
    """Without it a test of kills would prove nothing."""
    with killing.laid_out(tmp_path, project) as folder:
        killing.write(folder, project)
        secret = next(path for path in sorted((folder / "secrets").iterdir()) if path.suffix == ".txt")
        secret.write_bytes(secret.read_bytes()[:5])
        (folder / "3.env").write_bytes(project.before["3.env"][:-3])
        (folder / "4.env").unlink()
        verdict = killing.judge(folder, project)
    assert len(verdict.lost) == 1
    assert {f"secrets/{secret.name}", "3.env", "4.env"} <= set(verdict.half_written)
    assert verdict.unfinished
    assert not verdict.is_good
