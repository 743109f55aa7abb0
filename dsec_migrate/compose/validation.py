"""What Compose refuses in a file: its shape, which a JSON Schema describes, and what a schema cannot express.

The rule is that a file which Compose accepts is never refused. So where the Compose specification and the
program differ, the program is followed, and what cannot be judged before interpolation passes. Each rule was
observed with Compose 2.40; ``tests/test_schema.py`` holds the cases and checks them against the real program.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dsec_migrate.text.patterns import Pattern

if TYPE_CHECKING:
    from jsonschema import ValidationError

MOST = 20
_NAME_LIKE = Pattern(r"[A-Za-z0-9._-]{1,64}")
_PORT_RANGE = Pattern(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")
_BLANK = " \t\n\v\f\r\x85\xa0"
"""What counts as blank at the end of a variable's name (observed; an em space, say, does not)."""


class Problem(NamedTuple):
    """``path`` is the location: keys and indices from the top. Messages never contain a value of the file."""

    path: tuple[str | int, ...]
    what: str
    help: str = ""


# what files define, by its kind
Names = Mapping[str, Collection[str]]
KINDS = ("services", "secrets", "configs", "networks", "volumes", "models")


def schema_problems(data: object, *, fragment: bool = False) -> list[Problem]:
    """What is wrong with the shape of ``data``, the deepest places first; empty when Compose accepts it.

    ``data`` is one file as plain values: mappings with text keys, lists, scalars as Compose resolves them, merge
    keys applied, several documents merged, whatever ``!reset`` marks left out. Interpolation has not happened: a
    text with a ``$`` passes where only certain words are allowed. ``fragment`` is for a file that is merged with
    another one: there, a required key may stand in the other file, and an empty value keeps what the other one says.
    """
    try:
        if _validator().is_valid(data):
            return []
    except ValueError:
        pass  # a value that JSON does not have, such as a date: the explanation finds it
    return _explain(data, fragment)[:MOST]


def compose_problems(
    data: Mapping[str, object], *, consistency: bool = True, elsewhere: Names | None = None, in_swarm: bool = False
) -> list[Problem]:
    """What Compose refuses in a file whose shape is right, in the order of the file.

    Without ``consistency`` (for a file that is merged with another one) only what stays wrong after any merge is
    reported, as ``docker compose config --no-consistency`` does. Services that only a profile starts are not
    checked for what they refer to, because Compose does not either until the profile is active.

    ``elsewhere`` are the services, secrets, networks and so on of files that include this one or that it includes:
    Compose looks for what a service refers to in all of them together (observed). Without it a file that includes
    others is taken to find there what it lacks. ``in_swarm``: a driver may supply a secret.
    """
    problems = [*_resource_problems(data), *_service_problems(data)]
    if consistency:
        problems += [
            *_sourceless_problems(data, in_swarm),
            *_reference_problems(data, elsewhere),
            *_conflict_problems(data),
        ]
    return sorted(problems, key=lambda problem: _position(data, problem.path))[:MOST]


def warnings(data: Mapping[str, object]) -> list[Problem]:
    """What Compose accepts but calls obsolete."""
    found = []
    if "version" in data:
        found.append(Problem(("version",), "`version` is obsolete: Compose ignores it", "remove the line"))
    for kind in ("networks", "volumes", "secrets", "configs"):
        for name, settings in _mappings(data.get(kind)):
            if isinstance(settings.get("external"), dict):
                place = (kind, name, "external")
                found.append(
                    Problem(place, f"`{_where(place)}` as a mapping is obsolete", "write `external: true` and `name:`")
                )
    return sorted(found, key=lambda problem: _position(data, problem.path))


# --- the schema decides, jsonschema explains ---


def _schema_text() -> str:
    return (Path(import_module("dsec_migrate.schemas").__path__[0]) / "compose.schema.json").read_text("utf-8")


@cache
def _validator() -> Any:
    import jsonschema_rs  # ~30 ms: only for a run that has a file

    return jsonschema_rs.Draft202012Validator(_schema_text())


@cache
def _schema() -> dict[str, Any]:
    import json

    schema: dict[str, Any] = json.loads(_schema_text())
    return schema


def _explain(data: object, fragment: bool) -> list[Problem]:
    import jsonschema  # ~130 ms: only for a file that is wrong

    errors = jsonschema.Draft202012Validator(_schema()).iter_errors(data)
    services = data.get("services") if isinstance(data, dict) else None
    extending = {("services", name) for name, service in _mappings(services) if "extends" in service}
    problems: dict[Problem, None] = {}
    for error in errors:
        if not _may_pass(error, fragment or tuple(error.absolute_path)[:2] in extending):
            problems.update(dict.fromkeys(_problems_of(error)))
    return sorted(problems, key=lambda problem: (-len(problem.path), _position(data, problem.path)))


