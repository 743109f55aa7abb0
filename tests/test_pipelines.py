"""In people's pipelines: the hook, the action, completion, the manual, the image, Docker's plugin."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import ALL, REPOSITORY, docker, libraries

from dsec_migrate import cli

PASSWORD = "Wryneck-Culvert-63"
COMPOSE = f"services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"
CLEAN = "services:\n  db:\n    image: redis:8\n"
INSTALLS = pytest.mark.skipif(not ALL, reason="installs the project anew, half a minute: DSEC_ALL=1 runs it")


def run(words: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, **(variables or {})}
    result = subprocess.run(words, cwd=folder, env=known, capture_output=True, text=True, check=False)
    assert PASSWORD not in result.stdout + result.stderr
    return result


def program(folder: Path, name: str = "dsec-migrate", module: str = "dsec_migrate.cli") -> Path:
    """The program of this checkout, under a name of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from {module} import main; main()" "$@"\n')
    path.chmod(0o755)
    return path


def data(path: Path) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(path.read_text("utf-8"))


# --- pre-commit ---


@pytest.mark.parametrize(
    ("path", "is_taken"),
    [
        ("compose.yml", True), ("a/b/docker-compose.yaml", True), ("compose.prod.yml", True), ("Compose.yml", True),
        ("docker-compose-dev.yml", True), ("docker-stack.yml", True), ("Dockerfile", True),
        ("app/Dockerfile.dev", True),
        ("web.Dockerfile", True), ("Containerfile", True), ("docker-bake.yml", False), ("composer.yml", False),
        ("decompose.yml", False), ("compose.yml.bak", False), ("compose.json", False),
        ("Dockerfile.dockerignore", False),
    ],
)  # fmt: skip
def test_the_hook_takes_compose_files_and_dockerfiles(path: str, is_taken: bool) -> None:
    hook = data(REPOSITORY / ".pre-commit-hooks.yaml")[0]
    taken = re.search(hook["files"], path) is not None and re.search(hook["exclude"], path) is None
    assert taken is is_taken


def test_the_hooks_call_what_there_is() -> None:
    from dsec_migrate.cli.entry import SWITCHES

    first, audit = data(REPOSITORY / ".pre-commit-hooks.yaml")
    name, *words = first["entry"].split()
    assert name == "dsec-migrate"
    # no option parser: every commit waits for it
    assert set(words) <= set(SWITCHES)
    assert audit["entry"].split()[:2] == ["dsec-migrate", "audit"]


@pytest.mark.gate
def test_pre_commit_itself_runs_the_hook(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    tool = tmp_path / "tool"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"]
    run([*git, "clone", "-q", "--no-local", str(REPOSITORY), str(tool)], tmp_path)
    # what is not committed yet counts as well
    names = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], REPOSITORY).stdout.split("\0")
    for name in filter(None, names):
        if (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            (tool / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, tool / name)
    run([*git, "add", "-A"], tool)
    run([*git, "commit", "-qm", "x", "--allow-empty"], tool)
    revision = run([*git, "rev-parse", "HEAD"], tool).stdout.strip()
    project = tmp_path / "project"
    project.mkdir()
    run([*git, "init", "-q"], project)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {tool}\n    rev: {revision}\n    hooks:\n      - id: dsec-migrate\n"
    )
    (project / "compose.yml").write_text(COMPOSE)
    (project / "notes.yml").write_text(COMPOSE)
    run([*git, "add", "-A"], project)
    known = {"PRE_COMMIT_HOME": str(tmp_path / "home")}
    pre_commit = [sys.executable, "-m", "pre_commit", "run", "--color", "never"]
    refused = run(pre_commit, project, known)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "no plaintext secrets in Compose files" in refused.stdout
    assert "db.POSTGRES_PASSWORD" in refused.stdout
    # the value of a known secret in another file that git tracks is one more
    assert "check failed: 2 secrets in the files" in refused.stdout
    (project / "compose.yml").write_text(CLEAN)
    run([*git, "add", "-A"], project)
    passed = run(pre_commit, project, known)
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout


