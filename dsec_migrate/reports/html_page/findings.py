"""The table of findings, and the controls that filter it. Without the script, all rows are shown and no controls."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from dsec_migrate.detectors.finding import Action, Finding
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.reports.html_page.markup import MANY, code, prose, safe
from dsec_migrate.reports.html_page.side_by_side import Anchors
from dsec_migrate.text.visible import harmless

_CONTROLS = (
    ("confidence", "Confidence", "any"),
    ("action", "What happens", "anything"),
    ("applicability", "Review", "any"),
    ("service", "Service", "all"),
)
# above this number, notes are only in the checklist, where equal sentences are merged
MOST_NOTES = 1000
_SIGNS = {"certain": "●", "likely": "◐", "possible": "○"}


def controls(projects: Iterable[ProjectOutcome]) -> str:
    """The filters, which apply to every table of the page; empty without findings. The script shows them."""
    chosen: dict[str, dict[str, None]] = {name: {} for name, _, _ in _CONTROLS}
    count = 0
    for project in projects:
        for finding in project.findings:
            count += 1
            for name, value in _facts(finding, project).items():
                chosen[name][value] = None
    if not count:
        return ""
    selects = "".join(
        f"<p><label for=filter-{name}>{label}</label>\n<select id=filter-{name} data-fact={name}>"
        f"<option value=''>{every}"
        f"{''.join(f'<option>{html.escape(value)}' for value in chosen[name])}</select>\n"
        for name, label, every in _CONTROLS
    )
    return (
        "<div id=filter class=filter role=search aria-label='Filter findings' hidden>\n"
        "<p class=wide><label for=filter-text>Search</label>\n"
        "<input id=filter-text type=search autocomplete=off spellcheck=false>\n"
        f"{selects}<p><button id=filter-reset type=button>Show all</button>\n"
        f"<p id=filter-count class=wide role=status aria-live=polite>{count} of {count} findings shown\n</div>\n"
    )


def table(project: ProjectOutcome, places: Anchors) -> str:
    head = "<tr><th scope=col>Secret<th scope=col>Why<th scope=col>What happens"
    size = "many" if len(project.findings) > MANY else "few"
    return (
        f"<div class={size}>\n<table class=findings>\n"
        f"<caption class=unseen>Findings in {safe(project.path)}</caption>\n"
        f"<thead>{head}</thead>\n<tbody>\n{''.join(_rows(project, places))}</table>\n"
        "<p class=quiet hidden>No finding matches the filter.</p>\n</div>\n"
    )


def _facts(finding: Finding, project: ProjectOutcome) -> dict[str, str]:
    """What the controls filter by, in their words."""
    is_moved = finding.action is Action.MIGRATE
    return {
        "confidence": finding.verdict.confidence.value,
        "action": ("moved" if project.is_written else "moves") if is_moved else "skipped",
        "applicability": finding.applicability if is_moved else "does not apply",
        "service": harmless(finding.service) or "none",
    }


def _rows(project: ProjectOutcome, places: Anchors) -> Iterator[str]:
    is_short = len(project.findings) > MOST_NOTES
    for finding in project.findings:
        facts = _facts(finding, project)
        data = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in facts.items())
        site = finding.site
        place = code(f"{site.file}:{site.line}")
        target = places.get((site.file, site.line))
        confidence = facts["confidence"]
        yield (
            f"<tr {data}><th scope=row>{_name(finding)}"
            f"<br>{f'<a href=#{target}>{place}</a>' if target else place}"
            f"<td><span class={confidence}>{_SIGNS[confidence]} {confidence}</span> {safe(finding.verdict.why)}"
            f"<td>{''.join(_consequence(finding, facts, is_short))}\n"
        )


def _name(finding: Finding) -> str:
    """With an opportunity for a line break."""
    return f"{safe(finding.service)}.<wbr>{safe(finding.variable)}" if finding.service else safe(finding.path)


def _consequence(finding: Finding, facts: dict[str, str], is_short: bool) -> Sequence[str]:
    note = f"<br><small>{prose(finding.note)}</small>" if finding.note else ""
    if finding.action is not Action.MIGRATE:
        return ("<span class=stays>– skipped</span>", note)
    if is_short:
        note = ""
    fit = facts["applicability"]
    sign = {"safe": "✓", "review": "◇"}.get(fit, "–")
    return (
        f"<span class={fit}>{sign} {fit}</span> {facts['action']} to {code(finding.secret or '')}",
        note,
    )
