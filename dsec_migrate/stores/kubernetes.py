"""Kubernetes: Secrets, and patches by which workloads mount them where Compose did.

Facts of its API (https://kubernetes.io/docs/concepts/configuration/secret/): a Secret's keys are ``[-._a-zA-Z0-9]+``,
its name is a DNS subdomain name, it holds at most 1 MiB; ``subPath`` mounts one file of a volume, and a running
container keeps the old content. kustomize applies a patch with a ``target`` to each kind that it names (observed with
5.5).
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret

OPTIONS = frozenset({"--namespace", "--out", "--with-values"})
MARK = "# Made by dsec-migrate; `dsec-migrate push --to kubernetes` regenerates it."
VALUES = "secrets.yaml"
"""The only file with values, if requested."""
SCRIPT = "create-secrets.sh"
MAXIMUM_BYTES = 1_048_576
_MODE = 0o444
# the kinds that have a pod's template at the same place; a target is a regular expression, and its kind decides
_WORKLOADS = "Deployment|StatefulSet|DaemonSet|ReplicaSet|Job"


@dataclass(frozen=True, repr=False, eq=False)
class Kept:
    """A secret of the project. ``file`` is the path of its value, relative to the folder of the manifests."""

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
    """The name in Kubernetes: lower-case letters, digits and ``-`` (RFC 1123, at most 63)."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].rstrip("-") or "secret"


def check(secrets: Sequence[Kept]) -> None:
    """Raises UserError if two would have the same name, or one is too large."""
    names: dict[str, str] = {}
    for one in secrets:
        other = names.setdefault(one.object_name, one.name)
        if other != one.name:
            raise UserError(
                f"{other} and {one.name} would both be named {one.object_name} in Kubernetes",
                help="rename one of them",
            )
        if one.value is not None and len(one.value.content()) > MAXIMUM_BYTES:
            raise UserError(f"{one.name} is too large: Kubernetes accepts at most 1 MiB")


def files(
    project: str, secrets: Sequence[Kept], consumers: Sequence[Consumer], namespace: str | None, *, with_values: bool
) -> Mapping[str, str]:
    """The texts by file name: a kustomize component, a patch for each workload, and the commands that create the
    Secrets."""
    patched = {f"{dns_name(one.name)}.yaml": one for one in consumers if one.mounts}
    names = {file: dns_name(one.name) for file, one in patched.items()}
    found = {
        "kustomization.yaml": "".join(_kustomization(namespace, names, with_values)),
        **{file: "".join(_patch(one, secrets)) for file, one in patched.items()},
    }
    if with_values:
        documents = ["".join(_secret(project, one, namespace)) for one in secrets if one.value is not None]
        found[VALUES] = f"{MARK}\n" + "---\n".join(documents)
    else:
        found[SCRIPT] = "".join(f"{line}\n" for line in _script(project, secrets, namespace))
    return found


def _kustomization(namespace: str | None, patches: Mapping[str, str], with_values: bool) -> Iterator[str]:
    """``patches``: the name of each workload by its patch's file."""
    yield f"{MARK}\n"
    yield "# In the kustomization of the workloads: `components: [PATH OF THIS FOLDER]`. A patch changes the workload\n"
    yield "# of that name; kustomize does not report a missing one.\n"
    yield "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    if namespace is not None:
        yield f"namespace: {json.dumps(namespace)}\n"
    if with_values:
        yield f"resources:\n  - {VALUES}\n"
    if patches:
        yield "patches:\n"
    for file, name in patches.items():
        yield f"  - path: {json.dumps(file)}\n    target:\n      kind: {_WORKLOADS}\n      name: {json.dumps(name)}\n"


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
    """One mount for each file. A volume over the whole of /run/secrets would hide the service account's
    token, which Kubernetes mounts below /var/run/secrets, in most images the same folder."""
    objects = {one.name: one.object_name for one in secrets}
    volumes = {
        name: _volume(number, objects[name]) for number, name in enumerate(dict.fromkeys(consumer.mounts.values()))
    }
    name = json.dumps(dns_name(consumer.name))
    yield f"{MARK}\napiVersion: apps/v1\nkind: Deployment  # or another kind that the target matches\n"
    yield f"metadata:\n  name: {name}\nspec:\n  template:\n    spec:\n      containers:\n        - name: {name}\n"
    if consumer.variables:
        yield "          env:\n"
        for variable, value in consumer.variables.items():
            yield f"            - name: {json.dumps(variable)}\n              value: {json.dumps(value)}\n"
    yield "          volumeMounts:\n"
    for path, secret in consumer.mounts.items():
        yield f"            - name: {volumes[secret]}\n              mountPath: {json.dumps(path)}\n"
        yield f"              subPath: {json.dumps(secret)}\n              readOnly: true\n"
    yield "      volumes:\n"
    for secret, volume in volumes.items():
        yield f"        - name: {volume}\n          secret:\n            secretName: {json.dumps(objects[secret])}\n"
        yield f"            defaultMode: {_MODE}  # 0444\n"


def _volume(number: int, object_name: str) -> str:
    """The name of a volume, which the workload's own do not have: at most 63 characters."""
    name = f"secret-{object_name}"
    return name if len(name) <= 63 else f"secret-{number + 1}"


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
