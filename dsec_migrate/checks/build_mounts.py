"""Builds fail if a secret they mount is missing.

`RUN --mount=type=secret` without `required=true` continues if the secret is missing: the build may succeed with an
image that lacks what it should have fetched, or fetch it without a password. A mount whose `id` is in no service's
`build.secrets` is such a case.

What to do: add `required=true` to the mount; list the secret below `build: secrets:` of the service.

Source: Dockerfile reference, `RUN --mount=type=secret`; observed with Docker Buildx: without `required` a missing
secret is no error.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.compose import builds
from dsec_migrate.compose.project.mounted import of_build
from dsec_migrate.detectors.finding import Site

_TRUE = {"", "1", "true"}


def look(subject: Subject) -> Iterator[Item | Done]:
    told: set[tuple[str, int]] = set()
    mounts = 0
    for service in subject.project.services.values():
        build = builds.find(subject.project, service) if service.is_built else None
        dockerfile = builds.dockerfile_of(subject.project, build) if build is not None else None
        for flag, options in builds.secret_mounts(dockerfile) if dockerfile is not None else ():
            assert dockerfile is not None
            site, name = Site(*dockerfile.place(flag.span.start)), options["id"]
            mounts += 1
            if name not in (given for _, given in of_build(service)):
                reason = f"it is not in `build.secrets` of {service.name}"
                fix = f"list {name} below `build: secrets:` of {service.name}"
                yield Item(site, f"{service.name}.{name}", reason, fix, Weight.MEDIUM)
            elif options.get("required", "false").lower() not in _TRUE and (site.file, site.line) not in told:
                told.add((site.file, site.line))
                reason = "a build without the secret continues with nothing in its place"
                yield Item(site, name, reason, "add `required=true` to the mount", Weight.LOW)
    if mounts:
        yield Done(
            f"{mounts} {'RUN mount gets its' if mounts == 1 else 'RUN mounts get their'} secret from the builder"
        )
