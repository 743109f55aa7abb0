"""``docker dsec``: the same program as a Docker CLI plugin.

Docker queries each plugin for its metadata with one argument, then runs it with its name before the user's arguments
(https://github.com/docker/cli/blob/master/cli-plugins/metadata/metadata.go).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

METADATA = "docker-cli-plugin-metadata"
PLUGIN = "dsec"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Prints the metadata for Docker, or runs the command; exits."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [METADATA]:
        sys.stdout.write(metadata() + "\n")
        sys.exit(0)
    from dsec_migrate.cli.entry import main as run

    run(words[1:] if words[:1] == [PLUGIN] else words)


def metadata() -> str:
    """What `docker --help` and `docker info` show of the plugin, as JSON."""
    import json
    from importlib.metadata import version

    about = {
        "SchemaVersion": "0.1.0",
        "Vendor": "dsec-migrate",
        "Version": version("dsec-migrate"),
        "ShortDescription": "Move plaintext secrets of Compose projects into Docker secrets",
    }
    return json.dumps(about)


if __name__ == "__main__":
    main()
