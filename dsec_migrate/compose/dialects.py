"""Keys that a hosting platform adds to the Compose format: understood and warned about, though Compose refuses them.

Coolify (its documentation, "Docker Compose" and "Persistent storage"): ``exclude_from_hc`` of a service, and
``content``, ``is_directory`` (also ``isDirectory``) of a volume, with which it creates the file or folder itself.
"""

from __future__ import annotations

from collections.abc import Iterator

SERVICE_KEYS = frozenset({"exclude_from_hc"})
VOLUME_KEYS = frozenset({"content", "is_directory", "isDirectory"})

Path = tuple[str | int, ...]


def take_out(data: object) -> list[Path]:
    """Removes such keys from plain data, in place, and returns where they were."""
    services = data.get("services") if isinstance(data, dict) else None
    found: list[Path] = []
    for name, service in services.items() if isinstance(services, dict) else ():
        if isinstance(service, dict):
            found += _take(service, SERVICE_KEYS, ("services", name))
            volumes = service.get("volumes")
            for number, volume in enumerate(volumes if isinstance(volumes, list) else ()):
                if isinstance(volume, dict):
                    found += _take(volume, VOLUME_KEYS, ("services", name, "volumes", number))
    return found


def _take(mapping: dict[str, object], keys: frozenset[str], path: Path) -> Iterator[Path]:
    # in the order of the file, which is the same in every run
    for key in [key for key in mapping if key in keys]:
        del mapping[key]
        yield (*path, key)
