"""Asks Docker about images that are on this host. Nothing is pulled, started or changed."""

from __future__ import annotations

import json
from functools import lru_cache

from dsec_migrate.records import dataclass

TIMEOUT_SECONDS = 2
# one line, or nothing where there is no such image
_FORMAT = "{{json .Config}}"


@dataclass(frozen=True, repr=False, eq=False)
class ImageConfig:
    """What an image's config says. ``shell`` is True where its own words need one."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str
    has_shell: bool


@lru_cache(maxsize=256)
def inspect(reference: str) -> ImageConfig | None:
    """The config of a local image; None where there is no Docker, no answer within the time, or no such image."""
    if not reference or reference.startswith("-") or not _is_there():
        return None
    return _parsed(_ask("image", "inspect", "--format", _FORMAT, reference))


def _parsed(answer: str | None) -> ImageConfig | None:
    try:
        data = json.loads(answer or "")
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    entrypoint, command = tuple(data.get("Entrypoint") or ()), tuple(data.get("Cmd") or ())
    words = (*entrypoint[:1], *command[:1])
    has_shell = any(word in {"/bin/sh", "sh", "/bin/bash", "bash"} or word.endswith(".sh") for word in words)
    return ImageConfig(entrypoint, command, str(data.get("User") or ""), has_shell)


@lru_cache(maxsize=1)
def _is_there() -> bool:
    """Asked once: a host without Docker would be asked for every image."""
    return _ask("version", "--format", "{{.Server.Version}}") is not None


def _ask(*words: str) -> str | None:
    import subprocess

    try:
        result = subprocess.run(["docker", *words], capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.decode("utf-8", "replace") if result.returncode == 0 else None
