"""Little projects: what the tool says about each, what it makes of it, and that a second run leaves it alone.

Each folder of tests/fixtures is one case:

- ``before/``: the project. A name that begins with ``dot.`` stands for one that begins with ``.``, where git would heed
  the real one (``dot.gitignore``).
- ``after/``: the whole project after ``--write``; absent where nothing may change.
- ``report.txt``: what a dry run prints, standard error first.
- ``case.toml``: ``about``, what the case is there for; optionally ``arguments`` (default: ``compose.yml``), ``status``
  and ``write_status`` (exit statuses), ``hidden`` (texts that no output may hold, besides the new secrets), ``names``
  (new secrets that are names as well, which outputs show), and the tables ``shell`` (environment variables) and
  ``modes`` (permissions of new files, default 0444).

``DSEC_REGENERATE=1`` makes ``after`` and ``report.txt`` from what the tool does now. Read them before you keep them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import GATE, arguments, docker, put_around, snapshot, wrapped

from dsec_migrate.cli import entry
from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options
from dsec_migrate.images import image_table
from dsec_migrate.lifecycle.secret_state import file_of
from dsec_migrate.migrate import pipeline
from dsec_migrate.planning.passes.obstacles import RUN_INSIDE
from dsec_migrate.planning.secret_readers import mode_for
from dsec_migrate.reports.diff import DiffStyle
from dsec_migrate.reports.formats import REPORTS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIXTURES = Path(__file__).parent / "fixtures"
EXAMPLE = Path(__file__).parents[1] / "examples" / "legacy-shop"
REGENERATE = bool(os.environ.get("DSEC_REGENERATE"))
_TO_GENERATE = "run DSEC_REGENERATE=1 pytest tests/test_fixtures.py -k NAME, and read what it wrote"
# what is written beside the secrets and may be read by anybody
NO_SECRETS = {".gitignore", ".dockerignore", "create-secrets.sh"}


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    arguments: tuple[str, ...] = ("compose.yml",)
    status: int = 0
    write_status: int = 0
    hidden: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    shell: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    @cache
    def read(cls, name: str) -> Case:
        file = FIXTURES / name / "case.toml"
        assert file.is_file(), f'tests/fixtures/{name} has no case.toml: write `about = "what the case is there for"`'
        data: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        data.setdefault("write_status", data.get("status", 0))
        for key in ("arguments", "hidden", "names"):
            if key in data:
                data[key] = tuple(data[key])
        return cls(name, **data)

    @property
    def folder(self) -> Path:
        return FIXTURES / self.name

    @property
    def report(self) -> Path:
        return self.folder / "report.txt"

    @cached_property
    def before(self) -> Mapping[str, bytes]:
        return _stored(self.folder / "before")

    @cached_property
    def after(self) -> Mapping[str, bytes]:
        return _stored(self.folder / "after") if self.is_changed else self.before

    @cached_property
    def is_changed(self) -> bool:
        return (self.folder / "after").is_dir()

    @cached_property
    def new_secrets(self) -> Mapping[str, bytes]:
        """The secret files that ``--write`` makes."""
        return {
            path: content
            for path, content in self.after.items()
            if path not in self.before and not any(path.endswith(name) for name in NO_SECRETS)
        }

    def secret_texts(self) -> Iterator[str]:
        """What no output may hold. Short texts and texts of several lines could stand in it by chance or in pieces."""
        yield from self.hidden
        for content in self.new_secrets.values():
            lines = (line.strip() for line in content.decode().splitlines())
            yield from (line for line in lines if len(line) >= 8 and line not in self.names)


# names alone: whoever runs one of them reads no other
CASES = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())
CHANGED = [name for name in CASES if (FIXTURES / name / "after").is_dir()]


@dataclass(frozen=True)
class Run:
    """``text`` is what the screen shows, ``others`` are reports in other formats."""

    status: int
    text: str
    others: Mapping[str, str]


@dataclass(frozen=True)
class Workshop:
    """A copy of a case's project and the way to run the tool in it."""

    case: Case
    folder: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *options: str) -> Run:
        # each of the others is written for some of the cases
        more = [form for form in REPORTS if form not in {"text", "json"}]
        forms = ["json", more[sum(self.case.name.encode()) % len(more)]]
        reports = {form: self.folder.parent / f"report.{form}" for form in forms}
        outputs = [f"--output={form}={path}" for form, path in reports.items()]
        with pytest.raises(SystemExit) as stop:
            entry.main([*options, *outputs, *self.case.arguments])
        captured = self.capture.readouterr()
        assert isinstance(stop.value.code, int)
        others = {form: path.read_text(encoding="utf-8") for form, path in reports.items() if path.exists()}
        return Run(stop.value.code, captured.err + captured.out, others)

    def assert_hides_secrets(self, run: Run) -> None:
        # the message of a failed assertion must not show the text either
        leaks = [
            (form, number)
            for form, text in {"text": run.text, **run.others}.items()
            for number, secret in enumerate(self.case.secret_texts())
            if secret in text
        ]
        assert leaks == []


