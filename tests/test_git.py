"""git is asked, and what a repository names is not run: one test for each road, and none but one way to start git."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from test_architecture import MODULES, relative, syntax

from dsec_migrate import git
from dsec_migrate.cli import entry

SECRET = b"Curlew-Sluice-3341"
COMPOSE = "services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: ${PW}\n"


def run(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "protocol.file.allow=always")
    result = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=False, capture_output=True, text=True, timeout=20
    )
    return result.stdout


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration, empty at first."""
    file = tmp_path / "user.gitconfig"
    file.write_text("", "utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return file


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    for name, text in {
        "compose.yml": COMPOSE,
        ".env": f"PW={SECRET.decode()}\n",
        ".gitignore": "ignored/\n",
        "a/f": "1\n",
        "b/f": "2\n",
    }.items():
        (folder / name).write_text(text, "utf-8")
    run(folder, "init", "-q")
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", "1")
    return folder


def program(repository: Path) -> tuple[Path, Path]:
    """A program that the repository brings, and the file that shows that it ran."""
    ran = repository.parent / "ran"
    script = repository / "program.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n", "utf-8")
    script.chmod(0o755)
    return script, ran


def lose(repository: Path, name: str) -> None:
    """Takes an object away that the remote of a partial clone would bring back."""
    script, _ = program(repository)
    identifier = run(repository, "rev-parse", f"HEAD:{name}").strip()
    (repository / ".git" / "objects" / identifier[:2] / identifier[2:]).unlink()
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(repository.parent / "nowhere"),
        "remote.origin.uploadpack": f"{script}; false",
    }.items():
        run(repository, "config", key, value)


def a_tree_that_is_not_here(repository: Path) -> Sequence[str]:
    run(repository, "sparse-checkout", "init", "--cone", "--sparse-index")
    run(repository, "sparse-checkout", "set", "a")
    lose(repository, "b")
    return ["ls-files", "compose.yml"]


def a_gitignore_that_is_not_here(repository: Path) -> Sequence[str]:
    run(repository, "update-index", "--skip-worktree", ".gitignore")
    (repository / ".gitignore").unlink()
    lose(repository, ".gitignore")
    return ["check-ignore", "x"]


def a_version_that_is_not_here(repository: Path) -> Sequence[str]:
    lose(repository, "a/f")
    return ["log", "-p"]


def a_remote_behind_ssh(repository: Path) -> Sequence[str]:
    lose(repository, "a/f")
    script, _ = program(repository)
    run(repository, "config", "remote.origin.url", "ssh://nobody@example.invalid/x")
    run(repository, "config", "core.sshCommand", str(script))
    return ["log", "-p"]


def a_monitor_of_files(repository: Path) -> Sequence[str]:
    run(repository, "config", "core.fsmonitor", str(program(repository)[0]))
    return ["status"]


def hooks(repository: Path) -> Sequence[str]:
    script, _ = program(repository)
    folder = repository / "hooks"
    folder.mkdir()
    (folder / "post-index-change").write_bytes(script.read_bytes())
    (folder / "post-index-change").chmod(0o755)
    run(repository, "config", "core.hooksPath", str(folder))
    return ["update-index", "--force-write-index"]


def a_program_for_all_differences(repository: Path) -> Sequence[str]:
    run(repository, "config", "diff.external", str(program(repository)[0]))
    return ["log", "-p", "--ext-diff"]


def a_program_for_some_differences(repository: Path) -> Sequence[str]:
    (repository / ".gitattributes").write_text("* diff=own\n", "utf-8")
    run(repository, "config", "diff.own.command", str(program(repository)[0]))
    return ["log", "-p", "--ext-diff"]


def a_program_that_makes_text(repository: Path) -> Sequence[str]:
    (repository / ".gitattributes").write_text("* diff=own\n", "utf-8")
    run(repository, "config", "diff.own.textconv", str(program(repository)[0]))
    return ["log", "-p"]


