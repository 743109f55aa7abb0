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

from dsec_migrate.cli import entry
from dsec_migrate.images import registry, wire
from dsec_migrate.images.reference import Reference, parse
from dsec_migrate.images.registry import RegistryError


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


def known(folder: Path, accounts: dict[str, Any], **more: Any) -> None:
    """The user's Docker config names registries."""
    (folder / "docker").mkdir(exist_ok=True)
    (folder / "docker" / "config.json").write_text(json.dumps({"auths": accounts, **more}), "utf-8")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    registry.forget()
    found = Fake()
    # the user logged in there without an account: else a private address is not asked
    known(tmp_path, {found.domain: {}})
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
    registry.forget()
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
    known(tmp_path, {fake.domain: {"auth": auth}})
    registry.forget()
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
    with pytest.raises(RegistryError, match="does not match its digest"):
        registry.inspect(f"{fake.domain}/team/app:1")
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        domain = f"127.0.0.1:{held.getsockname()[1]}"
        known(tmp_path, {domain: {}})
        with pytest.raises(RegistryError, match="does not answer"):
            registry.inspect(f"{domain}/team/app:1")


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="this host has no docker-registry")
def test_a_real_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    registry.forget()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    known(tmp_path, {address: {}})
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


# --- a registry that a stranger names ---


class Hostile(Fake):
    """Answers with ``shape`` whatever is asked for."""

    shape: Any = b""
    status = 200
    headers: dict[str, str] | None = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append((request.path, request.headers.get("Authorization", "")))
        if "/blobs/" in request.path or "/tok" in request.path:
            self.send(request, 200, self.shape)
        elif self.status != 200:
            self.send(request, self.status, b"", self.headers)
        else:
            self.send(request, 200, self.manifest())

    def manifest(self) -> bytes:
        return json.dumps({"config": {"digest": digest(self.shape)}}).encode()


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    registry.forget()
    found = Hostile()
    known(tmp_path, {found.domain: {}})
    yield found
    found.server.shutdown()


CONFIGS: list[Any] = [
    {"config": "abc"},
    {"config": [1]},
    {"config": {"Entrypoint": 5}},
    {"config": {"Entrypoint": "/bin/sh"}},
    {"config": {"Entrypoint": [[1], {"a": 2}]}},
    {"config": {"Cmd": {"a": 1}}},
    {"config": {"Env": 7}},
    {"config": {"Env": [3, None]}},
    {"config": {"User": {"a": 1}}},
    {"config": {}, "history": ["x"]},
    {"config": {}, "history": "x"},
    [],
    "x",
    None,
]


@pytest.mark.parametrize("config", CONFIGS, ids=json.dumps)
def test_a_config_of_other_types_tells_nothing(config: Any, hostile: Hostile) -> None:
    hostile.shape = json.dumps(config).encode()
    with pytest.raises(RegistryError, match=r"does not match the specification|invalid response"):
        registry.inspect(f"{hostile.domain}/team/app:1")


MANIFESTS = {
    "deep list": b"[" * 1_000_000,
    "deep object": b'{"a":' * 300_000,
    "deep, but whole": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a text for the list": b'{"manifests":"xyz"}',
    "a number for the list": b'{"manifests":5}',
    "a platform that is a text": b'{"manifests":[{"platform":"linux","digest":"x"}]}',
    "a digest that is a path": b'{"config":{"digest":"sha256:../../../../x"}}',
    "a digest that is a number": b'{"config":{"digest":5}}',
    "a config that is a text": b'{"config":"x"}',
    "no text": b"\xff\xfe\x00",
    "a long number": b'{"a":' + b"9" * 100_000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_manifest_of_another_shape_tells_nothing(
    kind: str, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hostile, "manifest", lambda: MANIFESTS[kind])
    with pytest.raises(RegistryError):
        registry.inspect(f"{hostile.domain}/team/app:1")


def bearer(realm: str) -> dict[str, str]:
    return {"WWW-Authenticate": f'Bearer realm="{realm}",service="x",scope="y"'}


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, bearer("http://[::1")),
        (401, bearer("https://")),
        (401, bearer("http://127.0.0.1:99999/")),
        (401, bearer("file:///etc/passwd")),
        (401, bearer("http://169.254.169.254/latest/meta-data/")),
        (401, bearer("https://10.0.0.1/token")),
        (401, {"WWW-Authenticate": "Bearer"}),
        (401, {"WWW-Authenticate": "Digest x"}),
        (401, {}),
        (302, {"Location": "http://127.0.0.1:1/\x01 x"}),
        (302, {"Location": "file:///etc/passwd"}),
        (302, {"Location": "ftp://127.0.0.1/x"}),
        (302, {"Location": "http://[bad/"}),
        (302, {"Location": "https://192.168.1.1/"}),
        (302, {"Location": "http://example.com/"}),
        (302, {}),
        (302, {"Location": "/v2/team/app/manifests/1"}),
        (500, {}),
        (206, {}),
    ],
    ids=str,
)
def test_an_odd_realm_or_location_leads_nowhere(status: int, headers: dict[str, str], hostile: Hostile) -> None:
    hostile.status, hostile.headers = status, headers
    with pytest.raises(RegistryError):
        registry.inspect(f"{hostile.domain}/team/app:1")