# --- GitHub ---


class Runner:
    """The ``run:`` steps of the action, as GitHub's runner starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps = {step["name"]: step for step in data(REPOSITORY / "action.yml")["runs"]["steps"] if "name" in step}
        self.workspace, self.temporary = folder / "workspace", folder / "temp"
        for path in (self.workspace, self.temporary):
            path.mkdir()
        program(self.temporary / "dsec-migrate" / "bin")

    def step(self, name: str, /, **given: str) -> subprocess.CompletedProcess[str]:
        known = {
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_REPOSITORY": "harbour/shop",
            **given,
        }
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.steps[name]["run"]]
        return run(words, self.workspace, known)

    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_the_action_is_as_github_wants_it() -> None:
    pytest.importorskip("check_jsonschema")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    assert run(words, REPOSITORY).returncode == 0
    action = data(REPOSITORY / "action.yml")
    for step in action["runs"]["steps"]:
        # an expression in a script would let an input write the script
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])


def test_the_scripts_of_the_action_have_no_known_mistakes(runner: Runner) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    for name, step in runner.steps.items():
        if "run" in step:
            script = runner.folder / "step.sh"
            script.write_text(f"#!/usr/bin/env bash\n{step['run']}")
            checked = run(["shellcheck", "--severity=warning", str(script)], runner.folder)
            assert checked.returncode == 0, f"{name}: {checked.stdout}"


def test_the_action_finds_annotates_and_fails_last(runner: Runner) -> None:
    (runner.workspace / "compose.yml").write_text(COMPOSE)
    check = runner.step("Check", FILES="compose.yml\n", STRICT="false", ARGUMENTS="")
    assert check.returncode == 0, check.stderr
    assert check.stdout.startswith("::error file=compose.yml,line=5,col=7,title=A password%2C token or key")
    outputs = runner.outputs()
    assert (outputs["status"], outputs["refused"]) == ("1", "1")
    assert json.loads(Path(outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert (runner.folder / "summary").read_text().startswith("## dsec-migrate: 1 secret in plaintext")
    assert runner.step("Result", STATUS=outputs["status"]).returncode == 1


def test_the_action_passes_words_as_they_are(runner: Runner) -> None:
    folder = runner.workspace / "a b; touch pwned $(touch pwned)"
    folder.mkdir()
    (folder / "compose.yml").write_text(COMPOSE)
    (runner.workspace / "other.yml").write_text(CLEAN)
    check = runner.step(
        "Check", FILES=f"{folder.name}\n\nother.yml\n", STRICT="true", ARGUMENTS="--only\ndb.* $(touch pwned)\n"
    )
    assert check.returncode == 0, check.stderr
    # --check looks at all findings, whatever is to move
    assert runner.outputs()["status"] == "1"
    assert not list(runner.workspace.rglob("pwned"))


def test_a_file_that_is_invalid_is_reported_by_the_action(runner: Runner) -> None:
    (runner.workspace / "compose.yml").write_text("services: [\n")
    assert runner.step("Check", FILES=".", STRICT="false", ARGUMENTS="").returncode == 0
    assert runner.outputs()["status"] == "2"
    assert runner.step("Result", STATUS="2").returncode == 2


@pytest.mark.parametrize("known", ["", "4711"])
def test_the_action_keeps_one_comment(known: str, runner: Runner) -> None:
    (runner.workspace / "compose.yml").write_text(COMPOSE)
    runner.step("Check", FILES=".", STRICT="false", ARGUMENTS="")
    programs = runner.folder / "programs"
    programs.mkdir()
    calls = runner.folder / "calls"
    (programs / "gh").write_text(f'#!/bin/sh\necho "$*" >>{calls}\ncase "$*" in *--jq*) echo "{known}";; esac\n')
    (programs / "gh").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    comment = runner.step("Comment", REPORT=runner.outputs()["markdown"], GH_TOKEN="x", PATH=path)
    assert comment.returncode == 0, comment.stderr
    looked, wrote = calls.read_text().splitlines()
    assert looked.startswith("api --paginate repos/harbour/shop/issues/7/comments --jq")
    target = (
        f"PATCH repos/harbour/shop/issues/comments/{known}" if known else "POST repos/harbour/shop/issues/7/comments"
    )
    assert wrote == f"api --silent --method {target} --field body=@{runner.temporary}/dsec-comment.md"
    body = (runner.temporary / "dsec-comment.md").read_text()
    assert body.startswith("<!-- dsec-migrate -->\n## dsec-migrate: 1 secret in plaintext")
    assert PASSWORD not in body


def test_without_a_pull_request_there_is_no_comment(runner: Runner) -> None:
    said = runner.step("Comment", REPORT="/dev/null", GH_TOKEN="x", PATH="/usr/bin:/bin", GITHUB_REF="refs/heads/main")
    assert said.stdout == "no pull request: no comment\n"


@INSTALLS
def test_the_action_installs_the_project(runner: Runner) -> None:
    shutil.rmtree(runner.temporary / "dsec-migrate")
    assert runner.step("Install").returncode == 0
    installed = runner.temporary / "dsec-migrate" / "bin" / "dsec-migrate"
    (runner.workspace / "compose.yml").write_text(COMPOSE)
    assert run([str(installed), "--check"], runner.workspace).returncode == 1
    manual = runner.temporary / "dsec-migrate" / "share" / "man" / "man1" / "dsec-migrate.1"
    assert manual.read_text() == (REPOSITORY / "man" / "dsec-migrate.1").read_text()


# --- formats, by the schemas of those who read them ---


def test_junit_and_code_quality_are_as_their_readers_want_them(tmp_path: Path) -> None:
    import jsonschema

    xmlschema = pytest.importorskip("xmlschema")
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / "bad.yml").write_text("services: [\n")
    (tmp_path / "odd.yml").write_text(COMPOSE.replace("db:", '"<\\x01&\\">":'))
    files = ["compose.yml", "bad.yml", "odd.yml"]
    for verb in ([], ["audit"]):
        words = [str(program(tmp_path / "bin")), *verb, "--output", "junit=a.xml", "--output", "gitlab=a.json", *files]
        assert run(words, tmp_path).returncode == 2
        xmlschema.XMLSchema(str(REPOSITORY / "tests" / "vectors" / "junit.xsd")).validate(str(tmp_path / "a.xml"))
        schema = json.loads((REPOSITORY / "tests" / "vectors" / "code-quality.schema.json").read_text("utf-8"))
        found = json.loads((tmp_path / "a.json").read_text())
        jsonschema.validate(found, schema)
        assert len({one["fingerprint"] for one in found}) == len(found) > 2


# --- completion ---

ASKED = [
    ("--sou", "--source --source-of"), ("rot", "rotate"),
    ("--source e", "environment external"), ("rotate --strategy d", "dual"),
    ("audit --explain weak", "weak-value"), ("undo --for", "--forget"), ("comp", "compose.yml"),
    ("--format sar", "sarif"), ("status --write", ""), ("--env-file comp", "compose.yml"),
]  # fmt: skip


@cache
def completion_of(shell: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit):
        cli.main(["--completion", shell])
    return said.getvalue()


def completed(shell: str, words: str, folder: Path) -> list[str]:
    script = folder / ("_dsec_migrate" if shell == "zsh" else "script")
    program(folder / "bin")
    script.write_text(completion_of(shell))
    if shell == "bash":
        quoted = " ".join(f"'{word}'" for word in ("dsec-migrate", *words.split(" ")))
        ask = f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _dsec_migrate; "
        said = run(["bash", "-c", ask + 'printf "%s\\n" "${COMPREPLY[@]}"'], folder).stdout
    else:
        said = run(["fish", "--no-config", "-c", f"source {script}; complete -C 'dsec-migrate {words}'"], folder).stdout
    return sorted({line.split("\t")[0] for line in said.splitlines() if line})


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize(("words", "expected"), ASKED)
def test_a_shell_completes(shell: str, words: str, expected: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "compose.yml").write_text(CLEAN)
    assert completed(shell, words, tmp_path) == expected.split()


@pytest.mark.parametrize(("words", "expected"), [one for one in ASKED if one[1]])
def test_zsh_completes(words: str, expected: str, tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    import pty
    import select
    import time

    (tmp_path / "compose.yml").write_text(CLEAN)
    script = tmp_path / "functions" / "_dsec_migrate"
    script.parent.mkdir()
    script.write_text(completion_of("zsh"))
    setup = (
        f"PS1='> '; fpath=({script.parent} $fpath); autoload -Uz compinit; compinit -u -D; "
        "unsetopt zle_bracketed_paste menu_complete auto_menu; zstyle ':completion:*' list-prompt ''; print ready\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "COLUMNS": "200"})
    shown = ""

    def read(until: str, seconds: float) -> None:
        nonlocal shown
        end = time.monotonic() + seconds
        while until not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536).decode("utf-8", "replace")

    os.write(terminal, setup.encode())
    read("\nready", 10)
    shown = ""
    os.write(terminal, f"dsec-migrate {words}\t\t".encode())
    for word in expected.split():
        read(word, 10)
    os.close(terminal)
    os.waitpid(child, 0)
    assert all(word in shown for word in expected.split()), shown


def test_another_shell_is_an_error(tmp_path: Path) -> None:
    said = run([str(program(tmp_path / "bin")), "--completion", "csh"], tmp_path)
    assert said.returncode == 2
    assert "unknown shell csh" in said.stderr


def test_switches_are_what_the_option_parser_has() -> None:
    from dsec_migrate.cli.commands import command
    from dsec_migrate.cli.entry import SWITCHES

    flags = {spelling for option in command("").options if option.is_switch for spelling in option.spellings}
    assert flags - set(SWITCHES) == {"-h", "--help", "--version"}


# --- manual ---


def test_the_manual_is_what_the_code_says() -> None:
    page = runpy.run_path(str(REPOSITORY / "docs" / "manual.py"))["page"]
    advice = "run: python docs/manual.py >man/dsec-migrate.1"
    assert (REPOSITORY / "man" / "dsec-migrate.1").read_text("utf-8") == page(), advice


@pytest.mark.parametrize("tool", ["mandoc -Tlint -Werror", "man --warnings -l"])
def test_the_manual_has_no_mistakes(tool: str) -> None:
    words = tool.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    said = run(
        [*words, str(REPOSITORY / "man" / "dsec-migrate.1")], REPOSITORY, {"LC_ALL": "C.UTF-8", "MANPAGER": "cat"}
    )
    assert (said.returncode, said.stderr) == (0, "")
    if words[0] == "man":
        assert "--forget-previous" in said.stdout
        assert "EXIT STATUS" in said.stdout


# --- Docker ---


def test_the_plugin_says_who_it_is(tmp_path: Path) -> None:
    plugin = program(tmp_path / "bin", "docker-dsec", "dsec_migrate.cli.docker_plugin")
    about = json.loads(run([str(plugin), "docker-cli-plugin-metadata"], tmp_path).stdout)
    assert about["SchemaVersion"] == "0.1.0"
    assert about["Vendor"]
    assert about["Version"]


def test_docker_runs_the_plugin(tmp_path: Path) -> None:
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command here")
    program(tmp_path / "docker" / "cli-plugins", "docker-dsec", "dsec_migrate.cli.docker_plugin")
    known = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    (tmp_path / "compose.yml").write_text(COMPOSE)
    assert "dsec*" in run(["docker", "--help"], tmp_path, known).stdout
    checked = run(["docker", "dsec", "--check", "compose.yml"], tmp_path, known)
    assert checked.returncode == 1
    assert "check failed: 1 secret in the files" in checked.stdout
    assert run(["docker", "dsec", "compose.yml", "--write"], tmp_path, known).returncode == 0
    assert (tmp_path / "secrets" / "postgres_password.txt").read_text() == PASSWORD
    assert run(["docker", "dsec", "status"], tmp_path, known).returncode == 0
    assert run(["docker", "dsec", "--nonsense"], tmp_path, known).returncode == 2


PACKAGES = (
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "python3.11-venv", "python3.11",
    "python3-minimal", "python3-pip", "python3-setuptools", "python3-wheel", "python3-pkg-resources", "libc6",
    "libgcc-s1", "zlib1g", "dash", "coreutils", "git",
)  # fmt: skip


@pytest.fixture(scope="module")
def base(engine: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with Debian's Python, made of the packages of this host."""
    if sys.version_info[:2] != (3, 11) or shutil.which("dpkg") is None or not Path("/usr/bin/python3.11").exists():
        pytest.skip("the base image is made of the packages of Debian 12, for wheels of its Python")
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("some packages of the base image are not installed")
    paths = {Path(line) for line in listed.stdout.splitlines() if line.startswith("/")}
    paths |= {Path("/bin/sh"), Path("/usr/bin/python3"), Path("/lib64/ld-linux-x86-64.so.2")}
    programs = {path for path in paths if path.is_file() and (os.access(path, os.X_OK) or ".so" in path.name)}
    paths |= {library for one in programs for library in libraries(one)}
    archive = tmp_path_factory.mktemp("base") / "base.tar"
    with tarfile.open(archive, "w") as tar:
        for path in sorted(paths):
            if path.is_file() and not str(path).startswith("/usr/share/doc"):
                tar.add(path.resolve(), arcname=str(path).lstrip("/"), recursive=False)
    docker("import", str(archive), "dsec-test-base:1")
    return "dsec-test-base:1"


