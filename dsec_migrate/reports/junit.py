"""JUnit XML, as read by CI servers: a suite for each project, a failure for each finding that fails ``--check``."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from dsec_migrate.outcome import Outcome
from dsec_migrate.reports.look import View
from dsec_migrate.reports.rows import Listing, Weight, list_rows, path

# characters that XML 1.0 cannot represent
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(outcome: Outcome, view: View) -> str:
    return of_rows(list_rows(outcome, strict=view.strict))


def of_rows(listing: Listing) -> str:
    """A section without rows has one case, which passes."""
    suites: list[str] = []
    totals = [0, 0]
    for section in listing.sections:
        cases = []
        failures = 0
        for row in section.rows:
            where = f"{row.file}:{row.line}:{row.column}"
            attributes = f"classname={_attribute(row.file)} name={_attribute(f'{row.name} {where}')}"
            if row.weight is Weight.REFUSED:
                failures += 1
                message = (
                    f"<failure type={_attribute(row.rule)} message={_attribute(row.text)}>{_text(where)}</failure>"
                )
                cases.append(f"    <testcase {attributes}>{message}</testcase>\n")
            else:
                cases.append(f"    <testcase {attributes}><system-out>{_text(row.text)}</system-out></testcase>\n")
        name = path(section.path)
        if not cases:
            cases = [f"    <testcase classname={_attribute(name)} name={_attribute(listing.nothing)}/>\n"]
        counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="0"'
        suites.append(f"  <testsuite name={_attribute(name)} {counts}>\n{''.join(cases)}  </testsuite>\n")
        totals = [totals[0] + len(cases), totals[1] + failures]
    head = f'<testsuites name="dsec-migrate" tests="{totals[0]}" failures="{totals[1]}" errors="0">\n'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{"".join(suites)}</testsuites>\n'


def _text(text: str) -> str:
    return escape(_IMPOSSIBLE.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_IMPOSSIBLE.sub("\ufffd", text))
