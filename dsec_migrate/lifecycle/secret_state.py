"""The secrets of a project with their files and readers, for ``status`` and ``fill``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dsec_migrate.compose import builds
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path, of_build, sources
from dsec_migrate.lifecycle.file_state import ExternalState, Reader, SecretFile, State, inspect, variable_state
from dsec_migrate.planning import secret_readers
from dsec_migrate.planning.secret_files import resolve_path


def users(project: Project) -> dict[str, list[Service]]:
    """The services that mount each secret, by its name."""
    found: dict[str, list[Service]] = {}
    for service in project.services.values():
        for name in dict.fromkeys(sources(service)):
            found.setdefault(name, []).append(service)
    return found


def builders(project: Project) -> dict[str, list[Service]]:
    """The services whose builds use each secret, by its name."""
    found: dict[str, list[Service]] = {}
    for service in project.services.values():
        for name in dict.fromkeys(name for name, _ in of_build(service)):
            found.setdefault(name, []).append(service)
    return found


def whole_files(project: Project) -> frozenset[str]:
    """The secrets that are files with their own format, such as a .npmrc or a key, rather than values: no build reads
    them as a variable, and no service looks for them below /run/secrets."""
    found: set[str] = set()
    values: set[str] = set()
    for service in project.services.values():
        for path, name in by_path(service).items():
            (values if path.startswith(f"{SECRETS_MOUNT}/") else found).add(name)
        given = dict(of_build(service))
        if not given:
            continue
        build = builds.find(project, service)
        dockerfile = builds.dockerfile_of(project, build) if build is not None else None
        mounts = list(builds.secret_mounts(dockerfile)) if dockerfile is not None else []
        variables = {options["id"] for _, options in mounts if "env" in options}
        known = {options["id"] for _, options in mounts}
        for name, identifier in given.items():
            (values if identifier in variables or identifier not in known else found).add(name)
    return frozenset(found - values)


def states(project: Project) -> list[tuple[str, State]]:
    """The state of each secret that the project defines, in the order of its files."""
    mounted, built, whole = users(project), builders(project), whole_files(project)
    files: list[SecretFile] = []
    others: dict[str, State] = {}
    for name, data in project.secrets.items():
        path = file_of(project, data)
        if path is not None:
            programs = tuple(reader(project, user) for user in mounted.get(name, ()))
            is_of_builds = name in built and not programs
            files.append(SecretFile(name, path, programs, is_of_builds=is_of_builds, is_value=name not in whole))
        elif isinstance(variable := data.get("environment"), str):
            others[name] = variable_state(name, variable, project.environment.variables.get(variable))
        elif data.get("external"):
            others[name] = ExternalState(name, str(data.get("name") or name))
        elif driver := data.get("driver"):
            others[name] = ExternalState(name, name, str(driver))
    inspected: dict[str, State] = {state.secret.name: state for state in inspect(files)}
    known = {**inspected, **others}
    return [(name, known[name]) for name in project.secrets if name in known]


def file_of(project: Project, data: Mapping[str, object]) -> Path | None:
    """The file in a secret's definition; None where it has another source."""
    file = data.get("file")
    return resolve_path(project, file) if isinstance(file, str) and file else None


def reader(project: Project, service: Service) -> Reader:
    """The user that reads the files of a service, as far as known from its ``user:`` and the table of images."""
    row = None if service.is_built else project.images.find(service.image)
    found = secret_readers.account(service, row)
    if found is None:
        return Reader(service.name)
    has_capabilities = found.is_root and secret_readers.has_capabilities(service)
    return Reader(service.name, found.user, frozenset({found.group}), has_capabilities)
