"""``rotate``: changes the value of a secret in two phases, as a careful operator would by hand.

The new value is kept beside the former one until ``--finish``, which requires proof that it works. The former one is
kept until ``--forget-previous``. Every phase can be run again after an interruption.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dsec_migrate.cli.parameters import argument, option, switch
from dsec_migrate.cli.verbs.rotating import Request, Rotation, file_of, place_of, put
from dsec_migrate.cli.verbs.task import (
    ALLOW,
    ENV_FILES,
    FILES,
    LAYERS,
    SECRETS_DIR,
    WRITE,
    ProjectCall,
    Result,
    Task,
    tell_git,
)
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.lifecycle.filling import put_whole, remove
from dsec_migrate.lifecycle.rotation import databases, edits, new_value
from dsec_migrate.lifecycle.rotation.expected import with_second
from dsec_migrate.lifecycle.rotation.snippets import both
from dsec_migrate.lifecycle.rotation.steps import Step, Strategy
from dsec_migrate.lifecycle.secret_state import users
from dsec_migrate.lifecycle.secret_values import held, masks, read
from dsec_migrate.lifecycle.state_file import StateFile
from dsec_migrate.migrate.load import load
from dsec_migrate.planning.secret_files import journal_folders, secrets_folder
from dsec_migrate.planning.secret_readers import mode_for
from dsec_migrate.reports.hiding import hider
from dsec_migrate.text.errors import UserError, told
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret

STARTED, FINISHING = "started", "finishing"


class Call(ProjectCall):
    """Rotate a secret in two phases: first add the new value beside the former one, then --finish.

    Prints the commands to run in between, or runs them with --apply. --forget-previous deletes the former value.
    """

    name: str = argument("NAME", str, "The secret, by its name in `secrets:`.")
    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    generate: int | None = option("--generate", "N", int, "Generate a new value of N random letters and digits.")
    value_file: Path | None = option("--value-file", "FILE", Path, "Read the new value from this file.")
    prompt: bool = switch("--prompt", "Prompt for the new value, without echo.")
    strategy: Strategy | None = option(
        "--strategy",
        "HOW",
        Strategy,
        "dual: a program tries both values; replace: the file changes at the end; swarm: a new version.  "
        "[default: depends on the image and on where the secret is stored]",
    )
    finish: bool = switch("--finish", "Replace the former value with the new one.")
    abort: bool = switch("--abort", "Discard the new value.")
    rollback: bool = switch("--rollback", "Swarm: return to the former version.")
    prune: bool = switch("--prune", "Swarm: remove unused versions.")
    forget: bool = switch("--forget-previous", "Delete the former value.")
    confirmed: bool = switch("--confirmed", "With --finish: confirm that the new value was tested and works.")
    apply: bool = switch("--apply", "Also run the commands in between.")
    allow: Sequence[Path] = ALLOW
    write: bool = WRITE


def run(call: Call) -> int:
    request = _request(call)
    return perform(Task.of(call), request).tell()


def _request(call: Call) -> Request:
    """Raises UserError for options that exclude each other."""
    phases = [phase for phase in ("finish", "abort", "rollback", "prune", "forget") if getattr(call, phase)]
    sources: list[Callable[[], Secret]] = []
    if call.generate is not None:
        made = new_value.generate(call.generate)
        sources.append(lambda: made)
    if call.value_file is not None:
        path = call.value_file
        sources.append(lambda: new_value.from_file(path))
    if call.prompt:
        sources.append(lambda: new_value.typed(call.name))
    if len(phases) > 1 or len(sources) > 1 or (phases and sources):
        raise UserError(
            "these options are mutually exclusive", help="pass one source of the value, or one phase such as --finish"
        )
    return Request(
        call.name,
        phases[0] if phases else "start",
        sources[0] if sources else None,
        call.strategy,
        call.confirmed,
        call.apply,
        is_from_file=call.value_file is not None,
    )


def perform(task: Task, request: Request) -> Result:
    """Raises UserError where there is no such secret, or the phase is not possible now."""
    rotation = _find(task, request)
    if rotation.held.is_external and request.strategy not in {None, Strategy.SWARM}:
        raise rotation.error(f"{request.name} is stored in Swarm, which has one strategy only", "omit --strategy")
    if rotation.held.is_external or request.strategy is Strategy.SWARM:
        from dsec_migrate.cli.verbs import rotate_swarm

        return _told(task, lambda: rotate_swarm.perform(rotation))
    phases = {"start": _start, "finish": _finish, "abort": _abort, "forget": _forget}
    if request.phase not in phases:
        raise rotation.error(f"--{request.phase} is only for secrets in Swarm", "use --abort to cancel a rotation")
    return _told(task, lambda: phases[request.phase](rotation))


def _told(task: Task, perform: Callable[[], None]) -> Result:
    """An error is reported after the output so far, such as the commands of which one failed."""
    try:
        perform()
    except Exception as error:
        return Result(task.page, (told(error),))
    return Result(task.page, ())


def _find(task: Task, request: Request) -> Rotation:
    names: list[str] = []
    for files in task.projects:
        root = _loaded(files, task)
        task.page.hide = hider(masks(root, task.options))
        for unit in root.units():
            for one in held(unit, task.options):
                names.append(one.name)
                if one.name == request.name:
                    if one.driver:
                        what = f"the driver {one.driver} provides {one.name} to each task in Swarm"
                        raise UserError(what, unit.source.path.name, help="change the value where the driver reads it")
                    folder = secrets_folder(unit, task.options)
                    if one.file is not None:
                        unit.boundary.inside(one.file)
                        folder = one.file.parent
                    return Rotation(request, task, unit, one, StateFile(folder, unit.boundary))
    place = task.projects[0].name if task.projects else ""
    known = f"the project defines {', '.join(names)}" if names else "the project defines no secret"
    raise UserError(f"no such secret: {request.name}", place, help=known)


def _loaded(files: ProjectFiles, task: Task) -> Project:
    """The project; with ``--write``, an interrupted run is finished or rolled back first."""
    from dsec_migrate import transaction

    root = load(files, task.options, task.shell)
    folders = journal_folders(root, task.options) if task.write else []
    recovered = [one for folder in folders for one in transaction.recover(folder, root.boundary)]
    for one in recovered:
        task.page.sentence(str(one))
    return load(files, task.options, task.shell) if recovered else root


# --- the first phase ---


def _start(rotation: Rotation) -> None:
    entry, page, task = rotation.entry, rotation.page, rotation.task
    strategy = Strategy(entry.details.get("strategy", Strategy.REPLACE.value)) if entry.phase else _strategy(rotation)
    begun = read(rotation.new_file) if entry.phase else None
    if not rotation.held.is_value and rotation.request.value is not None and not rotation.request.is_from_file:
        raise rotation.error(
            f"{rotation.held.name} is a file with its own format, which a generated value cannot replace",
            "get a new one from where it is issued, and pass it with --value-file FILE",
        )
    if rotation.held.value is None:
        raise rotation.error(f"{rotation.held.name} has no value here", "run `dsec-migrate fill --write` to enter it")
    database = _database(rotation) if strategy is not Strategy.DUAL and not rotation.held.variable else None
    is_defined = rotation.new_name in rotation.project.secrets
    changed = [] if is_defined else _beside(rotation, strategy, database)
    is_under_way = begun is not None and not changed
    if entry.phase == FINISHING or (is_under_way and rotation.request.value is not None):
        raise rotation.error(
            f"a rotation of {rotation.held.name} is in progress",
            "pass --finish to switch to the new value, or --abort to discard it",
        )
    if not is_under_way:
        _begin(rotation, strategy, changed, begun)
    steps = list(_between(rotation, strategy, database))
    others = [name for name in rotation.held.services if database is not None and name != database[0]]
    _follow(rotation, steps, "Then run" if task.write else "Commands to run in between")
    if others:
        page.sentence(
            f"from then until --finish and a restart, new logins of {', '.join(others)} fail: continue without delay",
            indent="  ",
        )
    if strategy is Strategy.DUAL:
        _tell_how_to_try_both(rotation)
    page.blank()
    if not task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)
        return
    last = "--finish --apply --write" if database is not None else "--finish --confirmed --write"
    page.sentence(f"once the new value works everywhere: dsec-migrate rotate {rotation.held.name} {last}")
    page.sentence(f"to cancel: dsec-migrate rotate {rotation.held.name} --abort --write")


def _begin(rotation: Rotation, strategy: Strategy, changed: edits.Changed, begun: Secret | None) -> None:
    """Writes the new value beside the former one. ``begun`` is that of an interrupted run, which nothing uses yet."""
    page, task, former = rotation.page, rotation.task, rotation.held.value
    assert former is not None
    page.heading(f"{rotation.held.name}: the new value beside the former one")
    rows = [(str(rotation.new_file), "the new value, 0600" if not changed else "the new value")]
    rows += [(str(document.source.path), "mounts it") for document, _, _ in changed]
    page.table(rows)
    for document, _, _ in changed:
        rotation.project.boundary.inside(document.source.path)
    if task.write:
        value = rotation.request.value() if rotation.request.value is not None else begun
        if value is None:
            raise rotation.error("there is no new value", "add --generate 32, --value-file FILE or --prompt")
        if value == former:
            raise rotation.error("the new value is the former one")
        rotation.state_file.note(rotation.held.name, former.content(), rotation.entry.changed)
        rotation.state_file.write(
            rotation.held.name,
            replace(rotation.entry, phase=STARTED, details={"strategy": strategy.value}),
        )
        mode = mode_for(rotation.project, rotation.held.name) if changed else 0o600
        put_whole(rotation.new_file, value.content(), mode, rotation.project.boundary)
        _save(rotation, changed)
        tell_git(page, [rotation.new_file])


def _tell_how_to_try_both(rotation: Rotation) -> None:
    path = f"/run/secrets/{rotation.held.name}"
    services = users(rotation.project).get(rotation.held.name, [])
    names = [name for one in services for name, known in one.variables.items() if known.effective.value == path]
    for language, text in both(names[0], edits.new_variable(names[0])) if names else ():
        rotation.page.heading(f"Example in {language}: try one value, then the other")
        for line in text.splitlines():
            rotation.page.row(f"  {line}")


def _strategy(rotation: Rotation) -> Strategy:
    """The given strategy; by default, two values for images that are built here, one for others."""
    if rotation.request.strategy is not None:
        return rotation.request.strategy
    services = users(rotation.project).get(rotation.held.name, [])
    is_own = bool(services) and all(service.is_built for service in services)
    return Strategy.DUAL if is_own and not rotation.held.variable else Strategy.REPLACE


def _database(rotation: Rotation) -> tuple[str, databases.Database] | None:
    """The service that is a database with this password, and how to change it there."""
    path = f"/run/secrets/{rotation.held.name}"
    for service in users(rotation.project).get(rotation.held.name, []):
        paths = {name: variable.effective.value or "" for name, variable in service.variables.items()}
        known = databases.of(paths)
        for name, value in paths.items():
            if value == path and name in known:
                return service.name, known[name]
    return None


def _beside(rotation: Rotation, strategy: Strategy, database: tuple[str, databases.Database] | None) -> edits.Changed:
    """How the project's files change for the first phase."""
    name, new = rotation.held.name, rotation.new_name
    if strategy is Strategy.DUAL:
        services = frozenset(rotation.held.services)
    elif database is not None:
        services = frozenset({database[0]})
    else:
        return []
    if rotation.held.variable:
        raise rotation.error(f"{name} comes from a variable", "rotate it with --strategy replace")
    file = rotation.project.secrets[name].get("file")
    assert isinstance(file, str)
    folder = file.rpartition("/")[0]
    new_file = f"{folder}/{rotation.new_file.name}" if folder else rotation.new_file.name
    is_dual = strategy is Strategy.DUAL
    changed = edits.beside(rotation.project, name, new, new_file, services, with_variables=is_dual)
    edits.check(changed, lambda data: with_second(data, name, new, new_file, services, with_variables=is_dual))
    return changed


