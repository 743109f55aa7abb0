"""The writer: in which order what reaches the disk, with which modes, and what is left when something goes wrong."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import snapshot

from dsec_migrate import transaction
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import BAD_INPUT, DONE, ProjectOutcome
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.ignore_files import OWN
from dsec_migrate.text.reserved_names import JOURNAL, UNDO

TEXT = """\
services:
  app:
    build: .
    environment:
      DB_PASSWORD: Teal-Rail-4711
      API_TOKEN: "Crake 0815 $$x"
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: Fescue-Lathe-73
"""
VALUES = {
    "db_password.txt": b"Teal-Rail-4711",
    "api_token.txt": b"Crake 0815 $x",
    "postgres_password.txt": b"Fescue-Lathe-73",
}
needs_modes = pytest.mark.skipif(os.name == "nt", reason="Windows knows no file modes")
is_root = getattr(os, "geteuid", lambda: 1)() == 0


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is flushed, and when, is watched; the flushing itself only costs time."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yml").write_text(TEXT, "utf-8")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", "utf-8")
    return tmp_path


def plan(folder: Path, options: Options | None = None) -> ProjectOutcome:
    outcome = pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), options or Options(), {})
    assert outcome.status == DONE
    assert outcome.rewritten
    return outcome


def new_text(outcome: ProjectOutcome) -> bytes:
    assert outcome.rewritten
    return outcome.rewritten[0].source.encode(outcome.rewritten[0].text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    old = os.umask(value)
    try:
        yield
    finally:
        os.umask(old)


def assert_whole(folder: Path, *, allowed: Callable[[str], bool] = lambda name: name.startswith("secrets/")) -> None:
    """The Compose file is as it was; no temporary file is left; what was made before is complete."""
    files = snapshot(folder)
    assert files["compose.yml"] == TEXT.encode()
    made = set(files) - {"compose.yml", "Dockerfile", ".gitignore", ".dockerignore"}
    assert all(allowed(name) for name in made), made
    for name in made:
        assert files[name] == VALUES[Path(name).name]


# --- what is written ---


def test_values_ignore_files_and_the_new_text_are_on_disk(folder: Path) -> None:
    outcome = plan(folder)
    written = pipeline.commit(outcome)
    assert (written.is_written, written.status) == (True, DONE)
    files = snapshot(folder)
    assert files.pop("compose.yml") == new_text(outcome)
    assert files.pop("Dockerfile") == b"FROM scratch\n"
    assert files.pop(".gitignore") == b"/secrets/\n"
    assert files.pop(".dockerignore") == b"secrets/\n"
    assert files.pop("secrets/.gitignore") == OWN.encode()
    assert {name.removeprefix("secrets/"): data for name, data in files.items()} == VALUES


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors have no names here")
def test_the_order_is_ignore_files_then_values_then_the_compose_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_open, real_fsync, real_replace, real_link = os.open, os.fsync, os.replace, os.link

    def watched_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.parent.parent.name == UNDO:
            steps.append("keep the former bytes")
        elif path.name.endswith(".dsec-1") or path in {folder, folder / "secrets"}:
            steps.append(f"sync {path.name}")
        real_fsync(descriptor)

    def watched_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT and is_value(path):
            assert flags & os.O_EXCL, "a value must never go into a file that somebody else made"
            assert flags & os.O_NOFOLLOW
            steps.append(f"create {Path(path).name}")
        return real_open(path, flags, *rest, **more)

    def watched_replace(old: Any, new: Any, **more: Any) -> None:
        if new == "runs.json":
            record = folder / "secrets" / JOURNAL / old
            steps.append(f"journal: {json.loads(record.read_bytes())['runs'][0]['state']}")
        elif not {JOURNAL, UNDO} & set(Path(f"/proc/self/fd/{more['src_dir_fd']}").resolve().parts):
            steps.append(f"replace {Path(new).name}")
        real_replace(old, new, **more)

    def watched_link(old: Any, new: Any, **more: Any) -> None:
        steps.append(f"name {Path(new).name}")
        real_link(old, new, **more)

    outcome = plan(folder)
    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "open", watched_open)
    monkeypatch.setattr(os, "replace", watched_replace)
    monkeypatch.setattr(os, "link", watched_link)
    assert pipeline.commit(outcome).errors == ()
    values = [file.path.name for file in outcome.plan.files if file.is_secret]
    assert set(values) == set(VALUES)
    steps = steps[steps.index("journal: prepared") :]
    ready = steps.index("sync .compose.yml.dsec-1") + 1
    assert steps[:ready] == [
        "journal: prepared",
        "keep the former bytes",
        *(f"{step}{folder.name}" if step == "sync " else step for step in _appended(".gitignore")),
        *(f"{step}secrets" if step == "sync " else step for step in _appended(".gitignore")),
        *(f"{step}{folder.name}" if step == "sync " else step for step in _appended(".dockerignore")),
        *(step for v in values for step in (f"create .{v}.dsec-1", f"sync .{v}.dsec-1", f"name {v}")),
        "sync .compose.yml.dsec-1",
    ]
    # the folders with the new names, in any order, before the journal says that they are there
    assert set(steps[ready : ready + 2]) == {f"sync {folder.name}", "sync secrets"}
    assert steps[ready + 2 :] == [
        "journal: committed",
        "replace compose.yml",
        f"sync {folder.name}",
        "journal: done",
    ]


def _appended(name: str) -> list[str]:
    return [f"sync .{name}.dsec-1", f"replace {name}", "sync "]


def is_value(path: Any) -> bool:
    """Whether a value's file, or the one that is going to be it, has that path."""
    return Path(path).name.removeprefix(".").removesuffix(".dsec-1") in VALUES


