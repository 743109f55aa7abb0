"""Which files a call means: little trees, and the same asked of the real ``docker compose``."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import docker

from dsec_migrate import git
from dsec_migrate.compose import environment
from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.compose.discovery.project_files import ProjectFiles, Said
from dsec_migrate.text.errors import UserError

SERVICE = "services:\n  {name}:\n    image: busybox\n"
Tree = Mapping[str, str]


def plant(folder: Path, tree: Tree | Sequence[str]) -> None:
    """Writes files; a name without text gets a service of its own."""
    for name in tree:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = tree[name] if isinstance(tree, Mapping) else ""
        path.write_text(text or SERVICE.format(name="a"), "utf-8")


def found(
    folder: Path,
    *words: str,
    layers: Sequence[str] = (),
    shell: Mapping[str, str] | None = None,
    project_directory: str | None = None,
    env_files: Sequence[str] = (),
    here: str = ".",
) -> list[ProjectFiles]:
    return discover(
        [Path(word) for word in words],
        [Path(layer) for layer in layers],
        directory=folder / here,
        shell=shell or {},
        project_directory=None if project_directory is None else Path(project_directory),
        env_files=[Path(file) for file in env_files],
    )


def names(folder: Path, projects: Sequence[ProjectFiles]) -> list[str]:
    """Each project's files below ``folder`` in their order."""
    return [" ".join(Path(os.path.relpath(path, folder)).as_posix() for path in p.paths) for p in projects]


def told(project: ProjectFiles) -> str:
    return "\n".join(str(warning) for warning in project.warnings)


# --- no word ---

HERE: list[tuple[str, Sequence[str] | Tree, dict[str, str], str]] = [
    ("compose.yaml first", ["compose.yaml", "compose.yml", "docker-compose.yml"], {}, "compose.yaml"),
    ("compose.yml second", ["docker-compose.yaml", "compose.yml", "docker-compose.yml"], {}, "compose.yml"),
    ("yml before yaml", ["docker-compose.yaml", "docker-compose.yml"], {}, "docker-compose.yml"),
    ("override", ["compose.yaml", "docker-compose.override.yaml"], {}, "compose.yaml docker-compose.override.yaml"),
    (
        "first override",
        ["compose.yaml", "compose.override.yaml", "compose.override.yml"],
        {},
        "compose.yaml compose.override.yml",
    ),
    ("variable", ["compose.yaml", "x.yml", "y.yml"], {"COMPOSE_FILE": f"y.yml{os.pathsep}x.yml"}, "y.yml x.yml"),
    (
        "separator",
        ["compose.yaml", "x.yml", "y.yml"],
        {"COMPOSE_FILE": "x.yml,y.yml", "COMPOSE_PATH_SEPARATOR": ","},
        "x.yml y.yml",
    ),
    (
        "variable in .env",
        {"compose.yaml": "", "x.yml": "", ".env": "COMPOSE_FILE=compose.yaml|x.yml\nCOMPOSE_PATH_SEPARATOR=|\n"},
        {},
        "compose.yaml x.yml",
    ),
    ("shell wins", {"x.yml": "", "y.yml": "", ".env": "COMPOSE_FILE=x.yml\n"}, {"COMPOSE_FILE": "y.yml"}, "y.yml"),
    (
        ".env is not read",
        {"compose.yml": "", "x.yml": "", ".env": "COMPOSE_FILE=x.yml\n"},
        {"COMPOSE_DISABLE_ENV_FILE": "1"},
        "compose.yml",
    ),
    (
        "variable in another env file",
        {"compose.yml": "", "x.yml": "", "e.env": "COMPOSE_FILE=x.yml\n", ".env": "COMPOSE_FILE=compose.yml\n"},
        {"COMPOSE_ENV_FILES": "e.env"},
        "x.yml",
    ),
]


@pytest.mark.parametrize(("tree", "shell", "expected"), [case[1:] for case in HERE], ids=[case[0] for case in HERE])
def test_without_a_word_it_is_what_compose_uses_here(
    tmp_path: Path, tree: Tree | Sequence[str], shell: dict[str, str], expected: str
) -> None:
    plant(tmp_path, tree)
    projects = found(tmp_path, shell=shell)
    assert names(tmp_path, projects) == [expected]
    assert projects[0].directory == tmp_path


def test_folders_above_are_searched_and_the_override_stands_beside(tmp_path: Path) -> None:
    plant(tmp_path, ["compose.yml", "compose.override.yml", "a/compose.override.yml", "a/b/keep"])
    (project,) = found(tmp_path, here="a/b")
    assert names(tmp_path, [project]) == ["compose.yml compose.override.yml"]
    assert project.directory == tmp_path
    assert project.first_dotenv == tmp_path / "a" / "b" / ".env"


