"""The shape of the program: the table in docs/architecture.md is true, and start-up stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "dsec_migrate"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES = 450

NAMES_THAT_SAY_NOTHING = {"utils", "util", "core", "base", "helpers", "helper", "common", "misc", "shared", "tools"}
POSIX_ONLY = {"fcntl", "grp", "pwd", "resource", "spwd", "syslog", "termios", "tty"}
# 15 ms and more each, for what most runs never do
HEAVY = {
    "asyncio", "attr", "attrs", "concurrent.futures", "deepdiff", "difflib", "email", "http", "importlib.metadata",
    "jsonschema", "jsonschema_rs", "markdown_it", "multiprocessing", "numpy", "orderly_set", "pydantic", "pygments",
    "referencing", "rich", "ruamel.yaml", "sqlite3", "ssl", "tempfile", "unittest", "urllib.request", "xml",
}  # fmt: skip
WRITING_CALLS = {
    "chmod", "chown", "fchmod", "fchown", "fdopen", "link", "makedirs", "mkdir", "mkstemp", "rename", "renames",
    "replace", "rmdir", "rmtree", "symlink", "symlink_to", "touch", "truncate", "unlink", "write_bytes", "write_text",
}  # fmt: skip


def unit(path: Path) -> str:
    """The row entry that a file belongs to: its module, or the folder of the package that it is in."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@cache
def order() -> dict[str, int]:
    """Modules and folders as the table in the documentation lists them, in its order."""
    text = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    names: list[str] = []
    for row in re.findall(r"^\| *\d+ *\|([^|]*)\|", text, re.MULTILINE):
        names += [name.rstrip("/") for name in re.findall(r"`([^`]+)`", row)]
    return {name: number for number, name in enumerate(names)}


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(node: ast.AST, path: Path) -> Iterator[tuple[str, int]]:
    """Full names of what ``node`` imports, anywhere inside, each with its line."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            for alias in part.names:
                yield alias.name, part.lineno
        elif isinstance(part, ast.ImportFrom):
            assert part.level == 0, f"{path}:{part.lineno} imports relatively"
            for alias in part.names:
                yield f"{part.module}.{alias.name}", part.lineno
        elif (
            isinstance(part, ast.Call)
            and getattr(part.func, "id", getattr(part.func, "attr", "")) in {"import_module", "__import__"}
            and part.args
            and isinstance(part.args[0], ast.Constant)
        ):
            yield str(part.args[0].value), part.lineno


def own_imports(path: Path) -> Iterator[tuple[str, int]]:
    """The rows of this program that a file imports."""
    for name, line in imported(syntax(path), path):
        parts = name.split(".")
        if parts[0] == "dsec_migrate" and len(parts) > 1 and parts[1] != "schemas":
            yield parts[1], line


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_the_documentation_lists_every_module_once() -> None:
    found = {unit(path) for path in MODULES} - {"__init__", "__main__"}
    assert set(order()) == found


def test_imports_point_to_earlier_rows_of_the_documentation() -> None:
    places = order()
    wrong = [
        f"{relative(path)}:{line} imports {name}"
        for path in MODULES
        for name, line in own_imports(path)
        if unit(path) in places and name != unit(path) and places.get(name, len(places)) >= places[unit(path)]
    ]
    assert wrong == []


def test_only_document_imports_the_yaml_library() -> None:
    users = {
        unit(path)
        for path in MODULES
        for name, _ in imported(syntax(path), path)
        if name.split(".")[0] in {"ruamel", "_ruamel_yaml", "yaml"}
    }
    assert users == {"document"}


def _writes(path: Path) -> Iterator[str]:
    """Calls of a file that change the disk."""
    for node in ast.walk(syntax(path)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = function.value if isinstance(function, ast.Attribute) else None
        place = f"{relative(path)}:{node.lineno} {name}"
        if name == "open":
            positional = node.args[1:] if owner is None or getattr(owner, "id", "") in {"os", "io"} else node.args[:1]
            words = [*positional, *(keyword.value for keyword in node.keywords if keyword.arg in {"mode", "flags"})]
            texts = [word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)]
            is_flagged = any("O_WRONLY" in ast.dump(word) or "O_RDWR" in ast.dump(word) for word in words)
            if is_flagged or any(re.fullmatch(r"[rwaxbt+]*[wax+][rwaxbt+]*", text) for text in texts):
                yield place
        elif name == "replace":
            # str.replace and dataclasses.replace are harmless
            if isinstance(owner, ast.Name) and owner.id in {"os", "shutil"}:
                yield place
        elif name in WRITING_CALLS:
            yield place


def test_only_the_writer_and_saved_reports_change_the_disk() -> None:
    writers = {relative(path) for path in MODULES if any(_writes(path))}
    # filling.py writes values that were asked for into files that are missing or empty; registry.py keeps a cache
    units = {path.split("/")[1].removesuffix(".py") for path in writers}
    assert units <= {"transaction", "filling", "registry", "reports"}
    assert "dsec_migrate/transaction/commit.py" in writers


def test_a_write_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "REPOSITORY", tmp_path)
    module = tmp_path / "module.py"
    module.write_text(
        "import os, dataclasses\n"
        "open('a', 'w')\nopen('a')\npath.open(mode='ab')\nos.open('a', os.O_WRONLY | os.O_CREAT)\n"
        "os.replace('a', 'b')\n'a'.replace('b', 'c')\ndataclasses.replace(x, y=1)\npath.write_text('a')\n",
        "utf-8",
    )
    assert [place.split(":")[1] for place in _writes(module)] == [
        "2 open",
        "4 open",
        "5 open",
        "6 replace",
        "9 write_text",
    ]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_have_telling_names_and_a_readable_length(path: Path) -> None:
    assert not NAMES_THAT_SAY_NOTHING & set(path.relative_to(PACKAGE).with_suffix("").parts)
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= LINES, f"{lines} lines: make it a package of the same name"


def test_nothing_needs_posix_at_start_up() -> None:
    wrong = []
    for path in MODULES:
        for statement in syntax(path).body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                wrong += [
                    f"{relative(path)}:{line} {name}"
                    for name, line in imported(statement, path)
                    if name.split(".")[0] in POSIX_ONLY
                ]
    assert wrong == []


def _loaded(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after ``code``."""
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(result.stdout.splitlines()[-1].split())


