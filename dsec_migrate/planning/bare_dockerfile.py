"""A Dockerfile without a Compose file: read as the only service of a project that exists only in memory."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from dsec_migrate.compose import project as projects
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.project import Project, Texts
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config.options import SourceKind
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Source

_NAME = Pattern(r"(?i)(?:dockerfile|containerfile)(?:[.-].+)?|.+\.(?:dockerfile|containerfile)")
_TEXT = ".dsec-migrate.build.yml"


def is_dockerfile(path: Path) -> bool:
    """Whether the name is that of a Dockerfile, by the rules of editors and ``docker buildx bake``."""
    return _NAME.fullmatch(path.name) is not None and path.suffix not in {".yml", ".yaml", ".dockerignore"}


def is_in_memory(path: Path) -> bool:
    """Whether the path is that of the in-memory Compose file."""
    return path.name == _TEXT


def load(path: Path, environment: Environment, folders: Folders | None, directory: Path) -> Project:
    """Raises UserError where the Dockerfile cannot be read."""
    lines = ["services:", f"  {json.dumps(path.name)}:", "    build:", "      context: ."]
    lines.append(f"      dockerfile: {json.dumps(path.name)}")
    text = "".join(f"{line}\n" for line in lines)
    texts = Texts()
    texts.source(path)
    texts.add(Source(path.parent / _TEXT, text.encode(), text))
    return projects.load([path.parent / _TEXT], environment, folders, directory=directory, texts=texts)


def command(project: Project, secrets: Iterable[PlannedSecret], agent_keys: Collection[str]) -> Iterator[str]:
    """The command that builds the image from now on. ``agent_keys`` are names of keys that the builder's agent
    holds."""
    words = [word for secret in secrets for word in _words(secret, is_key=secret.name in agent_keys)]
    if words:
        (name,) = project.services
        file = [] if name == "Dockerfile" else ["-f", name]
        yield f"build it with: {shlex.join(['docker', 'build', *words, *file, '.'])}"


def _words(secret: PlannedSecret, *, is_key: bool) -> Iterator[str]:
    file = secret.file.removeprefix("./")
    if is_key:
        yield from ("--ssh", f"default={file}")
    else:
        where = f"env={secret.variable}" if secret.source is SourceKind.ENVIRONMENT else f"src={file}"
        yield from ("--secret", f"id={secret.name},{where}")
