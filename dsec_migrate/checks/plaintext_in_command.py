"""No command, healthcheck or label contains a secret.

`ps` shows a command line to everyone on the host, and `docker inspect` shows all three.

What to do: the suggested command makes the program read the secret from its file.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("plaintext-in-command"))
