"""One HTTP GET with a deadline, to an address that is checked first.

The host may come from an untrusted file: a name that resolves to the network behind this machine is refused unless the
user named it, and the connection uses the checked address, so that a second answer of the resolver changes nothing
(DNS rebinding). Every byte must arrive before the deadline. Proxies are those of the user's environment.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple, cast
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

MOST_BYTES = 4 * 1024 * 1024
_PORTS = {"http": 80, "https": 443}
# IPv6 addresses that embed an IPv4 address
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class WireError(Exception):
    """Why there is no answer. ``str()`` contains at most a host."""


class Answer(NamedTuple):
    """``headers`` by name in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Deadline:
    """``seconds`` from now, for a series of operations."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """The remaining seconds. Raises WireError if none remain."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise WireError("took too long to answer")
        return left


def split(url: str) -> SplitResult:
    """Raises WireError for anything but a plain URL of a host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WireError("redirects to an invalid address") from None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not is_plain or parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or port == 0:
        raise WireError("redirects to an invalid address")
    return parts


def get(url: str, headers: Mapping[str, str], deadline: Deadline, *, may_be_private: bool) -> Answer:
    """The answer for ``url``; redirects are not followed. Raises WireError."""
    parts = split(url)
    host = str(parts.hostname)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    try:
        wire = _connected(parts, deadline, may_be_private)
        try:
            connection = HTTPConnection(host, parts.port or _PORTS[parts.scheme])
            connection.sock = cast("socket.socket", wire)
            connection.request("GET", path, headers={"Host": parts.netloc, "Connection": "close", **headers})
            answer = connection.getresponse()
            body = answer.read(MOST_BYTES + 1)
        finally:
            wire.end()
    except (OSError, HTTPException, ValueError, UnicodeError) as error:
        raise WireError(f"does not answer ({type(error).__name__})") from None
    if len(body) > MOST_BYTES:
        raise WireError("sent too much data")
    return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)


class _Wire:
    """A socket for ``http.client`` whose reads and writes end at the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Reader(self._sock, self._deadline))

    def close(self) -> None:
        """Does nothing: the connection closes it while the answer is still being read."""

    def end(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)


def _connected(parts: SplitResult, deadline: Deadline, may_be_private: bool) -> _Wire:
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    proxy = "" if proxy_bypass(host) else getproxies().get(parts.scheme, "")
    if proxy and not _is_local(host):
        sock = _through(proxy, host, port, deadline, may_be_private)
    else:
        sock = _dial(_addresses(host, port, deadline), deadline, may_be_private)
    if parts.scheme == "https":
        sock.settimeout(deadline.left())
        sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    return _Wire(sock, deadline)


def _through(proxy: str, host: str, port: int, deadline: Deadline, may_be_private: bool) -> socket.socket:
    """A tunnel through the user's proxy, which may have any address."""
    try:
        # the proxy may resolve a name that does not resolve here
        known = _addresses(host, port, deadline)
    except OSError:
        known = []
    if known and not may_be_private and all(_is_private(address) for _, address in known):
        raise WireError("is in a private network: allow it with --registry")
    at = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    sock = _dial(_addresses(str(at.hostname), at.port or 8080, deadline), deadline, may_be_private=True)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if at.username is not None:
        account = f"{unquote(at.username)}:{unquote(at.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(account.encode()).decode()}")
    _Wire(sock, deadline).sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    # unbuffered: bytes after the answer belong to the tunnel
    answer = HTTPResponse(cast("socket.socket", _Unbuffered(sock, deadline)), method="CONNECT")
    answer.begin()
    if answer.status != 200:
        raise WireError(f"does not answer (the proxy answered {answer.status})")
    return sock


class _Unbuffered(_Wire):
    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Reader(self._sock, self._deadline), 1)


def _addresses(host: str, port: int, deadline: Deadline) -> list[tuple[socket.AddressFamily, Any]]:
    """The resolver's answer, not waited for beyond the deadline."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(deadline.left())
    if asking.is_alive():
        raise WireError("took too long to answer")
    if len(found) == 1 and isinstance(found[0], Exception):
        raise OSError(str(type(found[0]).__name__))
    return [(family, address) for family, _, _, _, address in found]


def _dial(addresses: list[tuple[socket.AddressFamily, Any]], deadline: Deadline, may_be_private: bool) -> socket.socket:
    allowed = [(family, address) for family, address in addresses if may_be_private or not _is_private(address)]
    if addresses and not allowed:
        raise WireError("is in a private network: allow it with --registry")
    failed: OSError = OSError("no address")
    for family, address in allowed:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.left())
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
            continue
        return sock
    raise failed


def _is_local(host: str) -> bool:
    try:
        return _is_private((host, 0))
    except ValueError:
        return host == "localhost"


def _is_private(address: Any) -> bool:
    """Whether an address is not public: private, link-local, loopback, shared, reserved or multicast."""
    known = ipaddress.ip_address(str(address[0]).partition("%")[0])
    if isinstance(known, ipaddress.IPv6Address):
        inner = known.ipv4_mapped or known.sixtofour or (known.teredo[1] if known.teredo else None)
        if inner is None and any(known in network for network in _TRANSLATED):
            inner = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)
        if inner is not None:
            known = inner
    return not known.is_global or known.is_multicast
