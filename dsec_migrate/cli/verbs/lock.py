"""``lock``: encrypts the values into files for git. The plain files stay on this host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.cli.parameters import repeated
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
)
from dsec_migrate.compose.project import Project
from dsec_migrate.lifecycle.filling import put_whole
from dsec_migrate.lifecycle.secret_values import Held, check_own, held, read
from dsec_migrate.lifecycle.state_file import StateFile
from dsec_migrate.planning.ignore_lines import ignore_but
from dsec_migrate.planning.secret_files import Disk, secrets_folder
from dsec_migrate.stores import age
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret

LOCKED = "locked"


class Call(ProjectCall):
    """Encrypt the secrets of a project into files beside the plain ones, safe to commit to git.

    The recipients are stored in .age-recipients. git ignores the plain files.
    """

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    recipients: Sequence[str] = repeated(
        "--encrypt-to", "RECIPIENT", str, "A public key of age or SSH; may be repeated."
    )
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    return lock(Task.of(call), call.recipients).tell()


def lock(task: Task, recipients: Sequence[str]) -> Result:
    """``recipients`` are added to those in the folder's .age-recipients."""
    age.check(recipients)
    return each(task, lambda unit: _lock(task, unit, recipients))


def of_files(task: Task, project: Project) -> list[tuple[Held, Path]]:
    return [(one, one.file) for one in held(project, task.options) if one.file is not None]


def _lock(task: Task, project: Project, added: Sequence[str]) -> None:
    page = task.page
    folder = secrets_folder(project, task.options)
    listed = folder / age.RECIPIENTS
    text = read(listed)
    known = age.read_recipients(text.reveal()) if text is not None else []
    recipients = list(dict.fromkeys([*known, *added]))
    if not recipients:
        raise UserError(
            "there are no recipients to encrypt for", str(listed), help="pass a public key: --encrypt-to age1…"
        )
    age.check(recipients)
    page.heading(f"{project.source.path.name}: encrypted for {len(recipients)} recipient{'s' * (len(recipients) != 1)}")
    page.table((one, f"from {listed}" if one in known else "new") for one in recipients)
    found = of_files(task, project)
    check_own(project, (one for one, _ in found))
    state_file = StateFile(folder, project.boundary)
    rows: list[tuple[str, str, str]] = []
    todo: list[tuple[Held, Path]] = []
    for one, file in found:
        target = age.encrypted(file)
        if one.value is None:
            state = "it has no value here"
        elif (
            state_file.knows()
            and target.exists()
            and mark_of(state_file, one.value, recipients) == _marked(state_file, one.name)
        ):
            state = "encrypted already"
        else:
            state = "encrypted anew" if target.exists() else "new"
            todo.append((one, target))
        rows.append((one.name, str(target), state))
    page.table(rows)
    ignored = ignore_but(project, folder, (f"*{age.SUFFIX}", age.RECIPIENTS), Disk())
    if ignored is not None:
        page.table([(str(ignored.path), "ignores the plain files, but not the encrypted ones")])
    page.blank()
    if not task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return
    if ignored is not None:
        put_whole(ignored.path, ignored.text.encode(), 0o644, project.boundary)
    if recipients != known:
        put_whole(listed, "".join(f"{one}\n" for one in recipients).encode(), 0o644, project.boundary)
    for one, target in todo:
        assert one.value is not None
        put_whole(target, age.encrypt(one.value.content(), recipients).encode(), 0o644, project.boundary)
        entry = state_file.entry(one.name)
        mark = mark_of(state_file, one.value, recipients)
        state_file.write(one.name, replace(entry, details={**entry.details, LOCKED: mark}))


def mark_of(state_file: StateFile, value: Secret, recipients: Sequence[str]) -> str:
    """Records from which value and for which recipients a file was encrypted, which its content does not show."""
    return state_file.fingerprint("\n".join([*sorted(recipients), ""]).encode() + value.content())


def _marked(state_file: StateFile, name: str) -> str:
    return state_file.entry(name).details.get(LOCKED, "")
