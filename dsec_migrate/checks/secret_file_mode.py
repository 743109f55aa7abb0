"""Secret files are readable by their programs only.

Compose mounts the file with the owner and mode that it has on the host. A file of mode 0600 is unreadable to a program
that does not run as root or as the owner; mode 0444 is readable by everyone on the host unless the folder is closed
(0700).

What to do: close the folder with `chmod 700`; make the user of the program the owner of the file, or set mode 0444 in a
closed folder.

Source: observed with Docker Engine 28; docker/compose#9648.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.lifecycle.file_state import Kind, access_problems


def look(subject: Subject) -> Iterator[Item | Done]:
    good = 0
    for name, state in subject.files:
        problems = list(access_problems(state))
        good += state.kind is Kind.FILE and not problems
        for what, fix in problems:
            yield Item(subject.secret_site(name), name, what, fix, Weight.MEDIUM)
    if good:
        yield Done(f"{good} {'file is' if good == 1 else 'files are'} closed to others")
