"""No secret is an argument of a build.

`docker history` shows the value of every `ARG` that a `RUN` could see, and an image's provenance keeps it: whoever may
pull the image reads it. A build secret is mounted for one `RUN` alone and leaves nothing behind.

What to do: the command moves the argument to `build.secrets`, and the Dockerfile to
`RUN --mount=type=secret,…`. Images that were built before keep the value: build anew, delete them, change the value.

Source: Docker's build check SecretsUsedInArgOrEnv; `docker history` of Docker Engine 28.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("secret-in-build-argument"))
