"""No migration to secrets is half done.

A `_FILE` variable that the image does not read, a path instead of the password, a variable beside its `_FILE` form,
a secret that is read but not mounted: the program starts with an empty or a wrong password, or not at all.

What to do: `--fix` fixes those with an exact fix; the others say what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    for finding in subject.findings:
        if finding.kind == "half-done" and not finding.variable.startswith("secrets:"):
            name = f"{finding.service}.{finding.variable}"
            is_exact = "--fix" in finding.note
            fix = (
                f"`{subject.command('--fix', '--only', name, '--write')}`"
                if is_exact
                else "check what the image reads: `dsec-migrate images "
                f"{subject.project.services[finding.service].image or 'NAME'}`"
            )
            yield Item(finding.site, name, finding.note.replace(" (--fix fixes it)", ""), fix, Weight.MEDIUM)
