"""No secret stands in a comment.

Nothing reads it, so nobody misses it, and it stays: in the file, in every copy and in the history. Often the value is
still the one in use, or that of another environment.

What to do: delete the comment, and change the value if it is in use anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.subject import Done, Item, Subject, Weight
from dsec_migrate.detectors.finding import COMMENT, Confidence


def look(subject: Subject) -> Iterator[Item | Done]:
    for finding in subject.findings:
        if finding.kind == COMMENT and finding.verdict.confidence is not Confidence.POSSIBLE:
            yield subject.open_item(finding, Weight.MEDIUM)
