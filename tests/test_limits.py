"""One project that asks for too much, or that this program fails at, is an error of its own: the others go on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from dsec_migrate.cli import entry
from dsec_migrate.migrate import batch, families, found, pipeline
from dsec_migrate.text import limits
from dsec_migrate.text.structured import json_of, toml_of

PASSWORD = "Whinchat-Sluice-44"
HEALTHY = f"""\
services:
  db:
    image: mysql:8
    environment:
      MYSQL_ROOT_PASSWORD: {PASSWORD}
"""


class Run(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Runs the command in a folder that holds a healthy project, ``z``."""
    monkeypatch.chdir(tmp_path)
    put({"z/compose.yml": HEALTHY})

    def call(*words: str) -> Run:
        with pytest.raises(SystemExit) as stopped:
            entry.main([*words, "--no-docker"] if words[0] != "audit" and words[0] != "status" else words)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert PASSWORD not in out + err
        return Run(int(stopped.value.code or 0), out, err)

    return call


def put(files: dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def doubled(lines: int) -> str:
    return "V0=aaaaaaaaaa\n" + "".join(f"V{n}=${{V{n - 1}}}${{V{n - 1}}}\n" for n in range(1, lines))


def chain(length: int) -> str:
    services = "".join(f"  s{n}: {{extends: {{service: s{n + 1}}}}}\n" for n in range(length))
    return f"services:\n{services}  s{length}: {{image: x, environment: {{A_PASSWORD: stand-in-1}}}}\n"


def layered(documents: int, services: int) -> str:
    """Each document says anew that each service extends the next one: what one service is doubles with each step."""
    one = "".join(f"  s{n}: {{image: x, extends: {{service: s{n + 1}}}}}\n" for n in range(services))
    return "---\n".join([f"services:\n{one}  s{services}: {{image: x}}\n"] * documents)


def includes(number: int, times: int = 1) -> dict[str, str]:
    """Each file includes the next one, ``times`` times by different names of its folder."""
    files = {}
    for n in range(number):
        named = "\n".join(f"  - {{path: ./{'./' * k}c{n + 1}.yml}}" for k in range(times))
        files[f"a/c{n}.yml"] = f"include:\n{named}\n"
    return {**files, f"a/c{number}.yml": "services: {s: {image: x}}\n", "a/compose.yml": "include: [c0.yml]\n"}


def service(environment: str) -> str:
    return f"services:\n  a:\n    image: x/y\n    environment:\n      A_PASSWORD: {environment}\n"


TOO_MUCH: dict[str, tuple[dict[str, str], str]] = {
    "a value that doubles in .env": (
        {"a/compose.yml": service("${V29}"), "a/.env": doubled(30)},
        "a/.env:18:5",
    ),
    "a value that doubles in an env file": (
        {"a/compose.yml": "services: {a: {image: x, env_file: [a.env]}}\n", "a/a.env": doubled(30)},
        "a/a.env:18:5",
    ),
    "a value that unfolds in the Compose file": (
        {"a/compose.yml": service("$V" * 3000), "a/.env": f"V={'v' * 1000}\n"},
        "a/compose.yml:5:19",
    ),
    "a large value of many services": (
        {
            "a/compose.yml": "x-e: &e {A: $V}\nservices:\n"
            + "".join(f"  s{n}: {{image: x, environment: *e}}\n" for n in range(100)),
            "a/.env": f"V={'v' * (limits.UNFOLDED_CHARACTERS - 10)}\n",
        },
        "a/compose.yml:1:10",
    ),
    "references that are nested": (
        {"a/compose.yml": service('"' + "${A:-" * 20_000 + "x" + "}" * 20_000 + '"')},
        "a/compose.yml:5:19",
    ),
    "services that extend each other": ({"a/compose.yml": chain(1000)}, "a/compose.yml:103:9"),
    "services that extend each other in many documents": ({"a/compose.yml": layered(2, 40)}, "a/compose.yml:"),
    "files that include each other": (includes(60), "a/c49.yml:2:5"),
    "files that include each other more than once": (includes(40, 2), "a/c39.yml:3:5"),
    "settings of many levels": (
        {"a/compose.yml": HEALTHY, "a/dsec-migrate.toml": f"a = {'[' * 20_000}{']' * 20_000}"},
        "a/dsec-migrate.toml",
    ),
    "settings of many tables": (
        {"a/compose.yml": HEALTHY, "a/dsec-migrate.toml": f"image{'.a' * 3000} = 1"},
        "a/dsec-migrate.toml",
    ),
    "settings with a long number": (
        {"a/compose.yml": HEALTHY, "a/dsec-migrate.toml": f"a = {'9' * 100_000}"},
        "a/dsec-migrate.toml",
    ),
    "a Compose file of many levels": ({"a/compose.yml": f"x: {'[' * 50_000}{']' * 50_000}"}, "a/compose.yml:1:203"),
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_what_asks_for_too_much_is_refused_with_its_place(kind: str, run: Callable[..., Run]) -> None:
    files, place = TOO_MUCH[kind]
    put(files)
    said = run(".", "--check")
    assert said.status == 2
    assert f"  --> {place}" in said.err
    assert "internal error" not in said.err
    assert "z/secrets/mysql_root_password.txt" in said.out


def test_an_honest_project_of_many_parts_is_not_refused(run: Callable[..., Run]) -> None:
    put(
        {
            "a/compose.yml": chain(limits.EXTENDS_DEPTH - 1),
            **{f"b{name[1:]}": text for name, text in includes(40).items()},
        }
    )
    said = run(".", "--format", "json")
    assert said.status == 0
    assert json.loads(said.out)["errors"] == []


def test_a_file_larger_than_people_write_is_refused(run: Callable[..., Run]) -> None:
    put({"a/compose.yml": HEALTHY})
    os.truncate("a/compose.yml", limits.TEXT_BYTES + 1)
    said = run(".", "--check")
    assert said.status == 2
    assert "a/compose.yml" in said.err
    assert "more than 16 MiB" in said.err


@pytest.mark.parametrize("error", [RecursionError, MemoryError, AttributeError, ZeroDivisionError])
@pytest.mark.parametrize(("module", "stage"), [(families, "make_plan"), (pipeline, "verify"), (found, "masks")])
def test_a_defect_in_one_project_is_no_defect_of_the_others(
    module: ModuleType, stage: str, error: type[Exception], run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    put({"a/compose.yml": HEALTHY})
    original = getattr(module, stage)

    def failing(project: object, *rest: object) -> object:
        if "a/compose.yml" in str(project.source.path):  # type: ignore[attr-defined]
            raise error(PASSWORD)
        return original(project, *rest)

    monkeypatch.setattr(module, stage, failing)
    said = run(".", "--format", "json", "--write")
    report = json.loads(said.out)
    assert said.status == 3
    (told,) = report["errors"]
    assert (told["file"], told["what"]) == ("a/compose.yml", f"internal error ({error.__name__})")
    assert Path("a/compose.yml").read_text() == HEALTHY
    assert Path("z/secrets/mysql_root_password.txt").read_text() == PASSWORD
    assert [one["name"] for one in report["secrets"]] == ["mysql_root_password"]


@pytest.mark.parametrize("verb", ["audit", "status"])
def test_a_defect_in_one_project_does_not_end_a_verb(
    verb: str, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    put({"a/compose.yml": chain(10)})
    monkeypatch.setattr(limits, "EXTENDS_DEPTH", 10**6)
    monkeypatch.setattr("dsec_migrate.compose.project.loading._bodies", _failing_for("a/compose.yml"))
    said = run(verb, ".")
    assert said.status == 3
    assert "error: internal error (KeyError)\n  --> a/compose.yml" in said.err
    assert "z/compose.yml" in said.out


def _failing_for(path: str) -> Callable[..., object]:
    from dsec_migrate.compose.project import loading

    original = loading._bodies

    def bodies(documents: tuple[object, ...]) -> object:
        if str(documents[0].source.path) == path:  # type: ignore[attr-defined]
            raise KeyError(PASSWORD)
        return original(documents)  # type: ignore[arg-type]

    return bodies


def test_a_process_that_is_killed_takes_one_project_along(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    put({f"{name}/compose.yml": HEALTHY for name in "abc"})
    monkeypatch.setattr(batch, "FILES_WORTH_A_PROCESS", 2)
    original = getattr(families, "make_plan")  # noqa: B009

    def killed(project: object, *rest: object) -> object:
        if "b/compose.yml" in str(project.source.path):  # type: ignore[attr-defined]
            os._exit(9)
        return original(project, *rest)

    monkeypatch.setattr(families, "make_plan", killed)
    said = run(".", "--jobs", "2", "--check", "--format", "json")
    report = json.loads(said.out)
    assert said.status == 3
    assert [one["file"] for one in report["errors"]] == ["b/compose.yml"]
    assert [one["file"] for one in report["findings"]] == ["a/compose.yml", "c/compose.yml", "z/compose.yml"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
@pytest.mark.parametrize("name", ["a/compose.yml", "a/.env", "a/a.env", "a/dsec-migrate.toml", "a/.gitignore"])
def test_nobody_waits_for_a_pipe(name: str, run: Callable[..., Run]) -> None:
    put({"a/compose.yml": "services: {a: {image: x, env_file: [a.env], environment: {A_PASSWORD: Stork-Vellum-9}}}\n"})
    Path(name).unlink(missing_ok=True)
    os.mkfifo(name)
    said = run(".", "--write")
    assert "z/secrets/mysql_root_password.txt" in said.out
    assert Path("z/secrets/mysql_root_password.txt").read_text() == PASSWORD
    if name != "a/compose.yml":
        assert said.status == 2
        assert name in said.err


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/random", "/dev/tty"])
def test_a_device_is_no_text(device: str, run: Callable[..., Run]) -> None:
    named = f"services: {{a: {{image: x, env_file: [{device}], environment: {{A_PASSWORD: Stork-Vellum-9}}}}}}\n"
    put({"a/compose.yml": named, "b/compose.yml": f"include: [{device}]\n"})
    Path("c").mkdir()
    Path("c/compose.yml").symlink_to(device)
    assert "z/secrets/mysql_root_password.txt" in run(".", "--check").out


@pytest.mark.parametrize("read", [json_of, toml_of])
def test_structured_texts_are_as_deep_as_the_limit_says(read: Callable[[str], object]) -> None:
    def nested(depth: int) -> str:
        return f"{'a = ' if read is toml_of else ''}{'[' * depth}{']' * depth}"

    assert read(nested(limits.DATA_DEPTH - 1))
    for depth in (limits.DATA_DEPTH + 1, 500, 50_000):
        with pytest.raises(ValueError, match="nested more than 100 deep"):
            read(nested(depth))


def repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def quoted(text: str) -> str:
    return json.dumps(text)


TEXTS: dict[str, Callable[[str], dict[str, str]]] = {
    "healthcheck": lambda text: {
        "a/compose.yml": f"services: {{a: {{image: x, healthcheck: {{test: {quoted(text)}}}}}}}"
    },
    "command": lambda text: {"a/compose.yml": f"services: {{a: {{image: x, command: {quoted(text)}}}}}"},
    "variable": lambda text: {"a/compose.yml": service(quoted(text))},
    "Dockerfile": lambda text: {
        "a/compose.yml": "services: {a: {build: .}}",
        "a/Dockerfile": f"FROM x\nARG A_PASSWORD=Zk00qW9xLL7\nRUN {text}\n",
    },
    "env file": lambda text: {"a/compose.yml": "services: {a: {image: x, env_file: a.env}}", "a/a.env": text},
}
UNITS = [
    "http://a:b@",
    "curl -u a:b ",
    "--password x ",
    "mysql -px ",
    "${A:-",
    "${A:-x}",
    "$$(",
    "\\",
    '\\"',
    "password=",
    "a:b@tcp(",
    "/run/secrets/",
    "-----BEGIN PRIVATE KEY-----",
    "eyJaaaaaaaaaa.",
    "A=$A\n",
    "<<E\n",
    "ONBUILD ",
]


@pytest.mark.parametrize("kind", TEXTS)
def test_work_grows_with_the_length_of_a_text(kind: str, run: Callable[..., Run]) -> None:
    slow = []
    for unit in UNITS:
        used = []
        for length in (4_000, 16_000):
            put(TEXTS[kind](repeated(unit, length)))
            start = time.process_time()
            run("a/compose.yml", "--check")
            used.append(time.process_time() - start)
        # four times the text; what is quick may be as uneven as it likes
        if used[1] > 1.0 and used[1] > 8 * used[0]:
            slow.append((unit, used))
    assert slow == []


def test_a_service_with_too_many_secrets_in_its_commands_is_refused(run: Callable[..., Run]) -> None:
    many = limits.SERVICE_ARGUMENTS
    for count, status in ((many, 1), (many + 1, 2)):
        put(TEXTS["healthcheck"]("http://a:Zk00qW9xLL7@b " * count))
        said = run("a/compose.yml", "--check")
        assert said.status == status
    assert "error: the commands of a hold more than 100 secrets\n  --> a/compose.yml:1:" in said.err
    put(TEXTS["Dockerfile"]("curl http://a:Zk00qW9xLL7@b " * (many + 1)))
    assert "error: the Dockerfile holds more than 100 secrets\n  --> a/Dockerfile:3:" in run("a/compose.yml").err


def test_a_text_that_says_one_value_too_often_is_refused(run: Callable[..., Run]) -> None:
    def project(count: int) -> str:
        text = quoted("echo " + "Zk00qW9xLL7 " * count)
        environment = "{A_PASSWORD: Zk00qW9xLL7}"
        return f"services: {{a: {{image: x, environment: {environment}, healthcheck: {{test: {text}}}}}}}\n"

    put({"a/compose.yml": project(limits.TEXT_USES)})
    assert run("a/compose.yml", "--check").status == 1
    put({"a/compose.yml": project(limits.TEXT_USES + 1)})
    said = run("a/compose.yml", "--check")
    assert "error: a string of a contains one value more than 100 times\n  --> a/compose.yml:1:" in said.err
