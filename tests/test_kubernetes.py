"""Manifests for Kubernetes: judged by its own schemas, and by what ``kubectl`` makes of the same files."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import docker
from ruamel.yaml import YAML
from test_stores import files, run

VALUES = {
    "db_password": b"Larkspur-Hinge-41",
    "api_token": b'quo"te\\ and\nlines \xc3\xbc\n',
    "Key.File": bytes(range(256)),
    "tricky": b": #{}[]&*!|>'%@`\x85 0x1f",
    "number": b"0123",
}
COMPOSE = """\
name: shop
services:
  db_main:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
      POSTGRES_USER: shop
    secrets: [db_password]
  app:
    image: example.com/app
    environment:
      - TOKEN_FILE=/run/secrets/token.txt
      - DSN=file:///run/secrets/db_password
    secrets:
      - db_password
      - source: api_token
        target: token.txt
      - source: Key.File
        target: /etc/app/key
      - tricky
      - number
  idle:
    image: example.com/idle
secrets:
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "secrets").mkdir(parents=True)
    definitions = "".join(f"  {name}:\n    file: ./secrets/{name}.txt\n" for name in VALUES)
    (folder / "compose.yml").write_text(COMPOSE + definitions)
    for name, value in VALUES.items():
        (folder / "secrets" / f"{name}.txt").write_bytes(value)
    return folder


def documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path.read_text()))


def decoded(secret: Any) -> dict[str, bytes]:
    plain = {key: value.encode() for key, value in (secret.get("stringData") or {}).items()}
    return {**plain, **{key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}}


def test_nothing_is_written_before_it_is_said(project: Path) -> None:
    before = files(project)
    told = run(project, "push", "--to", "kubernetes")
    assert "kubernetes/app.yaml" in told
    assert "kubernetes/idle.yaml" not in told
    assert files(project) == before


def test_manifests_are_valid_and_hold_the_same_bytes(project: Path) -> None:
    judge = pytest.importorskip("kubernetes_validate")
    run(project, "push", "--to", "kubernetes", "--namespace", "shops", "--with-values", "--write")
    secrets = documents(project / "kubernetes" / "secrets.yaml")
    assert (project / "kubernetes" / "secrets.yaml").stat().st_mode & 0o777 == 0o600
    assert "/secrets.yaml" in (project / "kubernetes" / ".gitignore").read_text()
    for one in secrets:
        judge.validate(one, judge.latest_version(), strict=True)
    assert {key: value for one in secrets for key, value in decoded(one).items()} == VALUES
    assert [one["metadata"]["name"] for one in secrets] == ["db-password", "api-token", "key-file", "tricky", "number"]
    for name in ("app", "db-main"):
        (patch,) = documents(project / "kubernetes" / f"{name}.yaml")
        # what a patch leaves to the Deployment that it changes
        patch["spec"]["selector"] = {"matchLabels": {"app": name}}
        patch["spec"]["template"]["metadata"] = {"labels": {"app": name}}
        judge.validate(patch, judge.latest_version(), strict=True)


def test_a_deployment_gets_what_the_service_had(project: Path) -> None:
    run(project, "push", "--to", "kubernetes", "--write")
    (patch,) = documents(project / "kubernetes" / "app.yaml")
    spec = patch["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert {one["name"]: one["value"] for one in container["env"]} == {
        "TOKEN_FILE": "/run/secrets/token.txt",
        "DSN": "file:///run/secrets/db_password",
    }
    volumes = {volume["name"]: volume["secret"]["secretName"] for volume in spec["volumes"]}
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    # each file alone: a mount at /run/secrets would leave no place for that of the service account
    paths = {mount["mountPath"]: (volumes[mount["name"]], mount["subPath"]) for mount in container["volumeMounts"]}
    assert paths == {
        "/run/secrets/db_password": ("db-password", "db_password"),
        "/run/secrets/token.txt": ("api-token", "api_token"),
        "/etc/app/key": ("key-file", "Key.File"),
        "/run/secrets/tricky": ("tricky", "tricky"),
        "/run/secrets/number": ("number", "number"),
    }
    said = "".join(path.read_text() for path in (project / "kubernetes").iterdir())
    assert "Larkspur" not in said