def _heavy(loaded: set[str]) -> set[str]:
    return {name for name in HEAVY if any(module == name or module.startswith(f"{name}.") for module in loaded)}


def test_start_up_loads_nothing_heavy() -> None:
    loaded = _loaded("import dsec_migrate.cli")
    assert _heavy(loaded) == set()
    assert "typer" not in loaded
    # what typer brings (difflib, say) cannot be helped
    assert _heavy(_loaded("import dsec_migrate.cli.option_parser") - _loaded("import typer")) == set()


def test_a_run_without_a_change_loads_only_the_validator(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("services:\n  a:\n    image: busybox\n    environment:\n      LOG_LEVEL: info\n", "utf-8")
    code = (
        "from dsec_migrate import cli\n"
        "try:\n"
        f"    cli.main([{str(file)!r}])\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
    )
    loaded = _loaded(code)
    # ruamel.yaml: its compiled parser, and the names of its events
    assert _heavy(loaded) - _heavy(_loaded("import jsonschema_rs")) <= {"ruamel.yaml"}
    assert "typer" not in loaded, "a call that only names files needs no option parser"


def test_the_distribution_holds_every_package() -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        packages = tomllib.load(file)["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(REPOSITORY) for path in (REPOSITORY / "dsec_migrate").rglob("__init__.py")}
    assert sorted(packages) == sorted({".".join(folder.parts) for folder in folders} | {"dsec_migrate.schemas"})
