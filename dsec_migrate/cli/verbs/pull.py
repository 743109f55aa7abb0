"""``pull``: copies the values of a project from a store to files on this host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.cli.parameters import one_of, required
from dsec_migrate.cli.verbs.push import ENTRY, MOUNT, PREFIX, Way, count, manager_of, place_of
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
from dsec_migrate.lifecycle.secret_values import Held, held
from dsec_migrate.lifecycle.state_file import StateFile
from dsec_migrate.planning.secret_files import project_name, secrets_folder
from dsec_migrate.planning.secret_readers import mode_for
from dsec_migrate.stores.managers import STORES, Reach
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace

_GIVING = tuple(name for name, store in STORES.items() if store.gives_back)


class Call(ProjectCall):
    """Copy the values of a project from Vault or AWS Secrets Manager into its files, for development."""

    source: str = required("--from", "STORE", str, f"{one_of(_GIVING)}.", _GIVING)
    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    prefix: str | None = PREFIX
    entry: str | None = ENTRY
    mount: str = MOUNT
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    return pull(Task.of(call), Way(call.source, Reach("", {}, call.prefix, call.entry, call.mount))).tell()


def pull(task: Task, way: Way) -> Result:
    return each(task, lambda unit: _pull(task, way, unit))


def _pull(task: Task, way: Way, project: Project) -> None:
    page = task.page
    known = [one for one in held(project, task.options) if one.file is not None]
    manager = manager_of(task, way, project, StateFile(secrets_folder(project, task.options), project.boundary))
    places = {one.name: place_of(one, manager, replace(way.reach, project=project_name(project))) for one in known}
    values = manager.fetch(places)
    page.heading(f"{project.source.path.name} from {manager.title}")
    rows: list[tuple[str, str, str]] = []
    wanted: list[Held] = []
    other: list[str] = []
    for one in known:
        value = values.get(one.name)
        if value is None:
            rows.append((one.name, str(one.file), "is not in the store"))
        elif one.value == value:
            rows.append((one.name, str(one.file), "already here, same value"))
        elif one.value:
            other.append(one.name)
            rows.append((one.name, str(one.file), "exists with ANOTHER value"))
        else:
            wanted.append(one)
            rows.append((one.name, str(one.file), "written" if task.write else "new"))
    if other and task.write:
        rows = [(name, file, "new" if told == "written" else told) for name, file, told in rows]
    page.table(rows)
    if other:
        raise UserError(
            f"the files of {', '.join(other)} contain other values; nothing was written",
            str(project.source.path),
            help="move them away, or push their values",
        )
    written: list[Path] = []
    for one in wanted if task.write else ():
        assert one.file is not None
        mode = mode_for(project, one.name)
        write(MissingValue(one.name, one.file, mode, boundary=project.boundary), values[one.name])
        written.append(one.file)
    tell_git(page, written)
    page.blank()
    if not task.write:
        page.sentence(f"{count(wanted)} would be written; nothing written: add --write", paint=page.style.bold)