def test_the_dotenv_of_the_current_folder_is_read_first(tmp_path: Path) -> None:
    plant(tmp_path, {"compose.yml": "", ".env": "K=root\nL=root\nM=${K}\n", "sub/.env": "K=sub\n"})
    (project,) = found(tmp_path, here="sub")
    assert project.first_dotenv == tmp_path / "sub" / ".env"
    known = environment.load(project.directory, {}, project.env_files, project.first_dotenv)
    assert known.variables == {"K": "sub", "L": "root", "M": "sub"}
    assert known.places["K"] == (tmp_path / "sub" / ".env", 1)
    assert known.places["L"] == (tmp_path / ".env", 2)
    assert known.paths == (tmp_path / ".env", tmp_path / "sub" / ".env")


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_folders_above_are_those_that_the_shell_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, ["real/compose.yml", "real/sub/keep", "seen/compose.yml"])
    (tmp_path / "seen" / "link").symlink_to("../real/sub")
    monkeypatch.chdir(tmp_path / "seen" / "link")
    seen = str(tmp_path / "seen" / "link")
    (project,) = discover([], shell={"PWD": seen})
    assert project.paths == (tmp_path / "seen" / "compose.yml",)
    (project,) = discover([], shell={"PWD": str(tmp_path)})
    assert project.paths == (tmp_path / "real" / "compose.yml",)


def test_several_files_of_a_kind_are_told(tmp_path: Path) -> None:
    plant(tmp_path, ["compose.yml", "docker-compose.yml", "compose.override.yml", "compose.override.yaml"])
    (project,) = found(tmp_path)
    assert "Compose uses compose.yml and ignores docker-compose.yml" in told(project)
    assert "Compose uses compose.override.yml and ignores compose.override.yaml" in told(project)


@pytest.mark.parametrize(
    ("tree", "shell", "what"),
    [
        ({}, {}, "there is no Compose file here"),
        ({"compose.yml": ""}, {"COMPOSE_FILE": "x.yml"}, "there is no such file (COMPOSE_FILE names it)"),
        ({"compose.yml": ""}, {"COMPOSE_FILE": ""}, "there is a folder, not a file (COMPOSE_FILE names it)"),
        ({"compose.yml": ""}, {"COMPOSE_FILE": "-"}, "COMPOSE_FILE is standard input"),
        ({"x.yml": ""}, {"COMPOSE_FILE": f"x.yml{os.pathsep}./x.yml"}, "COMPOSE_FILE lists this file twice"),
        ({"compose.yml": ""}, {"COMPOSE_DISABLE_ENV_FILE": "yes"}, "COMPOSE_DISABLE_ENV_FILE must be true or false"),
        ({"compose.yml": ""}, {"COMPOSE_ENV_FILES": "a.env"}, "there is no such env file"),
        ({"compose.yml": "", ".env": "A='open\n"}, {}, "the env file cannot be read"),
    ],
)
def test_what_compose_refuses_here_is_refused(tmp_path: Path, tree: Tree, shell: dict[str, str], what: str) -> None:
    plant(tmp_path, tree)
    with pytest.raises(UserError) as caught:
        found(tmp_path, shell=shell)
    assert caught.value.what.startswith(what)
    assert caught.value.help


# --- files ---

FILES: list[tuple[str, Sequence[str] | Tree, Sequence[str], list[str]]] = [
    (
        "with its override",
        ["compose.yml", "compose.override.yml"],
        ["compose.yml"],
        ["compose.yml compose.override.yml"],
    ),
    (
        "not the one that Compose takes",
        ["compose.yaml", "compose.yml", "compose.override.yml"],
        ["compose.yml"],
        ["compose.yml"],
    ),
    ("an override alone", ["compose.yml", "compose.override.yml"], ["compose.override.yml"], ["compose.override.yml"]),
    ("another name", ["a.yml", "compose.override.yml"], ["a.yml"], ["a.yml"]),
    (
        "each its own",
        ["compose.yml", "compose.prod.yml"],
        ["compose.yml", "compose.prod.yml"],
        ["compose.yml", "compose.prod.yml"],
    ),
    (
        "all by a pattern",
        ["compose.yml", "compose.override.yml"],
        ["compose.override.yml", "compose.yml"],
        ["compose.yml compose.override.yml"],
    ),
    ("twice", ["s/compose.yml", "b.yml"], ["s/compose.yml", "b.yml", "s/../s/compose.yml"], ["s/compose.yml", "b.yml"]),
    ("a missing one does not stop the others", ["b.yml"], ["compose.yml", "b.yml"], ["compose.yml", "b.yml"]),
    (
        "COMPOSE_FILE of its folder",
        {"s/compose.yml": "", "s/prod.yml": "", "s/.env": f"COMPOSE_FILE=compose.yml{os.pathsep}prod.yml\n"},
        ["s/compose.yml"],
        ["s/compose.yml s/prod.yml"],
    ),
    (
        "COMPOSE_FILE lists others",
        {"compose.yml": "", "compose.override.yml": "", "prod.yml": "", ".env": "COMPOSE_FILE=prod.yml\n"},
        ["compose.yml"],
        ["compose.yml compose.override.yml"],
    ),
    (
        "a folder and a file below it",
        ["s/compose.yml", "s/compose.override.yml"],
        ["s", "s/compose.yml"],
        ["s/compose.yml s/compose.override.yml"],
    ),
]


