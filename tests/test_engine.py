"""The real programs: Compose reads a migrated project as planned, and containers get the same bytes as before."""

from __future__ import annotations

import base64
import os
import subprocess
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Shuffled, compose_config, docker, examples, wrapped

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import DONE, ProjectOutcome

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

# the values that a program gets are told in base64, with where they come from and who reads them
SHOW = """\
who=$1
shift
for name in "$@"; do
  eval "file=\\${${name}_FILE-}"
  if [ -n "$file" ]; then
    echo "$who $name file $(stat -L -c '%a %u %g' "$file") $(id -u) $(base64 -w0 <"$file")="
  else
    eval "value=\\${${name}-}"
    echo "$who $name variable - - - $(id -u) $(printf %s "$value" | base64 -w0)="
  fi
done
"""
VALUES = {
    "PLAIN_PASSWORD": "Teal-Rail-4711",
    "QUOTED_PASSWORD": 'it\'s "quoted" `and` \\n # not: a comment',
    "DOLLAR_PASSWORD": "$a$$b${HOME}$(id)%s",
    "ZERO_PASSWORD": "0815007",
    "SPACE_PASSWORD": "  Crake Lathe  ",
    "WIDE_PASSWORD": "pässwörd-€-😀-\u2028-end",
    "LINES_PASSWORD": "line one\nline two\r\n\tline three",
    "NEWLINE_PASSWORD": "Fescue-73\n",
    "CONTROL_PASSWORD": "a\x01b\x1bc\x7fd9Kq",
}


# kind, `mode user group` of the file, user of the program, value
Told = tuple[str, str, str, bytes]


def parse(output: str) -> dict[tuple[str, str], Told]:
    """What SHOW told, by service and variable."""
    told = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) == 8 and words[2] in {"file", "variable"}:
            # the final `=` only keeps the word there when the value is empty
            told[words[0], words[1]] = (words[2], " ".join(words[3:6]), words[6], base64.b64decode(words[7][:-1]))
    return told


def yaml_of(value: str) -> str:
    """A double-quoted scalar, which can say everything; dollars doubled for Compose."""
    escaped = value.replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() and c != "\u2028" else f"\\u{ord(c):04x}" for c in escaped) + '"'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[str]:
    """A name that nobody else uses; what ran under it is taken down."""
    name = f"dsec-{uuid.uuid4().hex[:10]}"
    (tmp_path / "show.sh").write_text(SHOW, "utf-8")
    try:
        yield name
    finally:
        if (tmp_path / "compose.yml").exists():
            docker("compose", "-p", name, "down", "--volumes", "--timeout", "0", cwd=tmp_path)
        ids = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={name}").stdout.split()
        if ids:
            docker("rm", "--force", *(word.decode() for word in ids))


def service(name: str, *lines: str, environment: Mapping[str, str]) -> str:
    """One service that tells its variables and ends."""
    words = ", ".join(["sh", "/show.sh", name, *environment])
    body = [
        "image: busybox:stable",
        "pull_policy: never",
        "network_mode: none",
        "volumes: [./show.sh:/show.sh:ro]",
        f"command: [{words}]",
        *lines,
        "environment:",
        *(f"  {variable}: {value}" for variable, value in environment.items()),
    ]
    return "\n".join([f"  {name}:", *(f"    {line}" for line in body), ""])


def up(project: str, folder: Path, **variables: str) -> dict[tuple[str, str], Told]:
    result = docker("compose", "-p", project, "up", "--no-log-prefix", "--force-recreate", cwd=folder, **variables)
    assert result.returncode == 0, result.stderr.decode()
    return parse(result.stdout.decode())


def migrated(folder: Path, options: Options | None = None, **shell: str) -> ProjectOutcome:
    outcome = pipeline.migrate(ProjectFiles.of(folder / "compose.yml"), options or Options(), shell)
    assert (outcome.status, outcome.failure, [error.what for error in outcome.errors]) == (DONE, "", [])
    assert outcome.rewritten
    written = pipeline.commit(outcome)
    assert written.is_written, written.errors
    return written


