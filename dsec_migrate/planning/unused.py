"""Secrets that a service mounts and nothing uses: an attacker could read them, or a migration may be half done.

The file may be named elsewhere: a proxy that reads the labels of other services opens the files that they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from dsec_migrate.compose.document import Alias, ParsedNode, Scalar, follow, walk
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, Mount, by_path, mounts
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.images.image_table import Image
from dsec_migrate.planning.half_done import KIND
from dsec_migrate.planning.passes.obstacles import RUN_INSIDE

UNUSED = "it is mounted, but nothing in the service refers to its file"
# how a plugin uses it is unknown: it is never removed
_BY_DRIVER = "the Swarm driver {driver} passes it to each task, but nothing in the service refers to its mount"


def find(project: Project, options: Options) -> Iterator[Finding]:
    """A row for each; none if the image may read the file by default. There is no automatic fix: only the operator
    knows that the program does not need it."""
    for service in project.services.values():
        row = None if service.is_built else project.images.find(service.image)
        for name, site in _unused(project, service, row):
            driver = project.secrets.get(name, {}).get("driver")
            variable = f"secrets:{name}"
            if options.is_asked_for(service.name, variable):
                yield Finding.skipped(
                    site,
                    service.name,
                    variable,
                    KIND,
                    Verdict(Confidence.LIKELY, Exposure.INTERPOLATED, "a migration that is half done", KIND),
                    _BY_DRIVER.format(driver=driver) if driver else UNUSED,
                )


def _unused(project: Project, service: Service, row: Image | None) -> Iterator[tuple[str, Site]]:
    if row is None or not row.is_sure or row.convention in {"none", "value-scheme", "fixed-name"} or service.is_built:
        return
    mounted = list(_mounted(service))
    if not mounted or any(file.text is None for file in service.env_files):
        return
    texts = list(_texts(project, service, (*RUN_INSIDE, "environment")))
    for mount, site in mounted:
        if not mount.path.startswith(f"{SECRETS_MOUNT}/"):
            # it is where the program reads by default
            continue
        names = (mount.source, mount.target or mount.source)
        if any(name in text for text in texts for name in names) or _is_named_for(project, service, mount.path):
            continue
        if not any(mount.path in text for text in _mounted_texts(project, service)):
            yield mount.source, site


@lru_cache(maxsize=4)
def _mounted_texts(project: Project, service: Service) -> tuple[str, ...]:
    """The settings files that it mounts."""
    from dsec_migrate.compose.service_texts import setup

    return setup(project, service, is_store=True).texts


def _is_named_for(project: Project, service: Service, path: str) -> bool:
    """Whether a text meant for this program names its file: a label of any service, the content of a config, or the
    definition of a service that does not mount the file."""
    if any(path in text for text in _common_texts(project)):
        return True
    return any(
        path in text
        for other in project.services.values()
        if other is not service and path not in by_path(other)
        for text in _texts(project, other, (*RUN_INSIDE, "environment", "configs", "secrets", "volumes"))
    )


@lru_cache(maxsize=4)
def _common_texts(project: Project) -> tuple[str, ...]:
    """Labels, and the contents of configs."""
    found = [text for one in project.services.values() for text in _texts(project, one, ("labels", "deploy"))]
    for _, root in project.roots:
        configs = root.get("configs")
        found += _resolved(project, configs) if configs is not None else ()
    return tuple(found)


def _texts(project: Project, service: Service, keys: Iterable[str]) -> Iterator[str]:
    for layer in service.layers:
        for key in keys:
            node = layer.service.get(key)
            yield from _resolved(project, node) if node is not None else ()
    if "environment" in keys:
        yield from (entry.value or "" for file in service.env_files for entry in file.entries)
        yield from (variable.effective.value or "" for variable in service.variables.values())


def _resolved(project: Project, node: ParsedNode) -> Iterator[str]:
    """The texts below a node, as written and as Compose resolves them."""
    for part in walk(node):
        content = follow(part)
        if isinstance(content, Scalar):
            yield content.value
            if "$" in content.value:
                yield project.resolve(content.value).value or ""
        elif isinstance(part, Alias):
            yield from _resolved(project, content)


def _mounted(service: Service) -> Iterator[tuple[Mount, Site]]:
    """The secrets that a service lists, with their locations, each once."""
    told: set[str] = set()
    for mount in mounts(service):
        if mount.source not in told:
            told.add(mount.source)
            yield mount, Site(*mount.layer.document.place(mount.item.start))
