"""No secret stands in a command, a healthcheck or a label.

`ps` shows the words of a command to everybody on the host, and `docker inspect` shows all three.

What to do: the command lets the program read the secret from its file.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("plaintext-in-command"))