@needs_modes
@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077, 0o027])
def test_modes_do_not_depend_on_the_umask(folder: Path, mask: int) -> None:
    with umask(mask):
        pipeline.commit(plan(folder))
    assert mode(folder / "secrets") == 0o700
    # the program of the build may run as anybody; postgres starts as root
    assert mode(folder / "secrets" / "db_password.txt") == 0o444
    assert mode(folder / "secrets" / "postgres_password.txt") == 0o600


@needs_modes
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_script_of_external_secrets_is_the_owners_alone(folder: Path, mask: int) -> None:
    with umask(mask):
        pipeline.commit(plan(folder, Options(source=SourceKind.EXTERNAL)))
    assert mode(folder / "secrets" / "create-secrets.sh") == 0o700
    assert {mode(folder / "secrets" / name) for name in VALUES} == {0o600}


@needs_modes
def test_a_value_is_never_readable_while_it_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real_open = os.open

    def watched_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        descriptor = real_open(path, flags, *rest, **more)
        if is_value(path) and flags & os.O_CREAT:
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077)
        return descriptor

    monkeypatch.setattr(os, "open", watched_open)
    with umask(0):
        pipeline.commit(plan(folder))
    assert seen == [0, 0, 0]
    # and the folder it stands in is closed
    assert mode(folder / "secrets") == 0o700


@needs_modes
@pytest.mark.parametrize("bits", [0o640, 0o600, 0o664, 0o444, 0o755])
def test_the_compose_file_keeps_its_mode(folder: Path, bits: int) -> None:
    (folder / "compose.yml").chmod(bits)
    with umask(0o077):
        assert pipeline.commit(plan(folder)).is_written
    assert mode(folder / "compose.yml") == bits


@pytest.mark.skipif(not is_root, reason="only root gives files away")
@pytest.mark.parametrize(("user", "group"), [(1234, 2345), (0, 2345), (1234, 0)])
def test_the_compose_file_keeps_its_owner_and_group(folder: Path, user: int, group: int) -> None:
    os.chown(folder / "compose.yml", user, group)
    (folder / "compose.yml").chmod(0o640)
    assert pipeline.commit(plan(folder)).is_written
    status = (folder / "compose.yml").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (user, group, 0o640)


def test_a_linked_compose_file_stays_a_link(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "compose.yml").rename(folder / "real" / "stack.yml")
    (folder / "compose.yml").symlink_to(Path("real") / "stack.yml")
    outcome = plan(folder)
    assert pipeline.commit(outcome).is_written
    assert (folder / "compose.yml").is_symlink()
    assert (folder / "compose.yml").readlink() == Path("real") / "stack.yml"
    assert (folder / "real" / "stack.yml").read_bytes() == new_text(outcome)
    assert [path.name for path in (folder / "real").iterdir()] == ["stack.yml"]
    # Compose takes the folder of the link for the project's
    assert (folder / "secrets" / "db_password.txt").is_file()


@needs_modes
def test_a_folder_that_is_there_keeps_its_mode(folder: Path) -> None:
    (folder / "secrets").mkdir(mode=0o755)
    (folder / "secrets").chmod(0o755)
    outcome = plan(folder)
    pipeline.commit(outcome)
    assert mode(folder / "secrets") == 0o755
    assert any("is accessible to other users on this host" in note for note in outcome.plan.notes)


