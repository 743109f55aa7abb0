"""The expected data of a file with a second secret beside the first, computed from its plain data only."""

from __future__ import annotations

from typing import Any

from dsec_migrate.lifecycle.rotation.edits import new_variable


def with_second(data: Any, name: str, new: str, file: str, services: frozenset[str], *, with_variables: bool) -> Any:
    """The plain data of a file with the second secret, computed independently of the edits."""
    data = {**data}
    if name in (data.get("secrets") or {}):
        data["secrets"] = {**data["secrets"], new: {"file": file}}
    found = {}
    for service, given in (data.get("services") or {}).items():
        body = given
        if service in services and isinstance(given, dict):
            body = {**given}
            if isinstance(body.get("secrets"), list):
                body["secrets"] = [more for item in body["secrets"] for more in _with_mount(item, name, new)]
            if with_variables and body.get("environment"):
                body["environment"] = _with_variable(body["environment"], name, new)
        found[service] = body
    if found:
        data["services"] = found
    return data


def _with_mount(item: Any, name: str, new: str) -> list[Any]:
    if item == name:
        return [item, new]
    if isinstance(item, dict) and item.get("source") == name:
        return [item, {key: new if key in {"source", "target"} else value for key, value in item.items()}]
    return [item]


def _with_variable(environment: Any, name: str, new: str) -> Any:
    old, path = f"/run/secrets/{name}", f"/run/secrets/{new}"
    if isinstance(environment, dict):
        added = {new_variable(key): path for key, value in environment.items() if value == old}
        return {**environment, **added}
    result = []
    for item in environment:
        key, _, value = str(item).partition("=")
        result += [item, f"{new_variable(key)}={path}"] if value == old else [item]
    return result
