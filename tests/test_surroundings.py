"""Files that several projects read: nobody who was not asked loses a value, in the call or beside it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from conftest import snapshot

from dsec_migrate.compose.discovery import nearby
from dsec_migrate.compose.discovery.companies import companies
from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.compose.discovery.nearby import Nearby
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Harden, Options
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import batch, pipeline
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.host_scripts import naming
from dsec_migrate.planning.secret_files import resolve_path

VALUE = "Tern-Harbour-41"
READS_ABOVE = "services:\n  app:\n    image: mysql:8\n    env_file: ../common.env\n"
LINE = f"MYSQL_ROOT_PASSWORD={VALUE}\n"
LITERAL = f"services:\n  db:\n    image: mysql:8\n    environment:\n      MYSQL_ROOT_PASSWORD: {VALUE}\n"
EXTENDS = "services:\n  app:\n    extends: {file: ../a/compose.yml, service: db}\n"
BUILT = "services:\n  app:\n    build:\n      context: .\n      args:\n        NPM_TOKEN: " + VALUE + "\n"


def lay_out(folder: Path, texts: dict[str, str], links: dict[str, str] | None = None) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for name, target in (links or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)


def run(folder: Path, *words: str, options: Options | None = None, write: bool = True) -> tuple[ProjectOutcome, ...]:
    """A call that names ``words`` below ``folder``, the whole folder where there are none."""
    files = discover([folder / word for word in words or (".",)], shell={})
    outcome = batch.run(files, options or Options(docker=False), shell={}, write=write)
    assert outcome.status() == 0, [(one.errors, one.failure) for one in outcome.projects]
    return outcome.projects


def notes(outcomes: tuple[ProjectOutcome, ...]) -> list[str]:
    return [finding.note for outcome in outcomes for finding in outcome.findings]


def is_moved(outcomes: tuple[ProjectOutcome, ...]) -> bool:
    return any(finding.action is Action.MIGRATE for outcome in outcomes for finding in outcome.findings)


# what one project changes and another one reads: the texts, links, and what the reason says of the reader
SHARED = {
    "an env file through a link": (
        {"a/compose.yml": READS_ABOVE.replace("../common", "app"), "a/app.env": LINE,
         "b/compose.yml": READS_ABOVE.replace("../common", "own")},
        {"b/own.env": "../a/app.env"},
        "b/compose.yml reads",
    ),
    "an env file that is named through a variable": (
        {"a/compose.yml": READS_ABOVE.replace("../common", "app"), "a/app.env": LINE,
         "b/compose.yml": READS_ABOVE.replace("../common.env", "${WHERE:-../a}/app.env")},
        {},
        "b/compose.yml reads",
    ),
    "a base that is a project": (
        {"a/compose.yml": LITERAL, "b/compose.yml": EXTENDS},
        {},
        "b/compose.yml extends services of",
    ),
    "a base through a link": (
        {"a/compose.yml": LITERAL, "b/compose.yml": EXTENDS.replace("../a/compose", "base")},
        {"b/base.yml": "../a/compose.yml"},
        "b/compose.yml extends services of",
    ),
    "a part with a folder of each project": (
        {"shared/part.yml": LITERAL,
         "a/compose.yml": "include:\n  - path: ../shared/part.yml\n    project_directory: .\nservices: {}\n",
         "b/compose.yml": "include:\n  - path: ../shared/part.yml\n    project_directory: .\nservices: {}\n"},
        {},
        "includes",
    ),
    "a Dockerfile": (
        {"a/compose.yml": BUILT, "a/Dockerfile": "FROM busybox\nARG NPM_TOKEN\nRUN echo $NPM_TOKEN\n",
         "b/compose.yml": BUILT.replace("context: .", "context: ../a").replace(VALUE, "other")},
        {},
        "b/compose.yml builds from",
    ),
}  # fmt: skip


# where the base is a project as well, the call of both changes both
BOTH = [name for name in SHARED if not name.startswith("a base")]


@pytest.mark.parametrize(
    ("name", "words"),
    [*((name, ("a/compose.yml",)) for name in SHARED), *((name, ("a/compose.yml", "b/compose.yml")) for name in BOTH)],
)
def test_what_another_project_reads_stays(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    texts, links, reason = SHARED[name]
    lay_out(tmp_path, texts, links)
    # a repository, so that nothing of it is outside
    (tmp_path / ".git").mkdir()
    before = snapshot(tmp_path)
    outcomes = run(tmp_path, *words)
    assert any(reason in note for note in notes(outcomes))
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("word", ["a/compose.yml", "b/../a/compose.yml", "./x/../a/compose.yml"])
def test_paths_of_reasons_are_seen_from_where_the_call_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    lay_out(tmp_path, {"a/compose.yml": LITERAL, "b/compose.yml": EXTENDS, "x/README": "", ".git/HEAD": ""})
    monkeypatch.chdir(tmp_path)
    (outcome,) = batch.run(discover([Path(word)], shell={}), Options(docker=False), shell={}).projects
    (finding,) = outcome.findings
    assert outcome.path == finding.site.file == "a/compose.yml"
    assert finding.note.startswith("b/compose.yml extends services of a/compose.yml as well")


@pytest.mark.parametrize("place", ["../b", "../apps/x/b", "b", "x/y/b", "..", "../../b"])
def test_a_reader_is_found_without_a_repository(tmp_path: Path, place: str) -> None:
    home = tmp_path / "home" / "a"
    other = Path("home", "a", place, "compose.yml")
    reads = os.path.relpath(home / "app.env", os.path.normpath(tmp_path / other.parent))
    lay_out(
        tmp_path,
        {
            "home/a/compose.yml": READS_ABOVE.replace("../common", "app"),
            "home/a/app.env": LINE,
            str(other): READS_ABOVE.replace("../common.env", reads),
        },
    )
    assert any("compose.yml reads" in note for note in notes(run(home, "compose.yml")))
    assert (home / "app.env").read_text() == LINE


@pytest.mark.parametrize(
    ("folders", "is_told"),
    [
        (["home/b", "home/c"], False),
        (["home/b", "home/c", "home/d"], True),
        (["home/a/b", "home/a/c", "home/a/d"], True),
        # what lies around what is near is looked at as far as it goes, and no promise
        (["home/b/x/y", "home/b/x/z", "home/b/w"], False),
    ],
)
def test_folders_that_nobody_looked_into_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: list[str], is_told: bool
) -> None:
    monkeypatch.setattr(nearby, "MOST_FOLDERS", 3)
    home = tmp_path / "home" / "a"
    lay_out(tmp_path, {"home/a/compose.yml": LITERAL, **{f"{folder}/README": "" for folder in folders}}, {})
    (outcome,) = run(home, "compose.yml")
    assert outcome.rewritten
    assert any("too many folders" in warning.what for warning in outcome.warnings) == is_told


def test_the_folders_beside_are_all_looked_into(tmp_path: Path) -> None:
    """More than what is looked at around them."""
    texts = {f"home/{number:03}/README": "" for number in range(250)}
    reads = READS_ABOVE.replace("../common.env", "../a/app.env")
    own = {"home/a/compose.yml": READS_ABOVE.replace("../common", "app"), "home/a/app.env": LINE}
    lay_out(tmp_path, {**texts, **own, "home/zz/compose.yml": reads}, {})
    assert any("zz/compose.yml reads" in note for note in notes(run(tmp_path / "home" / "a", "compose.yml")))


def test_without_a_reader_each_moves(tmp_path: Path) -> None:
    """The same files, read by nobody else: the check can tell."""
    for number, (texts, links, _) in enumerate(SHARED.values()):
        folder = tmp_path / str(number)
        lay_out(folder, {name: text for name, text in texts.items() if not name.startswith("b/")}, {})
        (folder / ".git").mkdir()
        assert is_moved(run(folder, "a/compose.yml")), links


def test_a_part_of_two_projects_moves_where_both_get_the_same(tmp_path: Path) -> None:
    """An included file brings its definitions and its folder along: the other project is proved with the new text."""
    texts = {"part/compose.yml": LITERAL}
    texts |= {f"{name}/compose.yml": "include: [../part/compose.yml]\nservices: {}\n" for name in "ab"}
    lay_out(tmp_path, texts)
    (tmp_path / ".git").mkdir()
    assert is_moved(run(tmp_path, "a/compose.yml"))
    root = pipeline.load(ProjectFiles.of(tmp_path / "b" / "compose.yml"), Options(), {})
    (part, _) = root.units()
    assert part.services["db"].variables["MYSQL_ROOT_PASSWORD_FILE"]
    assert "mysql_root_password" in part.secrets


@pytest.mark.parametrize(
    "other",
    ["MYSQL_ROOT_PASSWORD=Other-Value-22\n", ""],
    ids=["another value", "no value"],
)
def test_a_part_stays_where_the_other_project_gives_it_another_value(tmp_path: Path, other: str) -> None:
    part = LITERAL.replace(VALUE, "${MYSQL_ROOT_PASSWORD}")
    texts = {"part/part.yml": part, "a/.env": LINE, "b/.env": other}
    texts |= {f"{name}/compose.yml": "include: [../part/part.yml]\nservices: {}\n" for name in "ab"}
    lay_out(tmp_path, texts)
    (tmp_path / ".git").mkdir()
    before = snapshot(tmp_path)
    assert any("would not get the same values" in note for note in notes(run(tmp_path, "a/compose.yml")))
    assert snapshot(tmp_path) == before


REDIS = f"services:\n  cache:\n    image: redis:7\n    command: sh -c 'redis-server --requirepass {VALUE}'\n"
HEALTHCHECK = f"services:\n  cache:\n    image: redis:7\n    healthcheck: {{test: redis-cli -a {VALUE} ping}}\n"


@pytest.mark.parametrize("part", [REDIS, HEALTHCHECK], ids=["command", "healthcheck"])
@pytest.mark.parametrize("is_moved_along", [False, True])
def test_a_part_stays_where_its_secret_would_be_another_file(tmp_path: Path, part: str, is_moved_along: bool) -> None:
    """Where a part is included with a folder, its paths mean what is in there; who includes it without one looks
    beside the part. No variable tells of it."""
    folder = "    project_directory: .\n" if not is_moved_along else ""
    lay_out(
        tmp_path,
        {
            "part/part.yml": part,
            "a/compose.yml": f"include:\n  - path: ../part/part.yml\n{folder}services: {{}}\n",
            "b/compose.yml": "include: [../part/part.yml]\nservices: {}\n",
        },
    )
    (tmp_path / ".git").mkdir()
    before = snapshot(tmp_path)
    outcomes = run(tmp_path, "a/compose.yml")
    if is_moved_along:
        assert is_moved(outcomes)
    else:
        assert any("b/compose.yml includes" in note and "would lack the secret" in note for note in notes(outcomes))
        assert snapshot(tmp_path) == before


def test_a_base_that_is_a_project_moves_where_both_get_the_same(tmp_path: Path) -> None:
    """The definition stands in the base as well, so that it works alone, and for who extends it."""
    lay_out(tmp_path, {"a/compose.yml": LITERAL, "b/compose.yml": EXTENDS})
    assert is_moved(run(tmp_path))
    for name, service in (("a", "db"), ("b", "app")):
        project = pipeline.load(ProjectFiles.of(tmp_path / name / "compose.yml"), Options(), {})
        assert "MYSQL_ROOT_PASSWORD_FILE" in project.services[service].variables
        assert resolve_path(project, str(project.secrets["mysql_root_password"]["file"])).read_text() == VALUE


def test_a_name_that_the_other_project_has_is_not_taken(tmp_path: Path) -> None:
    """Compose refuses a project that includes a secret of a name that it has itself."""
    own = "secrets:\n  mysql_root_password:\n    file: ./own.txt\n"
    lay_out(
        tmp_path,
        {
            "part/part.yml": LITERAL,
            "a/compose.yml": "include: [../part/part.yml]\nservices: {}\n",
            "b/compose.yml": f"include: [../part/part.yml]\nservices: {{}}\n{own}",
        },
    )
    (tmp_path / ".git").mkdir()
    assert any("has a secret of the same name" in note for note in notes(run(tmp_path, "a/compose.yml")))


def test_what_stays_takes_no_name_from_what_moves(tmp_path: Path) -> None:
    """A plan that is dropped leaves nothing behind: the secret that moves has the name that it would have alone."""
    lay_out(
        tmp_path,
        {
            "common.env": LINE,
            "a/compose.yml": READS_ABOVE + LITERAL.removeprefix("services:\n").replace(VALUE, "Alder-Quay-77"),
            "b/compose.yml": READS_ABOVE,
        },
    )
    (tmp_path / ".git").mkdir()
    run(tmp_path, "a/compose.yml")
    assert (tmp_path / "a" / "secrets" / "mysql_root_password.txt").read_text() == "Alder-Quay-77"


def test_an_env_file_that_a_part_reads_too_is_changed_by_neither(tmp_path: Path) -> None:
    """Each project of a family plans for itself: both would write the file."""
    lay_out(
        tmp_path,
        {
            "common.env": LINE,
            "part.yml": READS_ABOVE.replace("../", "").replace("app:", "part:"),
            "compose.yml": "include: [part.yml]\n" + READS_ABOVE.replace("../", ""),
        },
    )
    before = snapshot(tmp_path)
    assert all("reads common.env as well" in note.replace(f"{tmp_path}/", "") for note in notes(run(tmp_path)))
    assert snapshot(tmp_path) == before


def test_without_a_repository_a_file_outside_is_only_changed_where_the_call_says_so(tmp_path: Path) -> None:
    lay_out(tmp_path, {"common.env": LINE, "a/compose.yml": READS_ABOVE})
    before = snapshot(tmp_path)
    assert all("--allow" in note for note in notes(run(tmp_path, "a/compose.yml")))
    assert snapshot(tmp_path) == before
    moved = run(tmp_path, "a/compose.yml", options=Options(docker=False, allow=(tmp_path,)))
    assert is_moved(moved)
    assert [finding.applicability for finding in moved[0].findings] == ["review"]


def test_a_link_that_leads_outside_is_outside(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {"elsewhere/x.env": LINE, "a/compose.yml": READS_ABOVE.replace("../common", "app")},
        {"a/app.env": "../elsewhere/x.env"},
    )
    before = snapshot(tmp_path)
    assert all("outside the project" in note for note in notes(run(tmp_path, "a/compose.yml")))
    assert snapshot(tmp_path) == before


def test_nothing_else_changes_a_file_outside(tmp_path: Path) -> None:
    """Neither what is half done is mended there, nor are its networks and mounts changed."""
    half_done = LITERAL.replace("MYSQL_ROOT_PASSWORD: " + VALUE, "MYSQL_ROOT_PASSWORD: /run/secrets/db")
    half_done += "    secrets: [db]\nsecrets:\n  db:\n    file: ./db.txt\n"
    lay_out(
        tmp_path,
        {
            "common.yml": half_done,
            "a/compose.yml": "services:\n  app:\n    extends: {file: ../common.yml, service: db}\n    secrets: [db]\n"
            "secrets:\n  db:\n    file: ./db.txt\n",
            "a/db.txt": VALUE,
        },
    )
    before = snapshot(tmp_path)
    everything = Options(docker=False, fix=True, harden=(Harden.NETWORKS, Harden.MOUNTS))
    run(tmp_path, "a/compose.yml", options=everything)
    assert snapshot(tmp_path)["common.yml"] == before["common.yml"]


def test_projects_that_share_files_are_one_company(tmp_path: Path) -> None:
    """What one process changes no other one reads meanwhile."""
    lay_out(
        tmp_path,
        {
            "common.env": LINE,
            "a/compose.yml": READS_ABOVE,
            "b/compose.yml": READS_ABOVE,
            "c/compose.yml": LITERAL,
            "c/tools.yml": LITERAL,
            "d/compose.yml": "services:\n  app:\n    extends:\n      file: ../c/compose.yml\n      service: db\n",
            "e/compose.yml": READS_ABOVE.replace("../common", "app"),
            "f/app.env": LINE,
            "f/compose.yml": READS_ABOVE.replace("../common", "app"),
            "g/compose.yml": "services:\n  app:\n    build: ../h\n    volumes: [../x:/x, /etc/hosts:/etc/hosts]\n",
            "h/Dockerfile": "FROM busybox\n",
            "h/compose.yml": "services:\n  app:\n    build: .\n    volumes: [/etc/hosts:/etc/hosts]\n",
            "x/compose.yml": LITERAL,
        },
        {"e/app.env": "../f/app.env"},
    )
    names = ["a", "b", "c", "d", "e", "f", "g", "h", "x"]
    files = [ProjectFiles.of(tmp_path / name / "compose.yml") for name in names]
    files.append(ProjectFiles.of(tmp_path / "c" / "tools.yml"))
    found = [{str(files[number].paths[0].relative_to(tmp_path)) for number in one} for one in companies(files)]
    assert sorted(map(sorted, found)) == [
        ["a/compose.yml", "b/compose.yml"],
        ["c/compose.yml", "c/tools.yml", "d/compose.yml"],
        ["e/compose.yml", "f/compose.yml"],
        ["g/compose.yml", "h/compose.yml"],
        ["x/compose.yml"],
    ]


def test_projects_with_one_folder_of_secrets_are_one_company(tmp_path: Path) -> None:
    secret = "secrets:\n  x:\n    file: ../secrets/x.txt\n"
    lay_out(tmp_path, {f"{name}/compose.yml": LITERAL + secret for name in "ab"} | {"c/compose.yml": LITERAL})
    lay_out(tmp_path, {"secrets/x.txt": "x", "secrets/compose.yml": LITERAL})
    files = [ProjectFiles.of(tmp_path / name / "compose.yml") for name in "abc"]
    assert companies(files) == [[0, 1], [2]]
    assert companies(files, "../secrets") == [[0, 1, 2]]
    assert companies(files, "./secrets") == [[0, 1], [2]]


@pytest.mark.parametrize("write", [False, True])
def test_two_projects_take_two_files_of_one_folder(tmp_path: Path, write: bool) -> None:
    """A dry run says what is written: the second project knows what the first one is going to write."""
    lay_out(tmp_path, {"a/compose.yml": LITERAL, "b/compose.yml": LITERAL.replace(VALUE, "Alder-Quay-77")})
    options = Options(docker=False, secrets_dir="../secrets", allow=(tmp_path,))
    outcomes = run(tmp_path, options=options, write=write)
    names = [secret.path.name for outcome in outcomes for secret in outcome.plan.secrets if secret.path]
    assert names == ["mysql_root_password.txt", "compose.mysql_root_password.txt"]


def test_all_ignore_files_of_a_family_stand_before_the_first_value(tmp_path: Path) -> None:
    """git is asked then: a part in another folder has a folder of secrets, and ignore files, of its own."""
    lay_out(
        tmp_path,
        {
            "shared/part.yml": LITERAL,
            "a/compose.yml": "include: [../shared/part.yml]\n"
            + LITERAL.replace("db:", "own:").replace(VALUE, "Quay-7712"),
        },
    )
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    run(tmp_path, "a/compose.yml")
    assert (tmp_path / "shared" / "secrets").is_dir()
    assert (tmp_path / "a" / "secrets").is_dir()


def test_a_file_and_a_link_to_it_are_one_file(tmp_path: Path) -> None:
    """A service may read both; the line that moves is one."""
    compose = "services:\n  app:\n    image: mysql:8\n    env_file: [app.env, link.env]\n"
    lay_out(tmp_path, {"app.env": LINE, "compose.yml": compose}, {"link.env": "app.env"})
    assert is_moved(run(tmp_path, "compose.yml"))
    assert (tmp_path / "app.env").read_text() == "MYSQL_ROOT_PASSWORD_FILE=/run/secrets/mysql_root_password\n"
    assert (tmp_path / "link.env").is_symlink()


@pytest.mark.parametrize(
    "line",
    ["x" * 200_000, "." * 200_000, "/" * 200_000, "a/" * 100_000, "../" * 60_000, "$" + "/x" * 100_000, " " * 200_000],
)
def test_a_long_line_takes_no_longer_than_it_is_long(tmp_path: Path, line: str) -> None:
    lay_out(tmp_path, {"compose.yml": f"{LITERAL}# {line}\n", "run.sh": f"touch .env {line}"})
    start = time.process_time()
    companies([ProjectFiles.of(tmp_path / "compose.yml")])
    nearby = Nearby()
    nearby.add(ProjectFiles.of(tmp_path / "compose.yml"))
    naming(str(tmp_path / ".env"))
    assert time.process_time() - start < 1
