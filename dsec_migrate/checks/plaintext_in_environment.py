"""No secret is in plaintext in `environment:` or an env file.

The value is in the file, in its history and its backups, in `docker inspect`, in the environment of every process of
the container, and in crash reports. `${X:-default}` counts: the default is the value wherever none is set.

What to do: the suggested command moves the value to a secret, in the form that the image reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("plaintext-in-environment"))
