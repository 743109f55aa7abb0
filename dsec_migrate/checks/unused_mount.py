"""No service mounts a secret that it does not use.

Anyone who compromises the service can read what is mounted there.

What to do: remove the secret from the service's `secrets:`, or use `--harden mounts`. If the program reads the file by
itself, add an exception: `# dsec: ignore[unused-mount] reason`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    for finding in subject.findings:
        kind, _, name = finding.variable.partition(":")
        if kind == "secrets" and name:
            fix = f"`{subject.command('--harden', 'mounts', '--write')}`"
            yield Item(finding.site, f"{finding.service}.{name}", finding.note, fix, Weight.MEDIUM)