@pytest.fixture(params=CASES)
def workshop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Workshop]:
    case = Case.read(request.param)
    # the folder's name is the project's; the report speaks of the modes of folders that are there
    folder = tmp_path / "project"
    mask = os.umask(0o022)
    _lay_out(case.before, folder)
    monkeypatch.chdir(folder)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {**kept, "COLUMNS": "100", **case.shell}.items():
        monkeypatch.setenv(name, value)
    yield Workshop(case, folder, capsys)
    os.umask(mask)


def test_dry_run_says_what_would_happen_and_changes_nothing(workshop: Workshop) -> None:
    case = workshop.case
    run = workshop.run()
    if REGENERATE:
        case.report.write_bytes(run.text.encode())
    assert case.report.is_file(), f"{case.name} has no report.txt: {_TO_GENERATE}"
    assert run.text == case.report.read_bytes().decode(), f"{case.name}: if that is right, {_TO_GENERATE}"
    assert run.status == case.status
    workshop.assert_hides_secrets(run)
    assert snapshot(workshop.folder) == case.before


def test_write_makes_exactly_the_expected_files_and_a_second_run_nothing(workshop: Workshop) -> None:
    case, folder = workshop.case, workshop.folder
    run = workshop.run("--write")
    found = snapshot(folder)
    if REGENERATE:
        _keep(case, found)
    assert found == case.after, f"{case.name}: if that is right, {_TO_GENERATE}"
    assert run.status == case.write_status
    workshop.assert_hides_secrets(run)
    _assert_modes(case, folder)
    _assert_fill_gives_these_modes(case, folder)
    again = workshop.run("--write")
    assert snapshot(folder) == found
    # an error stays one, a change that was made is done
    assert again.status == case.write_status
    workshop.assert_hides_secrets(again)


@pytest.mark.parametrize("workshop", CHANGED, indirect=True)
@pytest.mark.parametrize("style", [style.value for style in DiffStyle if style is not DiffStyle.UNIFIED])
def test_no_diff_holds_a_secret(workshop: Workshop, style: str) -> None:
    workshop.assert_hides_secrets(workshop.run("--diff", style))


def _assert_modes(case: Case, folder: Path) -> None:
    """Secret files have the modes that the case names, scripts and new folders of secrets are their owner's alone."""
    modes = {path: _mode(folder / path) for path in case.new_secrets}
    named = {path: mode for path, mode in modes.items() if mode != "0444"}
    wanted = {path: case.modes.get(path, "0444") for path in case.new_secrets}
    assert modes == wanted, f"if that is right, [modes] of {case.name}/case.toml is: {named}"
    scripts = [path for path in case.after if path.endswith("create-secrets.sh") and path not in case.before]
    old_folders = {str(Path(path).parent) for path in (*case.before, ".")}
    private = [*scripts, *({str(Path(path).parent) for path in case.new_secrets} - old_folders)]
    assert {_mode(folder / path) for path in private} <= {"0700"}


