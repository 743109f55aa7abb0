"""The Compose schema and the rules beside it, against the official schemas, real files and the real program."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dsec_migrate.compose.validation import MOST, Problem, compose_problems, schema_problems, warnings

HERE = Path(__file__).parent
OUTSIDE = HERE.parents[1] / "shared"
SPECIFICATION = OUTSIDE / "schemas" / "compose-spec.json"
CORPUS = OUTSIDE / "corpus" / "files"


def load(text: str) -> Any:
    loader = YAML(typ="safe", pure=True)
    loader.allow_duplicate_keys = True
    return loader.load(text)


def vectors(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = load((HERE / "vectors" / name).read_text("utf-8"))
    return entries


@cache
def schema() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files("dsec_migrate.schemas").joinpath("compose.schema.json").read_bytes())
    return read


@cache
def official() -> dict[str, dict[str, Any]]:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    # the list of disagreements speaks of the schema that this release brings
    is_known = version("check-jsonschema").startswith("0.39.")
    known = {"newer": json.loads(vendored.read_bytes())} if is_known else {}
    return known | ({"specification": json.loads(SPECIFICATION.read_bytes())} if SPECIFICATION.is_file() else {})


# --- the specimens cover the format ---


def properties(rule: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Each key that a schema knows: (where it is defined, the key)."""
    if isinstance(rule, list):
        for index, part in enumerate(rule):
            yield from properties(part, f"{pointer}/{index}")
    elif isinstance(rule, dict):
        for word, part in rule.items():
            if word in ("properties", "patternProperties", "$defs", "definitions") and isinstance(part, dict):
                for key, value in part.items():
                    if word == "properties" and key and value is not True:
                        yield pointer, key
                    yield from properties(value, f"{pointer}/{word}/{key}")
            elif word not in ("enum", "required", "default"):
                yield from properties(part, f"{pointer}/{word}")


