"""``push``: puts the values of a migrated project into another store; ``pull`` brings them to files of this host.

Everything is looked at before anything is sent: where one place is taken by another value, nothing changes. What is
there already is left alone, so whatever was interrupted is run again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from dsec_migrate.errors import UserError
from dsec_migrate.files import project_name, secrets_folder
from dsec_migrate.filling import Vacancy, write
from dsec_migrate.holdings import Held, held
from dsec_migrate.ledger import Ledger
from dsec_migrate.project import Project
from dsec_migrate.readers import mode_for
from dsec_migrate.records import dataclass, replace
from dsec_migrate.reports.page import Page
from dsec_migrate.stores.keepers import Found, Item, Keeper, Reach, connect
from dsec_migrate.swarm import outdated
from dsec_migrate.verbs import Result, Task
from dsec_migrate.verbs.units import each


@dataclass(frozen=True, repr=False, eq=False)
class Way:
    """Where to: the name of a store, and what it has to know; its project is that of the files."""

    name: str
    reach: Reach


def push(task: Task, way: Way) -> Result:
    return each(task, lambda unit: _push(task, way, unit))


def pull(task: Task, way: Way) -> Result:
    return each(task, lambda unit: _pull(task, way, unit))


def _push(task: Task, way: Way, project: Project) -> None:
    page = task.page
    for document, root in project.roots if way.name == "swarm" else ():
        for refused in outdated(document, root):
            raise refused
    ledger = Ledger(secrets_folder(project, task.options), project.boundary)
    known = list(held(project, task.options))
    keeper = _keeper(task, way, project, ledger)
    items = [_item(one, keeper, way.reach, project) for one in known if one.value is not None]
    keeper.check(items)
    found = keeper.find(items)
    taken = [item for item in items if found[item.name] is Found.OTHER]
    missing = [one.name for one in known if one.value is None]
    page.heading(f"{project.source.path.name} to {keeper.title}")
    if not known:
        page.sentence("the project defines no secret", indent="  ")
        return
    page.table((item.name, item.place, _told(found[item.name], task.write and not taken)) for item in items)
    page.table((name, "", "its value is not here") for name in missing)
    if taken:
        names = ", ".join(item.place for item in taken)
        raise UserError(
            f"{keeper.title} has something else under {names}; nothing was sent",
            str(project.source.path),
            help="`dsec-migrate rotate` changes a value; else delete what is there, or choose other names",
        )
    new = [item for item in items if found[item.name] is Found.ABSENT]
    if not task.write:
        page.blank()
        page.sentence(f"{_count(new)} would be put there; nothing sent: add --write", paint=page.style.bold)
        return
    for item in new:
        keeper.put(item)
        ledger.note(item.name, item.value.content(), ledger.entry(item.name).changed or int(time.time()))
    page.blank()
    page.sentence(f"{_count(new)} put there")
    _after(page, known, items, way)


def _told(found: Found, is_done: bool) -> str:
    return {
        Found.ABSENT: "new" if not is_done else "put there",
        Found.SAME: "there already, the same value",
        Found.OTHER: "TAKEN by another value",
        Found.UNKNOWN: "there already; whether it is the same cannot be told, left as it is",
    }[found]


def _after(page: Page, known: Sequence[Held], items: Sequence[Item], way: Way) -> None:
    """What to do next: plain files are not needed any more, or the project does not look there yet."""
    files = [str(one.file) for one in known if one.is_external and one.value is not None and one.file is not None]
    if way.name == "swarm" and files:
        page.sentence(f"the project takes them from there: once it runs, delete the files: shred -u {' '.join(files)}")
    others = [one.name for one in known if not one.is_external]
    if way.name == "swarm" and others:
        page.sentence(
            f"the project still takes {', '.join(others)} from elsewhere: `external: true` in its `secrets:` makes "
            "Swarm look there"
        )


def _pull(task: Task, way: Way, project: Project) -> None:
    page = task.page
    known = [one for one in held(project, task.options) if one.file is not None]
    keeper = _keeper(task, way, project, Ledger(secrets_folder(project, task.options), project.boundary))
    places = {one.name: _place(one, keeper, replace(way.reach, project=project_name(project))) for one in known}
    values = keeper.fetch(places)
    page.heading(f"{project.source.path.name} from {keeper.title}")
    rows: list[tuple[str, str, str]] = []
    wanted: list[Held] = []
    other: list[str] = []
    for one in known:
        value = values.get(one.name)
        if value is None:
            rows.append((one.name, str(one.file), "is not there"))
        elif one.value == value:
            rows.append((one.name, str(one.file), "here already, the same value"))
        elif one.value:
            other.append(one.name)
            rows.append((one.name, str(one.file), "ANOTHER value is here"))
        else:
            wanted.append(one)
            rows.append((one.name, str(one.file), "written" if task.write else "new"))
    if other and task.write:
        rows = [(name, file, "new" if told == "written" else told) for name, file, told in rows]
    page.table(rows)
    if other:
        raise UserError(
            f"the files of {', '.join(other)} hold something else; nothing was written",
            str(project.source.path),
            help="move them away, or push what they hold",
        )
    for one in wanted if task.write else ():
        assert one.file is not None
        mode = mode_for(project, one.name)
        write(Vacancy(one.name, one.file, mode, boundary=project.boundary), values[one.name])
    page.blank()
    if not task.write:
        page.sentence(f"{_count(wanted)} would be written; nothing written: add --write", paint=page.style.bold)


def _keeper(task: Task, way: Way, project: Project, ledger: Ledger) -> Keeper:
    # without --write no key is made: what could be recognised was put there with one
    fingerprint = ledger.fingerprint if task.write or ledger.knows() else None
    reach = replace(way.reach, project=project_name(project), fingerprint=fingerprint, shell=task.shell)
    return connect(way.name, reach)


def _item(one: Held, keeper: Keeper, reach: Reach, project: Project) -> Item:
    assert one.value is not None
    return Item(one.name, _place(one, keeper, replace(reach, project=project_name(project))), one.services, one.value)


def _place(one: Held, keeper: Keeper, reach: Reach) -> str:
    return one.external_name if keeper.has_names_of_its_own else reach.place(one.name)


def _count(items: Sequence[object]) -> str:
    return f"{len(items)} secret{'s' * (len(items) != 1)}"
