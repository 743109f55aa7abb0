"""What each image reads from files, with the evidence for it: one TOML file per image family."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from dsec_migrate.patterns import Pattern
from dsec_migrate.records import dataclass

# names under which Docker Hub's official images are also pulled
_OFFICIAL = Pattern(r"^(?:(?:docker\.io|index\.docker\.io|registry-1\.docker\.io|mirror\.gcr\.io)/)?(?:library/)?")
_OFFICIAL_MIRROR = Pattern(r"^public\.ecr\.aws/docker/library/")
_TAG = Pattern(r":[^/:]+$")


@dataclass(frozen=True, repr=False, eq=False)
class Image:
    """One row of the table.

    ``supported``: the variables whose ``_FILE`` form the image reads. ``reads_as``: ``root`` (before dropping
    privileges) or ``uid:gid``. ``final_newlines``: ``stripped`` or ``kept``. ``confidence``: only ``verified`` and
    ``documented`` rows make a change safe.
    """

    names: tuple[str, ...]
    convention: str
    supported: frozenset[str]
    servers: tuple[str, ...]
    reads_as: str
    final_newlines: str
    confidence: str
    evidence: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        return self.confidence in {"verified", "documented"}

    @property
    def is_read_by_root(self) -> bool:
        return self.reads_as == "root"

    def starts_with(self, first_word: str) -> bool:
        """Whether the entrypoint reads the files when the command begins with this word."""
        return not self.servers or first_word.startswith("-") or first_word in self.servers


@lru_cache(maxsize=4096)
def repository(reference: str) -> str:
    """The name that the table uses: no tag, no digest, no Docker Hub prefix (``docker.io/library/x:1`` -> ``x``)."""
    name = _TAG.sub("", reference.split("@", 1)[0].strip().lower())
    return _OFFICIAL.sub("", _OFFICIAL_MIRROR.sub("", name))


def find(reference: str) -> Image | None:
    """The row for an image reference as a Compose file writes it, or None when nobody knows the image."""
    return _row(repository(reference)) if reference else None


@lru_cache(maxsize=4096)
def _row(name: str) -> Image | None:
    found = None
    for path, text in _texts().items():
        # a table of many images is long, and a project has few
        if name in text:
            found = next((image for image in read_rows(path) if name in image.names), found)
    return found


@lru_cache(maxsize=1)
def _texts() -> Mapping[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.toml"))}


@lru_cache(maxsize=1024)
def read_rows(path: Path) -> tuple[Image, ...]:
    """The rows of one TOML file (``schemas/image.schema.json`` describes it)."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Image(
            tuple(row["names"]),
            row["convention"],
            frozenset(row["supported"]),
            tuple(row.get("servers", ())),
            row["reads_as"],
            row["final_newlines"],
            row["confidence"],
            tuple(row["evidence"]),
        )
        for row in data["image"]
    )
