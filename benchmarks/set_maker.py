"""Random sets of Compose projects side by side, which share env files, bases, parts, links and values."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

WORDS = ("Teal", "Rail", "Ochre", "Quarry", "Velvet", "Tern", "Basalt", "Fjord", "Linden", "Onyx")
MARKS = ("", "", "", "$", "'", "#", " x", "!", "%41", "=", "/", "é", "\\", '"')
CALLS = ("all", "all", "named", "one", "one", "one after the other")
OPTIONS: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("--safe",),
    ("--unknown", "wrap"),
    ("--unknown", "rewrite"),
    ("--unknown", "rewrite", "--prune-env"),
    ("--unknown", "wrap", "--prune-env"),
    ("--safe", "--unknown", "wrap"),
)


@dataclass
class Project:
    """``files`` (below ``folder``) are named with ``-f``, or are what Compose finds where they are empty."""

    folder: str
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "/".join((self.folder, *self.files))


@dataclass
class Call:
    """``words`` of ``dsec-migrate`` in ``folder``, without options."""

    folder: str
    words: tuple[str, ...]


@dataclass
class Set:
    """``texts`` and ``links`` by path below the set's folder. ``secrets`` are the values that no output may
    show, but for those that are the name of a user as well."""

    seed: int
    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    projects: list[Project] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    options: tuple[str, ...] = ()
    has_git: bool = False
    secrets: list[str] = field(default_factory=list)

    def lay_out(self, top: Path) -> None:
        for name, text in self.texts.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text, "utf-8")
        for name, target in self.links.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).symlink_to(target)


def make(seed: int) -> Set:
    return _Maker(seed).make()


class _Maker:
    def __init__(self, seed: int) -> None:
        self.pick = random.Random(f"set {seed}")
        self.set = Set(seed)
        self.values: list[str] = []
        self.number = 0

    # --- values ---

    def new_value(self) -> str:
        pick = self.pick
        self.number += 1
        words = "-".join(pick.sample(WORDS, 2))
        value = f"{words}-{pick.randrange(10, 99)}{self.number}{pick.choice(MARKS)}z"
        self.set.secrets.append(value)
        self.values.append(value)
        return value

    def value(self) -> str:
        """A new one, or one that stands elsewhere already."""
        return self.pick.choice(self.values) if self.values and self.pick.random() < 0.35 else self.new_value()

    def plain_value(self) -> str:
        """One that stands in a URL or in a shell's word without quotes."""
        found = [value for value in self.values if value.replace("-", "").isalnum() and value.isascii()]
        if found and self.pick.random() < 0.6:
            return self.pick.choice(found)
        self.number += 1
        value = f"{'-'.join(self.pick.sample(WORDS, 2))}-{self.pick.randrange(100, 999)}{self.number}"
        self.set.secrets.append(value)
        self.values.append(value)
        return value

    # --- env files ---

    def line(self, name: str, value: str) -> str:
        if "'" not in value:
            quote = "'" if self.pick.random() < 0.7 or not value.replace("-", "").isalnum() else ""
            return f"{name}={quote}{value}{quote}"
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        return f'{name}="{escaped}"'

    def env_text(self, names: Sequence[str]) -> str:
        lines = []
        for name in names:
            if self.pick.random() < 0.15:
                lines.append(self.pick.choice(["# a note", "", "LOG_LEVEL=info"]))
            lines.append(self.line(name, self.plain_value() if self.pick.random() < 0.5 else self.value()))
        if "POSTGRES_PASSWORD" in names and self.pick.random() < 0.4:
            lines.append("DATABASE_URL=postgres://app:${POSTGRES_PASSWORD}@db/app")
        return "\n".join(lines) + self.pick.choice(["\n", "\n", ""])

    def names(self, least: int = 1) -> list[str]:
        known = ["POSTGRES_PASSWORD", "MYSQL_ROOT_PASSWORD", "API_TOKEN", "SECRET_KEY", "GF_SECURITY_ADMIN_PASSWORD"]
        return self.pick.sample(known, self.pick.randint(least, 4))

    # --- the set ---

    def make(self) -> Set:
        pick, made = self.pick, self.set
        folders = pick.sample(["a", "b", "c", "apps/d", "apps/e"], pick.randint(2, 3))
        made.has_git = pick.random() < 0.4
        self.shared_files()
        for folder in folders:
            if pick.random() < 0.6:
                made.texts[f"{folder}/.env"] = self.env_text(self.names(2))
            elif "common.env" in made.texts and pick.random() < 0.5:
                made.links[f"{folder}/.env"] = f"{self.up(folder)}common.env"
        for folder in folders:
            if pick.random() < 0.5:
                made.texts[f"{folder}/app.env"] = self.env_text(self.names())
            elif "common.env" in made.texts and pick.random() < 0.5:
                made.links[f"{folder}/app.env"] = f"{self.up(folder)}common.env"
            if pick.random() < 0.4:
                made.texts[f"{folder}/more.env"] = self.env_text(self.names())
        for folder in folders:
            self.project(folder, "compose.yml", folders)
            made.projects.append(Project(folder))
            if pick.random() < 0.3:
                self.override(folder)
            if pick.random() < 0.25:
                name = pick.choice(["tools.yml", "stack.yml"])
                self.project(folder, name, folders)
                made.projects.append(Project(folder, (name,)))
        made.options = pick.choice(OPTIONS)
        self.choose_calls()
        return made

    def shared_files(self) -> None:
        pick, made = self.pick, self.set
        if pick.random() < 0.6:
            made.texts["common.env"] = self.env_text(self.names())
        if pick.random() < 0.6:
            made.texts["shared/base.yml"] = self.base("shared")
        if pick.random() < 0.35:
            made.texts["shared/part.yml"] = "services:\n" + "\n".join(self.service("part", "shared", [])) + "\n"

    def base(self, folder: str) -> str:
        kinds = self.pick.sample(["postgres", "mysql", "app"], self.pick.randint(1, 2))
        lines = ["services:"]
        for kind in kinds:
            lines += self.service(f"{kind}-base", folder, [], kind)
        return "\n".join(lines) + "\n"

    @staticmethod
    def up(folder: str) -> str:
        return "../" * (folder.count("/") + 1)

    def project(self, folder: str, file: str, folders: Sequence[str]) -> None:
        pick, made = self.pick, self.set
        stem = f"{folder.replace('/', '')}{'' if file == 'compose.yml' else file[0]}"
        lines: list[str] = []
        if "shared/part.yml" in made.texts and pick.random() < 0.5:
            path = f"{self.up(folder)}shared/part.yml"
            form = pick.randrange(3)
            # a part read from this folder looks for its env files here
            if form == 1 and "/" in folder and "env_file:" in made.texts["shared/part.yml"]:
                form = 0
            if form == 0:
                lines += ["include:", f"  - {path}"]
            elif form == 1:
                lines += ["include:", f"  - path: {path}", "    project_directory: ."]
            else:
                lines += ["include:", f"  - path: [{path}]"]
        block: list[str] = []
        if pick.random() < 0.25:
            name = pick.choice(["API_TOKEN", "SECRET_KEY"])
            lines += ["x-settings: &settings", f"  {name}: {self.yaml(self.value())}"]
            block = ["      <<: *settings"]
        lines.append("services:")
        for number in range(pick.randint(1, 3)):
            lines += self.service(f"{stem}{number}", folder, block if pick.random() < 0.5 else [])
        made.texts[f"{folder}/{file}"] = "\n".join(lines) + "\n"

    def choose_calls(self) -> None:
        pick, made = self.pick, self.set
        kind = pick.choice(CALLS)

        def one(project: Project) -> Call:
            return Call(project.folder, tuple(word for file in project.files for word in ("-f", file)))

        if kind == "all":
            made.calls = [Call(".", (".",))]
        elif kind == "named":
            words = [f"{p.folder}/{p.files[0] if p.files else 'compose.yml'}" for p in made.projects]
            made.calls = [Call(".", tuple(words))]
        elif kind == "one":
            made.calls = [one(pick.choice(made.projects))]
        else:
            made.calls = [one(project) for project in pick.sample(made.projects, len(made.projects))]

    # --- services ---

    def yaml(self, value: str) -> str:
        """As a scalar whose interpolation is the value."""
        text = value.replace("$", "$$")
        if text.replace("-", "").isalnum() and self.pick.random() < 0.6:
            return text
        if "'" not in text and self.pick.random() < 0.5:
            return f"'{text}'"
        return json.dumps(text, ensure_ascii=False)

    def service(self, name: str, folder: str, block: Sequence[str], kind: str = "") -> list[str]:
        pick = self.pick
        kind = kind or pick.choice(["postgres", "mysql", "app", "app", "redis", "busybox", "grafana"])
        base = self.extended(kind, folder) if not name.endswith("-base") else None
        lines = [f"  {name}:"]
        if base is not None:
            lines += base
        body: list[str] = getattr(self, f"_{kind}")(folder, list(block), base is not None)
        return [*lines, *body]

    def extended(self, kind: str, folder: str) -> list[str] | None:
        base = self.set.texts.get("shared/base.yml")
        if base is None or f"  {kind}-base:\n" not in base or folder == "shared" or self.pick.random() < 0.5:
            return None
        path = f"{self.up(folder)}shared/base.yml"
        if self.pick.random() < 0.2:
            name = self.pick.choice(["base.yml", "./base.yml"])
            # what a base names is looked for beside the link to it
            if "env_file:" not in base or "/" not in folder:
                self.set.links[f"{folder}/base.yml"] = path
                path = name
        return ["    extends:", f"      file: {path}", f"      service: {kind}-base"]

    def given(self, name: str, folder: str, value: str) -> str | None:
        """The value of a variable as it may stand in ``environment:``; None where a file brings it."""
        dotenv = self.dotenv(folder)
        if dotenv is not None and f"{name}=" in dotenv and self.pick.random() < 0.6:
            return self.pick.choice([f"${{{name}}}", f'"${{{name}:-other}}"', f"${name}"])
        if self.pick.random() < 0.12:
            return f'"${{{name}_UNSET:-{value}}}"' if value.replace("-", "").isalnum() else self.yaml(value)
        return self.yaml(value)

    def dotenv(self, folder: str) -> str | None:
        if f"{folder}/.env" in self.set.links:
            return self.set.texts["common.env"]
        return self.set.texts.get(f"{folder}/.env")

    def env_files(self, folder: str) -> list[str]:
        """``env_file:`` of a service, perhaps with one twice."""
        names = [
            name.removeprefix(f"{folder}/")
            for name in (*self.set.texts, *self.set.links)
            if name.startswith(f"{folder}/") and name.endswith(".env")
        ]
        if "common.env" in self.set.texts:
            names += [f"{self.up(folder)}common.env"] * 2
        others = [name for name in self.set.texts if name.endswith("app.env") and not name.startswith(folder)]
        names += [f"{self.up(folder)}{name}" for name in others]
        if not names or self.pick.random() < 0.45:
            return []
        chosen = self.pick.sample(names, min(len(names), self.pick.randint(1, 2)))
        if len(chosen) == 1 and self.pick.random() < 0.4:
            return [f"    env_file: {chosen[0]}"]
        if self.pick.random() < 0.25:
            again = chosen[0]
            chosen.append(again if self.pick.random() < 0.6 or again.startswith((".", "/")) else f"./{again}")
        if self.pick.random() < 0.2:
            return ["    env_file:", *(f"      - path: {name}" for name in chosen)]
        return ["    env_file:", *(f"      - {name}" for name in chosen)]

    def environment(self, pairs: dict[str, str | None], block: Sequence[str]) -> list[str]:
        pairs = {name: value for name, value in pairs.items() if value is not None}
        if not pairs and not block:
            return []
        if not block and self.pick.random() < 0.35:
            items = []
            for name, value in pairs.items():
                text = value or ""
                if text[:1] == '"':
                    text = json.loads(text)
                elif text[:1] == "'":
                    text = text[1:-1]
                items.append(f"      - {json.dumps(f'{name}={text}', ensure_ascii=False)}")
            return ["    environment:", *items]
        return ["    environment:", *block, *(f"      {name}: {value}" for name, value in pairs.items())]

    def _postgres(self, folder: str, block: list[str], is_extending: bool) -> list[str]:
        pick, value = self.pick, self.plain_value()
        pairs: dict[str, str | None] = {"POSTGRES_USER": "app"}
        files = self.env_files(folder)
        if not (is_extending or (files and pick.random() < 0.7)):
            # a user may be called like the password
            pairs["POSTGRES_USER"] = pick.choice(["app", value])
            if pairs["POSTGRES_USER"] == value and value in self.set.secrets:
                self.set.secrets.remove(value)
            pairs["POSTGRES_PASSWORD"] = self.given("POSTGRES_PASSWORD", folder, value)
        tests = [
            '["CMD-SHELL", "pg_isready -U app"]',
            f'["CMD-SHELL", "PGPASSWORD={value} psql -U app -c \'select 1\'"]',
            '["CMD-SHELL", "PGPASSWORD=$$POSTGRES_PASSWORD psql -U app"]',
            f'["CMD", "psql", "postgres://app:{value}@localhost/app"]',
            f"psql postgres://app:{value}@localhost/app -c 'select 1'",
            f"PGPASSWORD={value} psql -U {value} -h localhost",
        ]
        health = ["    healthcheck:", f"      test: {pick.choice(tests)}"] if pick.random() < 0.6 else []
        return ["    image: postgres:17", *files, *self.environment(pairs, block), *health]

    def _mysql(self, folder: str, block: list[str], is_extending: bool) -> list[str]:
        pick, value = self.pick, self.plain_value()
        pairs: dict[str, str | None] = {}
        files = self.env_files(folder)
        if not (is_extending or (files and pick.random() < 0.7)):
            pairs["MYSQL_ROOT_PASSWORD"] = self.given("MYSQL_ROOT_PASSWORD", folder, value)
        if pick.random() < 0.4:
            pairs["MYSQL_PASSWORD"] = self.yaml(pick.choice([value, self.value()]))
        name = pick.choice(["MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"])
        tests = [
            '["CMD", "mysqladmin", "ping", "-h", "localhost"]',
            f'["CMD", "mysqladmin", "ping", "-uroot", "-p{value}"]',
            f'["CMD-SHELL", "mysqladmin ping -uroot -p{value} && mysqladmin status -p{value}"]',
            f'["CMD-SHELL", "mysqladmin ping -uroot -p$${name}"]',
            f"mysqladmin ping --user=root --password={value}",
            f"mysqladmin ping -u{value} -p{value}",
        ]
        health = ["    healthcheck:", f"      test: {pick.choice(tests)}"] if pick.random() < 0.6 else []
        return ["    image: mysql:8", *files, *self.environment(pairs, block), *health]

    def _app(self, folder: str, block: list[str], _: bool) -> list[str]:
        pick, value = self.pick, self.plain_value()
        pairs: dict[str, str | None] = {"LOG_LEVEL": "info"}
        for name in self.names()[:2]:
            pairs[name] = self.given(name, folder, self.value())
        if pick.random() < 0.5:
            reference = "${POSTGRES_PASSWORD}" if "POSTGRES_PASSWORD=" in (self.dotenv(folder) or "") else value
            pairs["DATABASE_URL"] = f'"postgres://app:{reference}@db:5432/app"'
        start = []
        if pick.random() < 0.5:
            start = ['    entrypoint: ["/app/start", "--fast"]']
        if pick.random() < 0.5:
            start += pick.choice([[f'    command: ["serve", "--token", "{value}"]'], ["    command: serve --port 80"]])
        return ["    image: example.com/app:1", *start, *self.env_files(folder), *self.environment(pairs, block)]

    def _redis(self, folder: str, block: list[str], _: bool) -> list[str]:
        pick, value = self.pick, self.plain_value()
        commands = [
            f"    command: redis-server --requirepass {value}",
            f'    command: ["redis-server", "--requirepass", "{value}", "--appendonly", "yes"]',
            f"    command: sh -c 'redis-server --requirepass {value}'",
        ]
        tests = [
            f'["CMD", "redis-cli", "-a", "{value}", "ping"]',
            f'["CMD-SHELL", "redis-cli -a {value} ping | grep PONG"]',
            f"redis-cli --pass {value} ping",
        ]
        pairs: dict[str, str | None] = {"REDIS_PASSWORD": self.yaml(value) if pick.random() < 0.4 else None}
        health = ["    healthcheck:", f"      test: {pick.choice(tests)}"] if pick.random() < 0.6 else []
        return ["    image: redis:7", pick.choice(commands), *self.environment(pairs, block), *health]

    def _busybox(self, folder: str, block: list[str], _: bool) -> list[str]:
        pick = self.pick
        pairs = {
            name: self.given(name, folder, self.value()) for name in ("API_TOKEN", "SECRET_KEY")[: pick.randint(1, 2)]
        }
        commands = [
            '    command: ["sh", "-c", "echo $$API_TOKEN"]',
            '    command: sh -c "echo $$API_TOKEN $${SECRET_KEY:-none}"',
            '    command: ["sleep", "9"]',
        ]
        return [
            "    image: busybox:stable",
            pick.choice(commands),
            *self.env_files(folder),
            *self.environment(pairs, block),
        ]

    def _grafana(self, folder: str, block: list[str], _: bool) -> list[str]:
        name = "GF_SECURITY_ADMIN_PASSWORD"
        pairs = {name: self.given(name, folder, self.value()) if self.pick.random() < 0.6 else None}
        return ["    image: grafana/grafana:11.0.0", *self.env_files(folder), *self.environment(pairs, block)]

    def override(self, folder: str) -> None:
        """A second file for one service of the project: a variable again, an env file, a healthcheck."""
        pick = self.pick
        text = self.set.texts[f"{folder}/compose.yml"]
        services = text[text.index("services:") :].splitlines()
        name = pick.choice([line.strip(" :") for line in services if line.startswith("  ") and line[2] != " "])
        lines = ["services:", f"  {name}:"]
        variable = pick.choice(["POSTGRES_PASSWORD", "MYSQL_ROOT_PASSWORD", "API_TOKEN", "SECRET_KEY"])
        value = self.plain_value()
        lines += self.environment({variable: self.given(variable, folder, value)}, [])
        if pick.random() < 0.3:
            lines += self.env_files(folder)
        if pick.random() < 0.3:
            lines += ["    healthcheck:", f'      test: ["CMD-SHELL", "mysqladmin ping -p{value} || psql -W {value}"]']
        self.set.texts[f"{folder}/compose.override.yml"] = "\n".join(lines) + "\n"