# --- containers of Compose ---


def test_containers_get_the_same_bytes_from_files(project: str, tmp_path: Path) -> None:
    environment = {name: yaml_of(value) for name, value in VALUES.items()}
    text = "services:\n" + "".join(
        service(name, *lines, environment=environment)
        for name, lines in {
            "root": [],
            "user": ['user: "1000:1000"'],
            "other": ['user: "4711"', "read_only: true"],
            "bare": ["cap_drop: [ALL]", "tmpfs: [/run]"],
        }.items()
    )
    (tmp_path / "compose.yml").write_text(text, "utf-8")
    before = up(project, tmp_path)
    assert {name: value for (_, name), (kind, _, _, value) in before.items() if kind == "variable"} == {
        name: value.encode() for name, value in VALUES.items()
    }
    migrated(tmp_path)
    after = up(project, tmp_path)
    assert {key: (kind, user, value) for key, (kind, _, user, value) in after.items()} == {
        key: ("file", user, value) for key, (_, _, user, value) in before.items()
    }
    assert {user for _, _, user, _ in after.values()} == {"0", "1000", "4711"}


def test_a_config_that_is_a_secret_is_the_same_file_as_before(project: str, tmp_path: Path) -> None:
    """Bytes and mode, at each path, for who is not root; Compose copies the one and mounts the other."""
    text = """\
services:
  reader:
    image: busybox:stable
    user: "1000:1000"
    command: sh -c 'for file in /plain /etc/x.ini /srv/y.ini; do stat -c "%n %a %s" $$file; base64 -w0 <$$file; done'
    configs:
      - plain
      - {source: quoted, target: etc/x.ini}
      - {source: folded, target: /srv/y.ini, mode: 0444}
configs:
  plain:
    content: |
      [smtp]
      password = Quarry$$Velvet-72
  quoted:
    content: "api_password=T\\u00e9asel$${X}-Ferry-29\\t\\n\\n"
  folded:
    content: >-
      login_password=Sedge-Tollgate-18
      and $$ more
"""
    (tmp_path / "compose.yml").write_text(text, "utf-8")

    def told() -> str:
        words = ["compose", "-p", project, "-f", str(tmp_path / "compose.yml"), "run", "--rm", "-T", "reader"]
        return docker(*words).stdout.decode()

    before = told()
    written = migrated(tmp_path)
    assert [secret.name for secret in written.plan.secrets] == ["plain", "quoted", "folded"]
    assert "configs" not in (tmp_path / "compose.yml").read_text("utf-8")
    assert told() == before
    assert before.count(" 444 ") == 3


def test_a_file_for_root_alone_is_read_by_root(project: str, tmp_path: Path) -> None:
    """Of an image that is known to start as root, the file is 0600; its folder is 0700."""
    text = "services:\n" + service("postgres", environment={"POSTGRES_PASSWORD": "Teal-Rail-4711"})
    (tmp_path / "compose.yml").write_text(text, "utf-8")
    # the program is ours, and a row says that it reads as root
    (tmp_path / "dsec-migrate.toml").write_text(
        '[[image]]\nnames = ["busybox"]\nconvention = "file-variable"\nsupported = ["POSTGRES_PASSWORD"]\n'
        'reads_as = "root"\nfinal_newlines = "kept"\nconfidence = "verified"\nevidence = ["tests/test_engine.py"]\n',
        "utf-8",
    )
    outcome = migrated(tmp_path)
    assert [secret.mode for secret in outcome.plan.secrets] == [0o600]
    told = up(project, tmp_path)
    assert told["postgres", "POSTGRES_PASSWORD"][3] == b"Teal-Rail-4711"
    assert told["postgres", "POSTGRES_PASSWORD"][1].startswith("600 ")


