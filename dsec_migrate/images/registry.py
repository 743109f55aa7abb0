"""Queries a registry for an image, by https://github.com/opencontainers/distribution-spec.

Only with ``--inspect-registry``: the only part that uses the network. Only an image's manifest and config are
fetched, each checked against its digest. A Compose file names the registry, so its answers are not trusted: whatever
violates the specification is a RegistryError, and the image is unknown.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsec_migrate.images.engine import ImageConfig, config_of
from dsec_migrate.images.reference import HUB, HUB_API, Reference, parse
from dsec_migrate.text import programs
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.structured import json_of

if TYPE_CHECKING:
    from dsec_migrate.images.wire import Answer, Deadline

IMAGE_SECONDS = 15
"""Time limit for all requests about one image."""

RUN_SECONDS = 120
"""Time limit for all images of a run."""

HELPER_SECONDS = 10

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
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9a-fA-F:.]{2,45}\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*")
_VERSION = re.compile(r"\w[\w.-]{0,127}|sha256:[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PARAMETER = re.compile(r'(\w{1,64})="([^"]{0,4096})"', re.ASCII)
_TOKEN = re.compile(r"[!-~]{1,16384}")
_LONGEST_NAME = 255
_MOST_REDIRECTIONS = 5
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class RegistryError(Exception):
    """Why a registry gave no usable answer. ``str()`` contains no credentials."""


def is_host(text: str) -> bool:
    """Whether ``text`` is a host, optionally with a port, as at the start of an image's name."""
    return _DOMAIN.fullmatch(text) is not None


def inspect(reference: str, named: tuple[str, ...] = ()) -> ImageConfig:
    """The config of an image for this host's platform. The registries ``named`` may have a private address, like
    those of the user's Docker config. Raises RegistryError."""
    found = _asked(reference, named)
    if isinstance(found, str):
        raise RegistryError(found)
    return found


def forget() -> None:
    """Resets the time limit for a new run."""
    _asked.cache_clear()
    _spent[0] = 0.0


_spent = [0.0]


# many services share one image: a registry that did not answer is not queried again
@lru_cache(maxsize=256)
def _asked(reference: str, named: tuple[str, ...]) -> ImageConfig | str:
    from dsec_migrate.images.wire import Deadline, WireError

    parsed = parse(reference)
    domain = parsed.domain
    if _spent[0] >= RUN_SECONDS:
        return "the registries used up the time limit of this run"
    start = time.monotonic()
    try:
        return _Client(parsed, named, Deadline(min(IMAGE_SECONDS, RUN_SECONDS - _spent[0]))).config()
    except RegistryError as error:
        return str(error)
    except WireError as error:
        return f"{domain if _DOMAIN.fullmatch(domain) else 'the registry'} {error}"
    except Exception as error:
        # its answers are not trusted
        return f"{domain} sent an invalid response ({type(error).__name__})"
    finally:
        _spent[0] += time.monotonic() - start


