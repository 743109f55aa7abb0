"""Data stores are reached by those services alone that use them.

All services of a project share one network unless it says otherwise, and a network that is not `internal` has a way
out. A web server that was broken into reaches the database of every other service, and the database itself can send its
data anywhere.

What to do: `--harden networks` moves the store to an `internal: true` network that it shares with those who use it; it
says whom it cuts off, and leaves what it is not sure of.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate import datastores
from dsec_migrate.checks.networks import may_use, networks_of, shared
from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    project = subject.project
    closed: list[str] = []
    for service in project.services.values():
        if datastores.find(service.image) is None or service.is_built or networks_of(project, service) is None:
            continue
        strangers = [
            other.name
            for other in project.services.values()
            if other is not service and shared(project, service, other) and not may_use(project, other, service)
        ]
        if strangers:
            names = ", ".join(strangers[:5]) + (" and others" if len(strangers) > 5 else "")
            yield Item(
                subject.service_site(service),
                service.name,
                f"in reach of {names}, and nothing in {'it' if len(strangers) == 1 else 'them'} names {service.name}",
                f"`{subject.command('--harden', 'networks')}` shows a network of its own",
                Weight.LOW,
            )
        else:
            closed.append(service.name)
    if closed:
        yield Done(f"{', '.join(closed)}: shares no network with a service that does not name it")
