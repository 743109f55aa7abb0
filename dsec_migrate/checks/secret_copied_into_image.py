"""No file with credentials is copied into an image.

A `COPY` makes a layer. A later `rm` hides the file in the container and leaves it in the layer: `docker save` has it.
`COPY . .` takes everything that `.dockerignore` does not name, `.env` included.

What to do: mount the file as a build secret in the `RUN` that needs it, or name it in `.dockerignore`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("secret-copied-into-image"))
