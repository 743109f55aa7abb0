"""No secret has a common default value.

`changeme`, `admin`, `password123`, the example in the documentation: lists of such values are tried on every open port
within minutes.

What to do: set a random value. If a database is already running, its password must be changed inside it, too:
`dsec-migrate rotate` shows the statement.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.strength import is_common, is_guessable, once
from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    good = 0
    for known in once(subject.known):
        if not is_common(known.value.reveal()):
            good += not is_guessable(known.value.reveal())
            continue
        fix = subject.renewal(known.subject)
        reason = "its value is a placeholder or a common default"
        yield Item(known.site, known.subject, reason, fix, Weight.HIGH)
    if good:
        yield Done(f"{good} {'value is' if good == 1 else 'values are'} neither common nor short")