def _may_pass(error: ValidationError, merged: bool) -> bool:
    """Whether Compose, which interpolates and merges before it validates, may still accept this value."""
    if error.validator in ("enum", "pattern") and "propertyNames" not in error.schema_path:
        return "$" in str(error.instance)
    if not merged or "extends" in error.absolute_path:  # which is followed first
        return False
    return error.validator == "required" or (error.validator == "type" and error.instance is None)


def _problems_of(error: ValidationError) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    where = f"`{_where(path)}`" if path else "the file"
    steps = list(error.absolute_schema_path)
    title = _title(_schema(), steps[:-1])
    rule: Any = error.schema
    given: Any = error.instance
    limit: Any = error.validator_value
    if "propertyNames" in steps:
        yield Problem((*path, given), f"the key {_shown(given)} in {where} is not {title}", "rename it")
    elif error.validator == "additionalProperties":
        allowed = sorted(rule.get("properties", ()))
        few = 0 < len(allowed) <= 12
        otherwise = f"allowed: {', '.join(allowed)}" if few else "remove it, or check its indentation"
        for key in given:
            if key not in allowed and not ("patternProperties" in rule and key.startswith("x-")):
                what = f"unknown key {_shown(key)} in {where}"
                yield Problem((*path, key), what, _near(key, allowed, otherwise))
    elif error.validator == "required":
        for key in limit:
            if key not in given:
                need = _title(_schema(), [*steps[:-1], "properties", key])
                yield Problem(path, f"{where} lacks the key `{key}`", f"add `{key}`: {need}")
    elif error.validator == "uniqueItems":
        yield Problem(path, f"{where} must be {title}", "remove the second one")
    elif error.validator == "type":
        kind, remedy = _kind(given, limit)
        yield Problem(path, f"{where} must be {title}, not {kind}", remedy)
    else:
        yield Problem(path, f"{where} must be {title}")


def _title(rule: object, steps: Sequence[str | int]) -> str:
    """What the value must be, in words. Titles beside a ``$ref`` are nearer to the user than those behind it."""
    if not isinstance(rule, dict):
        return ""
    if not steps and "title" in rule:
        return str(rule["title"])
    title = _title(rule[steps[0]], steps[1:]) if steps and steps[0] in rule else ""
    if not title and "$ref" in rule:
        title = _title(_schema()["$defs"][rule["$ref"].rpartition("/")[2]], steps)
    return title


def _kind(value: object, allowed: str | list[str]) -> tuple[str, str]:
    """The type of a value, in YAML's own words, and the fix where it is certain."""
    if value is None:
        return "empty", "give it a value, or remove the key"
    if isinstance(value, str):
        return "text", "write it without quotes" if allowed in ("boolean", "integer", "number") else ""
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "a mapping", ""
    kind = "true or false" if isinstance(value, bool) else "a number" if isinstance(value, (int, float)) else "a date"
    return kind, "put it in quotes" if "string" in allowed else ""


def _near(key: str, known: Collection[str], otherwise: str) -> str:
    import difflib

    near = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    return f"did you mean `{near[0]}`?" if near else otherwise


def _shown(key: str) -> str:
    """A key for a message. What does not look like a name might be a value in the wrong place."""
    return f"`{key}`" if _NAME_LIKE.fullmatch(key) else "(not a plain name)"


def _where(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _NAME_LIKE.fullmatch(step) else "…")
    return text


def _position(data: object, path: Sequence[str | int]) -> tuple[int, ...]:
    """Sorts paths in the order of the file; a missing key comes last in its mapping."""
    order: list[int] = []
    for step in path:
        if isinstance(data, dict):
            order.append(next((i for i, key in enumerate(data) if key == step), len(data)))
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            order.append(step)
            data = data[step]
    return tuple(order)


# --- what a schema cannot express ---


