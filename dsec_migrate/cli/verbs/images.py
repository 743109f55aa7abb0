"""``dsec-migrate images``: lists the table of images, or the rows of one image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsec_migrate.cli import parameters
from dsec_migrate.cli.verbs.task import Result, page_here
from dsec_migrate.config import project_file
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Image
from dsec_migrate.reports.page import Page
from dsec_migrate.text.errors import UserError

FORMS = {
    "file-variable": "X_FILE",
    "double-underscore": "X__FILE",
    "prefix": "FILE__X",
    "command-variable": "X_CMD, a command",
    "fixed-name": "a file of that name",
    "none": "reads no files",
}


class Call(parameters.Call):
    """Show what images read from files: the table, or one image with the evidence. Changes nothing."""

    name: str | None = parameters.optional_argument("[NAME]", str, "An image reference, as in a Compose file.")


def run(call: Call) -> int:
    return Result(perform(page_here(), call.name)).tell()


def perform(page: Page, name: str | None = None) -> Page:
    """The whole table, or the rows of the image ``name`` (a reference, with or without a tag); rows of
    ``dsec-migrate.toml`` in the current folder come first.

    Raises UserError where there is no such image, or that file is invalid.
    """
    table = project_file.read(Path()).images
    if name is None:
        rows = sorted(
            (row for file in image_table.files() for row in image_table.read_rows(file)), key=lambda row: row.names[0]
        )
        rows = [*table.own, *rows]
        page.heading(f"{len(rows)} rows; `dsec-migrate images NAME` shows one with its evidence")
        page.table((_title(row), _form(row), row.confidence) for row in rows)
        return page
    repository = image_table.repository(name)
    rows = table.rows_of(repository)
    if not rows:
        raise _not_indexed(repository) or UserError(f"image {repository} is not in the table", help=_near(repository))
    current = table.find(name)
    for row in rows:
        page.heading(_title(row) + (" (this one)" if row is current and len(rows) > 1 else ""))
        page.table(_facts(row))
        page.sentence("evidence:", indent="  ")
        for evidence in row.evidence:
            page.sentence(evidence, indent="    ")
    return page


def _title(row: Image) -> str:
    words = [row.names[0]]
    words += [f"from {row.since}"] if row.since else []
    words += [f"below {row.below}"] if row.below else []
    words += [f"({row.variant})"] if row.variant else []
    return " ".join(words)


def _form(row: Image) -> str:
    if row.convention == "value-scheme":
        return f"X={row.value.format(path='PATH', name='NAME')}"
    return FORMS[row.convention]


def _facts(row: Image) -> Iterator[tuple[str, str]]:
    if len(row.names) > 1:
        yield "also", ", ".join(row.names[1:])
    yield "reads", _form(row)
    if row.files:
        named = (f"{name} from {file}" if file not in {name, "*"} else name for name, file in sorted(row.files.items()))
        yield "variables", ", ".join(named)
    elif row.supported:
        yield "variables", ", ".join(sorted(row.supported))
    if row.options:
        yield "options", ", ".join(f"{option} as {file_option} PATH" for option, file_option in row.options.items())
    for url, parts in row.parts.items():
        yield "in parts", f"{', '.join(parts.values())} instead of {url}"
    if row.unsupported:
        yield "but not", ", ".join(sorted(row.unsupported))
    if row.convention != "none":
        yield "read by", {"other": "a user other than root"}.get(row.reads_as, row.reads_as)
        yield "newlines", f"{row.final_newlines} at the end of the file"
    if row.both_set:
        yield "both set", row.both_set
    if row.fallback:
        yield "without", row.fallback
    if row.entrypoint is not None:
        yield "entrypoint", " ".join(row.entrypoint) or "none"
    if row.command is not None:
        yield "command", " ".join(row.command) or "none"
    if row.shell is not None:
        yield "shell", row.shell
    yield "sure", row.confidence


def _not_indexed(name: str) -> UserError | None:
    """A row that no run would find, since the index does not list it: somebody is adding it."""
    for file in image_table.files():
        if any(name in row.names for row in image_table.read_rows(file)):
            what = f"{image_table.INDEX.name} does not list the row for {name}, so no run finds it"
            return UserError(what, str(file), help="run DSEC_REGENERATE=1 pytest tests/test_images.py -k index")
    return None


def _near(name: str) -> str:
    import difflib

    known = [known for file in image_table.files() for row in image_table.read_rows(file) for known in row.names]
    short = {known.rpartition("/")[2]: known for known in known}
    near = difflib.get_close_matches(name, known, n=2) or [
        short[word] for word in difflib.get_close_matches(name.rpartition("/")[2], short, n=2)
    ]
    return f"did you mean {' or '.join(near)}?" if near else "run `dsec-migrate images` to list the images in the table"
