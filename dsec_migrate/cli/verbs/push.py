"""``push``: copies the values of a migrated project to another store.

Everything is checked before anything is sent: if one name already has another value, nothing changes. What already
exists is left alone, so an interrupted push can be run again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.cli.parameters import one_of, option, repeated, required, switch
from dsec_migrate.cli.verbs import manifests
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
from dsec_migrate.compose.swarm_rules import outdated
from dsec_migrate.lifecycle.secret_values import Held, held
from dsec_migrate.lifecycle.state_file import StateFile
from dsec_migrate.planning.secret_files import project_name, secrets_folder
from dsec_migrate.reports.page import Page
from dsec_migrate.stores.managers import STORES, Found, Item, Reach, SecretManager, check_options, connect
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, replace

PREFIX = option("--prefix", "PATH", str, "Prefix of each name in the store.  [default: the project's name]")
ENTRY = option("--entry", "NAME", str, "Store all values as keys of one entry.")
MOUNT = option("--mount", "PATH", str, "Vault: the mount path of the KV version 2 engine.", default="secret")


def label(text: str) -> tuple[str, str]:
    if "=" not in text[1:]:
        raise UserError("--label takes KEY=VALUE", help="such as --label stage=production")
    key, _, value = text.partition("=")
    return key, value


class Call(ProjectCall):
    """Copy the values of a migrated project to Swarm, Vault or AWS Secrets Manager, or write manifests for Kubernetes.

    Lists names, never values. Entries that already exist are kept; if a name already has another value, nothing is
    sent. An interrupted push can be run again.
    """

    to: str = required("--to", "STORE", str, f"{one_of(tuple(STORES))}.", tuple(STORES))
    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    labels: Sequence[tuple[str, str]] = repeated(
        "--label", "KEY=VALUE", label, "A label (Swarm) or tag (AWS); may be repeated."
    )
    prefix: str | None = PREFIX
    entry: str | None = ENTRY
    mount: str = MOUNT
    out: str = option("--out", "DIR", str, "Kubernetes: the folder of the manifests.", default=manifests.FOLDER)
    namespace: str | None = option("--namespace", "NAME", str, "Kubernetes: the namespace of all objects.")
    with_values: bool = switch("--with-values", "Kubernetes: write Secrets with their values instead of a script.")
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


@dataclass(frozen=True, repr=False, eq=False)
class Way:
    """The destination: the name of a store and its settings; the project is that of the files."""

    name: str
    reach: Reach


def run(call: Call) -> int:
    of_stores = [name for name in call.said() if name != "to" and not hasattr(ProjectCall, name)]
    check_options(call.to, {call.parameters[name].spellings[-1] for name in of_stores})
    task = Task.of(call)
    if STORES[call.to].takes_files:
        return manifests.perform(task, manifests.Wish(call.out, call.namespace, call.with_values)).tell()
    return push(task, Way(call.to, Reach("", dict(call.labels), call.prefix, call.entry, call.mount))).tell()


def push(task: Task, way: Way) -> Result:
    return each(task, lambda unit: _push(task, way, unit))


def _push(task: Task, way: Way, project: Project) -> None:
    page = task.page
    for document, root in project.roots if way.name == "swarm" else ():
        for refused in outdated(document, root):
            raise refused
    state_file = StateFile(secrets_folder(project, task.options), project.boundary)
    known = list(held(project, task.options))
    manager = manager_of(task, way, project, state_file)
    items = [_item(one, manager, way.reach, project) for one in known if one.value is not None]
    manager.check(items)
    found = manager.find(items)
    taken = [item for item in items if found[item.name] is Found.OTHER]
    missing = [one.name for one in known if one.value is None]
    page.heading(f"{project.source.path.name} to {manager.title}")
    if not known:
        page.sentence("the project defines no secret", indent="  ")
        return
    page.table((item.name, item.place, _told(found[item.name], task.write and not taken)) for item in items)
    page.table((name, "", "it has no value here") for name in missing)
    if taken:
        names = ", ".join(item.place for item in taken)
        raise UserError(
            f"{manager.title} already has other values for {names}; nothing was sent",
            str(project.source.path),
            help="use `dsec-migrate rotate` to change a value, or delete the entries there, or choose other names",
        )
    new = [item for item in items if found[item.name] is Found.ABSENT]
    if not task.write:
        page.blank()
        page.sentence(f"{count(new)} would be created; nothing sent: add --write", paint=page.style.bold)
        return
    for item in new:
        manager.put(item)
        state_file.note(item.name, item.value.content(), state_file.entry(item.name).changed or int(time.time()))
    page.blank()
    page.sentence(f"{count(new)} created")
    _after(page, known, items, way)


def _told(found: Found, is_done: bool) -> str:
    return {
        Found.ABSENT: "new" if not is_done else "put there",
        Found.SAME: "already there, same value",
        Found.OTHER: "exists with ANOTHER value",
        Found.UNKNOWN: "already there; cannot be compared, left as it is",
    }[found]


def _after(page: Page, known: Sequence[Held], items: Sequence[Item], way: Way) -> None:
    """What to do next: delete the plain files, or make the project read from the store."""
    files = [str(one.file) for one in known if one.is_external and one.value is not None and one.file is not None]
    if way.name == "swarm" and files:
        page.sentence(f"the project reads them from there: once it runs, delete the files: shred -u {' '.join(files)}")
    others = [one.name for one in known if not one.is_external]
    if way.name == "swarm" and others:
        page.sentence(
            f"the project still reads {', '.join(others)} from elsewhere: set `external: true` in its `secrets:` to "
            "use those in Swarm"
        )


def manager_of(task: Task, way: Way, project: Project, state_file: StateFile) -> SecretManager:
    # without --write no key is created: values that can be recognized were stored with one
    fingerprint = state_file.fingerprint if task.write or state_file.knows() else None
    reach = replace(way.reach, project=project_name(project), fingerprint=fingerprint, shell=task.shell)
    return connect(way.name, reach)


def _item(one: Held, manager: SecretManager, reach: Reach, project: Project) -> Item:
    assert one.value is not None
    return Item(
        one.name, place_of(one, manager, replace(reach, project=project_name(project))), one.services, one.value
    )


def place_of(one: Held, manager: SecretManager, reach: Reach) -> str:
    return one.external_name if manager.has_names_of_its_own else reach.place(one.name)


def count(items: Sequence[object]) -> str:
    return f"{len(items)} secret{'s' * (len(items) != 1)}"