@INSTALLS
@pytest.mark.engine
def test_the_image_runs_as_nobody_and_is_small(base: str, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    shutil.copy(REPOSITORY / "Dockerfile", context)
    shutil.copy(REPOSITORY / ".dockerignore", context)
    wheels = [sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", str(context / "wheels"), str(REPOSITORY)]
    assert run(wheels, tmp_path).returncode == 0
    built = docker("build", "-q", "--build-arg", f"BASE={base}", "-t", "dsec-test:1", str(context))
    try:
        assert built.returncode == 0, built.stderr
        layers = docker(
            "history", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", "dsec-test:1"
        ).stdout.decode()
        own = sum(int(line.split()[0]) for line in layers.splitlines() if "#" in line or "buildkit" in line)
        assert 1_000_000 < own < 40_000_000
        project = tmp_path / "project"
        shutil.copytree(REPOSITORY / "examples" / "wiki", project)
        read_only = docker(
            "run", "--rm", "--network", "none", "-v", f"{project}:/work:ro", "dsec-test:1", "compose.yml"
        )
        assert read_only.returncode == 0, read_only.stderr
        assert b"1 secret in 1 file would move" in read_only.stdout
        assert docker("run", "--rm", "--entrypoint", "/usr/bin/id", "dsec-test:1", "-u").stdout == b"65532\n"
        os.chown(project, 1234, 1234)
        os.chown(project / "compose.yml", 1234, 1234)
        written = docker("run", "--rm", "-v", f"{project}:/work", "-u", "1234:1234", "dsec-test:1", "--write")
        assert written.returncode == 0, written.stderr
        assert (project / "secrets" / "db_pass.txt").stat().st_uid == 1234
        for words in (["init", "-q"], ["add", "."]):
            # root is not the owner of the folder, and git asks
            subprocess.run(["git", "-c", "safe.directory=*", *words], cwd=project, check=True)
        # the repository belongs to somebody else, and git in the image answers
        check = docker("run", "--rm", "--network", "none", "-v", f"{project}:/work:ro", "dsec-test:1", "--check")
        assert (check.returncode, check.stderr) == (0, b"")
        status = docker("run", "--rm", "-v", f"{project}:/work:ro", "-u", "1234:1234", "dsec-test:1", "status")
        assert b"git does not answer" not in status.stdout
        audit = docker("run", "--rm", "-v", f"{project}:/work", "-u", "1234:1234", "dsec-test:1", "audit")
        assert audit.returncode == 0, audit.stderr
    finally:
        docker("rmi", "-f", "dsec-test:1", base)
