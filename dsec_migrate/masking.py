"""What no output may show: where secret text stands in the file, and the values themselves."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.changes import Plan
from dsec_migrate.document import Scalar
from dsec_migrate.finding import Site
from dsec_migrate.outcome import Masks
from dsec_migrate.placeholder import is_distinctive
from dsec_migrate.project import Argument, Project, Slot
from dsec_migrate.secret import Secret
from dsec_migrate.source import Span


def masks(project: Project, plan: Plan) -> Masks:
    """The masks of every finding, migrated or not and however unsure; values only where they are distinctive."""
    spans: dict[str, dict[Span, None]] = {}
    values: dict[Secret, None] = {}
    arguments = {(each.service, each.name, _site(each.slot)): each for each in plan.arguments}
    for finding in plan.findings:
        service = project.services[finding.service]
        argument = arguments.get((finding.service, finding.variable, finding.site))
        variable = argument or service.variables.get(finding.variable)
        stands_at = next((slot for slot in variable.slots if _site(slot) == finding.site), None) if variable else None
        if variable is None or stands_at is None:
            variable = next((v for v in service.hidden if _site(v.slot) == finding.site), None)
            if variable is None:
                # what is mounted shows no value
                continue
            stands_at = variable.slot
        parts = finding.verdict.parts
        for slot in variable.slots:
            # another slot of the same name has a text of its own
            known = parts if slot is stands_at else ((0, len(slot.text or "")),)
            places = spans.setdefault(str(slot.document.source.path), {})
            for span in _spans(slot, known):
                places[span] = None
            for start, end in known:
                _remember(values, (slot.text or "")[start:end])
        if parts and variable.effective.value:
            _remember(values, variable.effective.value)
    for secret in plan.secrets:
        if secret.value is not None:
            _remember(values, secret.value.reveal())
    return Masks({file: tuple(sorted(places)) for file, places in spans.items()}, tuple(values))


def _site(slot: Slot) -> Site:
    return Site(*slot.document.place(slot.start))


def _remember(values: dict[Secret, None], text: str) -> None:
    for line in text.splitlines() or [text]:
        stripped = line.strip()
        if is_distinctive(stripped):
            values[Secret(stripped)] = None


def _spans(slot: Slot, parts: tuple[tuple[int, int], ...]) -> Iterator[Span]:
    """Ranges of the file's text for ranges of the slot's text; the whole scalar where escapes or folds lie between."""
    node = slot.content
    if not isinstance(node, Scalar) or not slot.text or not parts:
        return
    if isinstance(slot, Argument) and (place := slot.text_span) is not None:
        yield from (Span(place.start + start, place.start + end) for start, end in parts)
        return
    raw = slot.document.source.text[node.start : node.end]
    lead = slot.lead
    quotes = 1 if node.style in {"'", '"'} else 0
    first = node.start + quotes
    if raw[quotes : len(raw) - quotes] == lead + slot.text:
        for start, end in parts:
            yield Span(first + len(lead) + start, first + len(lead) + end)
        return
    # escapes, folds or a number: what stands there is not what it means, so all of it is hidden
    if node.style in {"|", ">"}:
        first = node.start + max(raw.find("\n"), 0) + 1
    behind_name = raw.find(lead) + len(lead) if lead and lead in raw else 0
    yield Span(max(first, node.start + behind_name), node.end - quotes)
