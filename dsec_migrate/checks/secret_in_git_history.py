"""No value in use is in the git history.

A value that was committed once is in every clone, even if a later commit removed it. Only values that are distinctive
enough to be recognized are searched for, in all branches, for at most 20 seconds for each project.

What to do: rotate the secret. Rewriting the history helps little: there may be copies anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    sites = {one.subject: one.site for one in subject.known}
    for name, commit in subject.leaked.items():
        reason = f"its value is in a commit ({commit.name}, {commit.day}) and has not been changed since"
        fix = subject.renewal(name)
        yield Item(sites.get(name) or subject.secret_site(name), name, reason, fix, Weight.HIGH)
