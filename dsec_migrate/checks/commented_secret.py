"""No comment contains a secret.

Nothing reads it, so it is never missed and never removed: from the file, from its copies or from the history. Often the
value is still in use, or is that of another environment.

What to do: delete the comment, and rotate the value if it is in use anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.detectors.finding import COMMENT, Confidence


def look(subject: Subject) -> Iterator[Item | Done]:
    for finding in subject.findings:
        if finding.kind == COMMENT and finding.verdict.confidence is not Confidence.POSSIBLE:
            yield subject.open_item(finding, Weight.MEDIUM)
