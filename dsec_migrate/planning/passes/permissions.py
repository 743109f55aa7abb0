"""Whether the selected owner and mode let a program read its secret.

Observed: Swarm and Compose (for a secret from a variable) set the ``uid``, ``gid`` and ``mode`` of the long
syntax, by default 0:0 and 0444; Compose mounts a file as it is on the host.
"""

from __future__ import annotations

from dsec_migrate.config.options import SourceKind, Target
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Image
from dsec_migrate.planning import secret_readers
from dsec_migrate.planning.passes.fix import Case


def problem(case: Case, row: Image | None) -> tuple[str, bool] | None:
    """What is wrong with the selected owner and mode, and whether that is certain. ``row`` is None if the service's own
    program reads the file, whatever its image supports."""
    options, service = case.options, case.service
    if not options.needs_long_syntax or not _are_heeded(case):
        return None
    mode = 0o444 if options.mode is None else options.mode
    owner, group = options.uid or "0", options.gid or "0"
    told = f"a file owned by {owner}:{group} with mode {mode:04o}"
    if row is not None and row.is_private and mode & 0o077:
        return f"the image {image_table.repository(service.image)} refuses {told}", True
    reader = secret_readers.account(service, row)
    if reader is None:
        return None if mode & 0o004 else (f"check that the user of {service.name} can read {told}", False)
    if reader.is_root and secret_readers.has_capabilities(service):
        return None
    bits = 0o400 if str(reader.user) == owner else 0o040 if str(reader.group) == group else 0o004
    return None if mode & bits else (f"the program runs as {reader.user}:{reader.group} and cannot read {told}", True)


def _are_heeded(case: Case) -> bool:
    source = case.options.source_for(case.service.name, case.variable.name)
    return case.options.target is Target.SWARM or source is SourceKind.ENVIRONMENT
