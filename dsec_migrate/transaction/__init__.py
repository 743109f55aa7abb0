"""Writes a run's files all or none, remembers what it did, and takes it back."""

from dsec_migrate.transaction.commit import Addition, Replacement, Use, Work, commit
from dsec_migrate.transaction.journal import Journal, Run
from dsec_migrate.transaction.recovery import Recovered, needs_recovery, recover
from dsec_migrate.transaction.reversal import (
    Undoing,
    forget,
    interrupted_of,
    plan_undo,
    remaining_originals,
    runs_of,
    undo,
)

__all__ = [
    "Addition",
    "Journal",
    "Recovered",
    "Replacement",
    "Run",
    "Undoing",
    "Use",
    "Work",
    "commit",
    "forget",
    "interrupted_of",
    "needs_recovery",
    "plan_undo",
    "recover",
    "remaining_originals",
    "runs_of",
    "undo",
]
