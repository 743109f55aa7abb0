"""What a registry tells about an image: from a registry of the tests' own, and from Debian's with the real engine."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import docker

from dsec_migrate import registry
from dsec_migrate.references import Reference, parse
from dsec_migrate.registry import RegistryError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis", ("docker.io", "library/redis", "latest")),
        ("redis:7", ("docker.io", "library/redis", "7")),
        ("grafana/grafana:11.2", ("docker.io", "grafana/grafana", "11.2")),
        ("index.docker.io/library/redis", ("docker.io", "library/redis", "latest")),
        ("ghcr.io/a/b/c:1", ("ghcr.io", "a/b/c", "1")),
        ("localhost/a", ("localhost", "a", "latest")),
        ("127.0.0.1:5000/a:b", ("127.0.0.1:5000", "a", "b")),
        ("a/b:1@sha256:ff", ("docker.io", "a/b", "sha256:ff")),
    ],
)
def test_references_are_read_as_docker_reads_them(text: str, expected: tuple[str, str, str]) -> None:
    assert parse(text) == Reference(*expected)


CONFIG = {
    "config": {
        "Entrypoint": ["/entry"],
        "Cmd": ["serve"],
        "User": "1000",
        "Env": ["PATH=/bin", "TOKEN=Whinchat-Adit-6"],
    },
    "history": [
        {"created_by": '/bin/sh -c #(nop) CMD ["serve"]', "empty_layer": True},
        {"created_by": "RUN /bin/sh -c apk add x # buildkit"},
    ],
}


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Fake:
    """A registry with one image; ``wants`` says what it asks for, ``lies`` that it sends something else."""

    def __init__(self) -> None:
        self.wants = ""
        self.lies = False
        self.seen: list[tuple[str, str]] = []
        config = json.dumps(CONFIG).encode()
        manifest = json.dumps({"config": {"digest": digest(config)}}).encode()
        platforms = [
            {"digest": digest(b"other"), "platform": {"os": "windows", "architecture": "amd64"}},
            {"digest": digest(manifest), "platform": {"os": "linux", "architecture": "any"}},
        ]
        index = json.dumps({"manifests": platforms}).encode()
        self.files = {
            "/v2/team/app/manifests/1": index,
            f"/v2/team/app/manifests/{digest(manifest)}": manifest,
            f"/v2/team/app/blobs/{digest(config)}": config,
        }
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.answer(self)

            def log_message(self, *_words: Any) -> None:
                """The tests look at what was asked themselves."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.domain = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        authorization = request.headers.get("Authorization", "")
        self.seen.append((request.path, authorization))
        if request.path.startswith("/token?"):
            self.send(request, 200, json.dumps({"token": "a-token"}).encode())
        elif self.wants == "bearer" and authorization != "Bearer a-token":
            challenge = f'Bearer realm="http://{self.domain}/token",service="fake",scope="repository:team/app:pull"'
            self.send(request, 401, b"", {"WWW-Authenticate": challenge})
        elif self.wants == "basic" and not authorization.startswith("Basic "):
            self.send(request, 401, b"", {"WWW-Authenticate": 'Basic realm="fake"'})
        elif request.path in self.files:
            body = self.files[request.path]
            self.send(request, 200, b'{"config": {}}' if self.lies and "/blobs/" in request.path else body)
        else:
            self.send(request, 404, b"")

    @staticmethod
    def send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    registry.inspect.cache_clear()
    found = Fake()
    yield found
    found.server.shutdown()


def test_an_image_is_read_and_kept_by_its_digest(fake: Fake, tmp_path: Path) -> None:
    found = registry.inspect(f"{fake.domain}/team/app:1")
    assert (found.entrypoint, found.command, found.user) == (("/entry",), ("serve",), "1000")
    assert found.has_shell
    assert found.names == ("PATH", "TOKEN")
    (kept,) = (tmp_path / "cache").rglob("*.json")
    assert "Whinchat" not in kept.read_text(encoding="utf-8")
    before = len(fake.seen)
    registry.inspect.cache_clear()
    again = registry.inspect(f"{fake.domain}/team/app:1")
    assert again.entrypoint == found.entrypoint
    assert not any("/blobs/" in path for path, _ in fake.seen[before:])


def test_a_token_is_fetched_for_nobody(fake: Fake) -> None:
    fake.wants = "bearer"
    assert registry.inspect(f"{fake.domain}/team/app:1").command == ("serve",)
    assert ("/token?service=fake&scope=repository%3Ateam%2Fapp%3Apull", "") in fake.seen


def test_the_account_of_docker_login_is_used(fake: Fake, tmp_path: Path) -> None:
    fake.wants = "basic"
    with pytest.raises(RegistryError, match="docker login"):
        registry.inspect(f"{fake.domain}/team/app:1")
    auth = base64.b64encode(b"me:Whinchat-Adit-7").decode()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {fake.domain: {"auth": auth}}}), "utf-8")
    assert registry.inspect(f"{fake.domain}/team/app:1").user == "1000"
    assert fake.seen[-1][1] == f"Basic {auth}"


@pytest.mark.parametrize(
    ("reference", "why"), [("team/app:2", "answered 404"), ("team/other:1", "answered 404")], ids=["tag", "image"]
)
def test_what_is_not_there_is_said(fake: Fake, reference: str, why: str) -> None:
    with pytest.raises(RegistryError, match=why):
        registry.inspect(f"{fake.domain}/{reference}")


def test_a_wrong_digest_is_refused(fake: Fake, tmp_path: Path) -> None:
    fake.lies = True
    with pytest.raises(RegistryError, match="something else"):
        registry.inspect(f"{fake.domain}/team/app:1")
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_nobody_answers() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        domain = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(RegistryError, match="does not answer"):
            registry.inspect(f"{domain}/team/app:1")


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="this host has no docker-registry")
def test_a_real_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    registry.inspect.cache_clear()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/data\nhttp:\n  addr: {address}\n",
        "utf-8",
    )
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox:stable\nRUN echo hello >/hello\nENV app.name=x\nUSER 1000\n"
        'ENTRYPOINT ["/bin/echo"]\nCMD ["a b"]\n',
        "utf-8",
    )
    tag = f"{address}/team/app-{uuid.uuid4().hex[:8]}:1"
    words = ["docker-registry", "serve", str(tmp_path / "registry.yml")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            assert docker("build", "--quiet", "--tag", tag, ".", cwd=tmp_path).returncode == 0
            end = time.monotonic() + 20
            while (pushed := docker("push", "--quiet", tag)).returncode and time.monotonic() < end:
                time.sleep(0.3)
            assert pushed.returncode == 0, pushed.stderr.decode()
            found = registry.inspect(tag)
        finally:
            server.terminate()
            docker("image", "rm", "--force", tag)
    assert (found.entrypoint, found.command, found.user) == (("/bin/echo",), ("a b",), "1000")
    assert found.has_shell
    assert "app.name" in found.names
