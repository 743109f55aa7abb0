"""The file of each secret exists and contains only the value.

If a file is missing, `docker compose up` fails; a directory in its place is mounted as one. A trailing newline,
carriage returns, a byte order mark or UTF-16 become part of the password for many programs.

What to do: run `dsec-migrate fill --write` to enter missing values; `printf %s` writes a value without a newline.

Source: observed with Docker Compose 2.40; trailing line breaks: linuxserver/docker-mariadb#120, paperless-ngx#9582.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.lifecycle.file_state import VariableState, content_problems, describe, place_problems


def look(subject: Subject) -> Iterator[Item | Done]:
    good = 0
    for name, state in subject.files:
        problems = [*place_problems(state), *content_problems(state)]
        good += not problems
        for what, fix in problems:
            yield Item(subject.secret_site(name), name, what, fix, Weight.MEDIUM)
    for name, variable in subject.states:
        for sentence in describe(variable) if isinstance(variable, VariableState) else ():
            what, _, _ = sentence.partition(": ")
            fix = f"set {variable.variable} in the shell or in .env" if isinstance(variable, VariableState) else ""
            yield Item(subject.secret_site(name), name, what, fix, Weight.MEDIUM)
    if good:
        yield Done(f"{good} {'file contains its value' if good == 1 else 'files contain their values'} only")
