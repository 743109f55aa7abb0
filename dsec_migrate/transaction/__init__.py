"""Writes all files of a run or none, records what it did, and undoes it."""

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
