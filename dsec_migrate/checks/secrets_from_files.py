"""Programs read their secrets from files.

A variable that `${X}` fills is in no file of the project, but in `docker inspect`, in `docker compose config`, and in
the environment of every process that the program starts. A file in /run/secrets is visible only to programs that open
it.

What to do: the suggested command makes it a secret if the value is known here (`.env`); with `--source environment`, it
stays in the variable and reaches the container as a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.compose.project import Argument
from dsec_migrate.compose.project.mounted import sources


def look(subject: Subject) -> Iterator[Item | Done]:
    for finding in subject.findings:
        if subject.is_sure(finding) and not subject.is_plain(finding):
            item = subject.open_item(finding, Weight.LOW)
            variable = subject.variable_of(finding)
            is_word = variable is not None and isinstance(variable.declaration, Argument)
            how = "it is in the command line of the container" if is_word else "it is passed as a variable"
            yield item._replace(reason=f"{item.reason}; {how}")
    readers = {service.name for service in subject.project.services.values() if any(sources(service))}
    if readers:
        yield Done(f"{', '.join(sorted(readers))}: mounted secrets")
