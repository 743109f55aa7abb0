"""The configuration of a service: the strings of its definition, and those of files that the project mounts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dsec_migrate.compose import builds
from dsec_migrate.compose.document import Mapping, ParsedNode, Scalar, Sequence, follow, plain, walk
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import read_bytes

MOST_ENTRIES = 20_000
MOST_FILES = 3000
MOST_BYTES_OF_A_FILE = 1024 * 1024
MOST_BYTES = 16 * 1024 * 1024
# a file with a zero byte so early is binary
_HEAD = 4096

# these name a service without using it, or its network, or are read as files
_BESIDE_THE_POINT = {
    "build", "configs", "container_name", "hostname", "image", "logging", "networks", "profiles", "secrets", "volumes",
}  # fmt: skip
_OF_THE_HOST = Pattern(
    r"/etc/(?:localtime|timezone|machine-id|hostname|hosts|resolv\.conf|ssl(?:/.*)?|ca-certificates(?:/.*)?)|"
    r"/usr/share/(?:zoneinfo|ca-certificates)(?:/.*)?|/(?:dev|sys|proc|lib/modules)(?:/.*)?"
)
SOCKET = "docker.sock"
# third-party content, which knows no service of the project; or it is not text that a program reads
_SKIPPED_FOLDERS = Pattern(
    r"\.(?:git|hg|svn|venv|tox|idea|github|cache)|venv|node_modules|vendor|bower_components|__pycache__|site-packages"
)
_SKIPPED_FILES = Pattern(
    r"(?i)(?:docker-)?compose.*\.ya?ml|.*\.(?:md|rst|lock|png|jpe?g|gif|webp|ico|svg|woff2?|ttf|eot|mp[34]|pdf|zip|gz|jar|pyc|so|"
    r"map)|license.*|package-lock\.json"
)
# a volume of this name holds what a program wrote, not its configuration
_DATA = Pattern(
    r"(?i)(?:.*[/_.-])?(?:node_modules|vendor|caches?|data|db|static|public|html|www|media|uploads?|files|logs?|te?mp|dist|"
    r"build|target|letsencrypt|certs?|certificates|acme|backups?|storage|models?|downloads|repository|run|\.m2|\.npm|lib/.*)"
)


# these say who, how and how much, not where
_NO_ADDRESS = Pattern(
    r"(?i)(?:.*_)?(?:passw(?:or)?d|pass|pwd|secret|user(?:name)?|db|database|dbname|tz|timezone|p?uid|p?gid|token|(?:api)?key|"
    r"lang|locale|charset|collation|version|level|size|memory|max\w*|email|timeout)"
)


@dataclass(frozen=True, repr=False)
class Setup:
    """``texts`` is everything that configures a service; ``gap`` is what is unknown about it, empty where these are
    complete."""

    texts: tuple[str, ...] = field(repr=False)
    gap: str = ""


def setup(project: Project, service: Service, *, is_store: bool = False) -> Setup:
    """``is_store``: what it keeps is not how it is set up, so that of its folders only those with settings count."""
    texts = list(definition(project, service))
    gaps = list(_unknown(project, service))
    for text, gap in _files(project, service, is_store=is_store):
        if gap:
            gaps.append(gap)
        else:
            texts.append(text)
    return Setup(tuple(texts), gaps[0] if gaps else "")


def definition(project: Project, service: Service) -> Iterator[str]:
    """The strings of the service's own keys, as written and as resolved, and its variables."""
    for layer in service.layers:
        for key, entry in layer.service.effective().items():
            if key in _BESIDE_THE_POINT or key.startswith("x-"):
                continue
            for node in _everything(entry.value):
                yield node.value
                if "$" in node.value:
                    yield project.resolve(node.value).value or ""
    yield from (variable.effective.value or "" for variable in service.variables.values())
    for file in service.env_files:
        yield from (line.value or "" for line in file.entries)


def _everything(node: ParsedNode) -> Iterator[Scalar]:
    stack = [node]
    while stack:
        content = follow(stack.pop())
        if isinstance(content, Scalar):
            yield content
        elif isinstance(content, Mapping):
            for entry in content.effective().values():
                stack += [entry.key, entry.value]
        elif isinstance(content, Sequence):
            stack += content.items


def _unknown(project: Project, service: Service) -> Iterator[str]:
    for variable in service.variables.values():
        if variable.effective.unset and _NO_ADDRESS.fullmatch(variable.name) is None:
            yield f"{variable.name} is not set here"
    if any(file.text is None for file in service.env_files):
        yield "its env file is not here"
    for key in ("command", "entrypoint"):
        node = service.get(key)
        for part in walk(node) if node is not None else ():
            if isinstance(part, Scalar) and "$" in part.value and project.resolve(part.value).unset:
                yield f"its {key} has a variable that is not set here"


# --- files ---