def _assert_fill_gives_these_modes(case: Case, folder: Path) -> None:
    """What reads a file is the same, whoever writes it: the migration, or `fill` in a fresh clone."""
    named = [folder / word for word in case.arguments if word.endswith((".yml", ".yaml"))]
    chosen = [tuple(named)] if "-f" in case.arguments else [(path,) for path in named]
    for paths in chosen if case.new_secrets else ():
        for project in pipeline.load(ProjectFiles(paths, folder), Options(docker=False), case.shell).units():
            for name, data in project.secrets.items():
                path = file_of(project, data)
                if path is not None and os.path.relpath(path, folder) in case.new_secrets:
                    assert (name, f"{mode_for(project, name):04o}") == (name, _mode(path))


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_every_container_gets_what_it_got_before(tmp_path: Path) -> None:
    """The real program reads every result, and each variable that is gone stands in a file that its service mounts.

    Of a project of several files every choice of them is tried: those that worked before give the same values.
    """
    # what is mended meant something else before
    cases = [case for case in map(Case.read, CHANGED) if "--fix" not in case.arguments][:: 1 if GATE else 4]
    projects = [(case, words, tmp_path) for case in cases for words in _projects(case, tmp_path)]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        problems = [problem for found in pool.map(_differences, *zip(*projects, strict=True)) for problem in found]
    assert problems == []
    assert len(projects) >= len(cases)


FLAGS = {"--fix", "--check", "--prune-env", "--safe", "--strict", "--templates", "--no-docker"}


def _projects(case: Case, folder: Path) -> list[list[str]]:
    """The words that make ``docker compose`` load each project of the case."""
    for side, files in (("before", case.before), ("after", case.after)):
        # the folder's name is the project's
        _lay_out(files, folder / case.name / side / "project")
    home = folder / case.name / "before" / "project"
    words: list[Path] = []
    options: dict[str, list[Path]] = {}
    arguments = iter(case.arguments)
    for word in arguments:
        if word.startswith("-"):
            if word not in FLAGS:
                options.setdefault(word, []).append(Path(next(arguments)))
        else:
            words.append(Path(word))
    found = discover(
        words,
        options.get("-f", []),
        directory=home,
        shell=case.shell,
        project_directory=next(iter(options.get("--project-directory", [])), None),
        env_files=options.get("--env-file", []),
    )
    return [
        list(_compose_words(project, paths, home))
        for project in found
        for size in range(1, len(project.paths) + 1)
        for paths in combinations(project.paths, size)
    ]


def _compose_words(project: ProjectFiles, paths: Sequence[Path], folder: Path) -> Iterator[str]:
    yield from ("--project-directory", os.path.relpath(project.directory, folder))
    for path in project.env_files:
        yield from ("--env-file", os.path.relpath(path, folder))
    for path in paths:
        yield from ("-f", os.path.relpath(path, folder))


def _forms(variable: str) -> tuple[str, ...]:
    return (f"{variable}_FILE", f"{variable}__FILE", f"FILE__{variable}", f"{variable}_CMD")


def _fixed_paths(
    image: str, variables: Iterable[str], new: Mapping[str, str], mounted: Iterable[str]
) -> dict[str, str]:
    """Where the image looks for variables that are gone and that nothing else names."""
    row = image_table.find(image)
    ways = {variable: row.way(variable) for variable in variables} if row is not None else {}
    paths = {name: f"/run/secrets/{way.target}" for name, way in ways.items() if way is not None and way.target}
    return {variable: path for variable, path in paths.items() if path in mounted and variable not in new}


def _in_parts(image: str, old: Mapping[str, str], new: Mapping[str, str]) -> Mapping[str, str]:
    """The path of the password's file for a URL in whose place its parts stand."""
    row = image_table.find(image)
    parts = {url: names for url, names in row.parts.items() if url in old and url not in new} if row else {}
    files = {url: new.get(f"{names['password']}_FILE") for url, names in parts.items()}
    return {url: path for url, path in files.items() if path is not None}


