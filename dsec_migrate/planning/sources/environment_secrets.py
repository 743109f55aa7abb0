"""`--source environment`: Compose copies the value of a variable of the shell or of `.env` into the container."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose.document import Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.config.options import SourceKind
from dsec_migrate.planning.sources import file_secrets
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.text.secret import Secret


def hold(project: Project, service: Service, variable: Variable) -> Holding | Skipped:
    """A variable that is set and not empty now is used directly; literals and defaults are moved to files."""
    name = _variable(project, variable)
    if name is None:
        return file_secrets.hold(project, service, variable)
    if project.is_part:
        return Skipped("Compose does not load this file on its own, so the variables of its project are unknown")
    if _is_true(service.get("read_only")):
        return Skipped("its service is read_only: Compose can only mount file secrets there (use --source file)")
    if any(_covers_secrets(path) for path in _tmpfs_paths(service)):
        return Skipped("its service mounts a tmpfs on /run, which would hide the secret (use --source file)")
    return Holding(SourceKind.ENVIRONMENT, Secret(project.environment.variables[name]), name)


def has_secret(project: Project, variable: Variable) -> bool:
    """Whether a secret of the project already uses the variable that sets the value now."""
    if not any("environment" in data for data in project.secrets.values()):
        return False
    name = _variable(project, variable)
    return name is not None and any(data.get("environment") == name for data in project.secrets.values())


def _variable(project: Project, variable: Variable) -> str | None:
    """The variable whose unchanged value the declaration has now, or None if there is no such variable."""
    effective = variable.effective
    if effective.template is None:
        known = project.environment.variables.get(variable.name)
        name = variable.name if known == effective.value else ""
    else:
        reference = effective.whole_reference
        if reference is None or reference.operator in {"+", ":+"}:
            return None
        name = reference.name
    return name if project.environment.variables.get(name) else None


def _is_true(node: object) -> bool:
    return isinstance(node, Scalar) and node.value.lower() in {"true", "yes", "on", "y", "1"}


def _tmpfs_paths(service: Service) -> Iterator[str]:
    node = service.get("tmpfs")
    items = node.items if isinstance(node, Sequence) else [node] if node is not None else []
    for item in items:
        content = follow(item)
        if isinstance(content, Scalar):
            yield content.value.split(":", 1)[0]
    volumes = service.get("volumes")
    for item in volumes.items if isinstance(volumes, Sequence) else []:
        content = follow(item)
        if isinstance(content, Mapping):
            kind, target = content.get("type"), content.get("target")
            if isinstance(kind, Scalar) and kind.value == "tmpfs" and isinstance(target, Scalar):
                yield target.value


def _covers_secrets(path: str) -> bool:
    return path.rstrip("/") in {"", "/run", "/run/secrets", "/var/run", "/var/run/secrets"}
