"""``lock`` and ``unlock``: the values as encrypted files for git, and back. The plain files stay on this host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.errors import UserError
from dsec_migrate.exclusion import ignore_but
from dsec_migrate.files import Disk, secrets_folder
from dsec_migrate.filling import Vacancy, put_whole, write
from dsec_migrate.holdings import Held, held, read
from dsec_migrate.ledger import Ledger
from dsec_migrate.project import Project
from dsec_migrate.readers import mode_for
from dsec_migrate.records import replace
from dsec_migrate.secret import Secret
from dsec_migrate.stores import age
from dsec_migrate.verbs import Result, Task
from dsec_migrate.verbs.units import each

_LOCKED = "locked"


def lock(task: Task, recipients: Sequence[str]) -> Result:
    """``recipients`` are added to those that the folder's own file names."""
    age.check(recipients)
    return each(task, lambda unit: _lock(task, unit, recipients))


def unlock(task: Task, identities: Sequence[Path]) -> Result:
    known = [key for path in identities for key in age.read_identities(path)]
    if not known:
        raise UserError("there is no identity", help="name its file: --identity FILE, or in AGE_IDENTITY")
    return each(task, lambda unit: _unlock(task, unit, known))


def _of_files(task: Task, project: Project) -> list[tuple[Held, Path]]:
    return [(one, one.file) for one in held(project, task.options) if one.file is not None]


def _lock(task: Task, project: Project, added: Sequence[str]) -> None:
    page = task.page
    folder = secrets_folder(project, task.options)
    listed = folder / age.RECIPIENTS
    text = read(listed)
    known = age.read_recipients(text.reveal()) if text is not None else []
    recipients = list(dict.fromkeys([*known, *added]))
    if not recipients:
        raise UserError("nobody is to be able to decrypt it", str(listed), help="name a public key: --encrypt-to age1…")
    age.check(recipients)
    page.heading(f"{project.source.path.name}: encrypted for {len(recipients)} recipient{'s' * (len(recipients) != 1)}")
    ledger = Ledger(folder, project.boundary)
    rows: list[tuple[str, str, str]] = []
    todo: list[tuple[Held, Path]] = []
    for one, file in _of_files(task, project):
        target = age.encrypted(file)
        if one.value is None:
            state = "its value is not here"
        elif ledger.knows() and target.exists() and _mark(ledger, one.value, recipients) == _marked(ledger, one.name):
            state = "encrypted already"
        else:
            state = "encrypted anew" if target.exists() else "new"
            todo.append((one, target))
        rows.append((one.name, str(target), state))
    page.table(rows)
    ignored = ignore_but(project, folder, (f"*{age.SUFFIX}", age.RECIPIENTS), Disk())
    if ignored is not None:
        page.table([(str(ignored.path), "ignores the plain files, and not the encrypted ones")])
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
        entry = ledger.entry(one.name)
        mark = _mark(ledger, one.value, recipients)
        ledger.write(one.name, replace(entry, details={**entry.details, _LOCKED: mark}))


def _mark(ledger: Ledger, value: Secret, recipients: Sequence[str]) -> str:
    """Tells whether a file was made from this value for these recipients, which its text does not."""
    return ledger.fingerprint("\n".join([*sorted(recipients), ""]).encode() + value.content())


def _marked(ledger: Ledger, name: str) -> str:
    return ledger.entry(name).details.get(_LOCKED, "")


def _unlock(task: Task, project: Project, identities: Sequence[Secret]) -> None:
    page = task.page
    folder = secrets_folder(project, task.options)
    page.heading(f"{project.source.path.name}: decrypted")
    rows: list[tuple[str, str, str]] = []
    values: list[tuple[Held, Path, Secret]] = []
    other: list[str] = []
    opened: list[tuple[Held, Secret]] = []
    for one, file in _of_files(task, project):
        source = age.encrypted(file)
        content = read(source)
        if content is None:
            rows.append((one.name, str(file), f"there is no {source.name}"))
            continue
        plain = age.decrypt(content.content(), identities, source)
        value = Secret.of(plain)
        opened.append((one, value))
        if one.value == value:
            rows.append((one.name, str(file), "here already, the same value"))
        elif one.value:
            other.append(one.name)
            rows.append((one.name, str(file), "ANOTHER value is here"))
        else:
            values.append((one, file, value))
            rows.append((one.name, str(file), "new"))
    page.table(rows)
    if other:
        raise UserError(
            f"the files of {', '.join(other)} hold something else; nothing was written",
            str(project.source.path),
            help="`dsec-migrate lock --write` encrypts what is here; or move the files away",
        )
    page.blank()
    if not task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return
    for one, file, value in values:
        mode = mode_for(project, one.name)
        write(Vacancy(one.name, file, mode, boundary=project.boundary), value)
    ledger = Ledger(folder, project.boundary)
    text = read(folder / age.RECIPIENTS)
    recipients = age.read_recipients(text.reveal()) if text is not None else []
    for one, value in opened:
        entry = ledger.entry(one.name)
        mark = _mark(ledger, value, recipients)
        if entry.details.get(_LOCKED) != mark:
            ledger.write(one.name, replace(entry, details={**entry.details, _LOCKED: mark}))