WORKLOAD = """\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: app}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec:
      containers:
        - name: app
          image: example.com/app
          env: [{{name: LOG_LEVEL, value: info}}]
          volumeMounts: [{{name: data, mountPath: /data}}]
        - name: beside
          image: example.com/beside
      volumes: [{{name: data, emptyDir: {{}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app}}
spec: {{selector: {{app: app}}, ports: [{{port: 80}}]}}
"""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_kustomize_patches_any_workload_of_the_name(kind: str, project: Path) -> None:
    run(project, "push", "--to", "kubernetes", "--write")
    (project / "base").mkdir()
    (project / "base" / "app.yaml").write_text(WORKLOAD.format(kind=kind))
    (project / "base" / "kustomization.yaml").write_text("resources: [app.yaml]\ncomponents: [../kubernetes]\n")
    words = ["kubectl", "kustomize", "base"]
    made = subprocess.run(words, cwd=project, capture_output=True, check=True, text=True, env={"PATH": "/usr/bin:/bin"})
    (found,) = (one for one in YAML(typ="safe").load_all(made.stdout) if one["kind"] == kind)
    spec = found["spec"]["template"]["spec"]
    app, beside = sorted(spec["containers"], key=lambda one: one["name"])
    assert beside == {"name": "beside", "image": "example.com/beside"}
    assert {one["name"] for one in app["env"]} == {"LOG_LEVEL", "TOKEN_FILE", "DSN"}
    assert {one["mountPath"] for one in app["volumeMounts"]} == {
        "/data", "/run/secrets/db_password", "/run/secrets/token.txt", "/etc/app/key", "/run/secrets/tricky",
        "/run/secrets/number",
    }  # fmt: skip
    assert {one["name"] for one in spec["volumes"]} == {
        "data", "secret-db-password", "secret-api-token", "secret-key-file", "secret-tricky", "secret-number",
    }  # fmt: skip


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_container_starts_with_the_service_accounts_mount_beside(project: Path) -> None:
    """The mounts as the kubelet makes them, with an image whose /var/run is /run as most images have it."""
    run(project, "push", "--to", "kubernetes", "--write")
    (patch,) = documents(project / "kubernetes" / "app.yaml")
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    (project / "account").mkdir()
    (project / "account" / "token").write_text("t")
    # busybox has no link at /var/run: the token's own place below /run stands for it
    files = ((f"{project}/secrets/{mount['subPath']}.txt", mount["mountPath"]) for mount in container["volumeMounts"])
    account = (f"{project}/account", "/run/secrets/kubernetes.io/serviceaccount")
    mounts = [f"{source}:{target}:ro" for source, target in (account, *files)]
    words = [word for mount in reversed(mounts) for word in ("-v", mount)]
    script = "cat /run/secrets/db_password /run/secrets/kubernetes.io/serviceaccount/token"
    result = docker("run", "--rm", *words, "busybox:stable", "sh", "-c", script)
    assert (result.returncode, result.stdout) == (0, VALUES["db_password"] + b"t"), result.stderr.decode()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kubectl_makes_the_same_data_of_the_files(project: Path) -> None:
    run(project, "push", "--to", "kubernetes", "--with-values", "--write")
    ours = {one["metadata"]["name"]: decoded(one) for one in documents(project / "kubernetes" / "secrets.yaml")}
    for name in VALUES:
        words = ["kubectl", "create", "secret", "generic", "x", f"--from-file={name}=secrets/{name}.txt"]
        words += ["--dry-run=client", "-o", "json"]
        made = subprocess.run(words, cwd=project, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
        theirs = decoded(json.loads(made.stdout))
        assert theirs in ours.values()


def test_the_script_gives_kubectl_names_and_files_only(project: Path) -> None:
    run(project, "push", "--to", "kubernetes", "--namespace", "shops", "--write")
    (project / "bin").mkdir()
    kubectl = project / "bin" / "kubectl"
    answers = 'case "$*" in *" get secret tricky"*) exit 0;; *" get "*) exit 1;; esac'
    kubectl.write_text(f'#!/bin/sh\necho "$*" >>"$LOG"\n{answers}\n')
    kubectl.chmod(0o755)
    log = project / "log"
    environment = {"PATH": f"{kubectl.parent}:/usr/bin:/bin", "LOG": str(log)}
    subprocess.run(["sh", "kubernetes/create-secrets.sh"], cwd=project, check=True, env=environment)
    calls = log.read_text().splitlines()
    made = [call for call in calls if " create " in call]
    assert len(made) == len(VALUES) - 1
    first = "--namespace shops create secret generic db-password --from-file=db_password=../secrets/db_password.txt"
    assert made[0] == first
    assert "Larkspur" not in log.read_text()


def test_made_anew_but_never_over_what_is_not_ours(project: Path) -> None:
    run(project, "push", "--to", "kubernetes", "--with-values", "--write")
    (project / "secrets" / "number.txt").write_bytes(b"0124")
    assert "made anew" in run(project, "push", "--to", "kubernetes", "--with-values", "--write")
    secrets = documents(project / "kubernetes" / "secrets.yaml")
    assert decoded(secrets[-1]) == {"number": b"0124"}
    (project / "kubernetes" / "app.yaml").write_text("mine: yes\n")
    result = run(project, "push", "--to", "kubernetes", "--with-values", "--write", status=2)
    assert "app.yaml would be overwritten; nothing was written" in result
    assert (project / "kubernetes" / "app.yaml").read_text() == "mine: yes\n"


def test_names_that_look_like_something_else_stay_names(project: Path) -> None:
    judge = pytest.importorskip("kubernetes_validate")
    text = (project / "compose.yml").read_text()
    for old, new in (("number", '"123"'), ("tricky", '"true"')):
        text = text.replace(f"  {old}:", f"  {new}:").replace(f"- {old}", f"- {new}")
    (project / "compose.yml").write_text(text.replace("  app:", "  null_1e3:"))
    run(project, "push", "--to", "kubernetes", "--with-values", "--write")
    secrets = documents(project / "kubernetes" / "secrets.yaml")
    for one in secrets:
        judge.validate(one, judge.latest_version(), strict=True)
    assert decoded(secrets[-1]) == {"123": VALUES["number"]}
    assert [one["metadata"]["name"] for one in secrets[-2:]] == ["true", "123"]
    (patch,) = documents(project / "kubernetes" / "null-1e3.yaml")
    assert patch["spec"]["template"]["spec"]["volumes"][-1]["secret"]["secretName"] == "123"


def test_two_names_that_kubernetes_cannot_tell_apart_are_refused(project: Path) -> None:
    text = (project / "compose.yml").read_text()
    (project / "compose.yml").write_text(f"{text}  DB-Password:\n    file: ./x\n")
    result = run(project, "push", "--to", "kubernetes", "--write", status=2)
    assert "would both be named db-password" in result
    assert not (project / "kubernetes").exists()