def _save(rotation: Rotation, changed: edits.Changed) -> None:
    """All files at once, or none."""
    if not changed:
        return
    from dsec_migrate import transaction

    replacements = [transaction.Replacement.of(document.source, text, own) for document, own, text in changed]
    work = transaction.Work(replacements=replacements, is_forgotten=True)
    transaction.commit(rotation.state_file.folder, work, rotation.project.boundary)


def _between(rotation: Rotation, strategy: Strategy, database: tuple[str, databases.Database] | None) -> Iterable[Step]:
    if database is not None:
        service, known = database
        yield Step(("docker", "compose", "up", "-d", "--wait", service), "mounts the new value")
        script = known.to_change(rotation.held.name, rotation.new_name)
        yield Step(
            ("docker", "compose", "exec", "-T", service, "sh", "-e"), f"change the password in {known.title}", script
        )
    elif strategy is Strategy.DUAL:
        yield Step(("docker", "compose", "up", "-d", *rotation.held.services), "mounts the new value beside the former")


def _follow(rotation: Rotation, steps: list[Step], title: str) -> None:
    """Prints the steps, or runs them with ``--apply``."""
    page = rotation.page
    if not steps:
        return
    is_run = rotation.request.applies and rotation.task.write
    page.heading("Run" if is_run else title)
    for step in steps:
        if step.why:
            page.sentence(f"# {step.why}", indent="  ")
        for line in str(step).splitlines():
            page.row(f"  {line}")
        if is_run:
            from dsec_migrate.lifecycle.rotation.running import run

            run(step, rotation.project.directory)