def _around(image: str, variable: str, old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, str]:
    """What the parts say around the password."""
    row = image_table.find(image)
    assert row is not None
    found = {part: new.get(name, "") for part, name in row.parts[variable].items()}
    scheme, _, rest = old[variable].partition("://")
    port = f":{found['port']}" if f":{found['port']}/" in rest else ""
    assert port or found["port"] == "5432"
    return f"{scheme}://{found['user']}:", f"@{found['host']}{port}/{found['name']}"


def _with_old_labels(service: dict[str, Any], secrets: Mapping[str, Mapping[str, str]]) -> None:
    """Labels that name a file of users list them instead."""
    labels = service.get("labels") or {}
    for label in [label for label in labels if label.endswith("auth.usersfile")]:
        users = _content(secrets[labels.pop(label).removeprefix("/run/secrets/")])
        labels[label.removesuffix("file")] = users.replace("\n", ",")


def _with_old_options(service: dict[str, Any], files: Mapping[str, str]) -> None:
    """Options of the command that name files say the contents instead, under their former names."""
    row = image_table.find(service.get("image", ""))
    words = service.get("command") or []
    for option, name in row.options.items() if row is not None else ():
        for number, word in enumerate(words):
            if word == name and words[number + 1] in files:
                words[number : number + 2] = [option, files[words[number + 1]]]
            elif word.startswith(f"{name}=/run/secrets/"):
                words[number] = f"{option}={files[word.removeprefix(f'{name}=')]}"