class _Client:
    def __init__(self, reference: Reference, named: tuple[str, ...], deadline: Deadline) -> None:
        domain, path, version = reference
        is_name = _DOMAIN.fullmatch(domain) and len(path) <= _LONGEST_NAME and _PATH.fullmatch(path)
        if not is_name or not _VERSION.fullmatch(version):
            raise RegistryError("this is not a valid image name")
        self.reference = reference
        self.deadline = deadline
        self.docker = _docker_config()
        self.named = named
        self.may_be_private = self._is_of_the_user(domain)
        scheme = "http" if _LOOPBACK.fullmatch(domain) else "https"
        self.base = f"{scheme}://{HUB_API if domain == HUB else domain}/v2/{path}"
        self.authorization: Secret | None = None

    def config(self) -> ImageConfig:
        version = self.reference.version
        manifest = self._json(f"/manifests/{version}", version if _DIGEST.fullmatch(version) else None)
        if "manifests" in manifest:
            digest = self._digest(_for_this_host(manifest["manifests"]))
            manifest = self._json(f"/manifests/{digest}", digest)
        told = manifest.get("config")
        digest = self._digest(told.get("digest") if isinstance(told, dict) else None)
        known = _from_cache(digest)
        if known is None:
            known = config_of(_checked(self._json(f"/blobs/{digest}", digest)))
            _into_cache(digest, known)
        return known

    def _digest(self, text: object) -> str:
        if not isinstance(text, str) or not _DIGEST.fullmatch(text):
            raise RegistryError(f"{self.reference.domain} has a manifest of an unknown type")
        return text

    def _json(self, path: str, digest: str | None) -> dict[str, Any]:
        body = self._get(f"{self.base}{path}")
        if digest is not None and f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise RegistryError(f"{self.reference.domain} sent content that does not match its digest")
        try:
            data = json_of(body)
        except ValueError:
            raise RegistryError(f"{self.reference.domain} sent a response that is not JSON") from None
        if not isinstance(data, dict):
            raise RegistryError(f"{self.reference.domain} sent an invalid response")
        return data

    def _get(self, url: str) -> bytes:
        answer = self._fetch(url, self.authorization)
        if answer.status == 401 and self.authorization is None:
            self.authorization = self._authorize(answer.headers.get("www-authenticate", ""))
            answer = self._fetch(url, self.authorization)
        if answer.status != 200:
            raise RegistryError(f"{self.reference.domain} answered {answer.status}")
        return answer.body

    def _fetch(self, url: str, authorization: Secret | None) -> Answer:
        """Status, headers and body, with redirects followed: credentials for the registry are not sent to its storage,
        and no redirect leads from HTTPS to plain HTTP, or to a private address that the user did not name."""
        from urllib.parse import urljoin

        from dsec_migrate.images import wire

        origin, base = wire.split(url), wire.split(self.base)
        for _ in range(_MOST_REDIRECTIONS):
            headers = {"Accept": _ACCEPT, "User-Agent": "dsec-migrate"}
            here = wire.split(url)
            is_same = (here.scheme, here.netloc) == (origin.scheme, origin.netloc)
            if here.scheme != "https" and not is_same:
                raise RegistryError(f"{self.reference.domain} redirects to an address without HTTPS")
            if authorization is not None and is_same:
                headers["Authorization"] = authorization.reveal()
            is_near = here.netloc == base.netloc or self._is_own(url) or self._is_of_the_user(here.netloc)
            may_be_private = self.may_be_private and is_near
            answer = wire.get(url, headers, self.deadline, may_be_private=may_be_private)
            if answer.status not in {301, 302, 303, 307, 308}:
                return answer
            url = urljoin(url, answer.headers.get("location", ""))
        raise RegistryError(f"{self.reference.domain} redirects too many times")

    def _authorize(self, challenge: str) -> Secret:
        """The header that the registry requests: a token, anonymous or for the account of the Docker config."""
        from urllib.parse import urlencode

        domain = self.reference.domain
        scheme, _, rest = challenge.partition(" ")
        account = _account(self.docker, domain)
        if scheme.lower() == "basic":
            if account is None:
                raise RegistryError(f"{domain} requires a login: run `docker login {domain}`")
            return account
        told = dict(_PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or not told.get("realm"):
            raise RegistryError(f"{domain} requests an unknown authentication scheme")
        realm = told["realm"]
        scope = told.get("scope") or f"repository:{self.reference.path}:pull"
        query = urlencode({"service": told.get("service", ""), "scope": scope})
        url = f"{realm}{'&' if '?' in realm else '?'}{query}"
        status, _, body = self._fetch(url, account if self._is_own(url) else None)
        try:
            data = json_of(body) if status == 200 else {}
        except ValueError:
            data = {}
        token = data.get("token") or data.get("access_token") if isinstance(data, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise RegistryError(f"{domain} returned no token ({status})")
        return Secret(f"Bearer {token}")

    def _is_of_the_user(self, domain: str) -> bool:
        """Whether the user named a registry: with an option, by `docker login`, or for a credential helper. A Compose
        file may name hosts of the network behind this machine."""
        return domain in self.named or any(domain in _table(self.docker, key) for key in ("auths", "credHelpers"))

    def _is_own(self, url: str) -> bool:
        """Whether a realm may receive the account: with HTTPS, at the registry's own host or below its domain; without,
        only at the registry's exact address, since other ports of a machine may belong to others."""
        from dsec_migrate.images import wire

        here, there = wire.split(self.base), wire.split(url)
        if here.scheme != "https" or there.scheme != "https":
            return (here.scheme, here.netloc) == (there.scheme, there.netloc)
        host, realm = str(here.hostname), str(there.hostname)
        if host == realm:
            return True
        labels = host.split(".")
        if len(labels) < 3 or labels[-1].isdigit():
            return False
        domain = ".".join(labels[1:])
        return realm == domain or realm.endswith(f".{domain}")


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    """The used parts of an image's config, with the types of the specification. Raises RegistryError."""

    def texts(value: object) -> list[str]:
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        raise RegistryError("the image config does not match the specification")

    inner, history = config.get("config"), config.get("history")
    inner = {} if inner is None else inner
    history = [] if history is None else history
    is_right = isinstance(inner, dict) and isinstance(history, list) and all(isinstance(one, dict) for one in history)
    if not is_right or not isinstance(inner.get("User") or "", str):
        raise RegistryError("the image config does not match the specification")
    return {
        "config": {
            "Entrypoint": texts(inner.get("Entrypoint")),
            "Cmd": texts(inner.get("Cmd")),
            "Env": texts(inner.get("Env")),
            "User": inner.get("User") or "",
        },
        "history": history,
    }


def _for_this_host(manifests: Any) -> str:
    """The digest of the image for this host's architecture, otherwise of the only one for Linux."""
    machine = platform.machine().lower()
    wanted = _ARCHITECTURES.get(machine, machine)
    linux = [
        (str(told.get("architecture")), str(one.get("digest")))
        for one in (manifests if isinstance(manifests, list) else ())
        if isinstance(one, dict) and isinstance(told := one.get("platform"), dict) and told.get("os") == "linux"
    ]
    fitting = [digest for architecture, digest in linux if architecture == wanted]
    if not fitting and len(linux) != 1:
        raise RegistryError(f"there is no image for linux/{wanted}")
    return fitting[0] if fitting else linux[0][1]


# --- the account of `docker login` ---


def _docker_config() -> dict[str, Any]:
    """The user's Docker config; empty if there is none that can be read."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        data = json_of((folder / "config.json").read_bytes())
    except (OSError, ValueError, RuntimeError):
        return {}
    return data if isinstance(data, dict) else {}


def _table(config: dict[str, Any], key: str) -> dict[str, Any]:
    found = config.get(key)
    return found if isinstance(found, dict) else {}


def _account(config: dict[str, Any], domain: str) -> Secret | None:
    """The header for the registry's account in the Docker config."""
    server = _HUB_ACCOUNT if domain == HUB else domain
    helper = _table(config, "credHelpers").get(server) or config.get("credsStore")
    if helper:
        return _from_helper(str(helper), server)
    one = _table(config, "auths").get(server)
    auth = one.get("auth") if isinstance(one, dict) else None
    return Secret(f"Basic {auth}") if isinstance(auth, str) and _TOKEN.fullmatch(auth) else None


def _from_helper(helper: str, server: str) -> Secret | None:
    import subprocess

    if not _HELPER.fullmatch(helper):
        # a path would start something other than a helper
        return None
    program = programs.find(f"docker-credential-{helper}")
    if program is None:
        return None
    try:
        result = subprocess.run(
            [program, "get"], input=server.encode(), capture_output=True, timeout=HELPER_SECONDS, check=False
        )
        told = json_of(result.stdout) if result.returncode == 0 else {}
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    user, secret = (told.get("Username"), told.get("Secret")) if isinstance(told, dict) else (None, None)
    if not user or not secret or user == "<token>":
        return None
    return Secret("Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode())


# --- cache by digest: the content never changes ---


def _cache(digest: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dsec-migrate" / "images" / f"{digest.replace(':', '-')}.json"


def _from_cache(digest: str) -> ImageConfig | None:
    try:
        data = json_of(_cache(digest).read_bytes())
        return ImageConfig(
            tuple(data["entrypoint"]), tuple(data["command"]), data["user"], data["has_shell"], tuple(data["names"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _into_cache(digest: str, config: ImageConfig) -> None:
    """Stores ENTRYPOINT and CMD, and nothing else: values of its variables may be secrets."""
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
