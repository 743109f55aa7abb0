"""`--source external`: the secret lives in Swarm; a script feeds it there from its file, over stdin."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.config.options import SourceKind
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.sources import file_secrets
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.stores.swarm_limits import MAXIMUM_BYTES
from dsec_migrate.text.records import replace

SCRIPT = "create-secrets.sh"
# what the line of each secret begins with; the head before the first one is the same in every script
CALL = "create '"


def hold(project: Project, service: Service, variable: Variable) -> Holding | Skipped:
    """Like the file source, within Swarm's limit of less than 512,000 bytes."""
    holding = file_secrets.hold(project, service, variable)
    if isinstance(holding, Skipped):
        return holding
    if holding.value is not None and len(holding.value.content()) >= MAXIMUM_BYTES:
        return Skipped("its value is too large for a Swarm secret (512,000 bytes)")
    return replace(holding, source=SourceKind.EXTERNAL)


def script(project: str, secrets: Iterable[PlannedSecret]) -> str:
    """A POSIX shell script that creates each secret from the file beside it. It holds no value."""
    lines = [
        "#!/bin/sh",
        "# Creates the Swarm secrets of this project from the files beside this script.",
        "# Values go to Docker over standard input: they appear neither in arguments nor in this script.",
        "set -eu",
        'cd "$(dirname "$0")"',
        "",
        "create() {",
        '  if docker secret inspect "$1" >/dev/null 2>&1; then',
        '    echo "$1: exists already, left as it is"',
        "  else",
        '    docker secret create --label "$3" --label "$4" "$1" - <"$2" >/dev/null',
        '    echo "$1: created"',
        "  fi",
        "}",
        "",
    ]
    for secret in secrets:
        file_name = secret.path.name if secret.path else f"{secret.name}.txt"
        words = [
            secret.name,
            file_name,
            f"dsec.project={project}",
            f"dsec.service={','.join(secret.services)}",
        ]
        lines.append("create " + " ".join(_quoted(word) for word in words))
    return "\n".join([*lines, ""])


def _quoted(word: str) -> str:
    """Always in quotes, so that the first of them marks the end of the head."""
    quoted = shlex.quote(word)
    return quoted if quoted.startswith("'") else f"'{quoted}'"
