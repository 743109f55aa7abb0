"""No build argument contains a secret.

`docker history` shows the value of every `ARG` that a `RUN` could see, and an image's provenance includes it: anyone
who can pull the image can read it. A build secret is mounted for one `RUN` only and leaves nothing behind.

What to do: the suggested command moves the argument to `build.secrets`, and the Dockerfile to
`RUN --mount=type=secret,…`. Existing images still contain the value: rebuild, delete them, and rotate the value.

Source: Docker's build check SecretsUsedInArgOrEnv; `docker history` of Docker Engine 28.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("secret-in-build-argument"))
