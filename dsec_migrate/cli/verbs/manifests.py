"""``push --to kubernetes``: writes a folder with a kustomize component; nothing is sent anywhere."""

from __future__ import annotations

import os
from pathlib import Path

from dsec_migrate.cli.verbs.task import Result, Task, each
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.project.mounted import by_path
from dsec_migrate.lifecycle.filling import put_whole
from dsec_migrate.lifecycle.secret_values import check_own, held
from dsec_migrate.planning.secret_files import project_name, secrets_folder
from dsec_migrate.stores import kubernetes
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import read_bytes

FOLDER = "kubernetes"


@dataclass(frozen=True, repr=False, eq=False)
class Wish:
    """``folder`` of the manifests, relative to the project; they contain values only ``with_values``."""

    folder: str = FOLDER
    namespace: str | None = None
    with_values: bool = False


def perform(task: Task, wish: Wish) -> Result:
    return each(task, lambda unit: _tell(task, wish, unit))


def _tell(task: Task, wish: Wish, project: Project) -> None:
    page, folder = task.page, project.directory / wish.folder
    known = list(held(project, task.options))
    secrets = []
    for one in known:
        path = one.file or secrets_folder(project, task.options) / f"{one.name}.txt"
        secrets.append(kubernetes.Kept(one.name, one.value, Path(os.path.relpath(path, folder)).as_posix()))
    missing = [one.name for one in known if one.value is None]
    if wish.with_values and missing:
        raise UserError(
            f"{', '.join(missing)} have no value here",
            str(project.source.path),
            help="run `dsec-migrate fill --write` first",
        )
    if wish.with_values:
        check_own(project, known)
    kubernetes.check(secrets)
    consumers = [_consumer(project, name) for name in project.services]
    texts = kubernetes.files(project_name(project), secrets, consumers, wish.namespace, with_values=wish.with_values)
    page.heading(f"{project.source.path.name} for Kubernetes")
    if not known:
        page.sentence("the project defines no secret", indent="  ")
        return
    if wish.with_values:
        texts = {".gitignore": f"{kubernetes.MARK}\n/{kubernetes.VALUES}\n", **texts}
    states = {name: _state(folder / name, text) for name, text in texts.items()}
    page.table((f"{wish.folder}/{name}", state) for name, state in states.items())
    foreign = [name for name, state in states.items() if state == "exists, and was NOT written by this program"]
    if foreign:
        raise UserError(
            f"{', '.join(foreign)} would be overwritten; nothing was written",
            str(folder),
            help="pass another folder: --out",
        )
    for name, text in texts.items() if task.write else ():
        _put(folder / name, text, project.boundary)
    page.blank()
    if not task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return
    if not wish.with_values:
        page.sentence(f"sh {wish.folder}/{kubernetes.SCRIPT} creates the Secrets from the files with the values")
    page.sentence(f"add to the kustomization of the workloads: components: [{wish.folder}]")


def _consumer(project: Project, name: str) -> kubernetes.Consumer:
    service = project.services[name]
    mounts = by_path(service)
    variables = {
        variable.name: value
        for variable in service.variables.values()
        if (value := variable.effective.value) and any(path in value for path in mounts)
    }
    return kubernetes.Consumer(name, mounts, variables)


def _state(path: Path, text: str) -> str:
    try:
        present = read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return "new"
    except OSError as error:
        raise UserError(f"cannot read the existing file: {error.strerror}", str(path)) from None
    if present == text.encode():
        return "there already"
    return "made anew" if kubernetes.MARK.encode() in present else "exists, and was NOT written by this program"


def _put(path: Path, text: str, boundary: Boundary) -> None:
    mode = 0o600 if path.name == kubernetes.VALUES else 0o755 if path.name == kubernetes.SCRIPT else 0o644
    put_whole(path, text.encode(), mode, boundary)
