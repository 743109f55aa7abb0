"""Image references, as Docker parses them."""

from __future__ import annotations

from typing import NamedTuple

HUB, HUB_API = "docker.io", "registry-1.docker.io"


class Reference(NamedTuple):
    """``domain`` is the registry, ``version`` a tag, or a digest (``sha256:…``)."""

    domain: str
    path: str
    version: str


def parse(text: str) -> Reference:
    """``redis:7`` -> docker.io, library/redis, 7, as Docker parses a reference."""
    name, _, digest = text.partition("@")
    head, slash, rest = name.partition("/")
    is_domain = bool(slash) and ("." in head or ":" in head or head == "localhost")
    domain, path = (head, rest) if is_domain else (HUB, name)
    path, _, tag = path.partition(":")
    if domain in {"index.docker.io", HUB_API}:
        domain = HUB
    if domain == HUB and "/" not in path:
        path = f"library/{path}"
    return Reference(domain, path, digest or tag or "latest")
