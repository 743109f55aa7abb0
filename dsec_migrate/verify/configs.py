"""Each container finds the files of its configs at the same paths: the same bytes, in a config or in a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dsec_migrate.compose.project import Project, Service, definitions
from dsec_migrate.compose.project.mounted import by_path, configs_by_path
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.secret_readers import READABLE_BY_ALL
from dsec_migrate.text.errors import VerificationError

_DEFAULT_MODES: tuple[dict[str, object], ...] = ({}, {"mode": 0o444}, {"mode": "0444"})


class _File(NamedTuple):
    """``text`` is the file's content where its config defines it, ``definition`` the rest of the config, and
    ``options`` the owner and the mode that a service requests."""

    text: str | None
    definition: object
    options: Mapping[str, object]


def check(before: Project, after: Project, secrets: Mapping[str, PlannedSecret]) -> None:
    """``secrets`` are those of the plan, by name. Raises VerificationError."""
    was, is_now = _files(before), _files(after)
    for name, files in was.items():
        mounted, mounted_before = by_path(after.services[name]), by_path(before.services[name])
        for path, file in files.items():
            if is_now[name].get(path) == file:
                continue
            secret = secrets.get(mounted.get(path, ""))
            if secret is None or path in mounted_before or not _holds(secret, file, after):
                raise VerificationError(f"{name} would not find the same file at {path}")
        if is_now[name].keys() - files.keys():
            raise VerificationError(f"{name} would get an unplanned config")


def _holds(secret: PlannedSecret, file: _File, after: Project) -> bool:
    """Whether the file of a secret equals that of the config, with its mode."""
    is_same = secret.value is not None and secret.value.reveal() == file.text
    is_open = secret.mode == READABLE_BY_ALL and dict(file.options) in _DEFAULT_MODES
    return is_same and is_open and dict(after.secrets.get(secret.name, {})) == secret.as_data()


def _files(project: Project) -> dict[str, dict[str, _File]]:
    """The files that configs mount in each service, by their paths in the container."""
    defined = definitions((root for _, root in project.roots), "configs")
    return {name: dict(_of_service(project, service, defined)) for name, service in project.services.items()}


def _of_service(
    project: Project, service: Service, defined: Mapping[str, Mapping[str, object]]
) -> Iterator[tuple[str, _File]]:
    for path, (source, options) in configs_by_path(service).items():
        definition = dict(defined.get(source, {"undefined": True}))
        text = definition.pop("content", None)
        yield path, _File(project.resolve(text).value if isinstance(text, str) else None, definition, options)