@pytest.mark.parametrize("token", ["a\r\nX-Injected: 1", "a b", "", 5, None, "x" * 20_000, "\x7f"], ids=range(7))
def test_a_token_is_one_word(token: Any, hostile: Hostile) -> None:
    hostile.status, hostile.headers = 401, bearer(f"http://{hostile.domain}/tok")
    hostile.shape = json.dumps({"token": token}).encode()
    with pytest.raises(RegistryError, match="returned no token"):
        registry.inspect(f"{hostile.domain}/team/app:1")


@pytest.mark.parametrize("part", ["a header", "the body", "nothing at all"])
def test_whoever_drips_has_no_more_time_than_others(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(registry, "IMAGE_SECONDS", 0.5)
    registry.forget()
    ended = threading.Event()
    begin = {"a header": b"HTTP/1.1 200 OK\r\nX: ", "nothing at all": b"", "the body": b"HTTP/1.1 200 OK\r\n\r\n"}[part]

    def drip(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(begin)
            while not ended.wait(0.02):
                try:
                    client.sendall(b" " if part != "nothing at all" else b"")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        domain = f"127.0.0.1:{server.getsockname()[1]}"
        known(tmp_path, {domain: {}})
        dripping = threading.Thread(target=drip, args=(server,), daemon=True)
        dripping.start()
        start = time.monotonic()
        for _ in range(3):
            # who did not answer once is not asked again
            with pytest.raises(RegistryError, match=r"took too long|does not answer"):
                registry.inspect(f"{domain}/team/app:1")
        assert time.monotonic() - start < 3
        ended.set()
        dripping.join(5)


def test_a_run_has_a_time_for_all_registries(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile.status = 500
    monkeypatch.setattr(registry, "RUN_SECONDS", 0)
    with pytest.raises(RegistryError, match="time limit"):
        registry.inspect(f"{hostile.domain}/team/app:1")
    assert hostile.seen == []


def test_what_is_behind_this_machine_is_asked_only_where_the_user_named_it(hostile: Hostile, tmp_path: Path) -> None:
    configs: list[Any] = [{}, {"auths": {"other": {}}}, {"auths": 5}]
    for config in configs:
        (tmp_path / "docker" / "config.json").write_text(json.dumps(config), "utf-8")
        registry.forget()
        with pytest.raises(RegistryError, match="private network: allow it"):
            registry.inspect(f"{hostile.domain}/team/app:1")
    assert hostile.seen == []
    known(tmp_path, {}, credHelpers={hostile.domain: "none-such"})
    registry.forget()
    with pytest.raises(RegistryError):
        registry.inspect(f"{hostile.domain}/team/app:1")
    assert hostile.seen != []


def test_the_call_may_name_a_registry_behind_this_machine(
    fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known(tmp_path, {})
    file = tmp_path / "compose.yml"
    file.write_text(
        f"services:\n  a:\n    image: {fake.domain}/team/app:1\n    environment:\n      DB_PASSWORD: Whinchat-Adit-8\n",
        "utf-8",
    )

    def say(*words: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            entry.main(["--no-docker", "--unknown", "wrap", "--inspect-registry", *words, str(file)])
        assert not stopped.value.code
        return " ".join(capsys.readouterr().out.split())

    for others in ([], ["--registry", "10.0.0.5:5000", "--registry", "registry.example"]):
        assert "in a private network: allow it with --registry" in say(*others)
        assert fake.seen == []
    assert "in a private network" not in say("--registry", "registry.example", "--registry", fake.domain)
    assert "/v2/team/app/manifests/1" in [path for path, _ in fake.seen]


def test_a_registry_that_the_call_names_leads_to_no_other(hostile: Hostile, fake: Fake, tmp_path: Path) -> None:
    known(tmp_path, {})
    registry.forget()
    for status, headers in (
        (307, {"Location": f"https://{fake.domain}/v2/x"}),
        (401, bearer(f"https://{fake.domain}/t")),
    ):
        hostile.status, hostile.headers = status, headers
        registry.forget()
        with pytest.raises(RegistryError, match="in a private network"):
            registry.inspect(f"{hostile.domain}/team/app:1", (hostile.domain,))
    assert fake.seen == []


@pytest.mark.parametrize(
    ("address", "is_private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.0.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("255.255.255.255", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("64:ff9b::a00:1", True),
        ("2002:7f00:1::", True),
        ("1.1.1.1", False),
        ("2606:4700::1111", False),
        ("64:ff9b::101:101", False),
    ],
)
def test_addresses_that_are_not_for_everybody(address: str, is_private: bool) -> None:
    assert wire._is_private((address, 443)) is is_private


def test_the_connection_is_made_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [[("8.8.8.8", 443), ("10.0.0.1", 443)], [("10.0.0.1", 443)]]
    dialled: list[Any] = []

    def resolve(*_words: Any, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in answers.pop(0)]

    def connect(_sock: socket.socket, address: Any) -> None:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    registry.forget()
    with pytest.raises(RegistryError, match="does not answer"):
        registry.inspect("rebinding.example/app:1")
    with pytest.raises(RegistryError, match="private network"):
        registry.inspect("rebinding.example/app:2")
    assert dialled == [("8.8.8.8", 443)]


@pytest.mark.parametrize(
    ("domain", "realm", "gets"),
    [
        ("ghcr.io", "https://ghcr.io/token", True),
        ("docker.io", "https://auth.docker.io/token", True),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("registry.example.com", "https://auth.example.com/", True),
        ("ghcr.io", "http://ghcr.io/token", False),
        ("ghcr.io", "https://evil.io/token", False),
        ("ghcr.io", "https://xghcr.io/token", False),
        ("registry.example.com", "https://example.com.evil.net/", False),
        ("registry.example.com", "https://evilexample.com/", False),
        ("203.0.113.9", "https://203.0.113.10/", False),
        ("localhost:5000", "http://localhost:5000/auth", True),
        ("localhost:5000", "http://localhost:5001/auth", False),
        ("localhost:5000", "https://localhost:5000/auth", False),
        ("localhost:5000", "http://localhost/auth", False),
        ("localhost:5000", "http://127.0.0.1:5001/auth", False),
    ],
)
def test_an_account_goes_to_realms_of_the_registry_alone(
    domain: str, realm: str, gets: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    server = "https://index.docker.io/v1/" if domain == "docker.io" else domain
    known(tmp_path, {server: {"auth": "bWU6V2hpbmNoYXQ="}})
    asked: list[tuple[str, str | None]] = []

    def get(url: str, headers: Any, _deadline: Any, *, may_be_private: bool) -> wire.Answer:
        del may_be_private
        asked.append((url, headers.get("Authorization")))
        return wire.Answer(401, {"www-authenticate": f'Bearer realm="{realm}"'}, b"")

    monkeypatch.setattr(wire, "get", get)
    registry.forget()
    with pytest.raises(RegistryError):
        registry.inspect(f"{domain}/team/app:1")
    sent = [authorization for url, authorization in asked if url.startswith(realm)]
    assert sent == ["Basic bWU6V2hpbmNoYXQ=" if gets else None]
    assert [authorization for url, authorization in asked if not url.startswith(realm)] == [None]


@pytest.mark.parametrize("helper", ["../evil", "/tmp/evil", "a/b", "-x", "a b", "", 5, ["x"]], ids=repr)
def test_a_helper_has_a_name_and_no_path(
    helper: Any, hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_more: started.append(command))
    known(tmp_path, {hostile.domain: {}}, credsStore=helper)
    hostile.status, hostile.headers = 401, {"WWW-Authenticate": "Basic"}
    with pytest.raises(RegistryError):
        registry.inspect(f"{hostile.domain}/team/app:1")
    assert not any("/" in command[0] or " " in command[0] for command in started)


@pytest.mark.parametrize(
    "name", ["{0}/../../x:1", "{0}/a b:1", "{0}/a\r\nX: y:1", "{0}/a?b:1", "a@b.example/c:1", "{0}/a:" + "x" * 200]
)
def test_no_name_of_an_image_is_not_asked_for(name: str, hostile: Hostile) -> None:
    with pytest.raises(RegistryError, match="not a valid image name"):
        registry.inspect(name.format(hostile.domain))
    assert hostile.seen == []
