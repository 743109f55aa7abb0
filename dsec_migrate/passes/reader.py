"""Who reads the file of a secret, and whether the owner and the mode that were asked for let them.

Observed: Swarm and Compose (for a secret from a variable) give the file the ``uid``, ``gid`` and ``mode`` of the long
syntax, 0:0 and 0444 without; Compose mounts a file as it is on the host.
"""

from __future__ import annotations

from typing import NamedTuple

from dsec_migrate import images
from dsec_migrate.document import Scalar, is_given
from dsec_migrate.images import Image
from dsec_migrate.options import SourceKind, Target
from dsec_migrate.passes import Case
from dsec_migrate.project import Service


class Reader(NamedTuple):
    """Numbers of a user and its group, as a Compose file writes them."""

    user: str
    group: str

    @property
    def is_root(self) -> bool:
        return self.user == "0"


ROOT = Reader("0", "0")


def find(service: Service, row: Image | None) -> Reader | None:
    """The user that reads the file: the service's own, else the image's; None where nobody told its number."""
    node = service.get("user")
    if is_given(node):
        user, _, group = (node.value if isinstance(node, Scalar) else "").partition(":")
        if user == "root" and group in {"", "root"}:
            return ROOT
        return Reader(user, group or "0") if user.isdigit() and (group or "0").isdigit() else None
    if row is None:
        return None
    if row.is_read_by_root:
        return ROOT
    user, _, group = row.reads_as.partition(":")
    # the same account has another number in images that are built on Alpine
    is_told = user.isdigit() and "alpine" not in (images.tag_of(service.image) or "")
    return Reader(user, group) if is_told else None


def problem(case: Case, row: Image | None) -> tuple[str, bool] | None:
    """What is wrong with the owner and the mode that were asked for, and whether that is certain. ``row`` is None
    where the program of a service reads the file, whatever its image knows."""
    options, service = case.options, case.service
    if not options.needs_long_syntax or not _are_heeded(case):
        return None
    mode = 0o444 if options.mode is None else options.mode
    owner, group = options.uid or "0", options.gid or "0"
    told = f"a file of {owner}:{group} with mode {mode:04o}"
    if row is not None and row.is_private and mode & 0o077:
        return f"the image {images.repository(service.image)} refuses {told}", True
    reader = find(service, row)
    if reader is None:
        return None if mode & 0o004 else (f"check that the user of {service.name} can read {told}", False)
    if reader.is_root and service.get("cap_drop") is None and service.get("userns_mode") is None:
        return None
    bits = 0o400 if reader.user == owner else 0o040 if reader.group == group else 0o004
    return None if mode & bits else (f"the program, user {reader.user}:{reader.group}, could not read {told}", True)


def _are_heeded(case: Case) -> bool:
    source = case.options.source_for(case.service.name, case.variable.name)
    return case.options.target is Target.SWARM or source is SourceKind.ENVIRONMENT
