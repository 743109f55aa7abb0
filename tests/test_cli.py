"""The command line: words in, exit status and streams out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dsec_migrate.cli import entry
from dsec_migrate.migrate import batch
from dsec_migrate.reports.output import save, say
from dsec_migrate.reports.terminal import Progress, style_for

PASSWORD = "tr0ub4dor-and-3"
COMPOSE = f"""\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: {PASSWORD}
  app:
    image: acme/app
    environment:
      - APP_SECRET_KEY=Zq81Lm-33yTr0pWe7uXv
      - REPLICATION_TOKEN=${{REPLICATION_TOKEN:-}}
"""
CLEAN = "services:\n  web:\n    image: nginx\n"
MAIN = "import sys; from dsec_migrate.cli import main; main(sys.argv[1:])"


class Run(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Runs the command in an empty folder that holds ``compose.yml``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    Path("compose.yml").write_text(COMPOSE, encoding="utf-8")

    def call(*words: str) -> Run:
        with pytest.raises(SystemExit) as stopped:
            entry.main(words)
        out, err = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return Run(stopped.value.code, out, err)

    return call


# --- what it does ---


def test_a_dry_run_shows_and_changes_nothing(run: Callable[..., Run], tmp_path: Path) -> None:
    result = run()
    assert (result.status, result.err) == (0, "")
    assert "2 secrets in 1 file would move" in result.out
    assert PASSWORD not in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["compose.yml"]
    assert Path("compose.yml").read_text("utf-8") == COMPOSE


def test_write(run: Callable[..., Run]) -> None:
    result = run("--write", "compose.yml")
    assert result.status == 0
    assert "2 secrets in 1 file moved" in result.out
    last = " ".join(result.out.split())
    assert "app will start without APP_SECRET_KEY unless its program reads APP_SECRET_KEY_FILE" in last
    assert Path("secrets/postgres_password.txt").read_text("utf-8") == PASSWORD
    assert PASSWORD not in Path("compose.yml").read_text("utf-8")
    again = run("--write")
    assert (again.status, "would move" in again.out, "moved" in again.out) == (0, False, False)


def test_check(run: Callable[..., Run]) -> None:
    assert run("--check").status == 1
    assert run("--check", "--format", "json").report["summary"]["status"] == 1
    assert run("--check", "--write", "--quiet").status == 2
    assert run("--check", "--write").status == 0
    assert run("--check", "--strict").status == 1
    Path("compose.yml").write_text(CLEAN, encoding="utf-8")
    assert run("--check", "--strict").status == 0


def test_options_reach_the_run(run: Callable[..., Run]) -> None:
    words = ["--only", "db.*", "--skip", "X*", "--mode", "0440", "--uid", "70", "--gid", "0", "--secrets-dir", "./keys"]
    report = run("--format", "json", "--target", "swarm", "--unknown", "keep", "--safe", *words).report
    assert [secret["file"] for secret in report["secrets"]] == ["./keys/postgres_password.txt"]
    diff = report["changes"][0]["diff"]
    assert all(line in diff for line in ("mode: 0440", 'uid: "70"', 'gid: "0"'))
    by_variable = {finding["variable"]: finding["action"] for finding in report["findings"]}
    assert by_variable["POSTGRES_PASSWORD"] == "migrate"
    assert by_variable["APP_SECRET_KEY"] == "keep"


def test_env_file(run: Callable[..., Run]) -> None:
    Path("live.env").write_text("REPLICATION_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0\n", encoding="utf-8")
    report = run("--env-file", "live.env", "--format=json").report
    assert "replication_token" in {secret["name"] for secret in report["secrets"]}
    missing = run("--env-file", "none.env")
    assert missing.status == 2
    assert "none.env" in missing.err


def test_the_shell_is_heeded(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATION_TOKEN", "from-the-shell-0815")
    report = run("--source", "environment", "--format", "json").report
    assert ("environment", "REPLICATION_TOKEN") in {(s["source"], s["variable"]) for s in report["secrets"]}


def test_external_implies_swarm_and_says_so(run: Callable[..., Run]) -> None:
    result = run("--source", "external")
    assert result.status == 0
    assert "--target swarm" in result.err
    assert run("--source", "external", "--target", "swarm").err == ""


def test_several_projects_go_on_after_a_bad_one(run: Callable[..., Run]) -> None:
    Path("bad.yml").write_text("services: [", encoding="utf-8")
    result = run("bad.yml", "missing.yml", "compose.yml", "--write")
    assert result.status == 2
    assert result.err.count("error: ") == 2
    assert "--> bad.yml:1:" in result.err
    assert "--> missing.yml\n" in result.err
    assert "2 secrets in 1 file moved" in result.out
    assert "2 files with errors, unchanged" in result.out
    assert Path("secrets/postgres_password.txt").exists()


def test_a_folder_stands_for_the_projects_below_it(run: Callable[..., Run]) -> None:
    for name in ("a", "b"):
        Path(f"deep/{name}").mkdir(parents=True)
        Path(f"deep/{name}/compose.yaml").write_text(COMPOSE, encoding="utf-8")
    assert run("--format", "json", "deep").report["summary"]["files"] == 2


def test_the_same_report_from_one_process_and_from_two(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "FILES_WORTH_A_PROCESS", 2)
    Path("other").mkdir()
    Path("other/compose.yml").write_text("services: [", encoding="utf-8")
    one, two = (run("--jobs", jobs, "compose.yml", "other/compose.yml") for jobs in ("1", "2"))
    assert one == two
    assert one.err


# --- reports ---


def test_json_leaves_stderr_empty(run: Callable[..., Run]) -> None:
    Path("compose.yml").write_text("services: [", encoding="utf-8")
    result = run("--format", "json")
    assert (result.status, result.err) == (2, "")
    assert result.report["errors"][0]["file"] == "compose.yml"
    assert result.report["summary"]["status"] == 2


@pytest.mark.parametrize("words", [["--nonsense"], ["nowhere/"], ["--mode", "9"], ["audit"], ["--jobs", "0"]])
def test_json_is_one_object_whatever_goes_wrong(run: Callable[..., Run], words: list[str]) -> None:
    result = run("--format", "json", *words)
    assert (result.status, result.err) == (2, "")
    assert len(result.report["errors"]) == 1


def test_output_writes_further_reports(run: Callable[..., Run]) -> None:
    Path("old.json").write_text("old", encoding="utf-8")
    result = run("--output", "json=old.json", "--output", "text=report.txt", "--format", "json")
    assert json.loads(Path("old.json").read_text("utf-8")) == result.report
    assert Path("report.txt").read_text("utf-8").startswith("compose.yml\n")
    assert sorted(path.name for path in Path().iterdir()) == ["compose.yml", "old.json", "report.txt"]


def test_output_is_there_also_when_no_file_is_found(run: Callable[..., Run]) -> None:
    Path("compose.yml").unlink()
    Path("sub").mkdir()
    assert run("--output", "json=report.json", "sub").status == 2
    assert json.loads(Path("report.json").read_text("utf-8"))["summary"]["status"] == 2


@pytest.mark.parametrize("form", ["unified", "side-by-side", "semantic"])
def test_forms_of_the_diff(run: Callable[..., Run], form: str) -> None:
    result = run("--diff", form)
    assert result.status == 0
    assert "POSTGRES_PASSWORD_FILE" in result.out
    assert PASSWORD not in result.out


def test_columns_set_the_width(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        diff = run("--diff", "side-by-side").out.split("Would move", maxsplit=1)[0]
        assert columns - 30 < max(map(len, diff.split("\n"))) <= columns


# --- bad usage ---


@pytest.mark.parametrize(
    ("words", "error", "advice"),
    [
        (["--wirte"], "no such option: --wirte", "--write"),
        (["--zzz"], "no such option: --zzz", "--help"),
        (["--mode"], "--mode requires an argument", "--help"),
        (["--mode", "rwx"], "--mode takes", "0400"),
        (["--mode", "0778"], "--mode takes", "0400"),
        (["--mode", "12345"], "--mode takes", "0400"),
        (["--uid", "root"], "--uid takes a number", "1000"),
        (["--gid", "-1"], "--gid takes a number", "1000"),
        (["--jobs", "0"], "--jobs takes a positive number", "cores"),
        (["--jobs", "many"], "--jobs", "--help"),
        (["--source", "keychain"], "--source", "--help"),
        (["--target", "podman"], "--target", "--help"),
        (["--unknown", "guess"], "--unknown", "--help"),
        (["--diff", "words"], "--diff", "--help"),
        (["--format", "xml"], "--format: unknown format xml", "text, json"),
        (["--output", "json"], "--output takes FORMAT=FILE", "json=report.json"),
        (["--output", "json="], "--output takes FORMAT=FILE", "json=report.json"),
        (["--output", "xml=x"], "--output: unknown format xml", "text, json"),
        (["--output", "json=no/such/x"], "cannot write a report there", "folder"),
        (["--source", "external", "--target", "compose"], "--source external cannot be used with", "omit --target"),
        (["--source", "environment", "--target", "swarm"], "--source environment cannot be used with", "--source file"),
        (["--show-values"], "--show-values requires", "redirect"),
        (["--no-docker", "audit"], "the command audit follows an option", "put the command first: `dsec-migrate audit"),
        (["--strict", "audit", "x"], "the command audit follows an option", "put the command first"),
        (["--allow", "nowhere"], "--allow: no such folder", "pass a folder that exists"),
        (["--registry", "10.0.0.5:5000"], "--registry requires --inspect-registry", "omit --registry"),
        (
            ["--inspect-registry", "--registry", "http://10.0.0.5"],
            "--registry takes a host",
            "--registry 10.0.0.5:5000",
        ),
    ],
)
def test_bad_usage(run: Callable[..., Run], words: list[str], error: str, advice: str) -> None:
    result = run(*words)
    assert result.status == 2
    assert result.out == ""
    first, *rest = result.err.splitlines()
    assert first.startswith(f"error: {error}")
    assert rest[-1].startswith("  help: ")
    assert advice in rest[-1]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("udno", "undo"),
        ("undoo", "undo"),
        ("Undo", "undo"),
        ("undo.", "undo"),
        ("und0", "undo"),
        ("rotat", "rotate"),
        ("audti", "audit"),
        ("stat", "status"),
        ("STATUS", "status"),
        ("unlokc", "unlock"),
        ("revert", "undo"),
        ("help", "--help"),
        ("versoin", "--version"),
        ("clean-up", "--help` to list the commands"),
    ],
)
def test_a_misspelt_command_does_nothing(run: Callable[..., Run], word: str, meant: str) -> None:
    words = (word, "compose.yml", "--write")
    for call in (words, (*words[1:], word), ("--no-docker", *words), ("--no-docker", "--write", "compose.yml", word)):
        result = run(*call)
        assert (result.status, result.out) == (2, "")
        assert result.err.startswith(f"error: no command, file or folder is named {word}\n  help: ")
        assert meant in result.err
    assert run("compose.yml", "undo", "--write").err.startswith("error: the command undo follows an option or a")
    assert Path("compose.yml").read_text("utf-8") == COMPOSE
    assert not Path("secrets").exists()


def test_what_is_there_or_has_a_suffix_is_a_file_and_the_others_go_on(run: Callable[..., Run]) -> None:
    Path("udno").symlink_to("nowhere")
    for word in ("udno", "undo.yml", "stack/undo"):
        result = run(word, "compose.yml")
        assert (result.status, "2 secrets in 1 file would move" in result.out) == (2, True)
        assert result.err.startswith("error: cannot read the file")
    Path("Status").write_text(CLEAN, encoding="utf-8")
    assert run("Status", "compose.yml").status == 0


def test_files_alone_mean_the_same_as_with_an_option(run: Callable[..., Run]) -> None:
    Path("other.yml").write_text(COMPOSE, encoding="utf-8")
    for words in ((), ("compose.yml",), ("compose.yml", "other.yml"), ("",), ("none.yml", "compose.yml")):
        assert run(*words) == run("--no-docker", *words), words


def test_a_file_named_like_a_command_is_a_file(run: Callable[..., Run]) -> None:
    Path("audit").write_text(COMPOSE, encoding="utf-8")
    assert "POSTGRES_PASSWORD" in run("./audit").out
    assert "Would move" in run("--no-docker", "audit").out
    # as the first word it is the command
    assert "Runtime" in run("audit", "compose.yml").out


def test_no_compose_file_here(run: Callable[..., Run]) -> None:
    Path("sub").mkdir()
    result = run("sub")
    assert result.status == 2
    assert result.err.startswith("error: there is no Compose file under this folder\n  --> sub\n  help: ")


@pytest.mark.parametrize("words", [(), ("compose.yml",), ("--format", "json"), ("audit", "folder"), ("status",)])
def test_a_folder_that_is_closed(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Root may look everywhere, so the refusal is made up."""

    def refuse(path: Path, **_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    monkeypatch.setattr(Path, "is_dir", refuse)
    result = run(*words)
    assert result.status == 2
    assert "permission denied" in result.err + result.out
    assert "as a user with read access to the folder" in result.err + result.out
    assert "internal error" not in result.err + result.out


def test_help_and_version(run: Callable[..., Run]) -> None:
    text = run("--help").out
    assert max(map(len, text.split("\n"))) <= 80
    for title in ("What to do:", "Where the values go:", "Which variables move:", "What to show:"):
        assert title in text
    for option in ("--write", "--env-file", "--secrets-dir", "--show-values", "--no-docker"):
        assert text.count(f"  {option}") >= 1
    assert run("-h").out == text
    assert run("--version").out.startswith("dsec-migrate ")
    assert run("--no-docker").status == 0


# --- the error boundary ---


def test_no_traceback_and_no_message_of_an_unexpected_exception(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(PASSWORD)

    monkeypatch.setattr(batch, "run", fail)
    result = run()
    assert (result.status, result.out) == (3, "")
    assert result.err.startswith("error: internal error (ZeroDivisionError)\n  help: ")
    assert PASSWORD not in result.err
    report = run("--format", "json").report
    assert report["summary"]["status"] == 3
    assert PASSWORD not in json.dumps(report)


def test_interrupt(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run", interrupt)
    result = run()
    assert result.status == 130
    assert "Traceback" not in result.err


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE + "# " + "x" * 100_000 + "\n", encoding="utf-8")
    command = [sys.executable, "-c", MAIN, "--check", "--format", "json", "compose.yml"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert (process.wait(), errors) == (1, b"")


def test_a_stream_without_unicode(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE.replace("acme", "größe"), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run([sys.executable, "-c", MAIN], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert b"gr\\xf6\\xdfe" in done.stdout


def test_start_up_is_light(tmp_path: Path) -> None:
    heavy = (
        "typer",
        "rich",
        "deepdiff",
        "difflib",
        "jsonschema",
        "pydantic",
        "concurrent.futures",
        "importlib.metadata",
    )
    program = f"import sys; from dsec_migrate import cli; print([name for name in {heavy!r} if name in sys.modules])"
    (tmp_path / "compose.yml").write_text(COMPOSE, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- the terminal ---


def on_a_terminal(tmp_path: Path, *words: str, **variables: str) -> str:
    """What the command prints on a terminal of 80 columns."""
    pty = pytest.importorskip("pty")
    (tmp_path / "compose.yml").write_text(COMPOSE, encoding="utf-8")
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    environment |= {"TERM": "xterm", "COLUMNS": "80", **variables}
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *words], cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        printed += part
    process.wait()
    os.close(ours)
    return printed.decode()


def test_a_terminal_gets_colours_and_values_on_request(tmp_path: Path) -> None:
    printed = on_a_terminal(tmp_path, "--show-values")
    assert f"\x1b[31m-      POSTGRES_PASSWORD: {PASSWORD}\x1b[0m" in printed
    assert "\x1b" not in on_a_terminal(tmp_path, NO_COLOR="1")


def test_values_are_refused_for_anything_but_text_on_a_terminal(tmp_path: Path) -> None:
    for words in (["--format", "json"], ["--output", "text=x"]):
        printed = on_a_terminal(tmp_path, "--show-values", *words)
        assert "--show-values requires the text report on a terminal" in printed
        assert PASSWORD not in printed
    assert not (tmp_path / "x").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "variables", "is_coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"CLICOLOR_FORCE": "1"}, True),
        (False, {"FORCE_COLOR": "0", "CLICOLOR_FORCE": ""}, False),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colours(is_terminal: bool, variables: dict[str, str], is_coloured: bool) -> None:
    assert style_for(Terminal() if is_terminal else io.StringIO(), variables).is_coloured is is_coloured


def test_progress_is_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stream = Terminal()
    progress = Progress(stream)
    progress(1, 50)
    assert stream.getvalue() == ""
    now = 102.0
    progress(2, 50)
    now = 102.01
    progress(3, 50)
    now = 103.0
    progress(4, 50)
    progress.close()
    assert stream.getvalue() == "\r2 of 50 files\x1b[K\r4 of 50 files\x1b[K\r\x1b[K"


def test_progress_is_silent_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    monkeypatch.setattr(time, "monotonic", lambda: 1e9)
    progress(2, 50)
    progress.close()
    assert stream.getvalue() == ""


# --- files and streams ---


def test_save_replaces_in_one_step_and_leaves_nothing_behind(tmp_path: Path) -> None:
    from dsec_migrate.text.errors import UserError

    path = tmp_path / "report.txt"
    save(path, "one\n")
    save(path, "two\n")
    assert path.read_bytes().replace(b"\r\n", b"\n") == b"two\n"
    folder = tmp_path / "folder"
    (folder / "x").mkdir(parents=True)
    with pytest.raises(UserError) as error:
        save(folder, "three\n")
    assert "cannot write the report" in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "report.txt"]


@pytest.mark.skipif(os.name == "nt", reason="devices")
def test_save_writes_to_a_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        save(pipe, "through\n")
        assert reader.communicate()[0] == b"through\n"
    assert pipe.is_fifo()


def test_say_needs_no_real_stream() -> None:
    stream = io.StringIO()
    say("text", stream)
    assert stream.getvalue() == "text"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_a_stream_that_takes_nothing_is_an_error() -> None:
    command = [sys.executable, "-c", "from dsec_migrate.cli import main; main(['examples/legacy-shop/compose.yml'])"]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1], check=False
        )
    assert result.returncode == 2
    assert result.stderr.startswith(b"error: cannot write the report: ")


@pytest.mark.parametrize(
    "text",
    [
        "A=1\nB_PASSWORD=Whinchat-77x\n",
        "- B_PASSWORD=Whinchat-77x\n",
        '"x_password=Whinchat-77x"\n',
        "--- {}\n--- a b\n",
    ],
)
def test_what_is_no_mapping_is_refused(run: Callable[..., Run], text: str) -> None:
    """An env file, say, that is passed as a Compose file."""
    Path("app.env").write_text(text, encoding="utf-8")
    result = run("--no-docker", "app.env")
    assert result.status == 2
    assert "error: the file must be a Compose file" in result.err
    assert "Whinchat" not in result.out + result.err
