"""Asks a registry about an image, as https://github.com/opencontainers/distribution-spec says.

Only with ``--inspect-registry``: it is the one part that uses the network. Nothing but an image's manifest and config
is fetched, each checked against its digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsec_migrate.engine import ImageConfig, config_of
from dsec_migrate.references import HUB, HUB_API, Reference, parse
from dsec_migrate.secret import Secret

TIMEOUT_SECONDS = 5
MOST_BYTES = 4 * 1024 * 1024

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_HUB_ACCOUNT = "https://index.docker.io/v1/"
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class RegistryError(Exception):
    """Why a registry told nothing. ``str()`` holds no credentials."""


@lru_cache(maxsize=256)
def inspect(reference: str) -> ImageConfig:
    """The config of an image for this host's platform. Raises RegistryError."""
    return _Client(parse(reference)).config()


class _Client:
    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        domain = reference.domain
        scheme = "http" if _LOOPBACK.fullmatch(domain) else "https"
        self.base = f"{scheme}://{HUB_API if domain == HUB else domain}/v2/{reference.path}"
        self.authorization: Secret | None = None

    def config(self) -> ImageConfig:
        version = self.reference.version
        manifest = self._json(f"/manifests/{version}", version if version.startswith("sha256:") else None)
        if "manifests" in manifest:
            digest = _for_this_host(manifest["manifests"])
            manifest = self._json(f"/manifests/{digest}", digest)
        digest = str((manifest.get("config") or {}).get("digest") or "")
        if not digest:
            raise RegistryError(f"{self.reference.domain} has a manifest of an unknown kind")
        known = _from_cache(digest)
        if known is None:
            known = config_of(self._json(f"/blobs/{digest}", digest))
            _into_cache(digest, known)
        return known

    def _json(self, path: str, digest: str | None) -> dict[str, Any]:
        body = self._get(f"{self.base}{path}")
        if digest is not None and f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise RegistryError(f"{self.reference.domain} sent something else than was asked for")
        try:
            data = json.loads(body)
        except ValueError:
            raise RegistryError(f"{self.reference.domain} sent no JSON") from None
        if not isinstance(data, dict):
            raise RegistryError(f"{self.reference.domain} sent something odd")
        return data

    def _get(self, url: str) -> bytes:
        status, headers, body = _fetch(url, self.authorization)
        if status == 401 and self.authorization is None:
            self.authorization = self._authorize(headers.get("www-authenticate", ""))
            status, headers, body = _fetch(url, self.authorization)
        if status != 200:
            raise RegistryError(f"{self.reference.domain} answered {status}")
        return body

    def _authorize(self, challenge: str) -> Secret:
        """The header for what the registry asks: a token, anonymous or for the account of the Docker config."""
        scheme, _, rest = challenge.partition(" ")
        account = _account(self.reference.domain)
        if scheme.lower() == "basic":
            if account is None:
                raise RegistryError(f"{self.reference.domain} wants an account: docker login {self.reference.domain}")
            return account
        told = dict(_PARAMETER.findall(rest))
        realm = told.get("realm", "")
        if scheme.lower() != "bearer" or not realm.startswith(("https://", "http://")):
            raise RegistryError(f"{self.reference.domain} asks for a login of an unknown kind")
        from urllib.parse import urlencode

        scope = told.get("scope") or f"repository:{self.reference.path}:pull"
        query = urlencode({"service": told.get("service", ""), "scope": scope})
        status, _, body = _fetch(f"{realm}?{query}", account)
        try:
            data = json.loads(body) if status == 200 else {}
        except ValueError:
            data = {}
        token = data.get("token") or data.get("access_token") if isinstance(data, dict) else None
        if not isinstance(token, str):
            raise RegistryError(f"{self.reference.domain} gave no token ({status})")
        return Secret(f"Bearer {token}")


def _fetch(url: str, authorization: Secret | None) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers by their names in lower case, and body. Raises RegistryError where nobody answers."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Careful(HTTPRedirectHandler):
        """What a registry may know, the store that it points to may not."""

        def redirect_request(self, req: Any, *rest: Any) -> Any:
            new = super().redirect_request(req, *rest)
            if new is not None and new.host != req.host:
                new.headers.pop("Authorization", None)
            return new

    request = Request(url, headers={"Accept": _ACCEPT, "User-Agent": "dsec-migrate"})
    if authorization is not None:
        request.add_header("Authorization", authorization.reveal())
    try:
        with build_opener(Careful).open(request, timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(MOST_BYTES + 1)
            status, headers = answer.status, answer.headers
    except HTTPError as error:
        body, status, headers = b"", error.code, error.headers
    except (URLError, HTTPException, OSError) as error:
        why = getattr(error, "reason", error)
        raise RegistryError(f"{url.split('/')[2]} does not answer ({type(why).__name__})") from None
    if len(body) > MOST_BYTES:
        raise RegistryError(f"{url.split('/')[2]} sent too much")
    return status, {name.lower(): value for name, value in headers.items()}, body


def _for_this_host(manifests: Any) -> str:
    """The digest of the image for this host's processor, else of the only one for Linux."""
    machine = platform.machine().lower()
    wanted = _ARCHITECTURES.get(machine, machine)
    linux = [
        (str(told.get("architecture")), str(one.get("digest")))
        for one in manifests
        if isinstance(one, dict) and (told := one.get("platform") or {}).get("os") == "linux"
    ]
    fitting = [digest for architecture, digest in linux if architecture == wanted]
    if not fitting and len(linux) != 1:
        raise RegistryError(f"there is no image for linux/{wanted}")
    return fitting[0] if fitting else linux[0][1]


# --- the account of `docker login` ---


def _account(domain: str) -> Secret | None:
    """The header of the account that the Docker config has for a registry."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    server = _HUB_ACCOUNT if domain == HUB else domain
    if not isinstance(data, dict):
        return None
    helper = (data.get("credHelpers") or {}).get(server) or data.get("credsStore")
    if helper:
        return _from_helper(str(helper), server)
    auth = ((data.get("auths") or {}).get(server) or {}).get("auth")
    return Secret(f"Basic {auth}") if isinstance(auth, str) and auth else None


def _from_helper(helper: str, server: str) -> Secret | None:
    import subprocess

    command = [f"docker-credential-{helper}", "get"]
    try:
        result = subprocess.run(
            command, input=server.encode(), capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
        told = json.loads(result.stdout) if result.returncode == 0 else {}
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    user, secret = told.get("Username"), told.get("Secret")
    if not user or not secret or user == "<token>":
        return None
    return Secret("Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode())


# --- what is known already, by digest: it never changes ---


def _cache(digest: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dsec-migrate" / "images" / f"{digest.replace(':', '-')}.json"


def _from_cache(digest: str) -> ImageConfig | None:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise RegistryError("a digest of an unknown kind")
    try:
        data = json.loads(_cache(digest).read_text(encoding="utf-8"))
        return ImageConfig(
            tuple(data["entrypoint"]), tuple(data["command"]), data["user"], data["has_shell"], tuple(data["names"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _into_cache(digest: str, config: ImageConfig) -> None:
    """How the image starts, and nothing else of it: values of its variables may be secrets."""
    path = _cache(digest)
    data = {
        "entrypoint": config.entrypoint,
        "command": config.command,
        "user": config.user,
        "has_shell": config.has_shell,
        "names": config.names,
    }
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(data), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        return