def test_variables_of_the_shell_and_of_dotenv_stay_where_they_are(project: str, tmp_path: Path) -> None:
    environment = {
        "FIRST_PASSWORD": "${FIRST}",
        "SECOND_PASSWORD": "${SECOND:-other}",
        "THIRD_PASSWORD": "Literal-4711",
    }
    text = "services:\n" + service("root", environment=environment)
    text += service("user", 'user: "1000:1000"', environment=environment)
    (tmp_path / "compose.yml").write_text(text, "utf-8")
    (tmp_path / ".env").write_text("SECOND='from $x .env'\n", "utf-8")
    shell = {"FIRST": VALUES["DOLLAR_PASSWORD"] + VALUES["LINES_PASSWORD"]}
    before = up(project, tmp_path, **shell)
    outcome = migrated(tmp_path, Options(source=SourceKind.ENVIRONMENT), **shell)
    sources = {secret.name: secret.source for secret in outcome.plan.secrets}
    assert sorted(sources.values()) == [SourceKind.ENVIRONMENT, SourceKind.ENVIRONMENT, SourceKind.FILE]
    after = up(project, tmp_path, **shell)
    assert {key: told[3] for key, told in after.items()} == {key: told[3] for key, told in before.items()}
    assert {told[0] for told in after.values()} == {"file"}
    # nothing that only the shell knows is on disk
    assert [path.name for path in (tmp_path / "secrets").glob("*.txt")] == ["third_password.txt"]


def test_owner_and_mode_reach_the_container(project: str, tmp_path: Path) -> None:
    text = "services:\n" + service("user", 'user: "1000:1001"', environment={"FIRST_PASSWORD": "${FIRST}"})
    (tmp_path / "compose.yml").write_text(text, "utf-8")
    options = Options(source=SourceKind.ENVIRONMENT, uid="1000", gid="1001", mode=0o400)
    migrated(tmp_path, options, FIRST="Teal-Rail-4711")
    told = up(project, tmp_path, FIRST="Teal-Rail-4711")
    assert told == {("user", "FIRST_PASSWORD"): ("file", "400 1000 1001", "1000", b"Teal-Rail-4711")}


# --- Swarm ---


@pytest.fixture
def swarm() -> None:
    state = docker("info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}").stdout.split()
    if state != [b"active", b"true"]:
        pytest.skip("the engine is no Swarm manager (docker swarm init)")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[str]:
    """The name of a stack that is removed again, with all secrets whose names hold it."""
    name = f"dsec{uuid.uuid4().hex[:8]}"
    (tmp_path / "show.sh").write_text(SHOW, "utf-8")
    try:
        yield name
    finally:
        docker("stack", "rm", name)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            secrets = docker("secret", "ls", "--filter", f"name={name}", "--format", "{{.Name}}").stdout.split()
            if not secrets or docker("secret", "rm", *(word.decode() for word in secrets)).returncode == 0:
                break
            time.sleep(0.3)


