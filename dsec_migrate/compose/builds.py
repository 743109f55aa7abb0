"""How Compose builds the image of a service: context, Dockerfile, target stage, arguments."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import TYPE_CHECKING

from dsec_migrate.compose.document import Content, Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.project import DockerfileText, Project, Service
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import Source

if TYPE_CHECKING:
    from dsec_migrate.dockerfile import Flag

# images, other services and repositories
_NO_FOLDER = Pattern(r"[\w.-]+://|docker-image:|oci-layout:|service:|target:|git@")


@dataclass(frozen=True, repr=False, eq=False)
class Build:
    """``context`` is a folder on this host. ``dockerfile`` is a path, or None where ``inline`` is its text.
    ``arguments``: None where the shell provides the value. ``others`` are additional contexts that are folders, by
    name."""

    context: Path
    dockerfile: Path | None
    inline: str | None = field(default=None, repr=False)
    target: str | None = None
    arguments: MappingType[str, str | None] = field(default_factory=dict, repr=False)
    others: MappingType[str, Path] = field(default_factory=dict)

    def source(self) -> Source | None:
        """The Dockerfile as read, None where there is none or it cannot be read."""
        from dsec_migrate.text.errors import UserError

        if self.inline is not None:
            return Source(self.context / "Dockerfile", self.inline.encode(), self.inline)
        assert self.dockerfile is not None
        try:
            return Source.read(self.dockerfile)
        except UserError:
            return None


def dockerfile_of(project: Project, build: Build) -> DockerfileText | None:
    """The Dockerfile of a build, one object for all builds that use it; None where there is none, or it is inline in a
    Compose file."""
    from dsec_migrate import dockerfile
    from dsec_migrate.text.errors import UserError

    if build.dockerfile is None:
        return None
    path = os.path.realpath(build.dockerfile)
    if path not in project.dockerfiles:
        try:
            source = project.read(build.dockerfile)
        except UserError:
            return None
        project.dockerfiles[path] = DockerfileText(source, (), dockerfile=dockerfile.read(source))
    return project.dockerfiles[path]


def secret_mounts(text: DockerfileText) -> Iterator[tuple[Flag, MappingType[str, str]]]:
    """The ``--mount=type=secret`` of a Dockerfile's RUN instructions, each with its options. Without ``id`` the name of
    the target is used."""
    for instruction in text.content.instructions:
        for flag in instruction.flags if instruction.keyword == "RUN" else ():
            pairs = (word.partition("=") for word in (flag.value or "").split(","))
            options = {name: value for name, _, value in pairs}
            if flag.name == "mount" and options.get("type") == "secret":
                target = options.get("target") or options.get("dst") or options.get("destination") or ""
                yield flag, {"id": posixpath.basename(target), **options}


def find(project: Project, service: Service) -> Build | None:
    """None where the service is not built, or from a context that is not on this host (a repository)."""
    node = service.get("build")
    if node is None:
        return None

    def text(value: Content | None) -> str | None:
        return project.resolve(value.value).value if isinstance(value, Scalar) and not value.is_null else None

    body = node if isinstance(node, Mapping) else None
    context = (text(body.get("context")) if body is not None else text(node)) or "."
    if "://" in context or context.startswith(("git@", "github.com/")):
        return None
    layer = next(layer for layer in reversed(service.layers) if layer.service.get("build") is not None)
    # what `extends` adds from another file is relative to that file's folder
    base = layer.document.source.path.parent if layer.users else project.directory
    folder = Path(os.path.normpath(base / Path(context).expanduser()))
    if body is None:
        return Build(folder, folder / "Dockerfile")
    inline = text(body.get("dockerfile_inline"))
    named = folder / (text(body.get("dockerfile")) or "Dockerfile")
    dockerfile = None if inline is not None else Path(os.path.normpath(named))
    named_contexts = _pairs(project, body.get("additional_contexts"))
    others = {
        name: Path(os.path.normpath(base / Path(value).expanduser()))
        for name, value in named_contexts.items()
        if value and not _NO_FOLDER.match(value)
    }
    return Build(folder, dockerfile, inline, text(body.get("target")), _pairs(project, body.get("args")), others)


def _pairs(project: Project, node: Content | None) -> dict[str, str | None]:
    """Names and values of a mapping, or of a list of ``NAME=value``."""
    found: dict[str, str | None] = {}
    if isinstance(node, Mapping):
        for argument, entry in node.effective().items():
            given = follow(entry.value)
            is_text = isinstance(given, Scalar) and not given.is_null
            found[argument] = project.resolve(given.value).value if is_text and isinstance(given, Scalar) else None
    for item in node.items if isinstance(node, Sequence) else ():
        content = follow(item)
        if isinstance(content, Scalar):
            name, sign, value = content.value.partition("=")
            found[name] = project.resolve(value).value if sign else None
    return found
