"""Values are encrypted where they are kept.

A plain file is in the backup of the host, and whoever has the disk has the value. `lock` keeps a copy of each that is
encrypted with age, which git may have; the plain files can go wherever the project does not run.

What to do: `dsec-migrate lock --encrypt-to RECIPIENT --write`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    files = [one for one in subject.held if one.file is not None and one.value is not None and not one.variable]
    locked = [one for one in files if one.file is not None and one.file.with_name(f"{one.file.name}.age").is_file()]
    plain = [one.name for one in files if one not in locked]
    if plain:
        what = (
            f"{', '.join(plain[:4])}{' and others' if len(plain) > 4 else ''}: plain on the disk, and nowhere encrypted"
        )
        fix = f"`{subject.verb('lock')} --encrypt-to RECIPIENT --write`"
        yield Item(subject.secret_site(plain[0]), "secrets", what, fix, Weight.LOW)
    elif locked:
        yield Done(f"{len(locked)} {'value has' if len(locked) == 1 else 'values have'} an encrypted copy")
