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
ROOM = r"^\| *`([a-z_/]+)` *\|[^|]*\|([^|]*)\|$"
ENTRIES = 22
SAME_NAMES = {
    "text",  # the room, and the report of that format
    "images",  # the room, and the verb of that name
}

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


@cache
def known() -> dict[str, tuple[str, ...]]:
    """The table in the documentation: what each room and sub-room knows besides its own modules, by its name."""
    text = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    return {
        room.rstrip("/"): tuple(name.rstrip("/") for name in re.findall(r"`([^`]+)`", names))
        for room, names in re.findall(ROOM, text, re.MULTILINE)
    }


@cache
def reachable(room: str) -> frozenset[str]:
    """What a room knows, directly or through others."""
    return frozenset(known()[room]).union(*(reachable(name) for name in known()[room]))


def room_of(name: str) -> str:
    """The room, or sub-room, that a module (``compose.project.model``) is in; empty for the package's face."""
    parts = name.split(".")
    return "/".join(parts[:2]) if "/".join(parts[:2]) in known() else parts[0]


def may_know(room: str, other: str) -> bool:
    above, beside = room.split("/")[0], other.split("/")[0]
    if above != beside:
        return beside in reachable(above)
    return room == other or "/" not in room or "/" not in other or other in reachable(room)


def name_of(path: Path) -> str:
    """``compose.project.model`` for that file, ``compose.project`` for the face of a package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


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


@cache
def own_imports(path: Path) -> tuple[tuple[str, int], ...]:
    """The modules of this program that a file imports (``text.source``), each with its line. What the face of a package
    names is imported from where it is."""
    modules = {name_of(module): module for module in MODULES}
    found = []
    for full, line in imported(syntax(path), path):
        name = full.removeprefix("dsec_migrate.")
        if name == full or name.split(".")[0] == "schemas":
            continue
        module, _, part = name.rpartition(".") if name not in modules else (name, "", "")
        face = modules.get(module)
        if face is not None and face.name == "__init__.py" and part and face != path:
            homes = [home for home, _ in own_imports(face) if _defines(modules[home], part)]
            module = homes[0] if homes else module
        found.append((module, line))
    return tuple(found)


@cache
def _defined(path: Path) -> frozenset[str]:
    targets = {
        target.id
        for node in syntax(path).body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    }
    return frozenset(targets | {str(getattr(node, "name", "")) for node in syntax(path).body})


def _defines(path: Path, name: str) -> bool:
    return name in _defined(path)


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_the_top_shows_the_rooms_of_the_documentation_alone() -> None:
    entries = {path.name for path in PACKAGE.iterdir() if path.is_file() or any(path.rglob("*.py"))}
    rooms = {room for room in known() if "/" not in room}
    assert {entry.removesuffix(".py") for entry in entries} - {"__init__", "__main__", "py.typed"} == rooms
    assert len(entries) <= ENTRIES
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES if path.name == "__init__.py"} - {"."}
    assert {room for room in known() if (PACKAGE / room).is_dir()} == folders


@pytest.mark.parametrize("room", sorted(known()))
def test_a_room_imports_what_its_row_names(room: str) -> None:
    wrong = [
        f"{relative(path)}:{line} imports {name}"
        for path in MODULES
        if room_of(name_of(path)) == room
        for name, line in own_imports(path)
        if not may_know(room, room_of(name))
    ]
    assert wrong == [], f"the row of {room} in docs/architecture.md does not name that room"


def test_no_row_names_more_than_is_imported() -> None:
    used = {(room_of(name_of(path)), room_of(name)) for path in MODULES for name, _ in own_imports(path)}
    pairs = {(room, other) for room, other in used} | {
        (room.split("/")[0], other.split("/")[0]) for room, other in used
    }
    assert [
        f"{room} -> {other}" for room, others in known().items() for other in others if (room, other) not in pairs
    ] == []


def test_no_circle_of_modules() -> None:
    arrows = {name_of(path): {name for name, _ in own_imports(path)} - {name_of(path)} for path in MODULES}
    while True:
        ends = {name for name, others in arrows.items() if not others & set(arrows)}
        if not ends:
            break
        arrows = {name: others for name, others in arrows.items() if name not in ends}
    assert sorted(_in_a_circle(arrows)) == []


def _in_a_circle(arrows: dict[str, set[str]]) -> Iterator[str]:
    for name in arrows:
        seen: set[str] = set()
        new = arrows[name] & set(arrows)
        while new:
            seen |= new
            new = set().union(*(arrows[one] for one in new)) & set(arrows) - seen
        if name in seen:
            yield name


def test_faces_of_packages_hold_no_logic() -> None:
    wrong = []
    for path in MODULES:
        if path.name != "__init__.py" or path.parent == PACKAGE:
            continue
        for node in syntax(path).body:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_list = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if not (is_text or is_list or isinstance(node, ast.ImportFrom)):
                wrong.append(f"{relative(path)}:{node.lineno}")
    assert wrong == []


def test_names_of_modules_are_unique() -> None:
    names = [name_of(path).rpartition(".")[2] for path in MODULES]
    assert {name for name in names if names.count(name) > 1} == SAME_NAMES


def test_the_documentation_names_files_that_there_are() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"`(?:dsec_migrate/)?([a-z_]+/[a-z_/]*)(?:\.py)?`", text))
    rooms = {room for room in known() if "/" not in room}
    missing = [
        name
        for name in sorted(named)
        if name.split("/")[0] in rooms and not (PACKAGE / name).is_dir() and not (PACKAGE / f"{name}.py").is_file()
    ]
    assert missing == []


def test_only_document_imports_the_yaml_library() -> None:
    users = {
        room_of(name_of(path))
        for path in MODULES
        for name, _ in imported(syntax(path), path)
        if name.split(".")[0] in {"ruamel", "_ruamel_yaml", "yaml"}
    }
    assert users == {"compose/document"}


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
    others = {
        path for path in writers if room_of(path.removeprefix("dsec_migrate/").replace("/", ".")) != "transaction"
    }
    assert others <= {
        "dsec_migrate/images/registry.py",
        "dsec_migrate/lifecycle/filling.py",
        "dsec_migrate/reports/output.py",
    }
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


def test_the_data_flow_names_what_there_is() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    assert len(text.splitlines()) <= 150, "docs/architecture.md: at most 150 lines"
    flow = text.split("## Data flow")[1].split("## Decisions")[0].split("`\n", 1)[1]
    defined = {
        node.name
        for path in MODULES
        for node in ast.walk(syntax(path))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    homes = {name_of(path).split(".")[-1]: path for path in MODULES}
    for word in re.findall(r"`([A-Za-z_./]+)`", flow):
        if word.endswith((".yml", ".env", "/")) or word.isupper():
            continue
        module, _, name = word.rpartition(".")
        home = homes.get(module)
        assert name in defined or word.split("/")[-1] in homes, f"{word}: nothing is called so"
        assert not module or module[0].isupper() or (home is not None and _defines(home, name)), word
