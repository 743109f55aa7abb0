"""Writes a run's files all or none, remembers what it did, and takes it back."""

from dsec_migrate.transaction.commit import Addition, Replacement, Use, Work, commit
from dsec_migrate.transaction.journal import Journal, Run
from dsec_migrate.transaction.recovery import needs_recovery, recover
from dsec_migrate.transaction.undo import Undoing, forget, latest, plan_undo, remaining_originals, undo

__all__ = [
    "Addition",
    "Journal",
    "Replacement",
    "Run",
    "Undoing",
    "Use",
    "Work",
    "commit",
    "forget",
    "latest",
    "needs_recovery",
    "plan_undo",
    "recover",
    "remaining_originals",
    "undo",
]
