"""No file with credentials is copied into an image.

A `COPY` creates a layer. A later `rm` hides the file in the container but leaves it in the layer, which `docker save`
exports. `COPY . .` copies everything that `.dockerignore` does not exclude, `.env` included.

What to do: mount the file as a build secret in the `RUN` that needs it, or add it to `.dockerignore`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("secret-copied-into-image"))