def test_deeper_folders_are_made(folder: Path) -> None:
    pipeline.commit(plan(folder, Options(secrets_dir="./private/values")))
    assert (folder / "private" / "values" / "db_password.txt").read_bytes() == VALUES["db_password.txt"]
    if os.name != "nt":
        assert mode(folder / "private" / "values") == 0o700


# --- ignore files ---


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"node_modules\n", b"node_modules\n/secrets/\n"),
        (b"node_modules", b"node_modules\n/secrets/\n"),
        (b"node_modules\r\n", b"node_modules\r\n/secrets/\r\n"),
        (b"", b"/secrets/\n"),
        (b"secrets/\n", b"secrets/\n"),
        (b"\xff\xfe odd\n", b"\xff\xfe odd\n/secrets/\n"),
    ],
)
def test_an_ignore_file_is_added_to_once(folder: Path, before: bytes, after: bytes) -> None:
    (folder / ".gitignore").write_bytes(before)
    pipeline.commit(plan(folder))
    assert (folder / ".gitignore").read_bytes() == after
    (folder / "compose.yml").write_text(TEXT.replace("API_TOKEN", "OTHER_TOKEN"), "utf-8")
    pipeline.commit(plan(folder))
    assert (folder / ".gitignore").read_bytes() == after


@needs_modes
def test_an_ignore_file_that_is_made_is_an_ordinary_file(folder: Path) -> None:
    with umask(0o022):
        pipeline.commit(plan(folder))
    assert mode(folder / ".gitignore") == 0o644


# --- what stands there already ---


def test_a_value_file_with_the_same_content_is_taken_as_it_is(folder: Path) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "db_password.txt").write_bytes(VALUES["db_password.txt"])
    (folder / "secrets" / "db_password.txt").chmod(0o640)
    assert pipeline.commit(plan(folder)).is_written
    assert mode(folder / "secrets" / "db_password.txt") == 0o640 or os.name == "nt"


def test_a_value_file_with_other_content_is_left_alone(folder: Path) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "db_password.txt").write_bytes(b"somebody else's")
    assert pipeline.commit(plan(folder)).is_written
    assert (folder / "secrets" / "db_password.txt").read_bytes() == b"somebody else's"
    assert (folder / "secrets" / "compose.db_password.txt").read_bytes() == VALUES["db_password.txt"]


@pytest.mark.parametrize("content", [b"somebody else's", b"", VALUES["db_password.txt"] + b"\n"])
def test_a_file_that_appears_meanwhile_is_never_overwritten(folder: Path, content: bytes) -> None:
    outcome = plan(folder)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "db_password.txt").write_bytes(content)
    written = pipeline.commit(outcome)
    assert (written.is_written, written.status) == (False, BAD_INPUT)
    assert written.errors[0].file == str(folder / "secrets" / "db_password.txt")
    assert (folder / "secrets" / "db_password.txt").read_bytes() == content
    assert (folder / "compose.yml").read_text("utf-8") == TEXT


def test_a_file_that_appears_with_the_same_content_is_fine(folder: Path) -> None:
    outcome = plan(folder)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "db_password.txt").write_bytes(VALUES["db_password.txt"])
    assert pipeline.commit(outcome).is_written


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_in_the_place_of_a_value_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outcome = plan(folder)
    aim = tmp_path_factory.mktemp("elsewhere") / "aim"
    (folder / "secrets").mkdir()
    (folder / "secrets" / "db_password.txt").symlink_to(aim)
    written = pipeline.commit(outcome)
    assert not written.is_written
    assert not aim.exists()
    assert_whole(folder)


def test_a_file_that_changed_since_it_was_read_is_left(folder: Path) -> None:
    outcome = plan(folder)
    (folder / "compose.yml").write_text(TEXT + "# mine\n", "utf-8")
    written = pipeline.commit(outcome)
    assert (written.is_written, written.status) == (False, BAD_INPUT)
    assert "changed" in written.errors[0].what
    assert (folder / "compose.yml").read_text("utf-8") == TEXT + "# mine\n"
    # it is seen before anything is made
    assert set(snapshot(folder)) == {"compose.yml", "Dockerfile"}


