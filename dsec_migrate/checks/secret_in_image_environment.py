"""No `ENV` or `LABEL` of an image contains a secret.

What `ENV` sets is part of the image's configuration: `docker image inspect` shows it, and every container and every
process in it has it. A later `ENV X=` hides it from processes only.

What to do: remove the line and mount a secret in the service; if a build needs it, mount it in the `RUN` that does.
Rotate the value: anyone with the image has it.

Source: Docker's build check SecretsUsedInArgOrEnv.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    yield from (subject.open_item(finding, Weight.HIGH) for finding in subject.of_check("secret-in-image-environment"))