# --- the second phase ---


def _finish(rotation: Rotation) -> None:
    entry, page, task = rotation.entry, rotation.page, rotation.task
    name = rotation.held.name
    if not entry.phase:
        raise rotation.error(f"no rotation of {name} is in progress", "start with --generate, --value-file or --prompt")
    value = read(rotation.new_file)
    if value is None and entry.phase != FINISHING:
        raise rotation.error(f"the new value of {name} is missing", "cancel with --abort, then start again")
    database = _database(rotation) if not rotation.held.variable else None
    _prove(rotation, database)
    changed = edits.without(rotation.project, rotation.new_name) if not rotation.held.variable else []
    page.heading(f"{name}: the new value replaces the former one")
    rows = [(place_of(rotation), "the new value"), (str(rotation.state_file.previous(name)), "the former value, 0600")]
    rows += [(str(document.source.path), "without the second secret") for document, _, _ in changed]
    page.table(rows)
    if task.write:
        if value is not None:
            if rotation.held.value is not None:
                rotation.state_file.keep_once(name, rotation.held.value.content(), FINISHING)
            put(rotation, value)
            tell_git(page, [file_of(rotation)])
        _save(rotation, changed)
        remove(rotation.new_file, rotation.project.boundary)
        promoted = value if value is not None else rotation.held.value
        if promoted is not None:
            rotation.state_file.note(name, promoted.content(), int(time.time()))
        rotation.state_file.write(name, replace(rotation.entry, phase="", details={}))
    recreated = ("docker", "compose", "up", "-d", "--force-recreate", *rotation.held.services)
    why = "for programs that read it at start; others see the new file at once"
    if rotation.held.variable:
        why = "the value comes from a variable, which is set when a container is created"
    steps = [Step(recreated, why)] if rotation.held.services else []
    _follow(rotation, steps, "Then run" if task.write else "Commands to run then")
    page.blank()
    if not task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)
    else:
        page.sentence(f"the former value is kept until: dsec-migrate rotate {name} --forget-previous --write")