@pytest.mark.parametrize(("tree", "words", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_each_file_is_a_project(
    tmp_path: Path, tree: Tree | Sequence[str], words: Sequence[str], expected: list[str]
) -> None:
    plant(tmp_path, tree)
    assert names(tmp_path, found(tmp_path, *words)) == expected


def test_a_file_is_called_as_the_user_called_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, ["s/compose.yml", "s/compose.override.yml"])
    monkeypatch.chdir(tmp_path)
    (project,) = discover([Path("s/compose.yml")], shell={})
    assert project == ProjectFiles(
        (Path("s/compose.yml"), Path("s/compose.override.yml")),
        Path("s"),
        name="s/compose.yml",
        named=(Path("s/compose.yml"),),
        said=Said(("s/compose.yml",)),
    )


def test_compose_file_of_the_shell_speaks_of_the_current_folder_only(tmp_path: Path) -> None:
    plant(tmp_path, ["compose.yml", "prod.yml", "s/compose.yml", "s/prod.yml"])
    shell = {"COMPOSE_FILE": f"compose.yml{os.pathsep}prod.yml"}
    assert names(tmp_path, found(tmp_path, "compose.yml", "s/compose.yml", shell=shell)) == [
        "compose.yml prod.yml",
        "s/compose.yml",
    ]


def test_a_list_of_compose_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    plant(tmp_path, {"compose.yml": "", ".env": f"COMPOSE_FILE=compose.yml{os.pathsep}gone.yml\n"})
    (project,) = found(tmp_path, "compose.yml")
    assert names(tmp_path, [project]) == ["compose.yml"]
    assert "gone.yml" in told(project)


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_symbolic_links_to_a_file_are_one_project(tmp_path: Path) -> None:
    plant(tmp_path, ["a/stack.yml"])
    (tmp_path / "b.yml").symlink_to("a/stack.yml")
    (tmp_path / "c.yml").symlink_to("b.yml")
    assert names(tmp_path, found(tmp_path, "b.yml", "a/stack.yml", "c.yml")) == ["b.yml"]


# --- -f ---


def test_layers_are_one_project_in_the_order_given(tmp_path: Path) -> None:
    plant(tmp_path, ["s/compose.yml", "s/compose.override.yml", "compose.yml"])
    (project,) = found(tmp_path, layers=["s/compose.yml", "compose.yml"], shell={"COMPOSE_FILE": "x.yml"})
    assert names(tmp_path, [project]) == ["s/compose.yml compose.yml"]
    assert project.directory == tmp_path / "s"
    assert project.name == "s/compose.yml"


def test_the_project_directory_may_be_another(tmp_path: Path) -> None:
    plant(tmp_path, {"s/a.yml": "", "p/.env": "K=p\n", "s/.env": "K=s\n"})
    (project,) = found(tmp_path, layers=["s/a.yml"], project_directory="p")
    assert project.directory == tmp_path / "p"
    assert project.first_dotenv is None
    assert environment.load(project.directory, {}).variables == {"K": "p"}
    (project,) = found(tmp_path, "s/a.yml", project_directory="p")
    assert project.directory == tmp_path / "p"


def test_the_project_directory_alone_is_where_compose_looks(tmp_path: Path) -> None:
    plant(tmp_path, ["p/compose.yml", "compose.yml"])
    (project,) = found(tmp_path, project_directory="p")
    assert names(tmp_path, [project]) == ["p/compose.yml"]


@pytest.mark.parametrize(
    ("words", "layers", "project_directory", "what"),
    [
        (["a.yml"], ["a.yml"], None, "FILE and -f cannot be combined"),
        ([], ["-"], None, "a project cannot be read from standard input"),
        (["-"], [], None, "a project cannot be read from standard input"),
        ([], ["a.yml", "b.yml"], None, "there is no such file (-f names it)"),
        ([], ["d"], None, "there is a folder, not a file (-f names it)"),
        ([], ["a.yml", "./a.yml"], None, "-f lists this file twice"),
        ([], ["a.yml"], "gone", "there is no such folder"),
        (["d"], [], "d", "--project-directory cannot be combined with a folder"),
        (["d"], [], None, "there is no Compose file under this folder"),
    ],
)
def test_bad_usage(
    tmp_path: Path, words: list[str], layers: list[str], project_directory: str | None, what: str
) -> None:
    plant(tmp_path, ["a.yml", "d/notes.yml"])
    with pytest.raises(UserError) as caught:
        found(tmp_path, *words, layers=layers, project_directory=project_directory)
    assert caught.value.what.startswith(what)
    assert caught.value.help


# --- folders ---

INCLUDE = "include:\n  - {path}\n"
EXTENDS = "services:\n  x:\n    extends:\n      file: {path}\n      service: a\n"
BELOW: list[tuple[str, Sequence[str] | Tree, list[str]]] = [
    (
        "with overrides",
        ["a/compose.yml", "a/compose.override.yml", "b/docker-compose.yml"],
        ["a/compose.yml a/compose.override.yml", "b/docker-compose.yml"],
    ),
    (
        "what Compose ignores",
        ["compose.yaml", "docker-compose.yml", "compose.override.yaml", "compose.override.yml"],
        ["compose.yaml compose.override.yml"],
    ),
    ("layers by name", ["compose.yml", "compose.prod.yml", "compose-kafka.yml"], ["compose.yml", "compose-kafka.yml"]),
    (
        "layers of another name",
        ["docker-compose.plaintext.yml", "docker-compose.plaintext.proxy.yml"],
        ["docker-compose.plaintext.yml"],
    ),
    (
        "no base",
        ["docker-compose.dev.yml", "docker-compose.prod.yml"],
        ["docker-compose.dev.yml", "docker-compose.prod.yml"],
    ),
    ("an override without base", ["compose.override.yml"], ["compose.override.yml"]),
    (
        "names",
        ["db.compose.yml", "web-compose.yaml", "docker-compose2.yml", "docker-stack.yml", "podman-compose-x.yml"],
        ["db.compose.yml", "docker-compose2.yml", "docker-stack.yml", "podman-compose-x.yml", "web-compose.yaml"],
    ),
    (
        "other programs' names",
        {
            "compose.yml": "",
            "composer.yml": "",
            "rancher-compose.yml": "",
            "services.yml": "",
            "stack.yml": "apiVersion: v1\n",
            "compose.json": "",
            "compose.yml.bak": "",
        },
        ["compose.yml"],
    ),
    (
        "skipped folders",
        [
            "s/compose.yml",
            "node_modules/compose.yml",
            ".git/compose.yml",
            ".x/compose.yml",
            "venv/compose.yml",
            "s/__pycache__/compose.yml",
        ],
        ["s/compose.yml"],
    ),
    ("included", {"compose.yml": INCLUDE.format(path="db/compose.yml"), "db/compose.yml": ""}, ["compose.yml"]),
    (
        "included, long",
        {
            "compose.yml": "include:\n  - path: [db/compose.yml, ./q/compose.yml]\n",
            "db/compose.yml": "",
            "q/compose.yml": "",
        },
        ["compose.yml"],
    ),
    (
        "included over two steps",
        {
            "z/compose.yml": INCLUDE.format(path="../part.yml"),
            "part.yml": INCLUDE.format(path="db/compose.yml"),
            "db/compose.yml": "",
        },
        ["z/compose.yml"],
    ),
    (
        "included by a variable",
        {
            "compose.yml": INCLUDE.format(path="${DIR:-db}/compose.yml"),
            ".env": "DIR=q\n",
            "db/compose.yml": "",
            "q/compose.yml": "",
        },
        ["compose.yml", "db/compose.yml"],
    ),
    (
        "included in a circle",
        {
            "a/compose.yml": INCLUDE.format(path="../b/compose.yml"),
            "b/compose.yml": INCLUDE.format(path="../a/compose.yml"),
        },
        ["a/compose.yml"],
    ),
    (
        "included by a circle's user",
        {
            "a/compose.yml": INCLUDE.format(path="../b/compose.yml"),
            "b/compose.yml": INCLUDE.format(path="../a/compose.yml"),
            "z/compose.yml": INCLUDE.format(path="../b/compose.yml"),
        },
        ["z/compose.yml"],
    ),
    (
        "extended",
        {"z/compose.yml": EXTENDS.format(path="../docker-compose-base.yml"), "docker-compose-base.yml": ""},
        ["z/compose.yml"],
    ),
    (
        "only spoken of",
        {"compose.yml": "# include: db/compose.yml\n" + SERVICE.format(name="a"), "db/compose.yml": ""},
        ["compose.yml", "db/compose.yml"],
    ),
    (
        "COMPOSE_FILE",
        {"s/.env": f"COMPOSE_FILE=one.yml{os.pathsep}../t/two.yml\n", "s/one.yml": "", "t/two.yml": ""},
        ["s/one.yml t/two.yml"],
    ),
    (
        "COMPOSE_FILE with a file of another folder",
        {".env": f"COMPOSE_FILE=compose.yml{os.pathsep}t/compose-x.yml\n", "compose.yml": "", "t/compose-x.yml": ""},
        ["compose.yml t/compose-x.yml"],
    ),
]


@pytest.mark.parametrize(("tree", "expected"), [case[1:] for case in BELOW], ids=[case[0] for case in BELOW])
def test_a_folder_is_every_project_below_it_once(
    tmp_path: Path, tree: Tree | Sequence[str], expected: list[str]
) -> None:
    plant(tmp_path, tree)
    assert names(tmp_path, found(tmp_path, ".")) == expected


def test_what_a_folder_leaves_out_is_told(tmp_path: Path) -> None:
    plant(tmp_path, ["compose.yml", "compose.override.yml", "compose.prod.yml"])
    (project,) = found(tmp_path, ".")
    assert "compose.prod.yml continues this file by name" in told(project)
    assert "-f compose.yml -f compose.override.yml -f compose.prod.yml" in told(project)


def test_what_the_user_of_a_file_does_not_load_is_told(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {"z/compose.yml": EXTENDS.format(path="../compose.yml"), "compose.yml": "", "compose.override.yml": ""},
    )
    (project,) = found(tmp_path, ".")
    assert names(tmp_path, [project]) == ["z/compose.yml"]
    assert "another project extends services from this file" in told(project)
    assert f"without {tmp_path / 'compose.override.yml'}" in told(project)


def test_two_folders_are_seen_together(tmp_path: Path) -> None:
    plant(
        tmp_path, {"a/compose.yml": INCLUDE.format(path="../b/compose.yml"), "b/compose.yml": "", "b/c/compose.yml": ""}
    )
    assert names(tmp_path, found(tmp_path, "b", "a")) == ["b/c/compose.yml", "a/compose.yml"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    plant(tmp_path, ["in/s/compose.yml", "out/compose.yml"])
    (tmp_path / "in" / "outside").symlink_to("../out")
    (tmp_path / "in" / "s" / "loop").symlink_to("..")
    (tmp_path / "in" / "again").symlink_to("s")
    assert names(tmp_path, found(tmp_path, "in")) == ["in/s/compose.yml"]
    assert names(tmp_path, found(tmp_path, "in/again")) == ["in/again/compose.yml"]


def make_repository(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def test_what_git_ignores_is_no_project_but_stays_a_layer(tmp_path: Path) -> None:
    make_repository(tmp_path)
    plant(
        tmp_path,
        {
            ".gitignore": "build/\n*.override.yml\nlocal/compose.yaml\n",
            "compose.yml": "",
            "compose.override.yml": "",
            "build/compose.yml": "",
            "deep/er/build/compose.yml": "",
            "local/compose.yaml": "",
            "local/docker-compose.yml": "",
            "kept/.gitignore": "!build/\n",
            "kept/build/compose.yml": "",
        },
    )
    expected = ["compose.yml compose.override.yml", "kept/build/compose.yml", "local/docker-compose.yml"]
    assert names(tmp_path, found(tmp_path, ".")) == expected
    # named, it is wanted
    assert names(tmp_path, found(tmp_path, "build")) == ["build/compose.yml"]
    assert names(tmp_path, found(tmp_path, "local/compose.yaml")) == ["local/compose.yaml"]


def test_what_git_tracks_is_not_ignored(tmp_path: Path) -> None:
    make_repository(tmp_path)
    plant(tmp_path, {".gitignore": "build/\n", "build/a/compose.yml": "", "build/b/compose.yml": ""})
    subprocess.run(["git", "-C", str(tmp_path), "add", "-f", "build/a/compose.yml"], check=True)
    assert names(tmp_path, found(tmp_path, ".")) == ["build/a/compose.yml"]


def test_each_repository_below_has_its_own_rules(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_repository(tmp_path / name)
        plant(tmp_path / name, {".gitignore": f"/{name}\n", "one/compose.yml": "", "two/compose.yml": ""})
    assert names(tmp_path, found(tmp_path, ".")) == ["one/two/compose.yml", "two/one/compose.yml"]


def test_that_all_is_ignored_is_said(tmp_path: Path) -> None:
    make_repository(tmp_path)
    plant(tmp_path, {".gitignore": "compose.yml\n", "compose.yml": ""})
    with pytest.raises(UserError) as caught:
        found(tmp_path, ".")
    assert caught.value.help == "git ignores 1 that would be: name them"


def test_a_repository_runs_no_program_of_its_own(tmp_path: Path) -> None:
    make_repository(tmp_path)
    plant(tmp_path, ["compose.yml"])
    hook = tmp_path / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n", "utf-8")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", str(tmp_path), "config", "core.fsmonitor", str(hook)], check=True)
    assert git.ignored_below(tmp_path) == set()
    assert not git.is_tracked(tmp_path / "compose.yml")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("git_program", ["#!/bin/sh\nexit 128\n", "#!/bin/sh\nexec sleep 30\n", None])
@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_without_an_answer_of_git_nothing_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git_program: str | None
) -> None:
    make_repository(tmp_path)
    plant(tmp_path, {".gitignore": "build/\n", "build/compose.yml": ""})
    programs = tmp_path / "programs"
    programs.mkdir()
    if git_program is not None:
        (programs / "git").write_text(git_program, "utf-8")
        (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}" if git_program else str(programs))
    monkeypatch.setattr(git, "SEARCH_TIMEOUT_SECONDS", 0.2)
    assert names(tmp_path, found(tmp_path, ".")) == ["build/compose.yml"]


# --- env files ---


def test_later_env_files_win_and_see_the_earlier_ones(tmp_path: Path) -> None:
    plant(tmp_path, {"compose.yml": "", ".env": "K=dot\n", "a.env": "K=a\nL=a\n", "b.env": "K=b\nM=${L}-${K}\n"})
    (project,) = found(tmp_path, env_files=["a.env", "b.env"], shell={"COMPOSE_ENV_FILES": "gone.env"})
    assert project.env_files == (tmp_path / "a.env", tmp_path / "b.env")
    known = environment.load(project.directory, {}, project.env_files)
    assert known.variables == {"K": "b", "L": "a", "M": "a-b"}
    plant(tmp_path, {"s/.env": "K=s\n"})
    (above,) = found(tmp_path, here="s", env_files=["../a.env"])
    assert above.first_dotenv is None
    (same,) = found(tmp_path, shell={"COMPOSE_ENV_FILES": "a.env,,b.env"})
    assert same.env_files == project.env_files


def test_a_dotenv_that_disables_itself_keeps_only_what_compose_reads(tmp_path: Path) -> None:
    plant(tmp_path, {".env": "K=1\nCOMPOSE_FILE=x.yml\nCOMPOSE_DISABLE_ENV_FILE=t\n", "x.yml": "", "compose.yml": ""})
    assert names(tmp_path, found(tmp_path)) == ["x.yml"]
    assert set(environment.load(tmp_path, {}).variables) == {"COMPOSE_FILE", "COMPOSE_DISABLE_ENV_FILE"}
    assert environment.load(tmp_path, {"COMPOSE_DISABLE_ENV_FILE": "0"}).variables["K"] == "1"
    assert environment.load(tmp_path, {"COMPOSE_DISABLE_ENV_FILE": "1"}).files == {}


def test_a_folder_called_dotenv_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    plant(tmp_path, ["compose.yml"])
    assert environment.load(tmp_path, {}).variables == {}
    assert names(tmp_path, found(tmp_path, ".")) == ["compose.yml"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_a_dotenv_that_is_a_pipe_is_refused_where_it_counts(tmp_path: Path) -> None:
    plant(tmp_path, ["compose.yml"])
    os.mkfifo(tmp_path / ".env")
    # to know the files of the project nobody waits for a writer
    (project,) = found(tmp_path, ".")
    with pytest.raises(UserError) as caught:
        environment.load(project.directory, {})
    assert caught.value.what == "the env file is a pipe, not a file"


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="POSIX")
def test_the_null_device_stands_for_no_variables(tmp_path: Path) -> None:
    plant(tmp_path, {"compose.yml": "", ".env": "K=1\n"})
    assert environment.load(tmp_path, {}, [Path("/dev/null")]).variables == {}


# --- what the real program loads ---

DOTENVS = {".env": "K=top\nL=top\nM=${K}\n", "s/.env": "K=s\nN=s\n"}
BASES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
OVERRIDES = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
]


