"""Values are stored in a secret manager.

A file on a host can be read by every administrator of that host, is in its backups, and leaves no record of who read
it. Vault, AWS Secrets Manager or Swarm store values separately, with a record of access. For a single host at home this
is more than needed: add an exception to `dsec-migrate.toml`.

What to do: `dsec-migrate push --to vault`; `--source vault` writes an override file that fetches the values at start.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    outside = [one.name for one in subject.held if one.is_external or one.driver]
    layers = [name for name in ("compose.vault.yml", "compose.aws.yml") if (subject.directory / name).is_file()]
    inside = [one.name for one in subject.held if not (one.is_external or one.driver)]
    if layers:
        yield Done(f"{layers[0]} fetches the values")
    elif inside:
        what = f"{len(inside)} {'value is' if len(inside) == 1 else 'values are'} stored on this host only"
        fix = f"`{subject.command('--source', 'vault')}` shows an override file that fetches them"
        yield Item(subject.secret_site(inside[0]), "secrets", what, fix, Weight.LOW)
    elif outside:
        yield Done("the values are in Swarm")
