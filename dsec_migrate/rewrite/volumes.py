"""``--mount volume``: a folder for each service at /run/secrets, for engines without secrets.

What is proved for Docker's own secrets is rewritten at the end: the same files at the same paths. Fact of Docker
Engine 28: a mounted folder has its own mode in the container, so a non-root program cannot enter one of mode 0700; on
the host the parent folder, of mode 0700, keeps other users out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose import project as projects
from dsec_migrate.compose.discovery.nearby import Reader
from dsec_migrate.compose.document import Document, follow
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.document import Sequence as SequenceNode
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.planning import secret_readers
from dsec_migrate.planning.changes import NewFile, Plan, PlannedSecret
from dsec_migrate.planning.patches import Bare, InsertItem, Patch, Remove, RenameKey, SetValue
from dsec_migrate.planning.secret_files import Disk, resolve_path
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Rewritten, edits_between

PRIVATE_FOLDER, ENTERED_BY_ALL = 0o700, 0o755


def apply(
    project: Project, plan: Plan, rewritten: Sequence[Rewritten], directory: str, disk: Disk
) -> tuple[Plan, list[Rewritten]]:
    """The plan and the texts with folders instead of secrets. ``directory`` is the folder of the secrets as written in
    the Compose file. Raises UserError where the project cannot be written so."""
    if len(project.documents) != 1 or project.included or len(project.document.roots) != 1:
        raise _refused(project, "its services are defined in several files")
    overlay = {file.source.real_path: file.text for file in rewritten}
    after = projects.reload(project, overlay)
    folders = {name: _files(after, service) for name, service in after.services.items() if by_path(service)}
    if not folders:
        return plan, list(rewritten)
    text, _ = rewrite(after.document, _patches(after, folders, directory))
    _check(after, {**overlay, after.document.source.real_path: text}, folders, directory)
    source = project.document.source
    others = [file for file in rewritten if file.source.real_path != source.real_path]
    changed = Rewritten(source, text, tuple(edits_between(source.text, text)))
    return _with_folders(after, plan, folders, directory, disk), [*others, changed]


def check_readers(project: Project, others: Iterable[Reader]) -> None:
    """Raises UserError where another project takes services from the file: nothing is mounted into a folder that
    services of another one have at /run/secrets."""
    for reader in others:
        raise _refused(project, f"{reader.name} {reader.uses[project.source.real_path]} as well")


def _refused(project: Project, why: str) -> UserError:
    return UserError(
        f"its secrets cannot be mounted as a volume: {why}", str(project.source.path), help="drop --mount volume"
    )


def _files(project: Project, service: Service) -> Mapping[str, str]:
    """The secrets of a service by the names of their files."""
    found: dict[str, str] = {}
    for path, secret in by_path(service).items():
        if str(PurePosixPath(path).parent) != SECRETS_MOUNT:
            raise _refused(project, f"{service.name} wants {secret} at {path}")
        found[PurePosixPath(path).name] = secret
    if len(service.layers) != 1:
        raise _refused(project, f"{service.name} extends another service")
    (layer,) = service.layers
    own = layer.service.own("secrets")
    if own is None or own.value is not layer.service.get("secrets") or layer.service.flow:
        raise _refused(project, f"the list of {service.name} is shared, or in flow style")
    if own.value.anchor is not None or layer.service.anchor is not None:
        raise _refused(project, f"{service.name} is shared through an anchor")
    volumes = layer.service.effective().get("volumes")
    if volumes is not None and volumes.owner is not layer.service:
        raise _refused(project, f"the volumes of {service.name} come through a merge key")
    return found


def _patches(project: Project, folders: Mapping[str, Mapping[str, str]], directory: str) -> Iterator[Patch]:
    document = project.document
    for name in folders:
        (layer,) = project.services[name].layers
        item = Bare(f"{directory.rstrip('/')}/{name}:{SECRETS_MOUNT}:ro")
        yield from _of_service(document, layer.service, item, f"the volumes of {name}")
    root = document.roots[0]
    definitions = root.own("secrets") if isinstance(root, MappingNode) else None
    if definitions is not None:
        yield Remove(document, definitions, origin="the definitions of secrets")


def _of_service(document: Document, body: MappingNode, item: Bare, origin: str) -> Iterator[Patch]:
    """The volume is put where the list of secrets was, or at the end of the existing volumes."""
    own, volumes = body.own("secrets"), body.own("volumes")
    assert own is not None
    listed = follow(volumes.value) if volumes is not None else None
    if isinstance(listed, SequenceNode) and listed.items:
        yield InsertItem(document, listed, "", item, origin=origin)
        yield Remove(document, own, origin=origin)
        return
    if volumes is not None:
        yield Remove(document, volumes, origin=origin)
    yield RenameKey(document, own, "volumes", origin)
    yield SetValue(document, own.value, [item], origin)


def _check(after: Project, texts: Mapping[str, str], folders: Mapping[str, Mapping[str, str]], directory: str) -> None:
    """Everything else is the same as with secrets. Raises VerificationError."""
    old, new = (yaml.plain(project.document.roots[0]) for project in (after, projects.reload(after, texts)))
    expected = _as_folders(old, folders, directory)
    if new != expected:
        raise VerificationError(f"{after.source.path} would not say what was planned")


def _as_folders(data: Any, folders: Mapping[str, Mapping[str, str]], directory: str) -> Any:
    services = {}
    for name, body in data["services"].items():
        services[name] = body
        if name in folders:
            item = f"{directory.rstrip('/')}/{name}:{SECRETS_MOUNT}:ro"
            kept = {key: value for key, value in body.items() if key != "secrets"}
            services[name] = {**kept, "volumes": [*(body.get("volumes") or ()), item]}
    return {**{key: value for key, value in data.items() if key != "secrets"}, "services": services}


def _with_folders(
    after: Project, plan: Plan, folders: Mapping[str, Mapping[str, str]], directory: str, disk: Disk
) -> Plan:
    """The files of the plan, with those of the secrets once for each service."""
    planned = {secret.name: secret for secret in plan.secrets}
    gone = {secret.path for secret in plan.secrets if not secret.is_in_place}
    added: list[NewFile] = []
    places: dict[str, PlannedSecret] = {}
    notes: list[str] = []
    for service, files in folders.items():
        is_closed = all(secret_readers.is_closed(after, after.services[service], name) for name in files.values())
        for file, name in files.items():
            secret = planned.get(name)
            value = secret.value if secret is not None else _existing(after, name, disk)
            shown = f"{directory.rstrip('/')}/{service}/{file}"
            path = resolve_path(after, shown)
            present = disk.read(path)
            if value is None or (present is not None and present != value.content()):
                raise _refused(after, f"{path} holds something else, or the value of {name} is not here")
            mode = secret_readers.ONLY_OWNER if is_closed else secret_readers.READABLE_BY_ALL
            if secret is not None:
                # of several files with the same value only one is named
                places.setdefault(name, replace(secret, file=shown, path=path, mode=mode))
            if present is None:
                added.append(NewFile(path, value, mode, folder_mode=PRIVATE_FOLDER if is_closed else ENTERED_BY_ALL))
        if not is_closed:
            notes.append(service)
    kept = [file for file in plan.files if file.path not in gone]
    names = ", ".join(notes)
    told = (
        f"{names}: a folder of mode 0755 and files of mode 0444, since its program may not be root; on the host only "
        "the folder above, of mode 0700, keeps others out"
    )
    first = [file for file in kept if file.append]
    rest = [file for file in kept if not file.append]
    return replace(
        plan,
        files=(*first, *added, *rest),
        secrets=tuple(places.get(secret.name, secret) for secret in plan.secrets),
        notes=(*plan.notes, *([told] if notes else [])),
    )


def _existing(project: Project, name: str, disk: Disk) -> Secret | None:
    file = project.secrets.get(name, {}).get("file")
    content = disk.read(resolve_path(project, file)) if isinstance(file, str) else None
    return Secret.of(content) if content is not None else None
