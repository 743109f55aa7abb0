"""``rotate`` for secrets stored in Swarm: a new version with another name, at the same path, service by service."""

from __future__ import annotations

import time

from dsec_migrate.cli.verbs.rotating import Rotation
from dsec_migrate.cli.verbs.task import tell_git
from dsec_migrate.compose.document import parse
from dsec_migrate.compose.swarm_rules import outdated
from dsec_migrate.lifecycle.filling import overwrite_in_place, put_whole, remove
from dsec_migrate.lifecycle.rotation import edits, swarm_versions
from dsec_migrate.lifecycle.rotation.running import run as run_step
from dsec_migrate.lifecycle.rotation.steps import Step
from dsec_migrate.lifecycle.secret_values import read
from dsec_migrate.planning.secret_files import project_name
from dsec_migrate.stores.managers import Found, Item, Reach
from dsec_migrate.stores.swarm import Swarm, check_name, run
from dsec_migrate.text.records import replace

CREATING, PROMOTING, RETURNING = "creating", "promoting", "returning"


def perform(rotation: Rotation) -> None:
    """Raises UserError."""
    if not rotation.held.is_external:
        raise rotation.error(
            f"{rotation.held.name} is not stored in Swarm: its definition is not `external: true`",
            "omit --strategy, or migrate with --source external",
        )
    phases = {"start": _start, "rollback": _roll_back, "prune": _prune}
    if rotation.request.phase not in phases:
        raise rotation.error(
            f"--{rotation.request.phase} is only for secrets stored in files", "with Swarm, use --rollback and --prune"
        )
    waiting = rotation.entry.phase
    if waiting and (waiting == RETURNING) != (rotation.request.phase == "rollback"):
        begun = "--rollback" if waiting == RETURNING else "the rotation"
        raise rotation.error(f"{begun} of {rotation.held.name} was interrupted", "run it again with --write")
    phases[rotation.request.phase](rotation)


def _start(rotation: Rotation) -> None:
    current, entry = rotation.held.external_name, rotation.entry
    base = swarm_versions.base_of(current)
    known = swarm_versions.versions(base)
    if entry.phase:
        # continue what an interrupted run started
        former, new = entry.details["former"], entry.details["current"]
    else:
        former, new = current, swarm_versions.next_name(base, known.values())
    check_name(new)
    if former not in known:
        raise rotation.error(f"Swarm has no secret {former}", "run `dsec-migrate push --to swarm --write` to create it")
    changed = _called(rotation, new)
    _tell(rotation, former, new, "the next version")
    if rotation.task.write:
        _make(rotation, former, new, is_there=new in known)
        _call(rotation, changed)
        rotation.state_file.write(rotation.held.name, replace(rotation.entry, phase=""))
    _update(rotation, [former], new)
    rotation.page.blank()
    if rotation.task.write:
        rotation.page.sentence(f"to go back: dsec-migrate rotate {rotation.held.name} --rollback --apply --write")
        rotation.page.sentence(
            f"once nothing needs the former version: dsec-migrate rotate {rotation.held.name} --prune --write"
        )
    else:
        rotation.page.sentence("nothing changed: add --write", paint=rotation.page.style.bold)


def _make(rotation: Rotation, former: str, new: str, *, is_there: bool) -> None:
    """Creates the new version in Swarm. If a file has the value as well, it changes too: its new content waits beside
    it until Swarm has the version."""
    state_file, name, here = rotation.state_file, rotation.held.name, rotation.held.value
    manager = Swarm(Reach(project_name(rotation.project), fingerprint=state_file.fingerprint))
    value = read(rotation.new_file) if rotation.entry.phase else None
    if value is None and not is_there:
        value = rotation.request.value() if rotation.request.value is not None else None
        if value is None:
            raise rotation.error("there is no new value", "add --generate 32, --value-file FILE or --prompt")
    if value is None:
        return
    item = Item(name, new, rotation.held.services, value)
    manager.check([item])
    if not rotation.entry.phase:
        known = Item(name, former, rotation.held.services, value)
        if manager.find([known])[name] is Found.SAME:
            raise rotation.error("the new value is the former one")
        details = {"former": former, "current": new}
        state_file.write(name, replace(rotation.entry, phase=CREATING, details=details))
    if here is not None:
        put_whole(rotation.new_file, item.value.content(), 0o600, rotation.project.boundary)
    if not is_there:
        manager.put(item)
    if here is not None:
        state_file.keep_once(name, here.content(), PROMOTING)
        overwrite_in_place(rotation.file, item.value.content(), rotation.project.boundary)
        tell_git(rotation.page, [rotation.file])
    state_file.note(name, item.value.content(), int(time.time()))
    remove(rotation.new_file, rotation.project.boundary)