def test_a_file_that_changes_while_values_are_written_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = plan(folder)
    real_open = os.open

    def meanwhile(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if is_value(path):
            (folder / "compose.yml").write_text("services: {}\n", "utf-8")
        return real_open(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", meanwhile)
    assert not pipeline.commit(outcome).is_written
    assert (folder / "compose.yml").read_text("utf-8") == "services: {}\n"


def test_a_file_that_is_gone_is_an_error(folder: Path) -> None:
    outcome = plan(folder)
    (folder / "compose.yml").unlink()
    written = pipeline.commit(outcome)
    assert (written.is_written, written.status) == (False, BAD_INPUT)
    assert not (folder / "secrets").exists()


# --- what goes wrong ---


def _fails(error: BaseException) -> Callable[..., Any]:
    def fail(*_words: Any, **_more: Any) -> Any:
        raise error

    return fail


FAULTS = [OSError(28, "No space left on device"), PermissionError(13, "Permission denied"), OSError(5, "I/O error")]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: error.strerror)
@pytest.mark.parametrize("function", ["replace", "fsync", "open", "fchmod", "fdopen"])
def test_an_error_of_the_disk_leaves_the_file_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: OSError
) -> None:
    if not hasattr(os, function):
        pytest.skip("not on this system")
    outcome = plan(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, function, _fails(error))
        written = pipeline.commit(outcome)
    assert (written.is_written, written.status) == (False, BAD_INPUT)
    assert written.errors[0].what == f"cannot write: {error.strerror}"
    assert written.errors[0].help
    assert_whole(folder)
    # and nothing stands in the way of the next run
    assert pipeline.commit(plan(folder)).is_written


@pytest.mark.parametrize("is_lasting", [False, True], ids=["once", "from then on"])
def test_an_error_at_any_flush_leaves_the_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_lasting: bool
) -> None:
    real_fsync = os.fsync
    for number in range(1, 100):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "compose.yml").write_text(TEXT, "utf-8")
        (folder / "Dockerfile").write_text("FROM scratch\n", "utf-8")
        outcome = plan(folder)
        count = 0

        def fail_later(descriptor: int, last: int = number) -> None:
            nonlocal count
            count += 1
            if count == last or (is_lasting and count > last):
                raise OSError(28, "No space left on device")
            real_fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail_later)
            written = pipeline.commit(outcome)
        if not is_lasting:
            assert not list(folder.rglob(".*.dsec-*"))
        # also where it could not be told to the journal any more, the next run finds out what is to be done
        transaction.recover(folder / "secrets", outcome.boundary)
        if (folder / "compose.yml").read_bytes() != new_text(outcome):
            assert not written.is_written
            assert_whole(folder)
            assert pipeline.commit(plan(folder)).is_written
        assert (folder / "compose.yml").read_bytes() == new_text(outcome)
        assert {name: (folder / "secrets" / name).read_bytes() for name in VALUES} == VALUES
        assert not list(folder.rglob(".*.dsec-*"))
        if count < number:
            break
    # the journal, two ignore files, three values, the new text, their folders
    assert 20 < number < 99


@pytest.mark.parametrize("function", ["replace", "fsync", "fchmod"])
def test_an_interrupt_leaves_the_file_whole_and_no_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    if not hasattr(os, function):
        pytest.skip("not on this system")
    outcome = plan(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, function, _fails(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            pipeline.commit(outcome)
    assert_whole(folder)


def test_a_folder_that_takes_no_new_file_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = plan(folder)
    real_open = os.open

    def refused(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        # what waits beside a file of the project
        if flags & os.O_CREAT and Path(path).name.startswith((".compose.yml.", "..gitignore.")):
            raise PermissionError(13, "Permission denied")
        return real_open(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refused)
    written = pipeline.commit(outcome)
    assert (written.is_written, written.status) == (False, BAD_INPUT)
    assert_whole(folder)


@pytest.mark.skipif(is_root or os.name == "nt", reason="root may write everywhere")
def test_a_read_only_folder_is_an_error(folder: Path) -> None:
    outcome = plan(folder)
    folder.chmod(0o500)
    try:
        written = pipeline.commit(outcome)
        assert (written.is_written, written.status) == (False, BAD_INPUT)
        assert set(snapshot(folder)) == {"compose.yml", "Dockerfile"}
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("place", ["secrets", "private"])
def test_a_file_in_the_place_of_the_folder_is_an_error(folder: Path, place: str) -> None:
    (folder / place).write_text("a file\n", "utf-8")
    options = Options(secrets_dir=f"./{place}/values" if place == "private" else None)
    outcome = pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), options, {})
    if outcome.rewritten:
        outcome = pipeline.commit(outcome)
    assert (outcome.is_written, outcome.status) == (False, BAD_INPUT)
    assert (folder / "compose.yml").read_text("utf-8") == TEXT


def test_no_error_holds_a_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = plan(folder)
    monkeypatch.setattr(os, "fsync", _fails(OSError(28, "No space left on device")))
    for error in pipeline.commit(outcome).errors:
        assert isinstance(error, UserError)
        assert not any(value.decode() in str(error) for value in VALUES.values())
