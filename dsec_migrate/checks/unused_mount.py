"""No service has a secret that it does not use.

Whoever breaks into the service reads what is mounted there.

What to do: take the secret out of the service's `secrets:`, or let `--harden mounts` do it. Where the program looks for
the file by itself, say so: `# dsec: ignore[unused-mount] reason`.
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
