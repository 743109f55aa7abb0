"""``--skip-because``: permanent exclusions are written into the project's settings, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.compose.project import Project
from dsec_migrate.config import project_file
from dsec_migrate.config.options import Options, matches
from dsec_migrate.planning.changes import NewFile, Plan
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.text.secret import Secret

_MODE = 0o644


def tables(units: Sequence[tuple[Project, Plan]], directory: Path, options: Options, disk: Disk) -> Plan:
    """The tables missing from the settings in ``directory``, for the patterns that match a finding of ``units``.

    Raises UserError if they cannot be added to the file.
    """
    path = directory / project_file.NAME
    findings = [finding for _, plan in units for finding in plan.findings]
    present = disk.read(path) or b""
    addition = b""
    for pattern, reason in options.skip_because:
        if any(matches((pattern,), finding.service, finding.variable) for finding in findings):
            addition += project_file.with_skip(path, present + addition, pattern, reason)
    if not addition:
        return Plan()
    disk.claim(path, present + addition)
    return Plan(files=(NewFile(path, Secret(addition.decode()), _MODE, append=True, is_secret=False),))
