"""Values are encrypted at rest.

A plain file is in the backups of the host, and anyone with the disk has the value. `lock` writes a copy of each,
encrypted with age, that is safe to commit; the plain files can be deleted wherever the project does not run.

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
            f"{', '.join(plain[:4])}{' and others' if len(plain) > 4 else ''}: stored in plaintext, without an "
            "encrypted copy"
        )
        fix = f"`{subject.verb('lock')} --encrypt-to RECIPIENT --write`"
        yield Item(subject.secret_site(plain[0]), "secrets", what, fix, Weight.LOW)
    elif locked:
        yield Done(f"{len(locked)} {'value has' if len(locked) == 1 else 'values have'} an encrypted copy")