def stack_service(name: str, stack: str, *lines: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """As :func:`service`, in Swarm's dialect and with names of secrets that no other stack has."""
    environment = {f"{stack.upper()}_{variable}": yaml_of(value) for variable, value in values.items()}
    text = service(name, *lines, "deploy: {restart_policy: {condition: none}}", environment=environment)
    kept = [line for line in text.splitlines() if "pull_policy" not in line and "network_mode" not in line]
    return "\n".join([*kept, ""]), list(environment)


def told_by_stack(stack: str, names: list[str]) -> dict[tuple[str, str], Told]:
    """Waits until each service has told its variables."""
    deadline = time.monotonic() + 40
    told: dict[tuple[str, str], Told] = {}
    while time.monotonic() < deadline and len(told) < len(names):
        time.sleep(0.3)
        services = docker("stack", "services", stack, "--format", "{{.Name}}").stdout.decode().split()
        for name in services:
            told |= parse(docker("service", "logs", "--raw", name).stdout.decode())
    return told


@pytest.mark.usefixtures("swarm")
def test_external_secrets_are_created_by_the_script_and_reach_the_tasks(stack: str, tmp_path: Path) -> None:
    chosen = {name: VALUES[name] for name in ("DOLLAR_PASSWORD", "LINES_PASSWORD", "NEWLINE_PASSWORD", "WIDE_PASSWORD")}
    root, names = stack_service("root", stack, values=chosen)
    user, _ = stack_service("user", stack, 'user: "1000:1001"', values=chosen)
    (tmp_path / "compose.yml").write_text("services:\n" + root + user, "utf-8")
    options = Options(source=SourceKind.EXTERNAL, target=Target.SWARM, uid="1000", gid="1001", mode=0o440)
    outcome = migrated(tmp_path, options)
    script = tmp_path / "secrets" / "create-secrets.sh"
    text = script.read_text("utf-8")
    assert not any(line in text for value in chosen.values() for line in value.splitlines())
    for words in ("created", "exists already"):
        # from another folder, and again
        made = subprocess.run([str(script)], cwd="/", env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
        assert made.stdout.decode().count(words) == len(chosen)
    labels = docker("secret", "inspect", outcome.plan.secrets[0].name, "--format", "{{json .Spec.Labels}}").stdout
    assert b"dsec.project" in labels
    assert b"root,user" in labels
    deployed = docker(
        "stack", "deploy", "--detach", "--resolve-image", "never", "-c", "compose.yml", stack, cwd=tmp_path
    )
    assert deployed.returncode == 0, deployed.stderr.decode()
    told = told_by_stack(stack, [*names, *names])
    expected = {
        (name, f"{stack.upper()}_{variable}"): ("file", "440 1000 1001", user, value.encode())
        for name, user in (("root", "0"), ("user", "1000"))
        for variable, value in chosen.items()
    }
    assert told == expected


@pytest.mark.usefixtures("swarm")
def test_a_stack_takes_secrets_from_files(stack: str, tmp_path: Path) -> None:
    chosen = {"QUOTED_PASSWORD": VALUES["QUOTED_PASSWORD"]}
    text, names = stack_service("user", stack, 'user: "1000"', values=chosen)
    (tmp_path / "compose.yml").write_text('version: "3.8"\nservices:\n' + text, "utf-8")
    migrated(tmp_path, Options(target=Target.SWARM, uid="1000", gid="0", mode=0o400))
    deployed = docker(
        "stack", "deploy", "--detach", "--resolve-image", "never", "-c", "compose.yml", stack, cwd=tmp_path
    )
    assert deployed.returncode == 0, deployed.stderr.decode()
    assert told_by_stack(stack, names) == {
        ("user", names[0]): ("file", "400 1000 0", "1000", VALUES["QUOTED_PASSWORD"].encode())
    }


@pytest.mark.parametrize(
    "options",
    [
        Options(uid="1000", gid="1001", mode=0o400),
        Options(uid="0"),
        Options(mode=0o444, target=Target.SWARM),
        Options(source=SourceKind.EXTERNAL, target=Target.SWARM, uid="1000", mode=0o440),
    ],
    ids=["all", "user", "mode", "external"],
)
@pytest.mark.parametrize("is_flow", [False, True], ids=["block", "flow"])
def test_compose_and_stack_accept_owner_and_mode(tmp_path: Path, options: Options, is_flow: bool) -> None:
    text = "services:\n  a:\n    image: busybox:stable\n    environment:\n      DB_PASSWORD: Teal-Rail-4711\n"
    if is_flow:
        text = 'services: {a: {image: "busybox:stable", environment: {DB_PASSWORD: Teal-Rail-4711}}}\n'
    (tmp_path / "compose.yml").write_text(text, "utf-8")
    migrated(tmp_path, options)
    (mount,) = compose_config(tmp_path / "compose.yml")["services"]["a"]["secrets"]
    expected = {"uid": options.uid, "gid": options.gid, "mode": options.mode and f"0{options.mode:o}"}
    assert {key: mount.get(key) for key in expected} == expected
    result = docker("stack", "config", "-c", "compose.yml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    if options.mode is not None:
        assert f"mode: {options.mode}\n" in result.stdout.decode()


# --- what Compose makes of a file, before and after ---


def unplanned(
    before: Any, after: Any, outcome: ProjectOutcome, folder: Path, extended: Collection[str] = ()
) -> list[str]:
    """Differences between two configurations that the findings do not account for.

    ``extended`` are services that others extend.
    """
    found = []
    used_by: dict[str, set[str]] = {}
    extra: dict[str, set[str]] = {}
    moved = {(f.service, f.variable): f for f in outcome.findings if f.action is Action.MIGRATE}
    definitions = after.pop("secrets", {})
    older = before.pop("secrets", {})
    found += [f"the secret {name} changed" for name in older if definitions.get(name) != older[name]]
    if before["services"].keys() != after["services"].keys():
        return [*found, "the services"]
    for name, old in before["services"].items():
        new = after["services"][name]
        old_variables, variables = old.pop("environment", None) or {}, new.pop("environment", None) or {}
        old_mounts, mounts = old.pop("secrets", None) or [], new.pop("secrets", None) or []
        found += [f"{name}: the mount of {mount['source']} is gone" for mount in old_mounts if mount not in mounts]
        by_path = {f"/run/secrets/{mount['source']}": mount["source"] for mount in mounts if "target" not in mount}
        by_path |= {mount["target"]: mount["source"] for mount in mounts if "target" in mount}
        supplied = wrapped(new.get("entrypoint"))
        if supplied and not old.get("entrypoint"):
            # what the image starts is restated behind the wrapper; the program of postgres and mysql here
            assert new.pop("entrypoint")[3:] == ["sh", "docker-entrypoint.sh"]
            old.pop("entrypoint", None)
            if old.get("command") is None:
                assert new["command"] in (["postgres"], ["mysqld"])
                old["command"] = new["command"]
        used = set()
        for variable, value in old_variables.items():
            finding = moved.get((name, variable))
            if finding is None:
                if variables.pop(variable, "") != value:
                    found.append(f"{name}.{variable} changed")
                continue
            path = variables.pop(finding.variables[0], "") if finding.variables else supplied.get(variable, "")
            secret = by_path.get(path, "")
            used.add(secret)
            file = definitions.get(secret, {}).get("file")
            if file is None or (folder / file).read_bytes() != (value or "").encode():
                found.append(f"{name}.{variable}: its secret holds something else")
        found += [f"{name}.{variable} appeared" for variable in variables]
        used_by[name] = used
        extra[name] = {mount["source"] for mount in mounts if mount not in old_mounts} - used
    # Compose appends the list of an extended service: what its own program needs comes along
    inherited = {secret for base in extended for secret in used_by[base]}
    found += [f"{name} gets {secret} without need" for name in extra for secret in sorted(extra[name] - inherited)]
    # what anchors supply is judged where it arrives
    if {key: before[key] for key in before if not key.startswith("x-")} != {
        key: after[key] for key in after if not key.startswith("x-")
    }:
        found.append("something else")
    return found


@pytest.mark.parametrize("number", range(examples(100)))
def test_compose_sees_the_planned_differences_and_no_others(number: int, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    shuffled = Shuffled(number)
    file.write_text(shuffled.text(), "utf-8")
    (tmp_path / ".env").write_text("FROM_ENV=Wq7-fr0m\n", "utf-8")
    (tmp_path / "older.txt").write_text("older", "utf-8")
    before = compose_config(file)
    outcome = pipeline.migrate(ProjectFiles.of(file), Options(), {})
    assert (outcome.status, outcome.failure, [error.what for error in outcome.errors]) == (DONE, "", [])
    if not outcome.rewritten:
        return
    assert pipeline.commit(outcome).is_written
    assert unplanned(before, compose_config(file), outcome, tmp_path, shuffled.extended) == []
