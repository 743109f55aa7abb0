"""Random little projects with env files: afterwards each service has each value, in place or in the file of its secret.

Our own loader reads both sides; `pytest -m engine` asks the real program.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import docker, examples, snapshot, wrapped
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dsec_migrate.compose import dotenv
from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.document import Scalar, Sequence, follow
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import DONE
from dsec_migrate.rewrite import env_file
from dsec_migrate.text.source import splice

SECRETS = ("DB_PASSWORD", "API_TOKEN", "DATABASE_URL", "APP_SECRET")
SETTINGS = ("LOG_LEVEL", "APP_MODE", "PUBLIC_NAME")
ENV_FILES = ("one.env", "two.env", ".env")
PIECES = (
    "Teal-Rail-4711", "Zk4x9Lw2qq", "Grüße-浮標", "$", "$$", "#", " #", "'", '"', "\\", "\\n", " ", "=", ":", "{x}",
    "0", "\n",
)  # fmt: skip
IMAGES = ("postgres:17", "example.com/app:1")


class EnvProject:
    """A Compose file, perhaps an override, and two env files, one of which may be ``.env``."""

    def __init__(self, pick: random.Random) -> None:
        self.pick = pick
        self.env_files = pick.sample(ENV_FILES, 2)
        self.services = [f"s{number}" for number in range(pick.randint(1, 3))]
        self.has_override = pick.random() < 0.4

    def lay_out(self, folder: Path) -> None:
        for name in self.env_files:
            (folder / name).write_bytes(self.env_file().encode())
        (folder / "compose.yml").write_text(self.compose(is_base=True), "utf-8")
        if self.has_override:
            (folder / "compose.override.yml").write_text(self.compose(is_base=False), "utf-8")

    def env_file(self) -> str:
        pick = self.pick
        newline = pick.choice(["\n", "\n", "\r\n"])
        parts = [pick.choice(["", "", "\ufeff"])]
        for _ in range(pick.randint(1, 6)):
            if pick.random() < 0.2:
                parts.append(pick.choice(["", "# a note", "  # LOG_LEVEL=x"]) + newline)
            export = pick.choice(["", "", "export "])
            comment = pick.choice(["", "", "  # a note"])
            parts.append(f"{export}{self.name()}{pick.choice('==:')}{self.env_value()}{comment}{newline}")
        return "".join(parts)

    def env_value(self) -> str:
        kind = self.pick.random()
        if kind < 0.3:
            return self.pick.choice(["{0}", "postgres://u:{0}@db/x", '"x{0}"', "{0}-{0}"]).format(self.reference())
        if kind < 0.4:
            return ""
        return dotenv.quote(self.value(), self.pick.choice(["", "", '"', "'"]))

    def reference(self) -> str:
        return self.pick.choice(["${%s}", "$%s", "${%s:-other}", "${%s:+set}"]) % self.name()

    def name(self) -> str:
        return self.pick.choice(SECRETS + SECRETS + SETTINGS)

    def value(self) -> str:
        return "".join(self.pick.choices(PIECES, k=self.pick.randint(1, 4)))

    def compose(self, is_base: bool) -> str:
        lines = ["services:"]
        for service in self.services:
            body = [f"    image: {self.pick.choice(IMAGES)}"] if is_base else ["    init: true"]
            if self.pick.random() < (0.8 if is_base else 0.3):
                body += self.named_env_files()
            if self.pick.random() < 0.6:
                body += self.environment()
            lines += [f"  {service}:", *body]
        return "\n".join(lines) + "\n"

    def named_env_files(self) -> list[str]:
        # a file may be named again, in the same spelling or another one
        names = self.pick.choices(self.env_files, k=self.pick.randint(1, 3))
        kind = self.pick.randrange(4)
        if kind == 0:
            return [f"    env_file: {names[0]}"]
        if kind == 1:
            return ["    env_file:", *(f"      - {name}" for name in names)]
        raw = "\n        format: raw" if self.pick.random() < 0.2 else ""
        if kind == 2:
            return ["    env_file:", *(f"      - path: ./{name}{raw}" for name in names)]
        forms = self.pick.choices(["{0}", "./{0}", "path: {0}", f"path: {{0}}{raw}"], k=3)
        return ["    env_file:", *(f"      - {form.format(name)}" for form, name in zip(forms, names, strict=False))]

    def environment(self) -> list[str]:
        is_list = self.pick.random() < 0.4
        lines = []
        for name in dict.fromkeys(self.name() for _ in range(self.pick.randint(1, 2))):
            value = self.reference() if self.pick.random() < 0.3 else self.value().replace("$", "$$")
            if self.pick.random() < 0.15:
                lines.append(f"      - {name}" if is_list else f"      {name}:")
            elif is_list:
                lines.append(f"      - {json.dumps(f'{name}={value}')}")
            else:
                lines.append(f"      {name}: {json.dumps(value)}")
        return ["    environment:", *lines]


def files_of(folder: Path) -> ProjectFiles:
    (found,) = discover([], [], directory=folder, shell={})
    return found


def load(files: ProjectFiles) -> Project:
    return pipeline.load(files, Options(), {})


def values(project: Project) -> dict[tuple[str, str], str | None]:
    return {
        (service.name, variable.name): variable.effective.value
        for service in project.services.values()
        for variable in service.variables.values()
    }


def is_same(before: Project, after: Project) -> bool:
    """Whether each service gets what it got, where the secrets stand for the variables that are gone."""
    old, new = values(before), values(after)
    taken: set[tuple[str, str]] = set()
    for (service, name), value in old.items():
        if (service, name) in new:
            if new[service, name] != value:
                return False
            continue
        path = wrapped(entrypoint(after, service)).get(name) or new.get((service, f"{name}_FILE"))
        if path is None:
            # null and set nowhere: a container gets neither
            if value is not None:
                return False
            continue
        taken.update({(service, f"{name}_FILE")} & new.keys())
        secret = path.removeprefix("/run/secrets/")
        if secret not in mounted(after, service):
            return False
        file = after.directory / str(after.secrets[secret]["file"])
        if value is None or file.read_bytes() != value.encode():
            return False
    return set(new) - set(old) == taken


def entrypoint(project: Project, service: str) -> list[str]:
    node = project.services[service].get("entrypoint")
    return [item.value for item in node.items if isinstance(item, Scalar)] if isinstance(node, Sequence) else []


def mounted(project: Project, service: str) -> Iterator[str]:
    for layer in project.services[service].layers:
        node = layer.service.get("secrets")
        for item in node.items if isinstance(node, Sequence) else []:
            content = follow(item)
            if isinstance(content, Scalar):
                yield content.value


def rest(text: str, names: set[str], is_raw: bool) -> str:
    """The text of an env file without its lines of ``names``."""
    entries = dotenv.parse(text, {}, raw=is_raw)
    return splice(text, env_file.remove(text, [entry for entry in entries if entry.name in names]))


def assert_other_lines_stay(before: Mapping[str, bytes], after: Mapping[str, bytes], name: str) -> None:
    old, new = before[name].decode(), after[name].decode()
    if old == new:
        return
    # a text may be right in both formats: the services say which one is meant
    assert _stay(old, new, is_raw=False) or _stay(old, new, is_raw=True), f"{old}\n---\n{new}"


def _stay(old: str, new: str, *, is_raw: bool) -> bool:
    try:
        was = {entry.name for entry in dotenv.parse(old, {}, raw=is_raw)}
        moved = was - {entry.name for entry in dotenv.parse(new, {}, raw=is_raw)}
        return bool(moved) and rest(old, moved, is_raw) == rest(new, {f"{gone}_FILE" for gone in moved}, is_raw)
    except dotenv.DotenvError:
        return False


@settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_every_service_keeps_every_value(number: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = EnvProject(random.Random(number))
        project.lay_out(folder)
        files = files_of(folder)
        old, before, alone = snapshot(folder), load(files), load(ProjectFiles.of(folder / "compose.yml"))
        outcome = pipeline.migrate(files, Options(), {})
        if before.problems:
            event("refused")
            assert (outcome.status, outcome.rewritten) == (2, ())
            return
        assert (outcome.status, outcome.failure, [error.what for error in outcome.errors]) == (DONE, "", [])
        event(f"{len(outcome.rewritten)} files change")
        if outcome.rewritten:
            assert pipeline.commit(outcome).is_written
        new = snapshot(folder)
        assert is_same(before, load(files))
        # the base file is a project by itself, too
        assert is_same(alone, load(ProjectFiles.of(folder / "compose.yml")))
        for env_name in project.env_files:
            assert_other_lines_stay(old, new, env_name)
        again = pipeline.migrate(files, Options(), {})
        assert (again.status, again.failure, again.rewritten, again.plan.files) == (DONE, "", (), ())


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_compose_agrees(tmp_path: Path) -> None:
    faults, moved = [], 0
    for number in range(int(os.environ.get("DSEC_ENV_PROJECTS", "30"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        EnvProject(random.Random(f"env project {number}")).lay_out(folder)
        before = config(folder)
        outcome = pipeline.migrate(files_of(folder), Options(), {})
        if before is None:
            assert outcome.status != DONE, number
        elif outcome.status != DONE:
            faults.append(f"{number}: {outcome.failure} {[error.what for error in outcome.errors]}")
        elif outcome.rewritten:
            pipeline.commit(outcome)
            after = config(folder)
            faults += [f"{number}: refused"] if after is None else [f"{number}: {f}" for f in changes(before, after)]
            moved += 1
    assert faults == []
    assert moved > 5


def config(folder: Path) -> Any:
    result = docker("compose", "config", "--format", "json", cwd=folder)
    return None if result.returncode else json.loads(result.stdout)


def changes(before: Any, after: Any) -> Iterator[str]:
    for name, service in before["services"].items():
        new = after["services"][name]
        variables = new.get("environment") or {}
        mounts = {mount["target"]: mount["source"] for mount in new.get("secrets") or []}
        for variable, value in (service.get("environment") or {}).items():
            if variable in variables:
                is_kept = variables[variable] == value
            else:
                path = wrapped(new.get("entrypoint")).get(variable) or variables[f"{variable}_FILE"]
                source = mounts[path]
                held = Path(after["secrets"][source]["file"]).read_bytes()
                is_kept = held == (value or "").replace("$$", "$").encode()
            if not is_kept:
                yield f"{name}.{variable}"


def test_a_path_goes_up_before_a_link_is_followed(tmp_path: Path) -> None:
    """Observed with Compose 2.40: `..` is taken off the text of the path."""
    for place in ("config", "real/config", "real/stack"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "api.env").write_text(f"PLACE={place}\n")
    (tmp_path / "real/stack/compose.yml").write_text("services:\n  api:\n    env_file: ../config/api.env\n")
    (tmp_path / "stack").symlink_to("real/stack")
    project = load(ProjectFiles.of(tmp_path / "stack" / "compose.yml"))
    assert values(project) == {("api", "PLACE"): "config"}


def test_a_link_to_the_env_file_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "live.env").write_text("APP_SECRET=Teal-Rail-4711\n")
    (tmp_path / "app.env").symlink_to("live.env")
    (tmp_path / "compose.yml").write_text("services:\n  app:\n    image: example.com/app:1\n    env_file: app.env\n")
    outcome = pipeline.migrate(files_of(tmp_path), Options(), {})
    assert pipeline.commit(outcome).is_written
    assert (tmp_path / "app.env").is_symlink()
    assert (tmp_path / "live.env").read_text() == "APP_SECRET_FILE=/run/secrets/app_secret\n"