def _files(project: Project, service: Service, *, is_store: bool) -> Iterator[tuple[str, str]]:
    """Texts, or why one is unavailable."""
    for layer in service.layers:
        for key in ("volumes", "configs", "secrets"):
            node = layer.service.get(key)
            for item in node.items if isinstance(node, Sequence) else ():
                data = plain(item)
                if key == "volumes":
                    yield from _mounted(project, data, is_store=is_store)
                else:
                    yield from _defined(project, key, project.resolve(str(_source(data))).value)
    if service.is_built and not is_store:
        build = builds.find(project, service)
        if build is None:
            yield "", "it is built from elsewhere"
        else:
            yield from _below(project, build.context)
            if build.inline is not None:
                yield build.inline, ""


def _mounted(project: Project, data: object, *, is_store: bool) -> Iterator[tuple[str, str]]:
    source, target, is_bind = _parts(project, data)
    if not source or not target:
        return
    if not is_bind:
        if not is_store and _DATA.fullmatch(target.rstrip("/")) is None:
            yield "", f"the volume at {target} may hold its settings"
        return
    if SOCKET in source:
        yield "", f"it has the engine's socket ({SOCKET})"
        return
    if _OF_THE_HOST.fullmatch(target) is not None or _OF_THE_HOST.fullmatch(source) is not None:
        return
    path = Path(os.path.abspath(project.directory / Path(source).expanduser()))  # noqa: PTH100
    if is_store and not _is_settings(path, target):
        return
    if not path.exists():
        yield "", f"{source} is not here"
    elif path.is_dir():
        if not path.is_relative_to(os.path.abspath(project.directory)):  # noqa: PTH100
            yield "", f"{source} is outside of the project"
        else:
            yield from _below(project, path)
    else:
        yield from _read(path, source)


def _is_settings(path: Path, target: str) -> bool:
    """Whether a data store is configured by what is mounted at ``target``: a file, or a folder that is not its data."""
    words = target.rstrip("/").lower()
    return path.is_file() or "." in words.rsplit("/", 1)[-1] or any(w in words for w in ("init", "conf", "/etc", "bin"))


def _parts(project: Project, data: object) -> tuple[str, str, bool]:
    """Source and target of a volume, and whether the source is on the host."""
    if isinstance(data, dict):
        source, target = data.get("source"), data.get("target")
        source = project.resolve(str(source)).value or "" if source is not None else ""
        return source, str(target or ""), data.get("type") == "bind"
    text = project.resolve(str(data)).value or str(data)
    source, colon, rest = text.partition(":")
    if not colon:
        return "", "", False
    return source, rest.split(":")[0], source.startswith((".", "/", "~"))


def _source(data: object) -> object:
    return data.get("source") if isinstance(data, dict) else data


def _defined(project: Project, kind: str, name: str | None) -> Iterator[tuple[str, str]]:
    """The content of a config or a secret."""
    for _, root in reversed(project.roots):
        block = root.get(kind)
        found = block.get(str(name)) if isinstance(block, Mapping) else None
        definition = plain(found) if found is not None else None
        if not isinstance(definition, dict):
            continue
        if isinstance(definition.get("content"), str):
            yield project.resolve(definition["content"]).value or definition["content"], ""
        elif isinstance(definition.get("environment"), str):
            yield project.environment.variables.get(definition["environment"], ""), ""
        elif isinstance(definition.get("file"), str):
            text = project.resolve(definition["file"]).value or definition["file"]
            yield from _read(Path(os.path.normpath(project.directory / Path(text).expanduser())), text)
        else:
            yield "", f"what {name} holds is not known here"
        return
    yield "", f"what {name} holds is not known here"


def _read(path: Path, name: str) -> Iterator[tuple[str, str]]:
    try:
        if path.stat().st_size > MOST_BYTES_OF_A_FILE:
            yield "", f"{name} is too large to search"
        else:
            yield read_bytes(path).decode("utf-8", "replace"), ""
    except OSError:
        yield "", f"{name} cannot be read"


def _below(project: Project, folder: Path) -> Iterator[tuple[str, str]]:
    """The texts of all files of a folder, except third-party ones and the Compose files, which name every service."""
    if not folder.is_dir():
        yield "", f"{folder.name} is not here"
        return
    own = {os.path.realpath(path) for path in (*project.family, *(one.source.path for one in project.compose_texts))}
    entries = count = size = 0
    failed: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=failed.append):
        folders[:] = [name for name in folders if _SKIPPED_FOLDERS.fullmatch(name) is None]
        entries += len(names)
        if entries > MOST_ENTRIES:
            yield "", f"{folder.name} is too large to search"
            return
        for name in names:
            path = Path(where, name)
            if _SKIPPED_FILES.fullmatch(name) is not None or not path.is_file() or os.path.realpath(path) in own:
                continue
            try:
                with path.open("rb") as file:
                    content = file.read(_HEAD)
                    if b"\0" in content:
                        continue
                    content += file.read(MOST_BYTES_OF_A_FILE)
            except OSError:
                yield "", f"{name} cannot be read"
                return
            count += 1
            size += len(content)
            if count > MOST_FILES or size > MOST_BYTES or len(content) > MOST_BYTES_OF_A_FILE:
                yield "", f"{folder.name} is too large to search"
                return
            yield content.decode("utf-8", "replace"), ""
    if failed:
        yield "", f"{folder.name} cannot be read"
