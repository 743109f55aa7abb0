"""What `docker stack deploy` refuses though `docker compose` accepts it (observed with Docker Engine 28)."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose.document import Content, Document, Mapping, Scalar, Sequence, follow, walk
from dsec_migrate.compose.environment import PROJECT_NAME
from dsec_migrate.compose.interpolation import InterpolationError, Reference, references
from dsec_migrate.compose.project import RESET, Project
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern

_VERSION = Pattern(r"3(?:\.(?:[0-9]|1[0-3]))?")
_LONE_DOLLAR = Pattern(r"\$(?:\$|\{|[A-Za-z_])|(\$)")
_SECTIONS = ("secrets", "configs", "networks", "volumes")
_SINCE = {
    ("secrets", ""): 1,
    ("secrets", "name"): 5,
    ("secrets", "driver"): 8,
    ("secrets", "driver_opts"): 8,
    ("secrets", "template_driver"): 8,
    ("configs", ""): 3,
    ("configs", "name"): 5,
    ("configs", "template_driver"): 8,
    ("networks", "name"): 5,
    ("volumes", "name"): 4,
}
_TOP_LEVEL = ("name", "include", "models")
# each checked with `docker stack config`
_SERVICE = [
    "annotations",
    "attach",
    "blkio_config",
    "cgroup",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "develop",
    "device_cgroup_rules",
    "dns_opt",
    "extends",
    "gpus",
    "group_add",
    "label_file",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "oom_kill_disable",
    "pids_limit",
    "platform",
    "post_start",
    "pre_start",
    "pre_stop",
    "profiles",
    "provider",
    "pull_policy",
    "pull_refresh_after",
    "runtime",
    "scale",
    "storage_opt",
    "umask",
    "use_api_socket",
    "uts",
    "volumes_from",
]


def problems(project: Project) -> Iterator[UserError]:
    """Each place that Swarm refuses, in the order of the files."""
    for document in project.documents:
        yield from _problems_in(document)


def _problems_in(document: Document) -> Iterator[UserError]:
    found: list[UserError] = []
    if len(document.roots) > 1:
        found.append(document.error("several documents in one file", document.roots[1].start, "merge them by hand"))
    for root in document.roots:
        if isinstance(root, Mapping):
            found += _top_level(document, root)
            services = root.get("services")
            for name, entry in services.effective().items() if isinstance(services, Mapping) else ():
                body = follow(entry.value)
                if isinstance(body, Mapping):
                    found += _service(document, name, body)
        found += [_refused(document, node, "`!reset`") for node in walk(root) if node.tag == RESET]
    found += _templates(document)
    yield from sorted(found, key=lambda problem: (problem.line, problem.column))


def warnings(project: Project) -> Iterator[UserError]:
    """What Swarm silently treats differently from Compose."""
    for document in project.documents:
        used = {reference.name for node in document.templates for reference in _references(node.value)}
        names = sorted(used & project.environment.unexported)
        if not names:
            continue
        what = "sets no COMPOSE_PROJECT_NAME" if names == [PROJECT_NAME] else "does not read .env"
        yield document.error(
            f"`docker stack deploy` {what}: {', '.join(names)} would be empty",
            document.templates[0].start,
            "export them in the shell that deploys",
        )


def _references(text: str) -> tuple[Reference, ...]:
    try:
        return references(text)
    except InterpolationError:
        return ()


def _refused(document: Document, node: Content | object, what: str) -> UserError:
    start = getattr(node, "start", 0)
    return document.error(
        f"Swarm refuses {what}", start, "remove it for Swarm, or drop --target swarm and --source external"
    )


def _top_level(document: Document, root: Mapping) -> Iterator[UserError]:
    for key in _TOP_LEVEL:
        entry = root.effective().get(key)
        if entry is not None:
            yield _refused(document, entry.key, f"the top-level key `{key}`")
    version = root.get("version")
    if isinstance(version, Scalar):
        if version.value and not _VERSION.fullmatch(version.value):
            yield _refused(document, version, "this `version`: it takes 3 to 3.13, or none")
        yield from outdated(document, root)
    for section, forbidden in (("secrets", ("environment", "content")), ("configs", ("environment", "content"))):
        definitions = root.get(section)
        for name, entry in definitions.effective().items() if isinstance(definitions, Mapping) else ():
            definition = follow(entry.value)
            for key in forbidden:
                found = definition.effective().get(key) if isinstance(definition, Mapping) else None
                if found is not None:
                    yield _refused(document, found.key, f"`{key}` in {section}.{name}")
            if isinstance(definition, Mapping) and definition.get("driver") and definition.get("file"):
                yield _refused(
                    document, definition.effective()["file"].key, f"a driver beside `file` in {section}.{name}"
                )


def outdated(document: Document, root: Content, new: Content | None = None) -> Iterator[UserError]:
    """What a YAML document says, or is going to say (``new``), that its own ``version`` does not know yet, told at that
    version: it decides by which schema `docker stack` judges the file. None and "3" mean the newest one.
    """
    version = root.get("version") if isinstance(root, Mapping) else None
    if not has_version(root) or not isinstance(version, Scalar):
        return
    has = int(version.value.partition(".")[2])
    since: dict[int, str] = {}
    for minor, what in _known_since(root if new is None else new):
        since.setdefault(minor, what)
    if since and (newest := max(since)) > has:
        what = f"Swarm knows {since[newest]} from version 3.{newest} on, and this file says {version.value}"
        yield document.error(what, version.start, f'write version: "3.{max(newest, 8)}", or remove the line')


def has_version(root: Content) -> bool:
    """Whether the file sets the schema version that it is validated against."""
    version = root.get("version") if isinstance(root, Mapping) else None
    is_known = isinstance(version, Scalar) and _VERSION.fullmatch(version.value) is not None
    return is_known and isinstance(version, Scalar) and "." in version.value


def _known_since(root: Content) -> Iterator[tuple[int, str]]:
    """Keys of the format that concern secrets, each with the minor version that added it (each checked with `docker
    stack config`)."""
    if not isinstance(root, Mapping):
        return
    services = root.get("services")
    for name, entry in services.effective().items() if isinstance(services, Mapping) else ():
        body = follow(entry.value)
        for key in ("secrets", "configs") if isinstance(body, Mapping) else ():
            assert isinstance(body, Mapping)
            if body.get(key) is not None:
                yield _SINCE[key, ""], f"`{key}` of {name}"
    for section in _SECTIONS:
        definitions = root.get(section)
        if definitions is not None and (section, "") in _SINCE:
            yield _SINCE[section, ""], f"`{section}`"
        for name, entry in definitions.effective().items() if isinstance(definitions, Mapping) else ():
            definition = follow(entry.value)
            for key in definition.effective() if isinstance(definition, Mapping) else ():
                if (section, key) in _SINCE:
                    yield _SINCE[section, key], f"`{key}` in {section}.{name}"


def _service(document: Document, name: str, body: Mapping) -> Iterator[UserError]:
    effective = body.effective()
    for key in _SERVICE:
        if key in effective:
            yield _refused(document, effective[key].key, f"`{key}` in the service {name}")
    if isinstance(body.get("depends_on"), Mapping):
        yield _refused(document, effective["depends_on"].key, f"a mapping in `depends_on` of {name}: it takes a list")
    build = body.get("build")
    if isinstance(build, Mapping) and "secrets" in build.effective():
        yield _refused(document, build.effective()["secrets"].key, f"`build.secrets` of {name}")
    files = body.get("env_file")
    for item in files.items if isinstance(files, Sequence) else ():
        if isinstance(follow(item), Mapping):
            yield _refused(document, item, f"the long form in `env_file` of {name}")
    environment = body.get("environment")
    for entry in environment.effective().values() if isinstance(environment, Mapping) else ():
        value = follow(entry.value)
        if isinstance(value, Scalar) and isinstance(value.resolved(), bool):
            yield _refused(document, entry.value, f"the unquoted boolean of {name}.{entry.name}")
    for key, option in (("ports", "published"), ("secrets", "mode")):
        listed = body.get(key)
        for item in listed.items if isinstance(listed, Sequence) else ():
            content = follow(item)
            number = content.get(option) if isinstance(content, Mapping) else None
            if isinstance(number, Scalar) and number.style:
                yield _refused(document, number, f"a quoted `{option}` in the {key} of {name}")


def _templates(document: Document) -> Iterator[UserError]:
    for node in document.templates:
        found = _references(node.value)
        if any(reference.operator in {"+", ":+"} for reference in found):
            yield _refused(document, node, "`${X:+…}`")
        if any(reference.depth for reference in found):
            yield _refused(document, node, "a reference inside a default: it would stay as literal text")
        if any(match.group(1) for match in _LONE_DOLLAR.finditer(node.value)):
            yield _refused(document, node, "a `$` that begins no reference: write `$$`")