def _prove(rotation: Rotation, database: tuple[str, databases.Database] | None) -> None:
    """Raises UserError where the new value has not been proved to work."""
    if rotation.request.is_proved or rotation.entry.phase == FINISHING:
        return
    name = rotation.held.name
    if database is None:
        raise rotation.error(
            f"the new value of {name} has not been tested",
            "test it where it is used, then pass --confirmed",
        )
    service, known = database
    step = Step(
        ("docker", "compose", "exec", "-T", service, "sh", "-e"),
        f"a login to {known.title} with the new value",
        known.to_prove(rotation.new_name),
    )
    if not rotation.request.applies:
        for line in str(step).splitlines():
            rotation.page.row(f"  {line}")
        raise rotation.error(
            f"the new value of {name} has not been tested",
            "pass --apply to log in with it, or run that login yourself and pass --confirmed",
        )
    from dsec_migrate.lifecycle.rotation.running import run

    run(step, rotation.project.directory)
    rotation.page.sentence(f"{known.title} of {service} accepts the new value")


# --- ways back ---


def _abort(rotation: Rotation) -> None:
    page, name = rotation.page, rotation.held.name
    if not rotation.entry.phase:
        raise rotation.error(f"no rotation of {name} is in progress")
    if rotation.entry.phase == FINISHING:
        raise rotation.error(f"the rotation of {name} is almost finished", "finish it with --finish --write")
    changed = edits.without(rotation.project, rotation.new_name) if not rotation.held.variable else []
    value = read(rotation.new_file)
    page.heading(f"{name}: back to the former value only")
    page.table((str(document.source.path), "without the second secret") for document, _, _ in changed)
    kept = rotation.state_file.previous(rotation.new_name)
    if value is not None:
        page.table([(str(kept), "the value that was new, 0600")])
    if rotation.task.write:
        # it may be the live one, if the statement was run
        if value is not None:
            rotation.state_file.keep(rotation.new_name, value.content())
        _save(rotation, changed)
        remove(rotation.new_file, rotation.project.boundary)
        rotation.state_file.write(name, replace(rotation.entry, phase="", details={}))
    if _database(rotation) is not None:
        page.sentence("if the database already uses the new value, reset its password first", indent="  ")
    page.blank()
    if not rotation.task.write:
        page.sentence("nothing written: add --write", paint=page.style.bold)


def _forget(rotation: Rotation) -> None:
    page, state_file, name = rotation.page, rotation.state_file, rotation.held.name
    kept = [path for path in (state_file.previous(name), state_file.previous(rotation.new_name)) if path.exists()]
    if rotation.entry.phase:
        raise rotation.error(f"a rotation of {name} is in progress", "end it first with --finish or --abort")
    if not kept:
        page.sentence(f"no former value of {name} is kept")
        return
    page.heading("Deleted" if rotation.task.write else "Would delete")
    page.table((str(path),) for path in kept)
    for path in kept if rotation.task.write else ():
        remove(path, rotation.project.boundary)
    if not rotation.task.write:
        page.blank()
        page.sentence("nothing deleted: add --write", paint=page.style.bold)
