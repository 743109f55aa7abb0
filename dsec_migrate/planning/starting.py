"""``--templates``: files for a fresh start, generated from what a family of projects has and will have."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsec_migrate.compose.environment import PROJECT_NAME, read_entries
from dsec_migrate.compose.project import Project, references_of
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, sources
from dsec_migrate.config.options import Mount, SourceKind
from dsec_migrate.detectors.finding import Candidate
from dsec_migrate.detectors.judge import judge
from dsec_migrate.planning.changes import NewFile, Plan
from dsec_migrate.planning.ignore_lines import ignore_but
from dsec_migrate.planning.passes.renaming import SUFFIX
from dsec_migrate.planning.secret_files import README, Disk, resolve_path
from dsec_migrate.planning.templates import Described, EnvText, ReadVariable, text_files
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Source, is_text

TEXT_MODE = 0o644
Planned = tuple[Project, Plan]


def templates_of(units: Sequence[Planned], mount: Mount, disk: Disk) -> Plan:
    """The files of `.env.example` and of the secrets folder's README. Raises UserError if a file cannot be read."""
    root = units[-1][0]
    is_by_service = mount is Mount.VOLUME
    describe = _described_by_service if is_by_service else _described
    described = [secret for project, plan in units for secret in describe(project, plan)]
    folders = [Path(secret.file).parent for secret in described if secret.file] or [root.directory / "secrets"]
    folder = folders[0].parent if is_by_service else folders[0]
    base = root.directory.absolute()

    def spelled(path: Path) -> Path:
        """The path, spelled like all other paths of the project."""
        return root.directory / path.relative_to(base) if path.is_relative_to(base) else path

    texts = text_files(
        base, folder.absolute(), [_as_seen(secret, folder) for secret in described], list(_variables(units)),
        _env_text(root, units), lambda path: disk.read(spelled(path)), is_by_service=is_by_service,
    )  # fmt: skip
    texts = [replace(text, path=spelled(text.path)) for text in texts]
    files = []
    if any(text.path.name == README for text in texts):
        ignored = ignore_but(root, folder, [README], disk)
        files += [ignored.as_new_file(disk)] if ignored is not None else []
    for text in texts:
        present = disk.read(text.path) if text.replaces else None
        before = disk.read(text.path) if text.append else None
        disk.claim(text.path, (before or b"") + text.text.encode())
        files.append(
            NewFile(
                text.path,
                Secret(text.text),
                TEXT_MODE,
                append=text.append,
                is_secret=False,
                replaces=None if present is None else Secret(present.decode("utf-8", "replace")),
            )
        )
    return Plan(files=tuple(files))


def _described(project: Project, plan: Plan) -> Iterator[Described]:
    users, readers = _users(project), _readers(project)
    planned = {secret.name: secret for secret in plan.secrets}
    for name, data in project.secrets.items():
        known = planned.get(name)
        services = (*users.get(name, ()), *(known.services if known else ()))
        variables = tuple(dict.fromkeys((*readers.get(name, ()), *(known.variables if known else ()))))
        file, variable = data.get("file"), data.get("environment")
        if isinstance(file, str):
            path = resolve_path(project, file)
            yield Described(name, SourceKind.FILE, str(path), _mode(path), services=services, variables=variables)
        elif isinstance(variable, str):
            yield Described(name, SourceKind.ENVIRONMENT, variable=variable, services=services, variables=variables)
    for secret in plan.secrets:
        if secret.is_new:
            yield Described(
                secret.name,
                secret.source,
                str(secret.path or ""),
                secret.mode,
                secret.variable,
                secret.services,
                secret.variables,
            )


def _described_by_service(project: Project, plan: Plan) -> Iterator[Described]:
    """With ``--mount volume`` each service has its own folder, with a file for each of its secrets."""
    readers = _readers(project)
    known = {secret.name: secret.variables for secret in plan.secrets}
    for file in plan.files:
        if file.is_secret:
            name = file.path.name
            variables = known.get(name) or tuple(readers.get(name, ()))
            service = file.path.parent.name
            yield Described(name, SourceKind.FILE, str(file.path), file.mode, services=(service,), variables=variables)


def _readers(project: Project) -> dict[str, list[str]]:
    """The variables that name the file of each secret, without their suffix."""
    found: dict[str, list[str]] = {}
    for service in project.services.values():
        for variable in service.variables.values():
            value = variable.effective.value or ""
            if value.startswith(f"{SECRETS_MOUNT}/") and variable.name.endswith(SUFFIX):
                found.setdefault(value.rsplit("/", 1)[1], []).append(variable.name.removesuffix(SUFFIX))
    return found


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o444


def _as_seen(secret: Described, folder: Path) -> Described:
    """With its file relative to the README in ``folder``."""
    return Described(
        secret.name,
        secret.source,
        Path(os.path.relpath(secret.file, folder)).as_posix() if secret.file else "",
        secret.mode,
        secret.variable,
        tuple(dict.fromkeys(secret.services)),
        secret.variables,
    )


def _users(project: Project) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for service in project.services.values():
        for name in sources(service):
            found.setdefault(name, []).append(service.name)
    return found


def _variables(units: Sequence[Planned]) -> Iterator[ReadVariable]:
    """The variables that the projects read, in the order of their files."""
    told: dict[str, None] = {}
    for project, plan in units:
        moved = {id(move.declaration.content) for move in plan.moves}
        for document in project.compose_texts:
            for node in document.templates:
                if id(node) in moved:
                    continue
                told.update(dict.fromkeys(sorted(references_of(node.value), key=node.value.find)))
        told.update(dict.fromkeys(secret.variable for secret in plan.secrets if secret.variable))
    values = units[-1][0].environment.files
    # Compose sets the project's name itself
    for name in (name for name in told if name != PROJECT_NAME or name in values):
        value = values.get(name, "")
        yield ReadVariable(name, is_harmless=judge(Candidate("", name, value.replace("$", "$$"), value)) is None)


def _env_text(root: Project, units: Sequence[Planned]) -> EnvText:
    path = root.directory / ".env"
    values = tuple(secret.value for _, plan in units for secret in plan.secrets if secret.value is not None)
    if path not in root.environment.paths:
        return EnvText(values=values)
    source = Source.read(path, is_env_file=True)
    # a template is text, whatever the encoding of the file
    source = source.with_text("".join(one if is_text(one) else "\ufffd" for one in source.text))
    return EnvText(source.text, tuple(read_entries(source, root.environment.shell)), values)
