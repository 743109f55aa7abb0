"""No secret is older than the project allows.

The longer a value is in use, the more copies of it exist. The maximum age is `max-age-days` below `[audit]` in
`dsec-migrate.toml`, by default 365; NIST SP 800-63B asks for a change on evidence of compromise rather than by the
calendar, so treat the number as a reminder.

What to do: `dsec-migrate rotate NAME` changes it in two phases while the project runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight

_DAY_SECONDS = 86_400


def look(subject: Subject) -> Iterator[Item | Done]:
    young = 0
    for name, seconds in subject.changed.items():
        days = int((subject.today - seconds) // _DAY_SECONDS)
        if days <= subject.maximum_age:
            young += 1
            continue
        since = datetime.date.fromtimestamp(seconds).isoformat()
        fix = f"`{subject.verb('rotate', name, '--generate', '32')}`"
        yield Item(
            subject.secret_site(name), name, f"it has the same value since {since}, {days} days", fix, Weight.LOW
        )
    if young:
        yield Done(
            f"{young} {'secret was' if young == 1 else 'secrets were'} changed within {subject.maximum_age} days"
        )
