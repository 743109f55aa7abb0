"""GitLab's code quality report (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format)."""

from __future__ import annotations

import json

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.look import View
from dsec_migrate.reports.rows import Listing, Weight, list_rows

_SEVERITIES = {Weight.REFUSED: "critical", Weight.TOLD: "minor", Weight.POSSIBLE: "info"}


def render(outcome: Outcome, view: View) -> str:
    return of_rows(list_rows(outcome, strict=view.strict))


def of_rows(listing: Listing) -> str:
    issues = [
        {
            "description": row.text,
            "check_name": row.rule,
            "fingerprint": row.fingerprint,
            "severity": _SEVERITIES[row.weight],
            "location": {"path": row.file, "lines": {"begin": row.line}},
        }
        for row in listing.rows
    ]
    return json.dumps(issues, indent=1, ensure_ascii=False) + "\n"