def _path(variable: str, old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
    """The path that stands in the variable's place, alone, behind a scheme, or as the bare name of a secret."""
    if variable in new:
        _, mount, name = (new[variable] or "").rpartition("/run/secrets/")
        return mount + name if mount and new[variable] != old[variable] else None
    value = next((new[form] for form in _forms(variable) if form in new), None)
    if value is None or "/" not in value:
        return None if value is None else f"/run/secrets/{value}"
    return value.removeprefix("cat ")


def _unwrapped(case: Case, old: dict[str, Any], new: dict[str, Any], files: Mapping[str, str]) -> Mapping[str, str]:
    """What a wrapper of the service supplies; it starts what the file said before, else what the image's row says."""
    supplied = wrapped(new.get("entrypoint"))
    paths = arguments(new.get("entrypoint"))
    for path in paths:
        for key, first in (("command", 0), ("entrypoint", 3)):
            words = new.get(key) or []
            new[key] = [*words[:first], *(word.replace(path, files[path], 1) for word in words[first:])] or None
    if (supplied or paths) and not wrapped(old.get("entrypoint")):
        row = image_table.find(old.get("image", ""))
        if "build" in old or case.name.startswith("own-image-rows"):
            # what a Dockerfile says is compared with the real thing elsewhere
            row, new["entrypoint"] = None, [*new["entrypoint"][:4], *(old.get("entrypoint") or ())]
            new["command"] = old.get("command")
        started = old.pop("entrypoint", None) or list(row.entrypoint if row is not None and row.entrypoint else ())
        assert new.pop("entrypoint")[3:] == ["sh", *started]
        if old.get("command") is None and new["command"] is not None:
            assert row is not None
            assert new.pop("command") == list(row.command or ())
            del old["command"]
    elif supplied or paths:
        assert new.pop("entrypoint")[3:] == old.pop("entrypoint")[3:]
    return supplied


def _differences(case: Case, words: list[str], folder: Path) -> list[str]:
    homes = [folder / case.name / side / "project" for side in ("before", "after")]
    before, after = (_config(case, home, words) for home in homes)
    if before is None:
        # Compose refuses the file by itself: it is a part of a project
        return []
    if after is None:
        return [f"{case.name}: {' '.join(words)}: refused after the change"]
    found: list[str] = []
    for name, service in before["services"].items():
        new = after["services"][name].get("environment") or {}
        listed = after["services"][name].get("secrets") or []
        mounts = {str(Path("/run/secrets") / mount["target"]): mount["source"] for mount in listed}
        old = service.get("environment") or {}
        files = {target: _content(after["secrets"][source]) for target, source in mounts.items()}
        around = put_around(after["services"][name].get("entrypoint"))
        supplied = _unwrapped(case, service, after["services"][name], files)
        _with_old_options(after["services"][name], files)
        if after["services"][name].get("labels") != service.get("labels"):
            _with_old_labels(after["services"][name], after.get("secrets", {}))
        fixed = _fixed_paths(service.get("image", ""), old, new, mounts)
        split = _in_parts(service.get("image", ""), old, new)
        paths = {v: _path(v, old, new) or supplied.get(v) or fixed.get(v) or split.get(v) for v in old}
        added = {form for variable in old.keys() - new.keys() for form in _forms(variable)}
        added |= new.keys() - old.keys() if split else set()
        if (
            any(path is None and variable not in new for variable, path in paths.items())
            or new.keys() - old.keys() - added
        ):
            found.append(f"{case.name}: {' '.join(words)}: {name} has other variables")
            continue
        files |= {path: old[variable] for variable, path in paths.items() if path is not None}
        held = _held(service, before, "configs")
        now = _held(after["services"][name], after, "configs")
        # what was a config may be a secret at the same place
        now_or_secret = {**_held(after["services"][name], after, "secrets"), **now}
        found += [
            f"{case.name}: {' '.join(words)}: {name}: the config at {place}"
            for place in held.keys() | now.keys()
            if now_or_secret.get(place) != held.get(place)
        ]
        # what is hardened reaches others than before: tests/test_engine_hardening.py
        beside = {"networks"} if "--harden" in case.arguments else set()
        rest = _without_folder(_as_run(service, old, {}), homes[0], beside)
        if rest != _without_folder(_as_run(after["services"][name], new, files), homes[1], beside):
            found.append(f"{case.name}: {' '.join(words)}: {name} differs in something else")
        for variable, value in old.items():
            path = paths[variable]
            if path is None:
                is_same = new[variable] == value
            else:
                definition = after["secrets"][mounts[path]]
                # Swarm and variables supply the others; `config` writes each $ as $$
                plain = (value or "").replace("$$", "$").encode()
                first, last, kept = around.get(variable, ("", "", ""))
                content = Path(definition["file"]).read_bytes() if "file" in definition else b""
                content = quote(content, safe=kept).encode() if kept else content
                if variable in split:
                    first, last = _around(service["image"], variable, old, new)
                is_same = "file" not in definition or first.encode() + content + last.encode() == plain
            if not is_same:
                found.append(f"{case.name}: {' '.join(words)}: {name}.{variable}")
    return found


def _held(service: Mapping[str, Any], config: Any, kind: str) -> dict[Path, bytes | str]:
    """What a service finds at each place of its configs or secrets; the name where that is elsewhere."""
    found: dict[Path, bytes | str] = {}
    for mount in service.get(kind) or []:
        definition = config[kind][mount["source"]]
        file = Path(definition.get("file", ""))
        held = file.read_bytes() if file.is_file() else mount["source"]
        if "content" in definition:
            held = definition["content"].replace("$$", "$").encode()
        found[Path("/") / (mount.get("target") or mount["source"])] = held
    return found


def _content(definition: Mapping[str, str]) -> str:
    """What a secret's file holds, as ``config`` writes it; nothing where a case has no such file."""
    file = Path(definition["file"]) if "file" in definition else None
    return file.read_text(encoding="utf-8").replace("$", "$$") if file is not None and file.is_file() else ""


def _as_run(service: dict[str, Any], variables: Mapping[str, str], files: Mapping[str, str]) -> dict[str, Any]:
    """A service whose scripts say what their shell makes of ``$X`` and ``$(cat PATH)``; a healthcheck in words."""

    def expand(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: expand(value) for key, value in part.items()}
        if isinstance(part, list):
            return [expand(item) for item in part]
        if not isinstance(part, str):
            return part
        known = dict(variables)
        for path, value in files.items():
            part = part.replace(f"$$(cat {path})", value)
            set_first = re.search(rf"(\w+)={re.escape(value)}(; |\n)export \1(; |\n)", part)
            if set_first is not None:
                part = part.replace(set_first.group(), "", 1)
                known[set_first[1]] = value
        for name, value in known.items():
            part = re.sub(rf"\$\$(?:{name}\b|\{{{name}\}})", (value or "").replace("\\", "\\\\"), part)
        return part

    found = {**service, **{key: expand(service[key]) for key in RUN_INSIDE if key in service}}
    test = found.get("healthcheck", {}).get("test")
    if test and test[0] == "CMD-SHELL":
        with suppress(ValueError):
            found["healthcheck"]["test"] = shlex.split(test[1])
    elif test and test[0] == "CMD":
        found["healthcheck"]["test"] = test[1:]
    return found


def _without_folder(service: Mapping[str, Any], folder: Path, beside: Set[str]) -> str:
    """A service but for what a migration may change (and ``beside``), seen from its project's folder."""
    kept = {key: value for key, value in service.items() if key not in {"configs", "environment", "secrets", *beside}}
    if isinstance(kept.get("build"), dict):
        # what is built is compared elsewhere
        kept["build"] = {key: value for key, value in kept["build"].items() if key not in {"args", "secrets", "ssh"}}
    return json.dumps(kept, sort_keys=True).replace(str(folder), "")


def _config(case: Case, folder: Path, words: list[str]) -> Any:
    result = docker("compose", *words, "--profile", "*", "config", "--format", "json", cwd=folder, **case.shell)
    return None if result.returncode else json.loads(result.stdout)


def test_example_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each secret of the example moves, whatever its form, but the one whose value nobody knows; the rest stays."""
    files = snapshot(EXAMPLE)
    _lay_out(files, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ})
    with pytest.raises(SystemExit) as stop:
        entry.main(["--write", "--format", "json"])
    assert stop.value.code == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    left = [finding["variable"] for finding in findings if finding["action"] == "keep"]
    assert left == ["WAREHOUSE_BACKUP_PASSPHRASE"]
    moved = {finding["variable"]: finding["exposure"] for finding in findings if finding["action"] == "migrate"}
    assert len(moved) >= 12
    assert {"literal", "default", "embedded", "interpolated"} <= set(moved.values())
    before, after = files["compose.yml"].decode(), (tmp_path / "compose.yml").read_text(encoding="utf-8")
    removed = [line for line in before.splitlines() if line not in after.splitlines()]
    names = {line.strip(" -'").replace("=", ":").split(":")[0] for line in removed}
    # a value of several lines has lines without a name
    assert set(moved) <= names
    assert len(removed) == len(moved) + 3


def test_what_must_not_change_is_no_afterthought() -> None:
    assert len(CASES) >= 180
    assert len(CASES) - len(CHANGED) >= len(CASES) * 2 / 5


@pytest.mark.parametrize("name", CASES)
def test_case_says_what_it_is_there_for(name: str) -> None:
    case = Case.read(name)
    assert case.about.strip()
    assert set(case.modes) <= set(case.after)
    assert case.is_changed == (case.after != case.before)


def _stored(folder: Path) -> Mapping[str, bytes]:
    return {_real_name(path): content for path, content in snapshot(folder).items()}


def _real_name(path: str) -> str:
    return "/".join(f".{part[4:]}" if part.startswith("dot.") else part for part in path.split("/"))


def _stored_name(path: str) -> str:
    return "/".join(f"dot.{part[1:]}" if part in {".git", ".gitignore"} else part for part in path.split("/"))


def _lay_out(files: Mapping[str, bytes], folder: Path) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _keep(case: Case, found: Mapping[str, bytes]) -> None:
    after = case.folder / "after"
    for known in ("after", "is_changed", "new_secrets"):
        vars(case).pop(known, None)
    shutil.rmtree(after, ignore_errors=True)
    if found != case.before:
        _lay_out({_stored_name(path): content for path, content in found.items()}, after)
