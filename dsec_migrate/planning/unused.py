"""Secrets that a service mounts and nothing in it uses: whoever breaks in reads them, and a migration may have stopped
half way."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.changes import Applicability
from dsec_migrate.document import Mapping, ParsedNode, Scalar, Sequence, follow, walk
from dsec_migrate.finding import Action, Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.images import Image
from dsec_migrate.options import Options
from dsec_migrate.passes import Delivery
from dsec_migrate.passes.obstacles import RUN_INSIDE
from dsec_migrate.planning.half_done import KIND
from dsec_migrate.project import Project, Service

UNUSED = "it is mounted, and nothing in the service names its file"


def find(project: Project, options: Options) -> Iterator[Finding]:
    """A row for each; none where the image may look for the file by itself. Nothing mends one: only who runs the
    program knows that it does without."""
    for service in project.services.values():
        row = None if service.is_built else project.images.find(service.image)
        for name, site in _unused(service, row):
            variable = f"secrets:{name}"
            if options.is_asked_for(service.name, variable):
                yield Finding(
                    site,
                    service.name,
                    variable,
                    KIND,
                    Verdict(Confidence.LIKELY, Exposure.INTERPOLATED, "a migration that is half done", KIND),
                    Action.KEEP,
                    Delivery.NONE.value,
                    (),
                    Applicability.MANUAL.value,
                    None,
                    None,
                    UNUSED,
                )


def _unused(service: Service, row: Image | None) -> Iterator[tuple[str, Site]]:
    if row is None or not row.is_sure or row.convention in {"none", "value-scheme", "fixed-name"} or service.is_built:
        return
    mounted = list(_mounted(service))
    if not mounted or any(file.text is None for file in service.env_files):
        return
    texts = [
        part.value
        for layer in service.layers
        for key in (*RUN_INSIDE, "environment")
        if (node := layer.service.get(key)) is not None
        for part in walk(node)
        if isinstance(part, Scalar)
    ]
    texts += [entry.value or "" for file in service.env_files for entry in file.entries]
    texts += [variable.effective.value or "" for variable in service.variables.values()]
    for name, target, site in mounted:
        if not any(name in text or target in text for text in texts):
            yield name, site


def _mounted(service: Service) -> Iterator[tuple[str, str, Site]]:
    """The secrets that a service lists: name, target and place, each once."""
    told: set[str] = set()
    for layer in service.layers:
        node = layer.service.get("secrets")
        for item in node.items if isinstance(node, Sequence) else ():
            source, target = _parts(item)
            if source and source not in told:
                told.add(source)
                yield source, target or source, Site(*layer.document.place(item.start))


def _parts(item: ParsedNode) -> tuple[str, str]:
    content = follow(item)
    if not isinstance(content, Mapping):
        return (content.value, "") if isinstance(content, Scalar) else ("", "")
    source, target = content.get("source"), content.get("target")
    return (
        source.value if isinstance(source, Scalar) else "",
        target.value if isinstance(target, Scalar) else "",
    )