def marked(name: str) -> str:
    """A Compose file that leaves its name in a list, which Compose appends to, and shows what its `.env` gives."""
    variables = ", ".join(f'{variable}: "${{{variable}-unset}}"' for variable in "KLMN")
    return f"services:\n  a:\n    image: busybox\n    environment: {{{variables}}}\n    dns_search: [{name}]\n"


class Layout:
    """Files (with their text where it is not a Compose file), and a call: options, variables, the current folder."""

    def __init__(
        self,
        *files: str,
        texts: Tree | None = None,
        layers: Sequence[str] = (),
        project_directory: str | None = None,
        env_files: Sequence[str] = (),
        here: str = ".",
        **shell: str,
    ) -> None:
        self.tree = {**{file: marked(file) for file in files}, **(texts or {})}
        self.layers, self.project_directory, self.env_files = layers, project_directory, env_files
        self.here, self.shell = here, shell


def of_variable(value: str) -> dict[str, str]:
    return {**DOTENVS, ".env": f"{DOTENVS['.env']}COMPOSE_FILE={value}\n"}


LAYOUTS = {
    **{f"{base} and {override}": Layout(base, override) for base, override in itertools.product(BASES[::3], OVERRIDES)},
    **{f"names from {n}": Layout(*BASES[n:], *OVERRIDES[n:]) for n in range(4)},
    "override alone": Layout("compose.override.yml", here="."),
    "parent search": Layout("compose.yml", "compose.override.yml", "s/compose.override.yaml", texts=DOTENVS, here="s"),
    "parent search over two folders": Layout("compose.yml", texts={"s/t/keep": "-\n", "s/.env": "K=s\n"}, here="s/t"),
    "default name before the parent's": Layout("compose.yaml", "s/docker-compose.yaml", texts=DOTENVS, here="s"),
    "nothing": Layout("other.yml"),
    "COMPOSE_FILE of the shell": Layout("compose.yml", "x.yml", "s/y.yml", texts=DOTENVS, COMPOSE_FILE="s/y.yml:x.yml"),
    "COMPOSE_FILE of .env": Layout("compose.yml", "x.yml", "s/y.yml", texts=of_variable("x.yml:s/y.yml")),
    "COMPOSE_FILE of .env, elsewhere first": Layout("x.yml", "s/y.yml", texts=of_variable("s/y.yml:x.yml")),
    "COMPOSE_FILE of a parent's .env": Layout("compose.yml", "x.yml", texts=of_variable("x.yml"), here="s"),
    "COMPOSE_FILE against .env": Layout("x.yml", "y.yml", texts=of_variable("x.yml"), COMPOSE_FILE="y.yml"),
    "COMPOSE_FILE empty": Layout("compose.yml", COMPOSE_FILE=""),
    "COMPOSE_FILE with an end": Layout("compose.yml", COMPOSE_FILE="compose.yml:"),
    "COMPOSE_FILE with a missing file": Layout("compose.yml", COMPOSE_FILE="compose.yml:gone.yml"),
    "separator of the shell": Layout("x.yml", "y.yml", COMPOSE_FILE="y.yml;x.yml", COMPOSE_PATH_SEPARATOR=";"),
    "separator of .env": Layout("x.yml", "y.yml", texts=of_variable("y.yml;x.yml\nCOMPOSE_PATH_SEPARATOR=;")),
    "-f": Layout("compose.yml", "compose.override.yml", texts=DOTENVS, layers=["compose.yml"], COMPOSE_FILE="gone.yml"),
    "-f twice": Layout("x.yml", "s/y.yml", texts=DOTENVS, layers=["s/y.yml", "x.yml"]),
    "-f elsewhere": Layout("s/compose.yml", "s/compose.override.yml", texts=DOTENVS, layers=["s/compose.yml"]),
    "-f upwards": Layout("x.yml", texts=DOTENVS, layers=["../x.yml"], here="s"),
    "-f without .env": Layout("s/x.yml", texts={".env": "K=top\n"}, layers=["s/x.yml"]),
    "-f of a folder": Layout("s/compose.yml", layers=["s"]),
    "-f missing": Layout("compose.yml", layers=["gone.yml"]),
    "project directory": Layout("s/x.yml", texts=DOTENVS, layers=["s/x.yml"], project_directory="."),
    "project directory alone": Layout("compose.yml", "s/compose.yml", texts=DOTENVS, project_directory="s"),
    "project directory and COMPOSE_FILE": Layout(
        "x.yml", texts={"s/.env": "COMPOSE_FILE=x.yml\n"}, project_directory="s"
    ),
    "project directory and parent": Layout("compose.yml", texts=DOTENVS, project_directory="s"),
    "env files": Layout(
        "compose.yml", texts={**DOTENVS, "a": "K=a\nL=a\n", "b": "K=b\nM=$L$K\n"}, env_files=["a", "b"]
    ),
    "COMPOSE_ENV_FILES": Layout("compose.yml", texts={"a": "K=a\nL=a\n", "b": "K=b\n"}, COMPOSE_ENV_FILES="b,,a"),
    "--env-file and COMPOSE_ENV_FILES": Layout(
        "compose.yml", texts=DOTENVS, env_files=["s/.env"], COMPOSE_ENV_FILES=".env"
    ),
    "COMPOSE_ENV_FILES in .env": Layout("compose.yml", texts={".env": "K=1\nCOMPOSE_ENV_FILES=a\n", "a": "K=a\n"}),
    "COMPOSE_FILE in an env file": Layout("compose.yml", "x.yml", texts=of_variable("x.yml"), env_files=[".env"]),
    "env files of a project elsewhere": Layout("s/x.yml", texts=DOTENVS, layers=["s/x.yml"], env_files=[".env"]),
    "missing env file": Layout("compose.yml", env_files=["gone.env"]),
    "folder as env file": Layout("compose.yml", "s/x.yml", env_files=["s"]),
    "null device as env file": Layout("compose.yml", texts=DOTENVS, env_files=["/dev/null"]),
    ".env is a folder": Layout("compose.yml", ".env/x.yml"),
    ".env is disabled": Layout("compose.yml", texts=DOTENVS, COMPOSE_DISABLE_ENV_FILE="1"),
    ".env is not disabled": Layout("compose.yml", texts=DOTENVS, COMPOSE_DISABLE_ENV_FILE="F"),
    ".env is perhaps disabled": Layout("compose.yml", texts=DOTENVS, COMPOSE_DISABLE_ENV_FILE="no"),
    ".env disables itself": Layout("compose.yml", "x.yml", texts=of_variable("x.yml\nCOMPOSE_DISABLE_ENV_FILE=1")),
    ".env of the parent disables": Layout(
        "compose.yml", texts={**DOTENVS, "s/.env": "K=s\nCOMPOSE_DISABLE_ENV_FILE=1\n"}, here="s"
    ),
    "shell against both .env": Layout("compose.yml", texts=DOTENVS, here="s", K="shell"),
    ".env that is read second cannot disable": Layout(
        "compose.yml", texts={".env": "K=top\nCOMPOSE_DISABLE_ENV_FILE=1\n", "s/keep": "-\n"}, here="s"
    ),
    ".env disabled, env file": Layout("compose.yml", texts=DOTENVS, env_files=[".env"], COMPOSE_DISABLE_ENV_FILE="1"),
    ".env is broken": Layout("compose.yml", texts={".env": "A='open\n"}),
}


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_the_real_program_loads_the_same(tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, layout.tree)
    here = tmp_path / layout.here
    monkeypatch.chdir(here)
    options = [f"--file={layer}" for layer in layout.layers]
    options += [f"--env-file={file}" for file in layout.env_files]
    options += [f"--project-directory={layout.project_directory}"] if layout.project_directory else []
    result = docker("compose", *options, "config", "--format", "json", cwd=here, **layout.shell)
    seen = None
    if result.returncode == 0:
        service = json.loads(result.stdout)["services"]["a"]
        seen = service["dns_search"], service["environment"]
    try:
        (project,) = discover(
            [],
            [Path(layer) for layer in layout.layers],
            shell=layout.shell,
            project_directory=Path(layout.project_directory) if layout.project_directory else None,
            env_files=[Path(file) for file in layout.env_files],
        )
    except UserError:
        ours = None
    else:
        files = [path.resolve().relative_to(tmp_path.resolve()).as_posix() for path in project.paths]
        known = environment.load(project.directory, layout.shell, project.env_files, project.first_dotenv).variables
        ours = files, {variable: known.get(variable, "unset") for variable in "KLMN"}
    assert ours == seen, result.stderr.decode()


def test_a_folder_behind_a_link_is_not_left_by_two_dots(tmp_path: Path) -> None:
    for folder in ("a", "x/a", "x/y"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "compose.yml").write_text("services: {}\n")
    (tmp_path / "link").symlink_to("x/y")
    (files,) = discover([Path("link/../a/compose.yml")], directory=tmp_path, shell={})
    assert files.paths[0].samefile(tmp_path / "x/a/compose.yml")