def used(root: Any, rule: Any, data: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """The keys that ``data`` shows, in the terms of :func:`properties`."""
    if not isinstance(rule, dict):
        return
    if "$ref" in rule:
        target = root
        for step in rule["$ref"].split("/")[1:]:
            target = target[step]
        yield from used(root, target, data, rule["$ref"][1:])
    for word in ("oneOf", "anyOf", "allOf"):
        for index, part in enumerate(rule.get(word, ())):
            yield from used(root, part, data, f"{pointer}/{word}/{index}")
    if isinstance(data, list):
        for item in data:
            yield from used(root, rule.get("items"), item, f"{pointer}/items")
    if isinstance(data, dict):
        for key, value in data.items():
            if key in rule.get("properties", ()):
                yield pointer, key
                yield from used(root, rule["properties"][key], value, f"{pointer}/properties/{key}")
            for pattern, part in rule.get("patternProperties", {}).items():
                yield from used(root, part, value, f"{pointer}/patternProperties/{pattern}")
            yield from used(root, rule.get("additionalProperties"), value, f"{pointer}/additionalProperties")


@pytest.mark.parametrize("name", ["ours", "specification", "newer"])
def test_specimens_show_every_key(name: str) -> None:
    if name not in {"ours", *official()}:
        pytest.skip("the official schema is not here")
    root = schema() if name == "ours" else official()[name]
    shown = {place for entry in vectors("schema_specimens.yaml") for place in used(root, root, entry["file"], "")}
    # jobs and pre_start came after Compose 2.40: our schema knows only that they exist
    later = ("/$defs/job", "/$defs/schedule", "/$defs/pre_start_hook")
    assert [place for place in properties(root) if place not in shown and not place[0].startswith(later)] == []


# --- our verdict is the official one ---

WRONG: dict[str, Any] = {
    "is empty": None,
    "is true": True,
    "is 7": 7,
    "is -7": -7,
    "is 1.5": 1.5,
    "is text": "text",
    "is an empty list": [],
    "is a list of text": ["text"],
    "is a list of equal texts": ["text", "text"],
    "is a list of numbers": [7],
    "is an empty mapping": {},
    "is a mapping": {"text": "text"},
}


def mutations(data: Any, path: str = "") -> Iterator[str]:
    """Changes each value in turn, yields what was changed while it is, and puts it back."""
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        value, place = data[key], f"{path}.{key}" if path else str(key)
        for change, wrong in WRONG.items():
            data[key] = wrong
            yield f"{place} {change}"
        if isinstance(value, dict):
            for change, added in (("has an unknown key", "unknown"), ("has an x- key", "x-added")):
                data[key] = {**value, added: "text"}
                yield f"{place} {change}"
        if isinstance(value, list):
            data[key] = [*value, *value[:1]]
            yield f"{place} has an item twice"
        data[key] = value
        if not str(key).startswith("x-") and isinstance(value, (dict, list)):
            yield from mutations(value, place)
        if isinstance(data, dict):
            order = list(data.items())
            del data[key]
            yield f"{place} is missing"
            data.clear()
            data.update(order)


def test_verdicts_agree_with_the_official_schemas() -> None:
    ours = jsonschema_rs.validator_for(schema())
    judges = {name: jsonschema_rs.validator_for(rules) for name, rules in official().items()}
    if not judges:
        pytest.skip("check-jsonschema 0.39 needs Python 3.11, and no official schema lies beside the repository")
    listed = {
        (name, entry["ours"], change): 0
        for entry in vectors("schema_disagreements.yaml")
        for name in entry["schemas"]
        for change in entry["changes"]
        if name in judges
    }
    unlisted, count = [], 0
    for entry in vectors("schema_specimens.yaml"):
        data = entry["file"]
        compared = {name: judge for name, judge in judges.items() if name == "newer" or not entry.get("newer")}
        assert ours.is_valid(data)
        assert all(judge.is_valid(data) for judge in compared.values())
        for change in mutations(data):
            verdict = ours.is_valid(data)
            count += 1
            for name, judge in compared.items():
                if judge.is_valid(data) != verdict:
                    word = "accepts" if verdict else "refuses"
                    known = [key for key in listed if key[:2] == (name, word) and fnmatchcase(change, key[2])]
                    unlisted += [] if known else [f"{name}: {change}: ours {word}"]
                    for key in known:
                        listed[key] += 1
    assert unlisted == []
    assert [key for key, seen in listed.items() if not seen] == [], "these no longer disagree"
    assert count > 7000


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus of real files beside the repository")
def test_verdicts_agree_on_real_files() -> None:
    ours, judge = (jsonschema_rs.validator_for(rules) for rules in (schema(), official()["specification"]))
    changes = [change for entry in vectors("schema_disagreements.yaml") for change in entry["changes"]]
    count, unread, unlisted = 0, 0, []
    for path in sorted(CORPUS.rglob("*.y*ml")):
        try:
            data = YAML(typ="safe").load(path.read_bytes())
        except YAMLError:
            unread += 1  # a tag such as !reset, or broken
            continue
        count += 1
        if ours.is_valid(data) != judge.is_valid(data):
            known = ours.is_valid(data) and all(
                any(fnmatchcase(difference, change) for change in changes) for difference in differences(judge, data)
            )
            unlisted += [] if known else [str(path.relative_to(CORPUS))]
    assert unlisted == []
    assert count > 1000
    assert unread < count / 100


def differences(judge: Any, data: Any) -> Iterator[str]:
    """What an official schema complains about, in the words of the mutations."""
    for error in judge.iter_errors(data):
        inner = [leaf for branch in getattr(error.kind, "context", ()) for leaf in branch]
        for leaf in [part for part in inner if part.kind.name != "type"] or [error]:
            word = {"uniqueItems": "has an item twice"}.get(leaf.kind.name, leaf.kind.name)
            yield f"{'.'.join(map(str, leaf.instance_path))} {word}"


# --- what Compose says ---

CASES = [
    pytest.param(text, verdict, id=f"{entry['about']}-{verdict}-{number}")
    for entry in vectors("schema_cases.yaml")
    for verdict in ("accepted", "refused", "inconsistent", "merged", "let_through")
    for number, text in enumerate(entry.get(verdict, ()))
]


def problems(text: str, *, fragment: bool) -> list[Problem]:
    data = load(text)
    found = schema_problems(data, fragment=fragment)
    return found or compose_problems(data, consistency=not fragment)


@pytest.mark.parametrize(("text", "verdict"), CASES)
def test_our_verdict(text: str, verdict: str) -> None:
    alone, merged = problems(text, fragment=False), problems(text, fragment=True)
    assert bool(alone) == (verdict not in ("accepted", "let_through")), alone
    # an empty value in one of several files keeps what the other one says
    assert not merged if verdict != "refused" else merged or all("not empty" in problem.what for problem in alone)


def test_what_is_let_through_has_a_reason() -> None:
    assert all(entry.get("why") for entry in vectors("schema_cases.yaml") if "let_through" in entry)


@cache
def program() -> str:
    """The Compose plugin itself: half the time of ``docker compose``. Empty when it is not there."""
    if not which("docker"):
        return ""
    question = ["docker", "info", "--format", "{{range .ClientInfo.Plugins}}{{.Name}} {{.Version}} {{.Path}}\n{{end}}"]
    answer = subprocess.run(question, capture_output=True, text=True, check=False).stdout
    found = [line.split() for line in answer.splitlines()]
    return next((line[2] for line in found if len(line) == 3 and line[0] == "compose" and "2.40" in line[1]), "")


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bool]:
    """Whether the real program accepts a file. Skips when it is not there."""
    if not program():
        pytest.skip("needs docker compose 2.40")
    folder = tmp_path_factory.mktemp("project")
    for name in ("a.env", "b.env", "a.labels", "secret", "config"):
        (folder / name).touch()
    (folder / "other.yaml").write_text("services: {base: {image: x}}")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOGC": "off"}

    def accepts(text: str, *options: str) -> bool:
        command = [program(), "-f", "-", "--project-directory", str(folder), "config", "-q", *options]
        done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
        return done.returncode == 0

    return accepts


