"""Kubernetes: Secrets, and patches by which Deployments mount them where Compose did.

Facts of its API (https://kubernetes.io/docs/concepts/configuration/secret/): a Secret's keys are ``[-._a-zA-Z0-9]+``,
its name is a DNS subdomain name, it holds at most 1 MiB; a projected volume gathers several in one folder.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from dsec_migrate.errors import UserError
from dsec_migrate.records import dataclass
from dsec_migrate.secret import Secret

OPTIONS = frozenset({"--namespace", "--out", "--with-values"})
MARK = "# Made by dsec-migrate; `dsec-migrate push --to kubernetes` makes it anew."
VALUES = "secrets.yaml"
"""The one file with values, where they were asked for."""
SCRIPT = "create-secrets.sh"
MAXIMUM_BYTES = 1_048_576
_MODE = 0o444
_VOLUME = "secrets"


@dataclass(frozen=True, repr=False, eq=False)
class Kept:
    """A secret of the project. ``file`` is where its value is, seen from the folder of the manifests."""

    name: str
    value: Secret | None
    file: str

    @property
    def object_name(self) -> str:
        return dns_name(self.name)


@dataclass(frozen=True, repr=False, eq=False)
class Consumer:
    """A service. ``mounts`` are secrets by absolute path in the container, ``variables`` those that name such paths."""

    name: str
    mounts: Mapping[str, str]
    variables: Mapping[str, str]


def dns_name(name: str) -> str:
    """What Kubernetes calls it: small letters, digits and ``-`` (RFC 1123, at most 63)."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].rstrip("-") or "secret"


def check(secrets: Sequence[Kept]) -> None:
    """Raises UserError where two would have one name, or one is too large."""
    names: dict[str, str] = {}
    for one in secrets:
        other = names.setdefault(one.object_name, one.name)
        if other != one.name:
            raise UserError(
                f"{other} and {one.name} would both be called {one.object_name} in Kubernetes",
                help="rename one of them",
            )
        if one.value is not None and len(one.value.content()) > MAXIMUM_BYTES:
            raise UserError(f"{one.name} is too large: Kubernetes takes 1 MiB")


def files(
    project: str, secrets: Sequence[Kept], consumers: Sequence[Consumer], namespace: str | None, *, with_values: bool
) -> Mapping[str, str]:
    """The texts by file name: a kustomize component, a patch for each Deployment, and how the Secrets are made."""
    patches = {f"{dns_name(one.name)}.yaml": "".join(_patch(one, secrets)) for one in consumers if one.mounts}
    found = {"kustomization.yaml": "".join(_kustomization(namespace, list(patches), with_values)), **patches}
    if with_values:
        documents = ["".join(_secret(project, one, namespace)) for one in secrets if one.value is not None]
        found[VALUES] = f"{MARK}\n" + "---\n".join(documents)
    else:
        found[SCRIPT] = "".join(f"{line}\n" for line in _script(project, secrets, namespace))
    return found


def _kustomization(namespace: str | None, patches: Sequence[str], with_values: bool) -> Iterator[str]:
    yield f"{MARK}\n"
    yield "# In the kustomization of the Deployments: `components: [PATH OF THIS FOLDER]`.\n"
    yield "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    if namespace is not None:
        yield f"namespace: {json.dumps(namespace)}\n"
    if with_values:
        yield f"resources:\n  - {VALUES}\n"
    if patches:
        yield "patches:\n"
        yield from (f"  - path: {json.dumps(name)}\n" for name in patches)


def _secret(project: str, one: Kept, namespace: str | None) -> Iterator[str]:
    assert one.value is not None
    yield f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {json.dumps(one.object_name)}\n"
    if namespace is not None:
        yield f"  namespace: {json.dumps(namespace)}\n"
    yield f"  labels:\n    dsec.project: {json.dumps(dns_name(project))}\ntype: Opaque\n"
    content = one.value.content()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable():
        yield f"stringData:\n  {json.dumps(one.name)}: {json.dumps(text, ensure_ascii=False)}\n"
    else:
        yield f"data:\n  {json.dumps(one.name)}: {base64.b64encode(content).decode()}\n"


def _patch(consumer: Consumer, secrets: Sequence[Kept]) -> Iterator[str]:
    names = {one.name: one.object_name for one in secrets}
    folders: dict[str, list[tuple[str, str]]] = {}
    for path, secret in consumer.mounts.items():
        folders.setdefault(str(PurePosixPath(path).parent), []).append((PurePosixPath(path).name, secret))
    name = json.dumps(dns_name(consumer.name))
    yield f"{MARK}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n"
    yield f"      containers:\n        - name: {name}\n"
    if consumer.variables:
        yield "          env:\n"
        for variable, value in consumer.variables.items():
            yield f"            - name: {json.dumps(variable)}\n              value: {json.dumps(value)}\n"
    yield "          volumeMounts:\n"
    volumes: list[str] = []
    for number, (folder, inside) in enumerate(folders.items()):
        volume = _VOLUME if not number else f"{_VOLUME}-{number + 1}"
        if folder == "/run/secrets":
            yield f"            - name: {volume}\n              mountPath: {folder}\n              readOnly: true\n"
        for file, _ in inside if folder != "/run/secrets" else ():
            # alone, so that the folder keeps what the image has there
            path = json.dumps(str(PurePosixPath(folder) / file))
            yield f"            - name: {volume}\n              mountPath: {path}\n"
            yield f"              subPath: {json.dumps(file)}\n"
            yield "              readOnly: true\n"
        volumes.append(f"        - name: {volume}\n          projected:\n            defaultMode: {_MODE}  # 0444\n")
        volumes.append("            sources:\n")
        for file, secret in inside:
            volumes.append(f"              - secret:\n                  name: {json.dumps(names[secret])}\n")
            volumes.append(f"                  items: [{{key: {json.dumps(secret)}, path: {json.dumps(file)}}}]\n")
    yield "      volumes:\n"
    yield from volumes


def _script(project: str, secrets: Sequence[Kept], namespace: str | None) -> Iterator[str]:
    words = f" --namespace {shlex.quote(namespace)}" if namespace is not None else ""
    yield "#!/bin/sh"
    yield MARK
    yield "# Values go from their files to the cluster; neither this script nor an argument holds one."
    yield "set -eu"
    yield 'cd "$(dirname "$0")"'
    yield "create() {"
    yield f'  if kubectl{words} get secret "$1" >/dev/null 2>&1; then'
    yield '    echo "$1: exists already, left as it is"'
    yield "  else"
    yield f'    kubectl{words} create secret generic "$1" --from-file="$2=$3"'
    yield f'    kubectl{words} label secret "$1" dsec.project={dns_name(project)} >/dev/null'
    yield "  fi"
    yield "}"
    for one in secrets:
        yield f"create {one.object_name} {shlex.quote(one.name)} {shlex.quote(one.file)}"
