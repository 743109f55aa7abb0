"""``python -m dsec_migrate``: the command line."""

from dsec_migrate.cli import main

main()
