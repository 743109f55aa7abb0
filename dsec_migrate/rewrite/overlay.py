"""``--source vault|aws``: an override file with a service that fetches the values when the project starts, for images
that support neither store.

The service writes each consumer's files into a separate volume in memory, and keeps running: such a volume is emptied
when its last container stops (observed with Docker Engine 28). After a restart of the engine ``depends_on`` is not
honored, so a consumer waits for its files itself where its ENTRYPOINT is known. Without the override file the project
runs on files as before, which is what development needs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from dsec_migrate.compose import project as projects
from dsec_migrate.compose.document import is_given
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.config.options import Manager, Options
from dsec_migrate.planning import wrapper_script
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.passes import image_start
from dsec_migrate.planning.secret_files import Disk, project_name, written_anew
from dsec_migrate.rewrite.fetching import Runtime, runtime
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.source import Rewritten

MARK = "# Made by dsec-migrate; `dsec-migrate --source {name}` regenerates it."
SERVICE = "secrets"
_FOLDER = "/secrets"


@dataclass(frozen=True, repr=False, eq=False)
class _Consumer:
    """``files`` are names below /run/secrets, each with its secret. ``guard`` is an ENTRYPOINT that waits for them and
    ``command`` its words, both None where the service starts unchanged."""

    service: Service
    files: Mapping[str, str]
    guard: tuple[str, ...] | None
    command: tuple[str, ...] | None

    @property
    def volume(self) -> str:
        return f"{self.service.name}-secrets"


def plan(project: Project, rewritten: Sequence[Rewritten], options: Options, disk: Disk) -> Plan:
    """The override file for the migrated ``project``. Raises UserError where one of its names is taken or invalid."""
    manager = options.manager
    assert manager is not None
    after = projects.reload(project, {file.source.real_path: file.text for file in rewritten})
    if SERVICE in after.services:
        raise UserError(
            f"the project has a service {SERVICE} already",
            str(project.source.path),
            help="rename it, or use another --source",
        )
    notes: list[str] = []
    consumers = [one for service in after.services.values() if (one := _consumer(after, service, options, notes))]
    if not consumers:
        return Plan(notes=tuple(notes))
    source = project.source.path
    path = source.with_name(f"{source.stem}.{manager.name}{source.suffix}")
    text = "".join(f"{line}\n" for line in _lines(after, consumers, manager))
    files = written_anew(path, text, MARK.format(name=manager.name), disk)
    return Plan(files=files, notes=(*notes, *_notes(after, consumers, manager, path)))


def _consumer(project: Project, service: Service, options: Options, notes: list[str]) -> _Consumer | None:
    mounts = by_path(service)
    if not mounts:
        return None
    files: dict[str, str] = {}
    for path, secret in mounts.items():
        if str(PurePosixPath(path).parent) != SECRETS_MOUNT:
            notes.append(
                f"{service.name} mounts {secret} at {path}, where no volume can be mounted: it keeps using files"
            )
            return None
        files[PurePosixPath(path).name] = secret
    guard, command = _guard(project, service, sorted(files), options)
    if guard is None and not _is_wrapped(service):
        notes.append(
            f"nobody knows how the image of {service.name} starts: after a restart of the engine its program has to "
            "end where its files are not there yet, and `restart:` has to start it again"
        )
    if not is_given(service.get("restart")):
        notes.append(f"{service.name} has no `restart:`, so a restart of the engine leaves it stopped, as before")
    return _Consumer(service, files, guard, command)


def _is_wrapped(service: Service) -> bool:
    """Whether a wrapper script of this program fails with an error where a file is missing."""
    entrypoint = service.get("entrypoint")
    items = getattr(entrypoint, "items", ())
    return wrapper_script.read([str(getattr(item, "value", "")).replace("$$", "$") for item in items]) is not None


def _guard(
    project: Project, service: Service, files: Sequence[str], options: Options
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    if is_given(service.get("entrypoint")):
        return None, None
    command = service.get("command")
    found = image_start.find(project, service, options=options, needs_command=not is_given(command))
    if isinstance(found, image_start.Untold) or found.entrypoint is None or found.shell == "none":
        return None, None
    if not is_given(command) and found.command is None:
        return None, None
    tests = " && ".join(f"[ -s {shlex.quote(f'{SECRETS_MOUNT}/{name}')} ]" for name in files)
    script = f'trap "exit 143" TERM INT\nuntil {tests}; do sleep 1; done\ntrap - TERM INT\nexec "$@"\n'
    words = None if is_given(command) else found.command or None
    return ("/bin/sh", "-ec", script, "sh", *found.entrypoint), words


def _lines(project: Project, consumers: Sequence[_Consumer], manager: Manager) -> Iterator[str]:
    way = runtime(manager)
    name = project_name(project)
    yield MARK.format(name=manager.name)
    yield f"# The values come from {way.title} when the project starts; no file on this host contains one."
    yield "services:"
    yield f"  {SERVICE}:"
    yield f"    image: {json.dumps(manager.image or way.image)}"
    yield "    entrypoint: [/bin/sh, -ec]"
    yield "    command:"
    yield "      - |"
    prefix = name if manager.prefix is None else manager.prefix
    for line in _script(consumers, manager, way, prefix):
        yield f"        {line.replace('$', '$$')}".rstrip()
    yield "    environment:"
    for variable, value in way.environment(manager).items():
        yield f"      {variable}: {json.dumps(value)}"
    if way.credential(manager):
        yield f"    secrets: [{way.credential_name}]"
    yield "    volumes:"
    for one in consumers:
        yield f"      - {json.dumps(f'{one.volume}:{_FOLDER}/{one.service.name}')}"
    tests = " && ".join(f"test -s {_file(one, file)}" for one in consumers for file in one.files)
    yield "    healthcheck:"
    yield f"      test: {json.dumps(tests.replace('$', '$$'))}"
    yield "      interval: 2s"
    yield "      start_period: 60s"
    yield "      retries: 5"
    yield "    restart: unless-stopped"
    for one in consumers:
        yield f"  {json.dumps(one.service.name)}:"
        if one.guard is not None:
            yield f"    entrypoint: {json.dumps([word.replace('$', '$$') for word in one.guard], ensure_ascii=False)}"
        if one.command is not None:
            yield f"    command: {json.dumps([word.replace('$', '$$') for word in one.command], ensure_ascii=False)}"
        yield f"    depends_on: {{{SERVICE}: {{condition: service_healthy}}}}"
        yield "    secrets: !override []"
        yield "    volumes:"
        yield f"      - {{type: volume, source: {json.dumps(one.volume)}, target: {SECRETS_MOUNT}, read_only: true}}"
    yield "volumes:"
    for one in consumers:
        yield f"  {json.dumps(one.volume)}:"
        yield "    driver: local"
        yield '    driver_opts: {type: tmpfs, device: tmpfs, o: "size=1m,mode=0755"}'
    if way.credential(manager):
        yield "secrets:"
        yield f"  {way.credential_name}:"
        yield f"    file: {json.dumps(way.credential(manager))}"


def _file(consumer: _Consumer, name: str) -> str:
    """The path to which the service writes a file of a consumer, as a shell word."""
    return shlex.quote(f"{_FOLDER}/{consumer.service.name}/{name}")


def _script(consumers: Sequence[_Consumer], manager: Manager, way: Runtime, prefix: str) -> Iterator[str]:
    yield "umask 022"
    yield 'trap "exit 0" TERM INT'
    yield from way.prelude(manager)
    yield f"fetch() {{ {manager.command or way.fetch(manager)}; }}"
    yield "take() {"
    # readers see the whole file, also when it changes
    yield '  fetch "$1" >"$2.new" && [ -s "$2.new" ] && mv "$2.new" "$2"'
    yield "}"
    yield "all() {"
    for one in consumers:
        for file, secret in one.files.items():
            place = shlex.quote(f"{prefix}/{secret}".lstrip("/"))
            yield f"  take {place} {_file(one, file)} &&"
    yield "  true"
    yield "}"
    yield f'until all; do echo "waiting for {way.title}" >&2; sleep 2 & wait $!; done'
    yield "while :; do sleep 3600 & wait $!; done"


def _notes(project: Project, consumers: Sequence[_Consumer], manager: Manager, path: Path) -> Iterator[str]:
    names = " ".join(f"-f {document.source.path.name}" for document in project.documents)
    secrets = dict.fromkeys(secret for one in consumers for secret in one.files.values())
    prefix = f" --prefix {manager.prefix}" if manager.prefix is not None else ""
    yield (
        f"values go to {runtime(manager).title} with `dsec-migrate push --to {manager.name}{prefix} --write`; when the "
        f"project runs on them, the files of {', '.join(secrets)} are needed for development only"
    )
    yield f"start it with: docker compose {names} -f {path.name} up -d"
