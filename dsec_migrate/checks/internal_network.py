"""Data stores are reachable only by the services that use them.

All services of a project share one network unless it says otherwise, and a network that is not `internal` has a way
out. A compromised web server can reach the database of every other service, and the database itself can send its data
anywhere.

What to do: `--harden networks` moves the store to an `internal: true` network that it shares with the services that use
it; it lists which services lose access, and skips what is uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.planning.hardening.networks import StoreDecision, decide
from dsec_migrate.planning.hardening.reach import Reach
from dsec_migrate.planning.hardening.users import Users

_MANY = 5


def look(subject: Subject) -> Iterator[Item | Done]:
    project = subject.project
    reach = Reach(project)
    users = Users(project, reach)
    decisions = {decision.store.name: decision for decision in decide(project)} if len(project.services) > 1 else {}
    closed: list[str] = []
    for store in users.stores if decisions else ():
        strangers = [
            name
            for name in project.services
            if name != store.name
            and reach.shares(name, store.name)
            and not users.use(name, store)
            and not users.mentions(store.name, project.services[name])
        ]
        if not strangers:
            closed.append(store.name)
            continue
        names = ", ".join(strangers[:_MANY]) + (" and others" if len(strangers) > _MANY else "")
        reason = f"reachable by {names}, which do not use it"
        fix = _fix(subject, decisions[store.name])
        yield Item(subject.service_site(store), store.name, reason, fix, Weight.LOW)
    if closed:
        yield Done(
            f"{', '.join(closed)}: reachable only by services that may use {'it' if len(closed) == 1 else 'them'}"
        )


def _fix(subject: Subject, decision: StoreDecision) -> str:
    if decision.network:
        return f"`{subject.command('--harden', 'networks')}` shows a separate network"
    return f"by hand, since `--harden networks` skips it: {decision.left or 'another store keeps them together'}"
