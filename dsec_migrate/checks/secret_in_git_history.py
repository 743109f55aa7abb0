"""No value that is in use stands in the history of git.

A value that was committed once is in every clone, also when a later commit took it out. Only values that are unusual
enough to be recognised are looked for, in all branches, for at most 20 seconds for each project.

What to do: give the secret another value. Rewriting the history helps little: nobody knows who has a copy.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    sites = {one.subject: one.site for one in subject.known}
    for name, commit in subject.leaked.items():
        reason = f"its value is in a commit ({commit.name}, {commit.day}) and was not changed since"
        fix = subject.renewal(name)
        yield Item(sites.get(name) or subject.secret_site(name), name, reason, fix, Weight.HIGH)
