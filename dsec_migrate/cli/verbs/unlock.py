"""``unlock``: decrypts the files that ``lock`` encrypted into the plain files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.cli.parameters import repeated
from dsec_migrate.cli.verbs.lock import LOCKED, mark_of, of_files
from dsec_migrate.cli.verbs.task import (
    ALLOW,
    ENV_FILES,
    FILES,
    LAYERS,
    SECRETS_DIR,
    WRITE,
    ProjectCall,
    Result,
    Task,
    each,
    tell_git,
)
from dsec_migrate.compose.project import Project
from dsec_migrate.lifecycle.filling import MissingValue, write
from dsec_migrate.lifecycle.secret_values import Held, read
from dsec_migrate.lifecycle.state_file import StateFile
from dsec_migrate.planning.secret_files import secrets_folder
from dsec_migrate.planning.secret_readers import mode_for
from dsec_migrate.stores import age
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret


class Call(ProjectCall):
    """Decrypt the secrets of a project into the plain files that its services mount."""

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    identities: Sequence[Path] = repeated(
        "--identity", "FILE", Path, "File with the private key.  [default: $AGE_IDENTITY]"
    )
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    named = os.environ.get("AGE_IDENTITY")
    return unlock(Task.of(call), call.identities or ([Path(named)] if named else [])).tell()


def unlock(task: Task, identities: Sequence[Path]) -> Result:
    known = [key for path in identities for key in age.read_identities(path)]
    if not known:
        raise UserError("no identity to decrypt with", help="pass its file with --identity FILE, or set AGE_IDENTITY")
    return each(task, lambda unit: _unlock(task, unit, known))


def _unlock(task: Task, project: Project, identities: Sequence[Secret]) -> None:
    page = task.page
    folder = secrets_folder(project, task.options)
    page.heading(f"{project.source.path.name}: decrypted")
    rows: list[tuple[str, str, str]] = []
    values: list[tuple[Held, Path, Secret]] = []
    other: list[str] = []
    opened: list[tuple[Held, Secret]] = []
    for one, file in of_files(task, project):
        source = age.encrypted(file)
        content = read(source)
        if content is None:
            rows.append((one.name, str(file), f"{source.name} does not exist"))
            continue
        plain = age.decrypt(content.content(), identities, source)
        value = Secret.of(plain)
        opened.append((one, value))
        if one.value == value:
            rows.append((one.name, str(file), "already here, same value"))
        elif one.value:
            other.append(one.name)
            rows.append((one.name, str(file), "exists with ANOTHER value"))
        else:
            values.append((one, file, value))
            rows.append((one.name, str(file), "new"))
    page.table(rows)
    if other:
        raise UserError(
            f"the files of {', '.join(other)} contain other values; nothing was written",
            str(project.source.path),
            help="run `dsec-migrate lock --write` to encrypt the values that are here, or move the files away",
        )
    page.blank()
    if not task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return
    for one, file, value in values:
        mode = mode_for(project, one.name)
        write(MissingValue(one.name, file, mode, boundary=project.boundary), value)
    tell_git(page, [file for _, file, _ in values])
    state_file = StateFile(folder, project.boundary)
    text = read(folder / age.RECIPIENTS)
    recipients = age.read_recipients(text.reveal()) if text is not None else []
    for one, value in opened:
        entry = state_file.entry(one.name)
        mark = mark_of(state_file, value, recipients)
        if entry.details.get(LOCKED) != mark:
            state_file.write(one.name, replace(entry, details={**entry.details, LOCKED: mark}))
