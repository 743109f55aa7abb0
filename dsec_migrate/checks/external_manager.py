"""Values are kept by a manager of secrets.

A file on one host is read by every administrator of that host, is in its backups, and nobody sees who read it. Vault,
AWS Secrets Manager or Swarm keep values apart, with a record of who reads what. For one host at home this is more than
is needed: say so once in `dsec-migrate.toml`.

What to do: `dsec-migrate push --to vault`, and `--source vault` makes a layer that fetches the values at start.
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
        what = f"{len(inside)} {'value is' if len(inside) == 1 else 'values are'} kept on this host alone"
        fix = f"`{subject.command('--source', 'vault')}` shows a layer that fetches them"
        yield Item(subject.secret_site(inside[0]), "secrets", what, fix, Weight.LOW)
    elif outside:
        yield Done("the values are in Swarm")
