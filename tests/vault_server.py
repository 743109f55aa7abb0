"""A small Vault for tests: KV version 2 and AppRole, as far as the documentation of their HTTP API says.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and /auth/approle. Everything is kept in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN, ROLE, SECRET_ID, READ_ONLY = "hvs.root-of-the-test", "role-of-the-test", "id-of-the-test", "hvs.reader"


class VaultServer(ThreadingHTTPServer):
    """``entries`` has the versions of each path, each with its data; ``calls`` what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: dict[str, list[dict[str, Any] | None]] = {}
        self.calls: list[str] = []
        self.fails_after: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: VaultServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    do_PUT = do_POST  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        path = self.path.partition("?")[0].removeprefix("/v1/")
        self.server.calls.append(f"{method} {path}")
        if path == "auth/approle/login":
            known = body.get("role_id") == ROLE and body.get("secret_id") == SECRET_ID
            entered = {"auth": {"client_token": TOKEN, "lease_duration": 60, "renewable": True}}
            return self._send(200, entered) if known else self._send(400, {"errors": ["invalid role or secret ID"]})
        token = self.headers.get("X-Vault-Token")
        if token not in {TOKEN, READ_ONLY} or (token == READ_ONLY and method != "GET"):
            return self._send(403, {"errors": ["permission denied"]})
        mount, _, name = path.partition("/data/")
        if mount != "secret" or not name:
            return self._send(404, {"errors": ["no handler for route"]})
        versions = self.server.entries.setdefault(name, [])
        if method == "GET":
            if not versions or versions[-1] is None:
                return self._send(404, {"errors": []})
            data = {"data": versions[-1], "metadata": {"version": len(versions), "destroyed": False}}
            return self._send(200, {"data": data})
        expected = (body.get("options") or {}).get("cas")
        if expected is not None and expected != len(versions):
            return self._send(400, {"errors": ["check-and-set parameter did not match the current version"]})
        versions.append(body["data"])
        return self._send(200, {"data": {"version": len(versions)}})

    def _send(self, status: int, data: dict[str, Any]) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def running() -> Iterator[VaultServer]:
    server = VaultServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
