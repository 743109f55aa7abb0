"""Queries Docker for images on this host. Nothing is pulled, started or changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dsec_migrate.images.reference import Reference, parse
from dsec_migrate.text import programs
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass

TIMEOUT_SECONDS = 2
# one line, or nothing if there is no such image
_FORMAT = "{{json .Config}}"
_LISTING = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"


@dataclass(frozen=True, repr=False, eq=False)
class ImageConfig:
    """The config of an image. ``has_shell``: a shell has run in its file system, or its ENTRYPOINT or CMD needs one.
    ``names`` are those of its variables."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str
    has_shell: bool
    names: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def inspect(reference: str) -> ImageConfig | None:
    """The config of a local image; None without Docker, without an answer in time, or if there is no such image."""
    if not reference or reference.startswith("-") or parse(reference) not in _local():
        return None
    answer = _ask("image", "inspect", "--format", _FORMAT, reference)
    try:
        data = json.loads(answer or "")
    except ValueError:
        return None
    return config_of({"config": data}) if isinstance(data, dict) else None


def config_of(data: Mapping[str, Any]) -> ImageConfig:
    """From an image's JSON (https://github.com/opencontainers/image-spec/blob/main/config.md); its history shows
    whether a shell ran in its file system."""
    config = data.get("config") or {}
    entrypoint, command = tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ())
    words = (*entrypoint[:1], *command[:1])
    steps = [str(step.get("created_by") or "") for step in data.get("history") or () if not step.get("empty_layer")]
    has_shell = any(needs_shell(word) for word in words) or any(_RUN.match(step) for step in steps)
    names = tuple(str(one).partition("=")[0] for one in config.get("Env") or ())
    return ImageConfig(entrypoint, command, str(config.get("User") or ""), has_shell, names)


def needs_shell(word: str) -> bool:
    """Whether a program is a shell, or a shell script, judging by its name."""
    return word in {"/bin/sh", "sh", "/bin/bash", "bash"} or word.endswith(".sh")


# as the classic builder and BuildKit write it; `#(nop)` ran nothing
_RUN = Pattern(r"(?:RUN )?(?:\|\d+ .*? )?/bin/(?:ba)?sh -\w*c (?!#\(nop\))")


@lru_cache(maxsize=1)
def _local() -> frozenset[Reference]:
    """The images of this host, queried once; none without Docker."""
    listed = _ask("image", "ls", "--digests", "--format", _LISTING) or ""
    return frozenset(parse(word) for word in listed.split() if "<none>" not in word)


def _ask(*words: str) -> str | None:
    import subprocess

    program = programs.find("docker")
    if program is None:
        return None
    try:
        result = subprocess.run([program, *words], capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.decode("utf-8", "replace") if result.returncode == 0 else None
