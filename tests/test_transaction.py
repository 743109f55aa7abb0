"""All or nothing, what the journal remembers, and the way back."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, examples, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from dsec_migrate import transaction
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.migrate import pipeline
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Edit, Source, splice
from dsec_migrate.transaction import Addition, Replacement, Use, Work
from dsec_migrate.transaction import journal as journals
from dsec_migrate.transaction.disk import settle
from dsec_migrate.transaction.merge import TouchedError, take_out
from dsec_migrate.transaction.recovery import without_lines

VALUE = "Teal-Rail-4711"
OLD = f"services:\n  app:\n    image: postgres:17\n    environment:\n      DB_PASSWORD: {VALUE}\n# the end\n"
NEW = OLD.replace(f"DB_PASSWORD: {VALUE}", "DB_PASSWORD_FILE: /run/secrets/db_password")
links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.yml").write_text(OLD, "utf-8")
    (folder / "b.yml").write_text(OLD, "utf-8")
    (folder / ".gitignore").write_text("*.log\n", "utf-8")
    return folder


def replacement(path: Path, new: str = NEW) -> Replacement:
    """As a migration replaces a file: from its start to its end, without the lines that stay."""
    source = Source.read(path)
    old_lines, new_lines = source.text.splitlines(keepends=True), new.splitlines(keepends=True)
    edits = []
    offset = 0
    for old, line in zip(old_lines, new_lines, strict=True):
        if old != line:
            edits.append(Edit(offset, offset + len(old), line))
        offset += len(old)
    return Replacement.of(source, new, edits)


# a journal in the project's own folder


def commit(folder: Path, todo: Work) -> transaction.Run:
    return transaction.commit(folder, todo, Boundary.around(folder.parent))


def recover(folder: Path) -> list[transaction.Recovered]:
    return transaction.recover(folder, Boundary.around(folder.parent))


def needs_recovery(folder: Path) -> bool:
    return transaction.needs_recovery(folder, Boundary.around(folder.parent))


def journal_of(folder: Path) -> transaction.Journal:
    return transaction.Journal(folder, Boundary.around(folder.parent))


def latest(folder: Path, files: Sequence[Path] = ()) -> transaction.Run | None:
    return next(iter(transaction.runs_of(folder, Boundary.around(folder.parent), files)[-1:]), None)


def plan_undo(folder: Path, run: transaction.Run) -> transaction.Undoing:
    return transaction.plan_undo(folder, run, Boundary.around(folder.parent))


def remaining_originals(folder: Path) -> list[tuple[Path, Path]]:
    return transaction.remaining_originals(folder, Boundary.around(folder.parent))


def forget(folder: Path) -> list[Path]:
    return transaction.forget(folder, Boundary.around(folder.parent))


def work(project: Path, *names: str, **more: Any) -> Work:
    secret = Addition(project / "secrets" / "db_password.txt", Secret(VALUE), 0o600)
    ignore = Addition(project / ".gitignore", Secret("/secrets/\n"), 0o644, append=True, is_secret=False)
    files = [replacement(project / name) for name in names or ("a.yml", "b.yml")]
    return Work(**{"additions": [ignore, secret], "replacements": files, **more})


def run_undo(project: Path, *files: Path) -> transaction.Undoing:
    run = latest(project / "secrets", files)
    assert run is not None
    undoing = plan_undo(project / "secrets", run)
    transaction.undo(undoing)
    return undoing


def everything(folder: Path) -> dict[str, bytes]:
    """Also the journal and empty folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing of it is cleaned up."""


def interrupt(project: Path, monkeypatch: pytest.MonkeyPatch, state: str, renames: int = 0, **more: Any) -> None:
    """Leaves a run on disk whose record says ``state``, with so many of its files in place."""
    real_update, real_replace = journals.Journal.update, os.replace
    done = 0

    def update(journal: journals.Journal, run: journals.Run) -> None:
        if state == journals.PREPARED and run.state == journals.COMMITTED:
            raise Killed
        real_update(journal, run)

    def replace_file(old: Any, new: Any, **more: Any) -> None:
        nonlocal done
        if Path(new).suffix == ".yml":
            if done == renames:
                raise Killed
            done += 1
        real_replace(old, new, **more)

    with monkeypatch.context() as patch:
        patch.setattr(journals.Journal, "update", update)
        patch.setattr(os, "replace", replace_file)
        patch.setattr(transaction.commit.__globals__["_Transaction"], "_give_up", lambda _self: None)
        with pytest.raises(Killed):
            commit(project / "secrets", work(project, **more))


# --- all or nothing ---


def test_all_is_written_and_the_journal_holds_no_value(project: Path) -> None:
    run = commit(project / "secrets", work(project))
    assert run.state == journals.DONE
    assert snapshot(project) == {
        "a.yml": NEW.encode(),
        "b.yml": NEW.encode(),
        ".gitignore": b"*.log\n/secrets/\n",
        "secrets/db_password.txt": VALUE.encode(),
    }
    journal = project / "secrets" / JOURNAL
    assert not [path for path in journal.iterdir() if VALUE.encode() in path.read_bytes()]
    (read,) = journal_of(project / "secrets").runs()
    assert read == run


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no file modes")
def test_the_journal_and_the_former_bytes_are_the_owners_alone(project: Path) -> None:
    old_mask = os.umask(0)
    try:
        commit(project / "secrets", work(project))
    finally:
        os.umask(old_mask)
    for path in (project / "secrets").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    for name in (JOURNAL, UNDO):
        assert (project / "secrets" / name / ".gitignore").read_text() == "*\n"


def test_git_does_not_see_the_former_bytes(project: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (project / ".gitignore").unlink()
    commit(project / "secrets", replace(work(project), additions=work(project).additions[1:]))
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=project, capture_output=True, check=True
    ).stdout
    assert sorted(line[3:] for line in seen.decode().splitlines()) == ["a.yml", "b.yml", "secrets/db_password.txt"]


def test_a_failure_leaves_not_even_a_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(project)
    todo = work(project)
    (project / "b.yml").write_text(OLD + "# mine\n", "utf-8")
    with pytest.raises(UserError, match="changed"):
        commit(project / "secrets", todo)
    assert everything(project) == {**before, "b.yml": (OLD + "# mine\n").encode()}


@pytest.mark.parametrize("function", ["link", "replace", "fchmod"])
def test_an_error_halfway_leaves_not_even_a_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    before = everything(project)
    real = getattr(os, function)

    def refuse(*words: Any, **more: Any) -> Any:
        if function == "link" or "b.yml" in str(words) or (function == "fchmod" and words[1] == 0o644):
            raise UserError("no", "b.yml") if function == "link" else OSError(28, "No space left on device")
        return real(*words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, function, refuse)
        with pytest.raises(UserError):
            commit(project / "secrets", work(project))
    assert everything(project) == before
    commit(project / "secrets", work(project))
    assert (project / "b.yml").read_text("utf-8") == NEW


def test_a_secret_file_that_it_relies_on_has_to_be_there(project: Path) -> None:
    path = project / "secrets" / "db_password.txt"
    uses = [Use(path, Secret(VALUE))]
    todo = work(project, additions=[], uses=uses)
    with pytest.raises(UserError, match="secret file"):
        commit(project / "secrets", todo)
    path.parent.mkdir()
    path.write_text("rotated", "utf-8")
    with pytest.raises(UserError, match="secret file"):
        commit(project / "secrets", todo)
    assert (project / "a.yml").read_text("utf-8") == OLD
    path.write_text(VALUE, "utf-8")
    commit(project / "secrets", todo)
    assert (project / "a.yml").read_text("utf-8") == NEW


def test_a_file_system_without_hard_links(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: Any, **_more: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    commit(project / "secrets", work(project))
    assert (project / "secrets" / "db_password.txt").read_text() == VALUE
    temporary, taken = project / "temporary", project / "a.yml"
    temporary.write_text("new")
    with pytest.raises(FileExistsError):
        settle(temporary, taken)
    assert taken.read_text("utf-8") == NEW


@links
@pytest.mark.parametrize("place", ["project/inside", "elsewhere"])
def test_links_stay_links_and_their_aims_get_the_text(project: Path, tmp_path: Path, place: str) -> None:
    elsewhere = tmp_path / place
    elsewhere.mkdir()
    for name in ("a.yml", ".gitignore"):
        (project / name).rename(elsewhere / name)
        (project / name).symlink_to(elsewhere / name)
    (elsewhere / "values").mkdir(mode=0o700)
    (project / "secrets").symlink_to(elsewhere / "values")
    before = everything(tmp_path)
    if place == "elsewhere":
        with pytest.raises(UserError, match="outside the project"):
            commit(project / "secrets", work(project))
        assert everything(tmp_path) == before
    allowed = Boundary.around(project, [elsewhere])
    transaction.commit(project / "secrets", work(project), allowed)
    assert (project / "a.yml").is_symlink()
    assert (project / ".gitignore").is_symlink()
    assert (elsewhere / "a.yml").read_text("utf-8") == NEW
    assert (elsewhere / ".gitignore").read_text("utf-8") == "*.log\n/secrets/\n"
    assert (elsewhere / "values" / "db_password.txt").read_text() == VALUE
    (run,) = transaction.runs_of(project / "secrets", allowed, [project / "a.yml"])
    transaction.undo(transaction.plan_undo(project / "secrets", run, allowed))
    assert everything(tmp_path) == before


def test_secrets_in_several_folders(project: Path) -> None:
    other = Addition(project / "part" / "secrets" / "x.txt", Secret("Fescue-Lathe-73"), 0o600)
    before = everything(project)
    commit(project / "secrets", work(project, additions=[*work(project).additions, other]))
    assert (project / "part" / "secrets" / "x.txt").read_text() == "Fescue-Lathe-73"
    run_undo(project)
    assert everything(project) == before


# --- interrupted runs ---


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_committed_run_is_finished(project: Path, monkeypatch: pytest.MonkeyPatch, renames: int) -> None:
    whole = project.with_name("whole")
    shutil.copytree(project, whole)
    commit(whole / "secrets", work(whole))
    if renames < 2:
        interrupt(project, monkeypatch, journals.COMMITTED, renames)
        assert needs_recovery(project / "secrets")
    else:
        commit(project / "secrets", work(project))
        (run,) = journal_of(project / "secrets").runs()
        journal_of(project / "secrets").update(replace(run, state=journals.COMMITTED))
    (finished,) = recover(project / "secrets")
    assert finished.is_finished
    assert finished.run.state == journals.DONE
    assert snapshot(project) == snapshot(whole)
    assert not needs_recovery(project / "secrets")
    run_undo(project)
    assert (project / "a.yml").read_text("utf-8") == OLD


def test_a_run_that_was_not_committed_is_taken_back(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(project)
    interrupt(project, monkeypatch, journals.PREPARED)
    assert (project / "secrets" / "db_password.txt").exists()
    (taken_back,) = recover(project / "secrets")
    assert not taken_back.is_finished
    assert str(taken_back).startswith("an earlier run was interrupted: it is taken back now: ")
    assert "a.yml" in str(taken_back)
    assert everything(project) == before
    assert recover(project / "secrets") == []


def test_the_next_run_settles_the_one_before(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(project, monkeypatch, journals.PREPARED)
    commit(project / "secrets", work(project, additions=[work(project).additions[1]]))
    assert (project / "b.yml").read_text("utf-8") == NEW
    assert (project / "secrets" / "db_password.txt").read_text() == VALUE


def test_who_planned_with_the_rest_of_an_interrupted_run_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settling that run deletes the secret file that the plan has seen."""
    interrupt(project, monkeypatch, journals.PREPARED)
    uses = [Use(project / "secrets" / "db_password.txt", Secret(VALUE))]
    with pytest.raises(UserError, match="secret file"):
        commit(project / "secrets", work(project, additions=[], uses=uses))
    assert (project / "a.yml").read_text("utf-8") == OLD