def _called(rotation: Rotation, name: str) -> edits.Changed:
    """The project's files changed to use the version; none where they already do. Raises UserError where they cannot be
    changed, or where Swarm would reject the result, before anything is changed."""
    if rotation.held.external_name == name:
        return []
    secret = rotation.held.name
    definition = {**rotation.project.secrets[secret], "name": name}
    changed = edits.called(rotation.project, secret, name)
    edits.check(changed, lambda data: edits.defined(data, secret, definition))
    if not changed:
        raise rotation.error(f"no file of the project itself defines {secret}")
    for document, _, text in changed:
        for old, new in zip(document.roots, parse(document.source.with_text(text)).roots, strict=True):
            for refused in outdated(document, old, new):
                raise refused
    return changed


def _call(rotation: Rotation, changed: edits.Changed) -> None:
    """Makes the project's files use the version."""
    from dsec_migrate import transaction

    if not changed:
        return
    replacements = [transaction.Replacement.of(document.source, text, own) for document, own, text in changed]
    work = transaction.Work(replacements=replacements, is_forgotten=True)
    transaction.commit(rotation.state_file.folder, work, rotation.project.boundary)


def _tell(rotation: Rotation, former: str, new: str, what: str) -> None:
    rotation.page.heading(f"{rotation.held.name}: {what}")
    rotation.page.table([("was", former), ("is", new)])


def _update(rotation: Rotation, old: list[str], new: str) -> None:
    """Prints or runs the commands that update the running services."""
    steps: list[Step] = list(swarm_versions.updates(old, new))
    page = rotation.page
    if not steps:
        page.sentence("no service of this swarm mounts it now: the next `docker stack deploy` will use it", indent="  ")
        return
    is_run = rotation.request.applies and rotation.task.write
    page.heading("Run" if is_run else "Then run")
    for step in steps:
        if is_run:
            run_step(step, rotation.project.directory)
        page.sentence(f"# {step.why}", indent="  ")
        page.row(f"  {step}")


def _roll_back(rotation: Rotation) -> None:
    details = rotation.entry.details
    former, current = details.get("former", ""), rotation.held.external_name
    if not former or (former == current and details.get("current") == current):
        raise rotation.error(f"no former version of {rotation.held.name} is known", "set it in the file by hand")
    if former == current:
        # the file already has it: an interrupted run, which has yet to update the services
        former, current = current, details["current"]
    if former not in swarm_versions.versions(swarm_versions.base_of(former)):
        raise rotation.error(f"Swarm no longer has a secret {former}")
    changed = _called(rotation, former)
    _tell(rotation, current, former, "back to the former version")
    if rotation.task.write:
        _take_back_here(rotation, former)
        _call(rotation, changed)
        rotation.state_file.write(rotation.held.name, replace(rotation.entry, phase=""))
    _update(rotation, [current], former)
    rotation.page.blank()
    if not rotation.task.write:
        rotation.page.sentence("nothing changed: add --write", paint=rotation.page.style.bold)


def _take_back_here(rotation: Rotation, former: str) -> None:
    """Restores the former value in the value file, if there is one and it was kept; keeps the other one instead."""
    state_file, name, here = rotation.state_file, rotation.held.name, rotation.held.value
    kept = read(state_file.previous(name))
    if here is None or kept is None:
        return
    item = Item(name, former, rotation.held.services, kept)
    manager = Swarm(Reach(project_name(rotation.project), fingerprint=state_file.fingerprint))
    if manager.find([item])[name] is Found.SAME and (here != kept or rotation.entry.phase == RETURNING):
        state_file.keep_once(name, here.content(), RETURNING, rotation.new_name)
        overwrite_in_place(rotation.file, item.value.content(), rotation.project.boundary)
        tell_git(rotation.page, [rotation.file])


def _prune(rotation: Rotation) -> None:
    """Removes versions that no service mounts and no file refers to. The current one is kept."""
    page, current = rotation.page, rotation.held.external_name
    known = sorted(swarm_versions.versions(swarm_versions.base_of(current)), key=lambda name: (len(name), name))
    labels = Swarm(Reach(project_name(rotation.project))).labels(known)
    own = [name for name in known if labels[name].get("dsec.project") == project_name(rotation.project)]
    used = {mount["SecretName"] for mounts in swarm_versions.users(known).values() for mount in mounts}
    gone = [name for name in own if name != current and name not in used]
    page.heading("Removed" if rotation.task.write else "Would remove")
    page.table((name, _why(name, current, used, own)) for name in known)
    for name in gone if rotation.task.write else ():
        run("secret", "rm", name)
    page.blank()
    if not rotation.task.write:
        page.sentence("nothing removed: add --write", paint=page.style.bold)


def _why(name: str, current: str, used: set[str], own: list[str]) -> str:
    if name == current:
        return "kept: the file refers to it"
    if name in used:
        return "kept: a service mounts it"
    return "goes" if name in own else "kept: it does not belong to this project (label dsec.project)"