def a_filter(repository: Path) -> Sequence[str]:
    (repository / ".gitattributes").write_text("* filter=own\n", "utf-8")
    run(repository, "config", "filter.own.clean", str(program(repository)[0]))
    run(repository, "config", "filter.own.smudge", str(program(repository)[0]))
    (repository / "a" / "f").write_text("3\n", "utf-8")
    return ["diff"]


def a_check_of_signatures(repository: Path) -> Sequence[str]:
    script, _ = program(repository)
    head, _, message = run(repository, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        input=f"{head}\n{signature}\n\n{message}",
        cwd=repository,
        text=True,
        check=True,
        capture_output=True,
    ).stdout.strip()
    run(repository, "update-ref", "HEAD", made)
    run(repository, "config", "log.showSignature", "true")
    run(repository, "config", "gpg.program", str(script))
    return ["log"]


def differences_of_a_submodule(repository: Path) -> Sequence[str]:
    inner = repository / "sub"
    inner.mkdir()
    run(inner, "init", "-q")
    for number in range(3):
        (inner / "f").write_text(f"{number}\n", "utf-8")
        run(inner, "add", "f")
        run(inner, "commit", "-qm", str(number))
        run(repository, "add", "sub")
        run(repository, "commit", "-qm", str(number))
    (repository / ".gitmodules").write_text('[submodule "sub"]\n path = sub\n url = ./sub\n', "utf-8")
    run(repository, "config", "diff.submodule", "diff")
    run(inner, "config", "diff.external", str(program(repository)[0]))
    return ["log", "-p"]


ROADS: list[Callable[[Path], Sequence[str]]] = [
    a_tree_that_is_not_here,
    a_gitignore_that_is_not_here,
    a_version_that_is_not_here,
    a_remote_behind_ssh,
    a_monitor_of_files,
    hooks,
    a_program_for_all_differences,
    a_program_for_some_differences,
    a_program_that_makes_text,
    a_filter,
    a_check_of_signatures,
    differences_of_a_submodule,
]


def ask_all(folder: Path) -> None:
    """Every question that is ever put to git."""
    for ask in (
        lambda: git.tracked([folder / "compose.yml", folder / "gone", folder / "b" / "f"]),
        lambda: git.ignored([folder / "x", folder / "ignored" / "x"]),
        lambda: git.ignored_below(folder),
        lambda: git.committed(folder, {"pw": [b"nowhere at all"]}),
    ):
        try:
            ask()
        except git.NoAnswerError:
            # no answer is one, too
            continue


@pytest.mark.parametrize("road", ROADS, ids=lambda road: road.__name__)
@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_git_runs_nothing_that_a_repository_names(road: Callable[[Path], Sequence[str]], repository: Path) -> None:
    _, ran = program(repository)
    words = road(repository)
    run(repository, *words)
    assert ran.exists(), "the road is none: the test shows nothing"
    ran.unlink()
    ask_all(repository)
    assert not ran.exists()


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_a_bare_repository_among_the_files_is_files(repository: Path, tmp_path: Path) -> None:
    run(repository, "config", "core.fsmonitor", str(program(repository)[0]))
    _, ran = program(repository)
    outer = tmp_path / "outer"
    stack = outer / "stack"
    stack.mkdir(parents=True)
    run(outer, "init", "-q")
    run(tmp_path, "clone", "-q", "--bare", str(repository), str(stack))
    (stack / "compose.yml").write_text(COMPOSE, "utf-8")
    (stack / "index").write_bytes((repository / ".git" / "index").read_bytes())
    (stack / "config").write_bytes((repository / ".git" / "config").read_bytes())
    for key, value in {"core.bare": "false", "core.worktree": "."}.items():
        run(outer, "config", "-f", "stack/config", key, value)
    run(stack, "status")
    assert ran.exists()
    ran.unlink()
    found = git.find(stack)
    assert found is not None
    assert found.top == outer.resolve()
    ask_all(stack)
    assert not ran.exists()
    # and without a repository around it there is none
    (outer / ".git").rename(tmp_path / "away")
    assert git.find(stack) is None
    ask_all(stack)
    assert not ran.exists()


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_variables_and_folders_of_programs_lead_git_nowhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, ran = program(repository)
    other = tmp_path / "other"
    other.mkdir()
    run(other, "init", "-q")
    (repository / "git").write_bytes(script.read_bytes())
    (repository / "git").chmod(0o755)
    for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_PAGER", "GIT_ASKPASS"):
        monkeypatch.setenv(name, str(script))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(repository)
    ask_all(repository)
    assert git.tracked([repository / ".env"]) == {repository / ".env"}
    assert git.committed(repository, {"pw": [SECRET]})[0].keys() == {"pw"}
    assert not ran.exists()