def test_the_same_with_the_journal_in_another_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(project, monkeypatch, journals.PREPARED)
    uses = [Use(project / "secrets" / "db_password.txt", Secret(VALUE))]
    with pytest.raises(UserError, match="secret file"):
        commit(project / "other", work(project, additions=[], uses=uses))
    assert (project / "a.yml").read_text("utf-8") == OLD
    assert not (project / "other").exists()


def test_an_edit_before_the_rename_takes_the_run_back(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(project)
    interrupt(project, monkeypatch, journals.COMMITTED, renames=1)
    (project / "b.yml").write_text(OLD + "# mine\n", "utf-8")
    with pytest.raises(UserError, match="changed"):
        recover(project / "secrets")
    assert everything(project) == {**before, "b.yml": (OLD + "# mine\n").encode()}
    assert recover(project / "secrets") == []


def test_an_edit_after_the_rename_is_no_obstacle(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(project, monkeypatch, journals.COMMITTED, renames=1)
    (project / "a.yml").write_text(NEW + "# mine\n", "utf-8")
    assert len(recover(project / "secrets")) == 1
    assert (project / "a.yml").read_text("utf-8") == NEW + "# mine\n"
    assert (project / "b.yml").read_text("utf-8") == NEW
    assert (project / "secrets" / "db_password.txt").read_text() == VALUE


def test_edits_on_both_sides_of_the_rename_lose_no_value(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(project, monkeypatch, journals.COMMITTED, renames=1)
    (project / "a.yml").write_text(NEW + "# mine\n", "utf-8")
    (project / "b.yml").write_text(OLD + "# mine\n", "utf-8")
    with pytest.raises(UserError, match="changed"):
        recover(project / "secrets")
    assert (project / "a.yml").read_text("utf-8") == NEW + "# mine\n"
    assert (project / "b.yml").read_text("utf-8") == OLD + "# mine\n"
    # a.yml has no value any more
    assert (project / "secrets" / "db_password.txt").read_text() == VALUE
    assert not needs_recovery(project / "secrets")


@pytest.mark.parametrize("renames", [0, 1])
def test_a_secret_file_that_went_away_meanwhile_takes_the_run_back(
    project: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    before = everything(project)
    interrupt(project, monkeypatch, journals.COMMITTED, renames)
    (project / "secrets" / "db_password.txt").unlink()
    with pytest.raises(UserError, match="gone"):
        recover(project / "secrets")
    assert everything(project) == before


@pytest.mark.parametrize("renames", [0, 1])
def test_what_is_not_to_be_finished_is_taken_back_as_often_as_it_takes(
    project: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """The disk is full while a run is taken back; later there is space again."""
    before = everything(project)
    interrupt(project, monkeypatch, journals.COMMITTED, renames)
    (project / "b.yml").write_text(OLD + "# mine\n", "utf-8")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError):
            recover(project / "secrets")
    assert (project / "secrets" / "db_password.txt").exists()
    # whether the first attempt came as far as to tell why, or the second has to
    with suppress(UserError):
        recover(project / "secrets")
    assert not needs_recovery(project / "secrets")
    assert everything(project) == {**before, "b.yml": (OLD + "# mine\n").encode()}


@pytest.mark.parametrize("step", range(40))
def test_an_undo_that_is_interrupted_is_finished_or_not_begun(
    project: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    before = everything(project)
    commit(project / "secrets", work(project))
    after = snapshot(project)
    (run,) = journal_of(project / "secrets").runs()
    undoing = plan_undo(project / "secrets", run)
    count = 0

    def counted(real: Any) -> Any:
        def call(*words: Any, **more: Any) -> Any:
            nonlocal count
            if count >= step:
                raise Killed
            count += 1
            return real(*words, **more)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(transaction.commit.__globals__["_Transaction"], "_give_up", lambda _self: None)
        for name in ("replace", "unlink", "fsync", "rmdir", "mkdir"):
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            transaction.undo(undoing)
        except Killed:
            pass
        else:
            assert everything(project) == before
    for name in ("a.yml", "b.yml"):
        assert (project / name).read_text("utf-8") in {OLD, NEW}
    assert VALUE in (project / "a.yml").read_text("utf-8") or (project / "secrets" / "db_password.txt").exists()
    recover(project / "secrets")
    if snapshot(project) == after:
        run_undo(project)
    # an empty journal may be left, nothing that it kept
    assert snapshot(project) == {name: data for name, data in before.items() if data}
    assert not list((project / "secrets").glob(f"{UNDO}/*/*"))
    assert latest(project / "secrets") is None


# --- the journal ---


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"version": 99}', '{"version": 1, "runs": [{}]}', "\0"])
def test_a_journal_that_cannot_be_read_is_told(project: Path, content: str) -> None:
    commit(project / "secrets", work(project))
    record = project / "secrets" / JOURNAL / "runs.json"
    record.write_text(content, "utf-8")
    for use in (needs_recovery, recover, latest, forget):
        with pytest.raises(UserError, match="journal"):
            use(project / "secrets")
    assert record.read_text("utf-8") == content


@pytest.mark.parametrize("key", [None, b"", b"short"])
def test_a_lost_key_is_told_and_nothing_is_touched(
    project: Path, monkeypatch: pytest.MonkeyPatch, key: bytes | None
) -> None:
    interrupt(project, monkeypatch, journals.COMMITTED, renames=1)
    path = project / "secrets" / JOURNAL / "key"
    path.unlink() if key is None else path.write_bytes(key)
    before = everything(project)
    with pytest.raises(UserError, match="key"):
        recover(project / "secrets")
    with pytest.raises(UserError, match="key"):
        commit(project / "secrets", work(project, "b.yml"))
    assert everything(project) == before


def test_former_bytes_without_a_journal_are_not_overwritten(project: Path) -> None:
    """Whoever moves an unreadable journal away still has them."""
    commit(project / "secrets", work(project, "a.yml"))
    shutil.rmtree(project / "secrets" / JOURNAL)
    run = commit(project / "secrets", work(project, "b.yml", additions=[]))
    assert run.number == 2
    assert (project / "secrets" / UNDO / "1" / "0").read_text("utf-8") == OLD


def test_a_project_that_was_moved_is_undone_where_it_is(project: Path) -> None:
    before = everything(project)
    commit(project / "secrets", work(project))
    moved = project.with_name("moved")
    project.rename(moved)
    run_undo(moved, moved / "a.yml")
    assert everything(moved) == before


# --- two at once ---

HOLD = """\
import sys, time
from pathlib import Path
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.transaction import Journal
folder = Path(sys.argv[1])
with Journal(folder, Boundary.around(folder.parent)).locked():
    print("locked", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


def test_the_second_run_waits(project: Path) -> None:
    process = hold(project / "secrets", 0.3)
    start = time.monotonic()
    commit(project / "secrets", work(project))
    assert time.monotonic() - start > 0.05
    assert process.wait() == 0
    assert (project / "a.yml").read_text("utf-8") == NEW
    # the first one, which did nothing, has taken its journal away while the second waited for it
    assert (project / "secrets" / JOURNAL / "runs.json").exists()
    run_undo(project)


def test_the_second_run_says_so_when_it_takes_too_long(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "LOCK_SECONDS", 0.2)
    process = hold(project / "secrets", 30)
    try:
        with pytest.raises(UserError, match="another run is working on this folder"):
            commit(project / "secrets", work(project))
        assert (project / "a.yml").read_text("utf-8") == OLD
        # what the first one works with is still there
        assert (project / "secrets" / JOURNAL / "key").exists()
    finally:
        process.kill()
        process.wait()
    # a lock goes with its process
    commit(project / "secrets", work(project))
    assert (project / "a.yml").read_text("utf-8") == NEW


def test_many_at_once_do_their_work_one_after_the_other(project: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_transaction as t; from pathlib import Path\n"
        "p = Path(sys.argv[2]); todo = t.work(p, sys.argv[3], additions=[])\n"
        "t.commit(p / 'secrets', todo); t.run_undo(p, p / sys.argv[3]); t.commit(p / 'secrets', todo)\n"
    )
    names = [f"{number}.yml" for number in range(4)]
    for name in names:
        (project / name).write_text(OLD, "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    tests = str(Path(__file__).parent)
    words = [sys.executable, "-c", program, tests, str(project)]
    processes = [subprocess.Popen([*words, name], env=environment) for name in names]
    assert [process.wait() for process in processes] == [0] * 4
    assert {(project / name).read_text("utf-8") for name in names} == {NEW}
    assert len(journal_of(project / "secrets").runs()) == 4


# --- the way back ---


def test_undo_gives_everything_back(project: Path) -> None:
    before = everything(project)
    commit(project / "secrets", work(project))
    undoing = run_undo(project)
    assert [path.name for path in undoing.restored] == ["a.yml", "b.yml"]
    assert [path.name for path in undoing.removed] == ["db_password.txt"]
    assert everything(project) == before
    assert latest(project / "secrets") is None


def test_planning_an_undo_changes_nothing(project: Path) -> None:
    commit(project / "secrets", work(project))
    before = everything(project)
    (run,) = journal_of(project / "secrets").runs()
    plan_undo(project / "secrets", run)
    assert everything(project) == before


def test_a_rotated_secret_stays_and_is_named(project: Path) -> None:
    commit(project / "secrets", work(project))
    (project / "secrets" / "db_password.txt").write_text("rotated", "utf-8")
    undoing = run_undo(project)
    assert [path.name for path in undoing.changed] == ["db_password.txt"]
    assert (project / "a.yml").read_text("utf-8") == OLD
    assert (project / "secrets" / "db_password.txt").read_text() == "rotated"
    # and is still kept out of git
    assert (project / ".gitignore").read_text("utf-8") == "*.log\n/secrets/\n"


def test_later_edits_elsewhere_stay(project: Path) -> None:
    commit(project / "secrets", work(project))
    (project / "a.yml").write_text("# head\n" + NEW.replace("postgres:17", "postgres:18") + "# tail\n", "utf-8")
    undoing = run_undo(project)
    assert [path.name for path in undoing.merged] == ["a.yml"]
    assert (project / "a.yml").read_text("utf-8") == "# head\n" + OLD.replace("postgres:17", "postgres:18") + "# tail\n"


def test_a_touched_place_that_was_edited_is_refused(project: Path) -> None:
    commit(project / "secrets", work(project))
    (project / "b.yml").write_text(NEW.replace("/run/secrets/db", "/run/secrets/the_db"), "utf-8")
    before = everything(project)
    with pytest.raises(UserError, match="edited since") as caught:
        run_undo(project)
    assert (caught.value.file, caught.value.line) == (str(project / "b.yml"), 5)
    assert everything(project) == before


def test_a_file_that_is_gone_is_refused(project: Path) -> None:
    commit(project / "secrets", work(project))
    (project / "b.yml").unlink()
    with pytest.raises(UserError, match="gone"):
        run_undo(project)
    assert (project / "a.yml").read_text("utf-8") == NEW


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_other_encodings_and_line_ends_come_back(project: Path, encoding: str, newline: str, end: str) -> None:
    def data(text: str) -> bytes:
        mark = "\ufeff" if encoding.startswith("utf-16") else ""
        return (mark + text.removesuffix("\n") + end).replace("\n", newline).encode(encoding)

    for later in ("", "# töggeli\n"):
        (project / "a.yml").write_bytes(data(OLD))
        new = data(NEW).decode(encoding).removeprefix("\ufeff")
        source = Source.read(project / "a.yml")
        start = source.text.index(f"DB_PASSWORD: {VALUE}")
        edit = Edit(start, start + len(f"DB_PASSWORD: {VALUE}"), "DB_PASSWORD_FILE: /run/secrets/db_password")
        todo = replace(work(project), replacements=[Replacement.of(source, new, [edit])])
        commit(project / "secrets", todo)
        assert (project / "a.yml").read_bytes() == data(NEW)
        (project / "a.yml").write_bytes(data(NEW + later))
        run_undo(project)
        assert (project / "a.yml").read_bytes() == data(OLD + later)


def test_another_encoding_than_before_is_refused(project: Path) -> None:
    commit(project / "secrets", work(project))
    for data in (NEW.encode("utf-16"), b"\xff" + NEW.encode()):
        (project / "a.yml").write_bytes(data)
        with pytest.raises(UserError, match="encoding"):
            run_undo(project)


def test_runs_that_stack_are_undone_one_by_one(project: Path) -> None:
    before = everything(project)
    commit(project / "secrets", work(project))
    between = snapshot(project)
    again = NEW.replace("postgres:17", "postgres:18")
    second = Addition(project / "secrets" / "other.txt", Secret("Crake-0815"), 0o600)
    commit(project / "secrets", Work([second], [replacement(project / "a.yml", again)]))
    run_undo(project)
    assert snapshot(project) == between
    run_undo(project)
    assert everything(project) == before


@pytest.mark.parametrize("first", ["a.yml", "b.yml"])
def test_projects_that_share_a_folder_are_undone_in_any_order(project: Path, first: str) -> None:
    before = everything(project)
    commit(project / "secrets", work(project, "a.yml"))
    secret = Addition(project / "secrets" / "b.txt", Secret("Crake-0815"), 0o600)
    commit(project / "secrets", work(project, "b.yml", additions=[secret]))
    run_undo(project, project / first)
    assert (project / first).read_text("utf-8") == OLD
    # the rest of the folder must not get into git meanwhile
    assert "/secrets/" in (project / ".gitignore").read_text("utf-8")
    run_undo(project)
    assert everything(project) == before


def test_a_secret_that_a_later_run_uses_stays_until_that_is_undone(project: Path) -> None:
    before = everything(project)
    commit(project / "secrets", work(project, "a.yml"))
    uses = [Use(project / "secrets" / "db_password.txt", Secret(VALUE))]
    commit(project / "secrets", work(project, "b.yml", additions=[], uses=uses))
    undoing = run_undo(project, project / "a.yml")
    assert [path.name for path in undoing.used] == ["db_password.txt"]
    assert (project / "secrets" / "db_password.txt").read_text() == VALUE
    assert (project / "b.yml").read_text("utf-8") == NEW
    run_undo(project)
    # the last who used it takes it away, with what kept it out of git
    assert everything(project) == before


def test_a_file_that_somebody_put_into_the_folder_stays_out_of_git(project: Path) -> None:
    commit(project / "secrets", work(project))
    (project / "secrets" / "mine.txt").write_text("mine", "utf-8")
    run_undo(project)
    assert (project / "secrets" / "mine.txt").read_text() == "mine"
    assert (project / ".gitignore").read_text("utf-8") == "*.log\n/secrets/\n"


def test_lines_that_came_one_after_the_other_go_together(project: Path) -> None:
    (project / ".gitignore").write_text("*.log", "utf-8")
    before = everything(project)
    texts = ("\n/secrets/\n", "/part/secrets/\n")
    ignores = [Addition(project / ".gitignore", Secret(text), 0o644, True, is_secret=False) for text in texts]
    new = [Addition(project / ".dockerignore", Secret(text), 0o644, True, is_secret=False) for text in texts]
    commit(project / "secrets", work(project, additions=[*ignores, *new, work(project).additions[1]]))
    assert (project / ".gitignore").read_text("utf-8") == "*.log\n/secrets/\n/part/secrets/\n"
    run_undo(project)
    assert everything(project) == before


def test_a_text_without_known_edits_comes_back_as_well(project: Path) -> None:
    template = project / ".env.example"
    template.write_text("A=\nB=\nC=\n", "utf-8")
    todo = Replacement.between(template, "A=\nB=\nC=\n", "A=\nBB=\nC=\nD=\n")
    commit(project / "secrets", work(project, replacements=[todo]))
    template.write_text("# mine\nA=\nBB=\nC=\nD=\n", "utf-8")
    run_undo(project)
    assert template.read_text("utf-8") == "# mine\nA=\nB=\nC=\n"
    todo = Replacement(template, template.read_bytes(), b"whatever\n")
    commit(project / "secrets", work(project, replacements=[todo]))
    template.write_text("whatever\n# mine\n", "utf-8")
    with pytest.raises(UserError, match="edited since"):
        run_undo(project)


def test_forget_deletes_the_former_bytes_for_ever(project: Path) -> None:
    commit(project / "secrets", work(project))
    folder = project / "secrets"
    assert [path.name for path, _ in remaining_originals(folder)] == ["a.yml", "b.yml"]
    assert forget(folder) == [folder / UNDO / "1"]
    assert remaining_originals(folder) == []
    assert forget(folder) == []
    assert not [path for path in folder.rglob("*") if path.is_file() and OLD.encode() in path.read_bytes()]
    with pytest.raises(UserError, match="deleted"):
        run_undo(project)
    assert (project / "a.yml").read_text("utf-8") == NEW


@pytest.mark.parametrize(
    ("content", "lines", "rest"),
    [
        (b"a\n/secrets/\n", b"/secrets/\n", b"a\n"),
        (b"a\n/secrets/\nb\n", b"/secrets/\n", b"a\nb\n"),
        (b"/secrets/\n", b"/secrets/\n", b""),
        # the last line had no end
        (b"a\n/secrets/\n", b"\n/secrets/\n", b"a"),
        (b"a\n/secrets/\nb\n", b"\n/secrets/\n", b"a\nb\n"),
        (b"a\r\n/secrets/\r\nb\r\n", b"\r\n/secrets/\r\n", b"a\r\nb\r\n"),
        # only whole lines
        (b"my/secrets/\nb\n", b"/secrets/\n", None),
        (b"x/secrets/\n/secrets/\n", b"/secrets/\n", b"x/secrets/\n"),
        (b"a\n", b"/secrets/\n", None),
        (b"a\n/secrets/", b"/secrets/\n", None),
    ],
)
def test_lines_come_out_of_an_ignore_file(content: bytes, lines: bytes, rest: bytes | None) -> None:
    assert without_lines(content, lines) == rest


# --- three texts ---

line = st.sampled_from(["a", "b", "  c: 1", "", "# é", "- x"])


@st.composite
def merges(draw: st.DrawFn) -> tuple[str, list[Edit], str, str]:
    """A text, a run's edits, the text as somebody edited it afterwards elsewhere, and what an undo has to make of it.

    Lines have numbers: which of two equal lines was edited, nobody can tell.
    """
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    count = draw(st.integers(1, 12))
    texts = [f"{draw(line)} {number}" for number in range(count)]
    last_end = draw(st.sampled_from([newline, ""]))
    ends = [newline] * (count - 1) + [last_end]
    before = "".join(text + end for text, end in zip(texts, ends, strict=True))
    edits: list[Edit] = []
    now: list[str] = []
    want: list[str] = []
    offset = 0
    was_touched = False
    for number, (text, end) in enumerate(zip(texts, ends, strict=True)):
        kind = draw(st.sampled_from(["keep", "keep", "keep", "replace", "insert", "delete", "inside", "own"]))
        if not end and kind in {"delete", "insert"}:
            kind = "replace"
        mine = f"mine {number}{newline}"
        if kind in {"keep", "own"}:
            # two edits that touch each other are not elsewhere
            if kind == "own" and not was_touched:
                change = draw(st.sampled_from(["edit", "before", "delete"]))
                is_next = number + 1 < count
                if change == "edit":
                    now.append(f"mine {number}{end}")
                    want.append(f"mine {number}{end}")
                elif change == "before":
                    now += [mine, text + end]
                    want += [mine, text + end]
                elif not is_next or not end:
                    now.append(text + end)
                    want.append(text + end)
                texts[number] = text
                was_touched = change != "before"
                if was_touched:
                    offset += len(text + end)
                    # one line between an own edit and a run's edit
                    continue
            else:
                now.append(text + end)
                want.append(text + end)
            was_touched = False
        else:
            if was_touched:
                now.append(text + end)
                want.append(text + end)
                was_touched = False
            else:
                new = f"new {number}"
                size = len(text)
                if kind == "replace":
                    edits.append(Edit(offset, offset + size, new))
                    now.append(new + end)
                elif kind == "inside":
                    edits.append(Edit(offset, offset + 1, "N"))
                    now.append("N" + text[1:] + end)
                elif kind == "insert":
                    edits.append(Edit(offset, offset, new + newline))
                    now += [new + newline, text + end]
                else:
                    edits.append(Edit(offset, offset + size + len(end), ""))
                want.append(text + end)
                was_touched = True
        offset += len(text + end)
    tail = draw(st.sampled_from(["", "# tail\n".replace("\n", newline)]))
    if tail and not was_touched:
        for lines in (now, want):
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += newline
            lines.append(tail)
    return before, edits, "".join(now), "".join(want)


@settings(deadline=None, max_examples=examples(300))
@given(merges())
def test_edits_come_out_and_what_was_edited_elsewhere_stays(merge: tuple[str, list[Edit], str, str]) -> None:
    before, edits, now, want = merge
    assert take_out(before, edits, now) == want


@settings(deadline=None, max_examples=examples(500))
@given(st.lists(line, max_size=8), st.data())
def test_any_edits_come_out_of_the_text_that_they_made(lines: list[str], data: st.DataObject) -> None:
    """Equal lines, joined lines, no end of the last line: what the run left always becomes what it found."""
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    before = newline.join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(before)), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    words = st.sampled_from(["", "x", f"x{newline}", f"{newline}x", newline, f"a{newline}b{newline}"])
    edits = [Edit(start, end, data.draw(words)) for start, end in pairs]
    assert take_out(before, edits, splice(before, edits)) == before


@settings(deadline=None, max_examples=examples(200))
@given(merges(), st.data())
def test_an_edit_in_a_touched_place_is_refused(merge: tuple[str, list[Edit], str, str], data: st.DataObject) -> None:
    before, edits, _, _ = merge
    after = splice(before, edits)
    news = [edit.text.strip() for edit in edits if edit.text.startswith("new ")]
    if not news:
        return
    place = after.index(data.draw(st.sampled_from(news)))
    for now in (after[:place] + "!" + after[place:], after[:place] + after[place + 1 :]):
        with pytest.raises(TouchedError):
            take_out(before, edits, now)


# --- real migrations ---


def migrated_fixtures() -> Sequence[Path]:
    return sorted(path.parent for path in (REPOSITORY / "tests" / "fixtures").rglob("after") if path.is_dir())


@pytest.mark.parametrize("edit", [b"", b"\n# a note of mine\n"], ids=["as it was", "edited since"])
@pytest.mark.parametrize("case", migrated_fixtures(), ids=lambda path: path.name)
def test_a_real_migration_is_undone_to_the_byte(case: Path, edit: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(case / "before", folder)
    before = everything(folder)
    for file in sorted(folder.iterdir()):
        if file.suffix not in {".yml", ".yaml"}:
            continue
        outcome = pipeline.migrate(ProjectFiles.of(file), Options(), {})
        if not outcome.rewritten or outcome.status:
            continue
        assert pipeline.commit(outcome).is_written
        assert outcome.journal is not None
        changed = {path: path.read_bytes() for path in (rewritten.source.path for rewritten in outcome.rewritten)}
        former = {path: before[path.relative_to(folder).as_posix()] for path in changed}
        appended = {path: _as(path, edit) for path in changed}
        for path, data in changed.items():
            path.write_bytes(data + appended[path])
        (run,) = transaction.runs_of(outcome.journal, outcome.boundary, [file])
        undoing = transaction.plan_undo(outcome.journal, run, outcome.boundary)
        transaction.undo(undoing)
        assert {path: path.read_bytes() for path in changed} == {
            path: data + appended[path] for path, data in former.items()
        }
        for path, data in former.items():
            path.write_bytes(data)
        assert everything(folder) == before


def _as(path: Path, edit: bytes) -> bytes:
    """An edit in the file's own encoding and line ends."""
    source = Source.read(path, is_env_file=path.suffix not in {".yml", ".yaml"})
    newline = "\r\n" if "\r\n" in source.text else "\n"
    return edit.decode().replace("\n", newline).encode(source.encoding)
