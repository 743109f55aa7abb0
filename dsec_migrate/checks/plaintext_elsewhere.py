"""No secret is in plaintext anywhere else.

Labels, options of drivers, of logging and of providers, contents of configs and `x-` fields are in the file and its
history like any other line; `docker inspect`, `docker volume inspect` and `docker config inspect` show them again. And
the value of a secret that is mounted from a file may still be in a script or a README that git tracks.

What to do: the item shows the usual fix. `${NAME}` with the value in an ignored `.env` always works.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    for finding in subject.findings:
        if finding.path and subject.is_sure(finding) and subject.is_plain(finding):
            yield subject.open_item(finding, Weight.HIGH)