# --- which repository ---


def test_a_worktree_and_a_submodule_are_repositories_of_their_own(repository: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    run(repository, "worktree", "add", "-q", str(tree))
    (tree / "only-here").write_text("x", "utf-8")
    run(tree, "add", "only-here")
    assert git.tracked([tree / "only-here", tree / ".env"]) == {tree / "only-here", tree / ".env"}
    run(repository, "submodule", "add", "-q", str(repository), "sub")
    assert (repository / "sub" / ".git").is_file()
    (repository / "sub" / "new").write_text("x", "utf-8")
    run(repository / "sub", "add", "new")
    inner, outer = repository / "sub" / "new", repository / "new"
    assert git.tracked([inner, outer]) == {inner}
    assert git.ignored([repository / "sub" / "ignored" / "x"]) == {repository / "sub" / "ignored" / "x": True}


def test_the_folder_of_the_repository_is_its_work_tree(repository: Path, tmp_path: Path) -> None:
    run(repository, "config", "core.worktree", str(tmp_path / "elsewhere"))
    assert git.is_tracked(repository / ".env")


def test_a_link_is_what_it_leads_to(repository: Path, tmp_path: Path) -> None:
    (repository / "prod.env").symlink_to(".env")
    (repository / "private.env").symlink_to(tmp_path / "user.gitconfig")
    run(repository, "add", "private.env")
    (repository / "folder").symlink_to("a")
    assert git.is_tracked(repository / "prod.env")
    assert git.is_tracked(repository / "folder" / "f")
    # git has the link and not what it leads to
    assert not git.is_tracked(repository / "private.env")


def test_the_names_of_files_are_no_patterns(repository: Path) -> None:
    names = [":(top).env", "*.env", "-x", "é \n", "[.]env"]
    for name in names:
        (repository / name).write_text("x", "utf-8")
    assert git.tracked([repository / name for name in names]) == frozenset()
    run(repository, "add", "--", "./-x", "./é \n")
    assert git.tracked([repository / name for name in names]) == {repository / "-x", repository / "é \n"}


# --- no answer ---


def test_without_a_repository_there_is_no_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.tracked([tmp_path / "x"]) == frozenset()
    assert git.ignored([tmp_path / "x", tmp_path / "not" / "there" / "y"]) == {}
    assert git.committed(tmp_path, {"pw": [b"x"]}) == ({}, True)


def test_that_git_is_not_here_is_no_answer(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(git.NoAnswerError, match="not installed") as caught:
        git.is_tracked(repository / ".env")
    assert caught.value.help == "install git"
    assert git.ignored_below(repository) == set()


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
@pytest.mark.parametrize(("text", "why"), [("exit 128", "status 128"), ("exec sleep 30", "more than 0.2 seconds")])
def test_a_git_that_fails_or_hangs_is_no_answer(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(git.NoAnswerError, match=why):
        git.ignored([repository / "x"])


def test_a_git_that_hangs_is_asked_once(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\necho x >> {tmp_path}/asked\nexec sleep 30\n", "utf-8")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "TIMEOUT_SECONDS", 0.5)
    for _ in range(3):
        with pytest.raises(git.NoAnswerError, match="more than"):
            git.is_tracked(repository / "compose.yml")
    assert (tmp_path / "asked").read_text() == "x\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
@pytest.mark.parametrize("name", ["HEAD", "index", "config", "packed-refs"])
def test_a_pipe_in_a_repository_is_not_waited_for(repository: Path, name: str) -> None:
    (repository / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(repository / ".git" / name)
    with pytest.raises(git.NoAnswerError, match=f"{name} is a pipe"):
        git.is_tracked(repository / "compose.yml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_a_pipe_in_the_place_of_a_repository_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    with pytest.raises(git.NoAnswerError, match="not a repository"):
        git.is_tracked(tmp_path / ".env")


def test_an_error_of_git_may_leave_its_process(tmp_path: Path) -> None:
    import pickle

    from dsec_migrate.outcome import ProjectOutcome
    from dsec_migrate.reports.sealed import seal

    (tmp_path / ".git").write_text("nonsense", "utf-8")
    with pytest.raises(git.NoAnswerError) as caught:
        git.find(tmp_path)
    sealed = seal(ProjectOutcome("compose.yml", errors=(caught.value,)), ())
    (again,) = pickle.loads(pickle.dumps(sealed.errors))
    assert (again.what, again.help) == (caught.value.what, caught.value.help)


@pytest.mark.parametrize("text", ["gitdir: ../gone/.git/worktrees/x\n", "nonsense", "gitdir: ", ""])
def test_a_file_that_names_no_repository_is_no_answer(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text, "utf-8")
    (tmp_path / "stack").mkdir()
    with pytest.raises(git.NoAnswerError, match="not a repository"):
        git.is_tracked(tmp_path / "stack" / ".env")


def test_a_damaged_repository_is_no_answer(repository: Path) -> None:
    (repository / ".git" / "index").write_bytes(b"DIRC\0\0\0\2nonsense")
    with pytest.raises(git.NoAnswerError, match="status 128"):
        git.is_tracked(repository / ".env")
    (repository / ".git" / "HEAD").unlink()
    with pytest.raises(git.NoAnswerError, match="not a repository"):
        git.is_tracked(repository / ".env")


def own(uid: int, path: Path) -> os.stat_result:
    status = Path(path).stat(follow_symlinks=False)
    return os.stat_result([*status[:4], uid, *status[5:10]])


@pytest.mark.skipif(os.name == "nt", reason="owners")
def test_a_repository_of_somebody_else_is_read_where_the_user_says_so(
    repository: Path, own_configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository.resolve()
    monkeypatch.setattr("dsec_migrate.git.os.lstat", lambda path: own(4711, path))
    with pytest.raises(git.NoAnswerError, match="another user") as caught:
        git.is_tracked(repository / ".env")
    assert caught.value.help == f"if you trust it, run: git config --global --add safe.directory {top}"
    for text, is_trusted in {
        f"directory = {top}": True,
        "directory = *": True,
        f"directory = {top.parent}/*": True,
        f"directory = {top.parent}": False,
        f"directory = {top}\n directory =": False,
        f"directory =\n directory = {top}": True,
    }.items():
        own_configuration.write_text(f"[safe]\n {text}\n", "utf-8")
        if is_trusted:
            assert git.is_tracked(repository / ".env")
        else:
            with pytest.raises(git.NoAnswerError):
                git.is_tracked(repository / ".env")
    # what the repository says of itself counts for nothing
    own_configuration.write_text("", "utf-8")
    with (repository / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write("[safe]\n directory = *\n")
    with pytest.raises(git.NoAnswerError):
        git.is_tracked(repository / ".env")


@pytest.mark.skipif(os.name == "nt", reason="owners")
def test_root_reads_what_belongs_to_who_called_sudo(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsec_migrate.git.os.lstat", lambda path: own(4711, path))
    monkeypatch.setattr("dsec_migrate.git.os.geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "4711")
    assert git.is_tracked(repository / ".env")
    monkeypatch.setattr("dsec_migrate.git.os.geteuid", lambda: 5)
    with pytest.raises(git.NoAnswerError):
        git.is_tracked(repository / ".env")


# --- a gate that does not know stays shut ---


@pytest.mark.parametrize("words", [["--check"], ["--check", "."], ["audit", "--check"]])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_gate_without_an_answer_stays_shut(
    words: list[str],
    is_there: bool,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if is_there:
        (repository / ".git" / "index").write_bytes(b"nonsense")
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(repository)
    with pytest.raises(SystemExit) as stop:
        entry.main([*words, "--no-docker"] if words[0] == "--check" else words)
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert "error: git does not answer here" in said.err
    assert ("  help: see what" if is_there else "  help: install git") in said.err
    assert said.out.splitlines()[-1].startswith("check failed: 1 ")
    # who does not ask for a gate gets a word, and what there is
    for others in (["audit"], ["status"], ["compose.yml"]):
        with pytest.raises(SystemExit) as stop:
            entry.main(others)
        assert stop.value.code == 0
        said = capsys.readouterr()
        assert "git does not answer here" in " ".join(said.out.split())


def test_a_gate_that_needs_no_answer_asks_for_none(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(repository)
    (repository / "compose.yml").write_text("services:\n  a:\n    image: busybox:stable\n", "utf-8")
    with pytest.raises(SystemExit) as stop:
        entry.main(["--check"])
    assert stop.value.code == 0
    assert capsys.readouterr().err == ""


# --- the one way ---

STARTING = {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"}
# each starts one program: docker, and a helper that the user's own Docker configuration names
OTHERS = {
    "dsec_migrate/images/engine.py",
    "dsec_migrate/images/registry.py",
    "dsec_migrate/lifecycle/rotation/running.py",
    "dsec_migrate/stores/swarm.py",
}


def starts(tree: ast.AST) -> list[tuple[str, str]]:
    """The calls that start a program, each with the function that it stands in."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                owner, _, last = name.rpartition(".")
                if (owner == "subprocess" and last in STARTING) or (
                    owner in {"os", "asyncio", "pty"}
                    and last.startswith(("exec", "spawn", "popen", "posix_spawn", "system", "create_subprocess"))
                ):
                    found.append((function.name, name))
    return found


def test_git_is_started_in_one_way_only() -> None:
    found = {relative(path): starts(syntax(path)) for path in MODULES}
    assert {path for path, calls in found.items() if calls} == {"dsec_migrate/git.py", *OTHERS}
    assert found["dsec_migrate/git.py"] == [("_start", "subprocess.Popen")]
    for path in MODULES:
        if relative(path) in OTHERS:
            words = [node.value for node in ast.walk(syntax(path)) if isinstance(node, ast.Constant)]
            assert not [word for word in words if isinstance(word, str) and word.split()[:1] == ["git"]]


def test_another_way_would_be_seen() -> None:
    tree = ast.parse("def f():\n    subprocess.run(['git'])\n    os.execvp('git', [])\n    a.run()\n")
    assert starts(tree) == [("f", "subprocess.run"), ("f", "os.execvp")]


def test_every_call_has_what_takes_the_roads_away(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []
    real = subprocess.Popen

    def spy(command: list[str], **rest: object) -> object:
        calls.append((command, rest["env"]))  # type: ignore[arg-type]
        return real(command, **rest)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", spy)
    ask_all(repository)
    assert len(calls) == 4
    for command, variables in calls:
        for setting in ("safe.bareRepository=explicit", "core.fsmonitor=", f"core.hooksPath={os.devnull}"):
            assert command[command.index(setting) - 1] == "-c"
        assert command[command.index("--git-dir") + 1] == str(repository.resolve() / ".git")
        assert command[command.index("--work-tree") + 1] == str(repository.resolve())
        assert (variables["GIT_NO_LAZY_FETCH"], variables["GIT_ALLOW_PROTOCOL"]) == ("1", "")
        assert variables["GIT_TERMINAL_PROMPT"] == "0"