@pytest.mark.engine
def test_the_table_is_what_compose_says(compose: Callable[..., bool]) -> None:
    def is_right(case: tuple[str, str]) -> bool:
        text, verdict = case
        if compose(text) != (verdict == "accepted"):
            return False
        return verdict not in ("inconsistent", "merged") or compose(text, "--no-consistency") == (verdict != "merged")

    cases = [(str(case.values[0]), str(case.values[1])) for case in CASES]
    with ThreadPoolExecutor(2) as pool:
        assert [case for case, right in zip(cases, pool.map(is_right, cases), strict=True) if not right] == []


@pytest.mark.engine
def test_compose_accepts_the_specimens(compose: Callable[..., bool]) -> None:
    specimens = [entry for entry in vectors("schema_specimens.yaml") if not entry.get("newer")]
    assert [entry for entry in specimens if not compose(json.dumps(entry["file"]))] == []


# --- how it is said ---


def test_every_rule_has_words_of_our_own() -> None:
    theirs = {text for root in official().values() for text in words(root, ("title", "description"))}
    ours = list(words(schema(), ("title",)))
    assert len(ours) > 200
    assert not theirs.intersection(ours)
    assert max(map(len, ours)) < 120
    assert [pointer for pointer, rule in rules(schema()) if not {"title", "$ref"} & {*rule}] == []


def words(rule: Any, kinds: tuple[str, ...]) -> Iterator[str]:
    if isinstance(rule, dict):
        yield from (rule[kind] for kind in kinds if isinstance(rule.get(kind), str))
    for part in rule.values() if isinstance(rule, dict) else rule if isinstance(rule, list) else ():
        yield from words(part, kinds)