def _mappings(value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    if isinstance(value, dict):
        yield from ((name, entry) for name, entry in value.items() if isinstance(entry, dict))


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _literal(value: object) -> str | None:
    """A string that interpolation does not change."""
    return value if isinstance(value, str) and "$" not in value else None


def _services(data: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The services that run without any profile."""
    return ((name, service) for name, service in _mappings(data.get("services")) if not service.get("profiles"))


_SOURCES = {"secrets": ("file", "environment"), "configs": ("file", "environment", "content")}


def _resource_problems(data: Mapping[str, object]) -> Iterator[Problem]:
    for kind, sources in _SOURCES.items():
        for name, settings in _mappings(data.get(kind)):
            given = [key for key in sources if key in settings]
            if len(given) > 1:
                what = f"`{kind}.{name}` has {' and '.join(f'`{key}`' for key in given)}: only one is allowed"
                yield Problem((kind, name, given[1]), what, "keep the one that holds the value")
    for name, settings in _mappings(data.get("volumes")):
        if settings.get("external") in (True, "true") or isinstance(settings.get("external"), dict):
            for key in settings:
                if key not in ("external", "name") and not key.startswith("x-"):
                    what = f"`volumes.{name}` is external, so {_shown(key)} is not allowed"
                    yield Problem(("volumes", name, key), what, f"remove `{key}` or `external`")


def _service_problems(data: Mapping[str, object]) -> Iterator[Problem]:
    """Lists whose strings Compose reads whatever the profile."""
    for name, service in _mappings(data.get("services")):
        top: tuple[str | int, ...] = ("services", name)
        build = service.get("build")
        yield from _blank_names((*top, "environment"), service.get("environment"))
        if isinstance(build, dict):
            yield from _blank_names((*top, "build", "args"), build.get("args"))
        for index, port in enumerate(_items(service.get("ports"))):
            fault = _port_fault(port)
            if fault:
                place = (*top, "ports", index)
                yield Problem(place, f"`{_where(place)}` {fault}", 'write it like "8080:80" or "127.0.0.1:8080:80/tcp"')


def _blank_names(path: tuple[str | int, ...], variables: object) -> Iterator[Problem]:
    for index, item in enumerate(_items(variables)):
        name = _literal(item.partition("=")[0]) if isinstance(item, str) else None
        if name and name[-1] in _BLANK:
            place = (*path, index)
            yield Problem(place, f"`{_where(place)}` has a space after the name", "write NAME=value without spaces")


def _port_fault(port: object) -> str:
    """Why Compose refuses a port, or nothing. Addresses and the long form are not checked."""
    if isinstance(port, float):
        return "must be a whole number"
    if isinstance(port, int):
        return "" if 0 < port < 65536 else "must be a port from 1 to 65535"
    text = _literal(port)
    if text is None:
        return ""
    ports, protocol = (*text.split("/"), "")[:2]
    front, _, inner = ports.rpartition(":")
    outer = front.rpartition(":")[2]
    if protocol.lower() not in ("", "tcp", "udp", "sctp"):
        return "must end in /tcp, /udp or /sctp, or in no protocol"
    target, published = _port_count(inner), _port_count(outer)
    if not target or inner.strip("0") in ("", "-"):
        return "must name a container port from 1 to 65535"
    if outer and not published:
        return "must name a host port from 0 to 65535"
    if outer and target > 1 and target != published:
        return "must have as many host ports as container ports"
    return ""


def _port_count(text: str) -> int:
    found = _PORT_RANGE.fullmatch(text)
    if not found:
        return 0
    first, last = int(found[1]), int(found[2] or found[1])
    return last - first + 1 if first <= last < 65536 else 0


def _sourceless_problems(data: Mapping[str, object], in_swarm: bool) -> Iterator[Problem]:
    for kind, sources in _SOURCES.items():
        for name, settings in _mappings(data.get(kind)):
            advice = "add " + " or ".join(f"`{key}`" for key in (*sources, "external"))
            if kind == "configs":
                lacking = not {*sources, "external"} & {*settings}
            else:
                has_driver = bool(settings.get("driver"))
                advice += ": only Swarm supports drivers (--target swarm)" if has_driver else ""
                is_said = "file" in settings or settings.get("environment", "") or (has_driver and in_swarm)
                lacking = not is_said and settings.get("external", False) in (False, "false")
            if lacking:
                yield Problem((kind, name), f"`{kind}.{name}` has no source for the value", advice)


class _Reference(NamedTuple):
    path: tuple[str | int, ...]
    kind: str
    name: str


def _reference_problems(data: Mapping[str, object], elsewhere: Names | None) -> Iterator[Problem]:
    for name, service in _services(data):
        if not (service.get("image") or {"build", "provider", "extends"} & {*service}):
            what = f"the service {_shown(name)} has neither `image` nor `build`"
            yield Problem(("services", name), what, "add one of them")
    if data.get("include") and elsewhere is None:
        return  # what is not defined here may be defined there
    for name, service in _services(data):
        for path, kind, target in _references(("services", name), service):
            defined = data.get(kind)
            names = {*(defined if isinstance(defined, dict) else ()), *(elsewhere or {}).get(kind, ())}
            if target not in names and not (kind == "networks" and target == "default"):
                what = f"`{_where(path)}` names no {kind[:-1]} of this project"
                yield Problem(path, what, _near(target, sorted(names), f"define it under the top-level `{kind}:`"))


def _references(top: tuple[str | int, ...], service: Mapping[str, object]) -> Iterator[_Reference]:
    for kind in ("networks", "models"):
        yield from _named((*top, kind), kind, service.get(kind))
    yield from _dependencies(top, service)
    build = service.get("build")
    yield from _mounted((*top, "secrets"), "secrets", service.get("secrets"))
    yield from _mounted((*top, "configs"), "configs", service.get("configs"))
    if isinstance(build, dict):
        yield from _mounted((*top, "build", "secrets"), "secrets", build.get("secrets"))
    for index, volume in enumerate(_items(service.get("volumes"))):
        source = _volume_name(volume)
        if source:
            yield _Reference((*top, "volumes", index), "volumes", source)


def _named(path: tuple[str | int, ...], kind: str, names: object) -> Iterator[_Reference]:
    """A list of names, or a mapping whose keys are the names."""
    steps = zip(names, names, strict=True) if isinstance(names, dict) else enumerate(_items(names))
    for step, name in steps:
        literal = _literal(name)
        if literal is not None:
            yield _Reference((*path, step), kind, literal)


def _mounted(path: tuple[str | int, ...], kind: str, entries: object) -> Iterator[_Reference]:
    for index, entry in enumerate(_items(entries)):
        source = _literal(entry.get("source", "") if isinstance(entry, dict) else entry)
        if source is not None:
            yield _Reference((*path, index), kind, source)


def _dependencies(top: tuple[str | int, ...], service: Mapping[str, object]) -> Iterator[_Reference]:
    """Every way to depend on another service; Compose treats them alike."""
    yield from _named((*top, "depends_on"), "services", service.get("depends_on"))
    for key in ("links", "volumes_from"):
        for index, entry in enumerate(_items(service.get(key))):
            target = _literal(entry)
            if target is not None and not (key == "volumes_from" and target.startswith("container:")):
                yield _Reference((*top, key, index), "services", target.partition(":")[0])
    for key in ("network_mode", "ipc", "pid", "uts"):
        target = _literal(service.get(key))
        if target is not None and target.startswith("service:"):
            yield _Reference((*top, key), "services", target.removeprefix("service:"))


def _volume_name(volume: object) -> str:
    """The named volume behind an entry of ``volumes``; nothing for a path or an anonymous volume."""
    if isinstance(volume, dict):
        return (_literal(volume.get("source")) or "") if volume.get("type") == "volume" else ""
    source, colon, _ = (_literal(volume) or "").partition(":")
    drive = len(source) == 1 and source.isalpha()
    return source if colon and not drive and not source.startswith((".", "/", "~", "\\\\")) else ""


def _conflict_problems(data: Mapping[str, object]) -> Iterator[Problem]:
    containers: dict[str, str] = {}
    needs: dict[str, list[str]] = {}
    for name, service in _services(data):
        needs[name] = [target for _, _, target in _dependencies((), service)]
        if _literal(service.get("network_mode")) and service.get("networks"):
            what = f"`services.{name}` has `network_mode` and `networks`: only one is allowed"
            yield Problem(("services", name, "networks"), what, "remove one of them")
        container = _literal(service.get("container_name"))
        if container is None:
            continue
        place = ("services", name, "container_name")
        if containers.setdefault(container, name) != name:
            what = f"`{_where(place)}` is the same as that of `services.{containers[container]}`"
            yield Problem(place, what, "give each service its own container name")
        deploy = service.get("deploy")
        replicas = deploy.get("replicas") if isinstance(deploy, dict) else None
        if any(isinstance(count, int) and count > 1 for count in (service.get("scale"), replicas)):
            what = f"`{_where(place)}` cannot name several containers"
            yield Problem(place, what, "remove `container_name`, or run one container")
    circle = _circle(needs)
    if circle:
        shown = " → ".join(_shown(name) for name in circle)
        yield Problem(("services", circle[0]), f"services depend on each other in a circle: {shown}", "remove one")


def _circle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """A dependency cycle, its first service repeated at the end; empty when there is none."""
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
