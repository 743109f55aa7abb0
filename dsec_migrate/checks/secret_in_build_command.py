"""No `RUN` of a Dockerfile contains a secret.

The text of each `RUN` is in the image's history, whatever the command does.

What to do: the suggested command replaces it with a build secret, which the `RUN` reads as a variable or as a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("secret-in-build-command"))