def rules(rule: dict[str, Any], pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each part of our schema that can fail."""
    yield pointer, rule
    for word in ("properties", "patternProperties", "$defs"):
        for key, part in rule.get(word, {}).items():
            if isinstance(part, dict):
                yield from rules(part, f"{pointer}/{word}/{key}")
    for word in ("items", "additionalProperties", "propertyNames"):
        if isinstance(rule.get(word), dict):
            yield from rules(rule[word], f"{pointer}/{word}")


@pytest.mark.parametrize(
    ("text", "what", "help_"),
    [
        (
            "services: {web: {imagee: x}}",
            "unknown key `imagee` in `services.web`",
            "did you mean `image`?",
        ),
        (
            "services: {web: {image: x, ports: {80: 80}}}".replace("80: 80", "a: 80"),
            "`services.web.ports` must be a list of ports, not a mapping",
            "",
        ),
        (
            "services: {web: {image: x, ports: [[80]]}}",
            '`services.web.ports[0]` must be a port mapping: a number, "8080:80" or a mapping, not a list',
            "",
        ),
        (
            "services: {web: {image: x, environment: }}",
            '`services.web.environment` must be a mapping of variables to values, or a list of "NAME=value", not empty',
            "give it a value, or remove the key",
        ),
        (
            "services: {web: {image: x, environment: {A: 2024-01-02}}}",
            "`services.web.environment.A` must be a text, a number, true, false or nothing, not a date",
            "put it in quotes",
        ),
        (
            "services: {web: {image: x, command: [sleep, 5]}}",
            "`services.web.command[1]` must be text (quote numbers, true and false), not a number",
            "put it in quotes",
        ),
        (
            "services: {web: {image: x, depends_on: {db: {}}}, db: {image: x}}",
            "`services.web.depends_on.db` lacks the key `condition`",
            "add `condition`: one of: service_started, service_healthy, service_completed_successfully",
        ),
        (
            "services: {web: {image: x, cgroup: hostt}}",
            "`services.web.cgroup` must be one of: host, private",
            "",
        ),
        (
            "services: {web: {image: x, depends_on: [db, db]}, db: {image: x}}",
            "`services.web.depends_on` must be a list of services with none of them twice, "
            "or a mapping of services to conditions",
            "remove the second one",
        ),
        (
            "services: {we b: {image: x}}",
            "the key (not a plain name) in `services` is not a name of letters, digits, '.', '_' and '-'",
            "rename it",
        ),
        (
            "services: {web: {image: x}}\nsecrets: {s: {content: hidden}}",
            "unknown key `content` in `secrets.s`",
            "allowed: driver, driver_opts, environment, external, file, labels, name, template_driver",
        ),
        ("[services]", "the file must be a Compose file: a mapping of services and more, not a list", ""),
        (
            "services: {web: {image: x, oom_score_adj: 5000}}",
            "`services.web.oom_score_adj` must be a whole number from -1000 to 1000",
            "",
        ),
    ],
)
def test_words_of_the_schema(text: str, what: str, help_: str) -> None:
    assert [(problem.what, problem.help) for problem in schema_problems(load(text))] == [(what, help_)]


@pytest.mark.parametrize(
    ("text", "path", "what", "help_"),
    [
        (
            "services: {a: {image: x, secrets: [db_pasword]}}\nsecrets: {db_password: {file: ./x}}",
            ("services", "a", "secrets", 0),
            "`services.a.secrets[0]` names no secret of this project",
            "did you mean `db_password`?",
        ),
        (
            "services: {a: {image: x, secrets: [s]}}",
            ("services", "a", "secrets", 0),
            "`services.a.secrets[0]` names no secret of this project",
            "define it under the top-level `secrets:`",
        ),
        (
            "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
            ("services", "a"),
            "services depend on each other in a circle: `a` → `b` → `a`",
            "remove one",
        ),
        (
            "services: {a: {image: x}}\nsecrets: {s: {file: ./x, environment: X}}",
            ("secrets", "s", "environment"),
            "`secrets.s` has `file` and `environment`: only one is allowed",
            "keep the one that holds the value",
        ),
        (
            "services: {a: {image: x, environment: [A=1, 'PASSWORD = hidden']}}",
            ("services", "a", "environment", 1),
            "`services.a.environment[1]` has a space after the name",
            "write NAME=value without spaces",
        ),
    ],
)
def test_words_of_the_rules(text: str, path: tuple[str | int, ...], what: str, help_: str) -> None:
    assert compose_problems(load(text)) == [Problem(path, what, help_)]


def test_deepest_first_then_in_the_order_of_the_file() -> None:
    data = load("unknown: 1\nservices: {b: {zzz: 1}, a: {build: {secrets: 5}, yyy: 1}}")
    assert [problem.path for problem in schema_problems(data)] == [
        ("services", "a", "build", "secrets"),
        ("services", "b", "zzz"),
        ("services", "a", "yyy"),
        ("unknown",),
    ]


def test_not_more_than_one_can_read() -> None:
    data = {"services": {f"service-{number}": {"unknown": 1} for number in range(100)}}
    assert (
        len(schema_problems(data))
        == MOST
        == len(compose_problems({"services": {letter: {} for letter in "abcdefghijklmnopqrstuvwxyz"}}))
    )


def test_no_message_holds_a_value() -> None:
    secret = "hunter2 hunter2"
    for entry in vectors("schema_specimens.yaml"):
        data = json.loads(json.dumps(entry["file"]).replace("text", secret))
        for _ in islice(mutations(data), 0, None, 41):
            said = [part for problem in schema_problems(data) + compose_problems(data) for part in problem[1:]]
            assert not any("hunter2" in part for part in said)


def test_obsolete_keys() -> None:
    data = load('version: "3"\nservices: {}\nvolumes: {v: {external: {name: n}}, w: {external: true}}')
    assert [problem.path for problem in warnings(data)] == [("version",), ("volumes", "v", "external")]
    assert warnings({"services": {}}) == []


@pytest.mark.parametrize("data", [None, [], "", 5, {}, {"services": None}, {"services": {"a": {"volumes": [None]}}}])
def test_any_data_is_judged(data: Any) -> None:
    assert schema_problems(data) == schema_problems(data)
    if isinstance(data, dict):
        assert compose_problems(data) == compose_problems(data)
