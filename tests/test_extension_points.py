"""What is added by one file and one word in one registry: whoever forgets a step is told which."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dsec_migrate.api import plan
from dsec_migrate.checks.catalogue import Group
from dsec_migrate.checks.subject import Weight
from dsec_migrate.cli import commands, completion, mistaken, verbs
from dsec_migrate.cli.command import VERBS
from dsec_migrate.cli.request import Request
from dsec_migrate.cli.verbs import audit_report
from dsec_migrate.config.options import Harden, Options, SourceKind
from dsec_migrate.detectors.finding import Action, Confidence, Exposure
from dsec_migrate.planning.changes import Applicability
from dsec_migrate.planning.passes import propose
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix, Unsuited
from dsec_migrate.planning.passes.propose import PASSES, Pass
from dsec_migrate.planning.sources.hold import source_of
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.reports import formats
from dsec_migrate.rewrite import fetching
from dsec_migrate.stores import managers
from dsec_migrate.text.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[1]


def defining(package: Any, name: str) -> set[str]:
    """The modules beside ``package`` that define ``name`` at their top."""
    folder = Path(package.__file__).parent
    paths = [path for path in folder.glob("*.py") if path.stem != "__init__"] + list(folder.glob("*/__init__.py"))
    return {path.stem if path.parent == folder else path.parent.name for path in paths if name in set(_defined(path))}


def is_tested(words: str) -> bool:
    """Whether a test, other than those here, has a text or an attribute that fits the expression."""
    tests = (path for path in (REPOSITORY / "tests").glob("test_*.py") if path != Path(__file__))
    return any(re.search(words, path.read_text("utf-8")) for path in tests)


def _defined(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name


# --- an option ---


def test_each_option_of_the_pipeline_has_a_row() -> None:
    # what other options add up to, and what only a run knows
    made = {"manager", "skip_settled", "unproved"}
    missing = set(Options.__annotations__) - made - Request.parameters.keys()
    assert not missing, f"Options has {missing}: add a row of that name to cli/request.Request"


def test_the_defaults_of_a_request_are_those_of_the_pipeline() -> None:
    request, plain = Request(), Options()
    for name in Request.parameters.keys() & Options.__annotations__.keys() - {"target"}:
        assert getattr(request, name) == getattr(plain, name), f"the row {name} has another default than Options"


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_a_row_is_whole(verb: str) -> None:
    rows = commands.command(verb).call.parameters
    spellings = [spelling for row in rows.values() for spelling in row.spellings]
    assert len(spellings) == len(set(spellings))
    for name, row in rows.items():
        assert row.help.endswith((".", "]")), f"the help of {name} is no sentence"
        assert all(spelling.startswith("-") for spelling in row.spellings), name
        assert not (row.is_required and row.default is not None), f"{name} is required and has a default"
    assert not {"line", "parameters", "said"} & rows.keys(), "an attribute of Call has that name"


def test_a_value_is_said_as_it_is_read() -> None:
    said = {"source_of": "*_TOKEN=environment", "delivery_of": "db.*=wrap", "rename": "A=b"}
    said |= {"skip_because": "A=b, and c=d", "harden": "networks", "allow": ".", "only": "a=b"}
    for name, text in said.items():
        row = Request.parameters[name]
        assert row.kind(row.word(row.kind(text))) == row.kind(text), name


def test_a_call_takes_no_name_that_is_no_row() -> None:
    with pytest.raises(TypeError, match="no parameter nonsense"):
        Request(nonsense=1)


# as messages name them with the program, or in a command that they print
OF_OTHER_PROGRAMS = {
    *("--add", "--build", "--cached", "--eval", "--force-recreate", "--from-file", "--global", "--no-cache"),
    *("--query", "--quiet", "--secret-id", "--user"),
}


def _named_in_messages(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text("utf-8"))
    # docstrings speak to us, of whatever program
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            text = re.sub(r"`[^`]*\b(?:docker|git|redis|RUN)\b[^`]*`", "", node.value)
            yield from (
                (node.lineno, option)
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text if " " in text.strip() else "")
            )


def test_each_option_that_a_message_names_is_one() -> None:
    known = {one for command in commands.every() for row in command.options for one in row.spellings}
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line} {option}"
        for path in sorted((REPOSITORY / "dsec_migrate").rglob("*.py"))
        for line, option in _named_in_messages(path)
        if option not in known | OF_OTHER_PROGRAMS
    ]
    assert wrong == []


# --- a verb ---


def test_each_verb_is_registered() -> None:
    missing = defining(verbs, "Call") - set(VERBS)
    assert not missing, f"verbs/ has {missing}: add it to cli/command.VERBS"


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_known_everywhere(verb: str) -> None:
    command = commands.command(verb)
    assert command.text.partition("\n")[0].endswith("."), f"the docstring of verbs.{verb}.Call begins with no sentence"
    assert f"{verb}" in commands.command("").text
    assert all(verb in completion.script(shell, commands.every()) for shell in ("bash", "zsh", "fish"))
    with pytest.raises(UserError) as caught:
        mistaken.check([Path(f"{verb}{verb[-1]}")], VERBS, "dsec-migrate")
    assert caught.value.help == f"did you mean {verb}?"
    assert is_tested(rf'"{verb}"|\b{verb}\.perform'), f"no test calls {verb}: add one to tests/test_verbs.py"
    changes = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"`(?:dsec-migrate )?{verb}\b", changes), f"CHANGELOG.md does not mention `{verb}`"


# --- a report ---


def test_each_report_is_registered() -> None:
    # parts of the text report have that name as well
    parts = {"diff", "semantic", "hunks"}
    missing = defining(formats, "render") - parts - set(formats.NAMES)
    assert not missing, f"reports/ has {missing}: add it to reports/formats.NAMES"
    rows = defining(formats, "of_rows") - set(formats.OF_ROWS)
    assert not rows, f"reports/ has {rows} with of_rows: add it to reports/formats.OF_ROWS"


@pytest.mark.parametrize("name", formats.NAMES)
def test_a_report_is_known_everywhere(name: str) -> None:
    module = import_module(f"dsec_migrate.reports.{name}")
    assert callable(getattr(module, "render", None)), f"reports/{name}.py has no render(outcome, view)"
    assert is_tested(f'"{name}"'), f'no test reads the report "{name}": add one to tests/test_formats.py'
    assert name in Request.parameters["form"].values
    assert name in Request.parameters["form"].metavar


@pytest.mark.parametrize("name", formats.OF_ROWS)
def test_a_report_of_rows_is_one_of_the_audit_too(name: str) -> None:
    assert name in audit_report.FORMATS
    assert isinstance(audit_report.RENDERERS[name]([]), str)


# --- a pass ---

# for each pass a fixture in which it moves a secret
FIXTURE_OF = {
    "argument": "command-redis",
    "build_secret": "build-argument-of-npm",
    "sure_wrapper": "safe-only",
    "renaming": "block-scalar-at-end",
    "fixed_name": "images-of-a-small-office",
    "url_parts": "connection-url-in-parts",
    "wrapper": "image-influxdb",
}


def test_each_pass_is_registered() -> None:
    missing = defining(propose, "propose") - {one.module for one in PASSES} - {"propose"}
    assert not missing, f"passes/ has {missing}: add a Pass, with the cases that it fits, to passes/propose.PASSES"


@pytest.mark.parametrize("one", PASSES, ids=[one.module for one in PASSES])
def test_a_pass_serves_in_a_fixture(one: Pass, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(f"dsec_migrate.planning.passes.{one.module}")
    assert callable(getattr(module, "propose", None)), f"passes/{one.module}.py has no propose(case)"
    assert one.module in FIXTURE_OF, (
        f"FIXTURE_OF has no {one.module}: add a project to tests/fixtures that needs this pass, and name it there"
    )
    answers: list[object] = []
    asked = Pass.propose

    def recorded(each: Pass, case: Case) -> Fix | Skipped | Unsuited:
        answer = asked(each, case)
        answers.extend([answer] if each.module == one.module else [])
        return answer

    monkeypatch.setattr(Pass, "propose", recorded)
    name = FIXTURE_OF[one.module]
    plan([REPOSITORY / "tests" / "fixtures" / name / "before" / "compose.yml"], environment={})
    assert any(isinstance(answer, Fix) for answer in answers), (
        f"tests/fixtures/{name} has nothing that the pass {one.module} moves: its row in PASSES fits no case there, an "
        "earlier pass answers, or it is Unsuited"
    )


# --- a store ---


@pytest.mark.parametrize("name", managers.STORES)
def test_a_store_is_known_everywhere(name: str) -> None:
    store = managers.STORES[name]
    module = managers.module_of(name)
    push = commands.command("push").call.parameters
    options_of_push = {row.spellings[-1] for row in push.values() if row.spellings}
    file = f"stores/{name}.py"
    assert isinstance(getattr(module, "OPTIONS", None), (set, frozenset)), (
        f"{file} has no OPTIONS, the options of push that it takes"
    )
    assert options_of_push >= module.OPTIONS, f"{file}: push lacks an option of OPTIONS: add its row to verbs/push.py"
    assert store.takes_files or callable(getattr(module, "connect", None)), f"{file} has no connect(reach)"
    assert f"--to {name}" in (REPOSITORY / "docs" / "stores.md").read_text("utf-8"), (
        f"docs/stores.md does not show `push --to {name}`: say where the values go, and how the store is reached"
    )
    assert is_tested(f'"{name}"'), (
        f'no test pushes to "{name}": add it to tests/test_stores.py, with a client that keeps what it is sent'
    )
    assert name in push["to"].values
    assert (name in commands.command("pull").call.parameters["source"].values) == store.gives_back


def test_each_store_is_registered() -> None:
    missing = defining(managers, "connect") - set(managers.STORES) - {"managers"}
    assert not missing, f"stores/ has {missing}: add a Store to stores/managers.STORES"


@pytest.mark.parametrize("kind", [kind for kind in SourceKind if not kind.is_managed])
def test_each_source_has_its_module(kind: SourceKind) -> None:
    assert callable(source_of(kind)), f"planning/sources/{kind.value}_secrets.py has no hold"


def test_each_manager_has_its_fetching_service() -> None:
    managed = {kind.value for kind in SourceKind if kind.is_managed}
    assert managed == set(fetching.RUNTIMES), "options.SourceKind and rewrite/fetching.RUNTIMES differ"


# --- the schemas ---


def values(*kinds: type[Enum]) -> set[str]:
    return {str(one.value) for kind in kinds for one in kind}


def enumerations(name: str) -> dict[str, list[set[str]]]:
    """The enumerations of a schema, by the key that has them."""
    found: dict[str, list[set[str]]] = {}

    def look(node: Any, key: str) -> None:
        if isinstance(node, dict):
            if "enum" in node:
                found.setdefault(key, []).append({str(one) for one in node["enum"] if one is not None})
            for inner, value in node.items():
                look(value, key if inner in {"anyOf", "allOf", "items"} else inner)
        elif isinstance(node, list):
            for value in node:
                look(value, key)

    look(json.loads((REPOSITORY / "schemas" / f"{name}.schema.json").read_text("utf-8")), "")
    return found


@pytest.mark.parametrize(
    ("schema", "key", "known"),
    [
        ("report", "applicability", values(Applicability)),
        ("report", "source", {kind.value for kind in SourceKind if not kind.is_managed}),
        ("report", "exposure", values(Exposure)),
        ("report", "confidence", values(Confidence)),
        ("report", "action", values(Action)),
        ("report", "delivery", values(Delivery)),
        ("report", "pass", values(Harden)),
        ("audit", "group", {group.value.lower() for group in Group}),
        ("audit", "weight", values(Weight)),
    ],
)
def test_a_schema_lists_what_the_code_knows(schema: str, key: str, known: set[str]) -> None:
    listed = enumerations(schema)[key]
    # "none" is said of what does not move, and no way to move it
    fits = known in listed or known in [one - {"none"} for one in listed]
    assert fits, f"schemas/{schema}.schema.json: {key} is {listed}, the code knows {known}"
