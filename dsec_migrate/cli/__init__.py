"""Words -> request, outcome -> reports and an exit status."""

from dsec_migrate.cli.entry import main

__all__ = ["main"]
