"""The reference, made from the code when the site is built: nothing of it can go stale."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def options() -> str:
    """What ``--help`` says, verb by verb."""
    from dsec_migrate.cli.command import VERBS

    parts = ["# Options\n\nWhat `--help` says. Every verb that changes anything is a dry run until `--write`.\n"]
    for verb in ("", *VERBS):
        title = f"dsec-migrate {verb}".rstrip()
        parts.append(f"## {title}\n\n```text\n{_help(verb)}```\n")
    return "\n".join(parts)


def _help(verb: str) -> str:
    words = [verb, "--help"] if verb else ["--help"]
    program = [sys.executable, "-c", "from dsec_migrate.cli import main; main()", *words]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout


def checks() -> str:
    """Each check of the audit, from its module's docstring."""
    from dsec_migrate.checks.catalogue import CHECKS, load

    parts = [
        "# Checks\n\n`dsec-migrate audit` asks these questions of a project. `--explain ID` shows a page in the "
        "terminal; `# dsec: ignore[ID] reason` in a file's line, or `[[ignore]]` in `dsec-migrate.toml`, excepts an "
        "item.\n"
    ]
    for group, names in CHECKS.items():
        parts.append(f"## {group.value}\n")
        parts += (f"### {check.id}\n\n**{check.title}.**\n\n{check.text}\n" for check in map(load, names))
    return "\n".join(parts)


def images() -> str:
    """The table of images, a line each."""
    from dsec_migrate.images.image_table import files, read_rows

    parts = [
        "# Images\n\nWhat each image reads from files. `dsec-migrate images NAME` shows the evidence: repository, "
        "commit and lines.\n\n| image | versions | reads | variables | as |\n|---|---|---|---|---|\n"
    ]
    rows = [row for path in files() for row in read_rows(path)]
    for row in sorted(rows, key=lambda row: row.names[0]):
        versions = " ".join(
            filter(None, [f"from {row.since}" if row.since else "", f"below {row.below}" if row.below else ""])
        )
        names = ", ".join(f"`{name}`" for name in sorted(row.supported)) or "none"
        variant = f" ({row.variant})" if row.variant else ""
        parts.append(
            f"| {', '.join(row.names)}{variant} | {versions} | {row.convention} | {names} | {row.reads_as} |\n"
        )
    return "".join(parts)


def exit_status() -> str:
    from dsec_migrate import outcome

    rows = {
        outcome.DONE: "done, or shown (even if there are secrets to move)",
        outcome.REFUSED_BY_CHECK: "`--check` only: a secret stands in plaintext, or its value is in a file of git",
        outcome.BAD_INPUT: "bad usage, or a file that cannot be read or is invalid: `error:`, `-->`, `help:`",
        outcome.UNPROVED: "a change could not be proved right; nothing was written",
    }
    lines = "".join(f"| {status} | {text} |\n" for status, text in rows.items())
    end = "\nOf several projects the highest counts. Each is independent: one with errors is left unchanged.\n"
    return f"# Exit status\n\n| status | meaning |\n|---|---|\n{lines}{end}"


def json_reports() -> str:
    """The schemas of the JSON reports, as tables."""
    parts = ["# JSON\n\nNo value of a secret is in any report. `version` grows when a reader would have to change.\n"]
    for title, name in (("dsec-migrate --format json", "report"), ("dsec-migrate audit --format json", "audit")):
        schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text("utf-8"))
        parts.append(f"## {title}\n\n{schema['title']} (`schemas/{name}.schema.json`).\n")
        parts.append(_table(schema))
        for key, definition in schema["$defs"].items():
            if definition.get("properties"):
                parts.append(f"### {name}: {key}\n\n{_table(definition)}")
    return "\n".join(parts)


def _table(schema: Mapping[str, Any]) -> str:
    rows = "".join(_rows(schema))
    return f"| key | type | |\n|---|---|---|\n{rows}"


def _rows(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, value in schema.get("properties", {}).items():
        yield f"| `{key}` | {_type(value)} | {value.get('title', '')} |\n"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(map(_type, schema[key]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/options.md": options,
    "reference/checks.md": checks,
    "reference/images.md": images,
    "reference/exit-status.md": exit_status,
    "reference/json.md": json_reports,
}


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages to those of the folder (called by mkdocs)."""
    from mkdocs.structure.files import File

    for name, make in PAGES.items():
        files.append(File.generated(config, name, content=make()))
    return files
