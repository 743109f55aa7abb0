"""Writes one verified outcome to disk, all or nothing: the only code that changes a project's files for a migration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsec_migrate.migrate import interruptions
from dsec_migrate.outcome import ProjectOutcome, strays
from dsec_migrate.text.errors import UserError, told
from dsec_migrate.text.records import replace


def commit(outcome: ProjectOutcome) -> ProjectOutcome:
    """Writes ignore files, secret files, env files, then Compose files. A failure is an error of the outcome."""
    try:
        assert outcome.journal is not None
        for stray in strays(outcome):
            raise stray
        ended = tuple(interruptions.end(outcome.journal, outcome.boundary))
        outcome = replace(outcome, warnings=(*outcome.warnings, *ended))
        write(outcome)
    except Exception as error:
        return replace(outcome, errors=(told(error, outcome.path),))
    return replace(outcome, is_written=True)


def write(outcome: ProjectOutcome) -> None:
    """Raises UserError where a file changed since it was read or cannot be written; then nothing is changed."""
    from dsec_migrate import transaction

    assert outcome.journal is not None
    additions = [
        transaction.Addition(file.path, file.content, file.mode, file.append, file.is_secret, file.folder_mode)
        for file in outcome.plan.files
        if file.replaces is None
    ]
    # each project of a family has ignore files: all are written before the first value
    additions.sort(key=lambda addition: addition.is_secret)
    replacements = [
        transaction.Replacement.between(file.path, file.replaces.reveal(), file.content.reveal())
        for file in outcome.plan.files
        if file.replaces is not None
    ]
    replacements += [
        transaction.Replacement.of(file.source, file.text, file.edits)
        for file in sorted(outcome.rewritten, key=lambda file: not file.is_env_file)
    ]
    uses = [
        transaction.Use(secret.path, secret.value)
        for secret in outcome.plan.secrets
        if secret.path is not None and secret.value is not None and secret.has_file
    ]
    values = [file.path for file in outcome.plan.files if file.is_secret]
    work = transaction.Work(
        additions, replacements, uses=uses, project=outcome.paths, proof=lambda: _prove_ignored(values)
    )
    transaction.commit(outcome.journal, work, outcome.boundary)


def _prove_ignored(values: Sequence[Path]) -> None:
    """Checks with git that it ignores all new files with values. Raises UserError."""
    from dsec_migrate import git

    try:
        ignored = git.ignored(values)
    except git.NoAnswerError:
        # a note reports it
        return
    for path in values:
        if not ignored.get(path, True):
            raise UserError(
                "git would not ignore the file of a secret despite the .gitignore files; nothing was written",
                str(path),
                help=f"check the output of `git check-ignore -v {path}`, or pass another folder with --secrets-dir",
            )


__all__ = ["commit", "write"]
