"""Shows a unit: why it is a secret, how it would reach its program, and the masked change in its context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dsec_migrate.cli.interactive.decision_units import Unit, key_of
from dsec_migrate.cli.interactive.planner import moves
from dsec_migrate.cli.interactive.session import Session, Wish
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.finding import Action, Finding
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.changes import PlannedSecret
from dsec_migrate.planning.passes.fix import Delivery
from dsec_migrate.reports.diff import name_of, tail
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.hunks import Hunk, hunks
from dsec_migrate.reports.page import PROSE_WIDTH, Page
from dsec_migrate.reports.style import Paint, Style, cut, width_of, wrapped
from dsec_migrate.text.visible import harmless

_LEAST_ROWS = 6
_LABEL = 9

HELP = (
    ("y", "accept: it moves as shown"),
    ("n", "skip: it is not changed"),
    ("a", "accept all remaining that need no check (safe)"),
    ("s", "skip all like this permanently, recorded in dsec-migrate.toml"),
    ("r", "rename its secret"),
    ("o", "choose the source: a file, a variable, Swarm"),
    ("d", "choose the delivery: the program reads the file, or a shell does"),
    ("v", "show the value briefly"),
    ("w", "show the whole change: everything accepted so far, and this"),
    ("u", "undo the last decision"),
    ("q", "quit: keep the decisions, finish with those so far, or drop them"),
)


def render_unit(
    session: Session, expected: ProjectOutcome, alone: ProjectOutcome, style: Style, width: int, height: int
) -> str:
    """The current unit; ``expected`` and ``alone`` come from the planner. ``width`` counts columns, ``height`` rows."""
    unit = session.unit
    told = alone if moves(alone, unit) else expected
    page = Page(style, width, hider(told.masks))
    _head(page, session, style, min(width, PROSE_WIDTH))
    rows = [finding for finding in told.findings if key_of(finding) in unit.keys] or list(unit.findings)
    for why in dict.fromkeys(f"{_sentence(f.verdict.why)} ({f.verdict.confidence.value})" for f in rows):
        _labelled(page, "why", why)
    moved = [finding for finding in rows if finding.action is Action.MIGRATE]
    if len(moved) < len(rows) or not rows:
        reasons = dict.fromkeys(finding.note for finding in rows if finding.action is not Action.MIGRATE)
        for reason in reasons:
            _labelled(page, "stays", reason)
        return f"\n{page}"
    names = {finding.secret for finding in moved}
    for secret in told.plan.secrets:
        if secret.name in names:
            _labelled(page, "secret", _secret(secret))
    for way in dict.fromkeys(map(_way, moved)):
        _labelled(page, "how", way)
    label = "note" if all(finding.applicability == "safe" for finding in moved) else "check"
    for note in dict.fromkeys(note for finding in moved for note in finding.note.split("; ") if note):
        _labelled(page, label, note.removeprefix("check "))
    if session.wish != Wish():
        _labelled(page, "chosen", ", ".join(_wish(session.wish)))
    page.blank()
    # a blank line before it all, and the prompt
    room = height - str(page).count("\n") - 2
    page.raw("".join(line + "\n" for line in _change(told, rows, style, width, max(room, _LEAST_ROWS))))
    return f"\n{page}"


def _head(page: Page, session: Session, style: Style, width: int) -> None:
    unit, number = session.unit, session.state.position + 1
    count = f"[{number}/{len(session.units)}] "
    site = unit.findings[0].site if unit.findings else None
    place = f"{site.file}:{site.line}" if site is not None else ""
    title = cut(page.hide(count + unit.title), width)
    if width_of(title) + 2 + width_of(place) <= width:
        page.row(title + " " * (width - width_of(title) - width_of(place)) + place, style.bold)
    else:
        page.row(title, style.bold)
        page.row(f"  {tail(page.hide(place), width - 2)}", style.bold)


def _labelled(page: Page, label: str, text: str) -> None:
    page.sentence(text, indent=" " * (_LABEL + 2), first=f"  {label}".ljust(_LABEL + 2))


def _sentence(text: str) -> str:
    return text.rstrip(".")


def _secret(secret: PlannedSecret) -> str:
    if not secret.is_new:
        return f"{secret.name}, which the project already has"
    if secret.source is SourceKind.ENVIRONMENT:
        return f"{secret.name}, from the variable {secret.variable}"
    if secret.source is SourceKind.EXTERNAL:
        return f"{secret.name}, stored in Swarm"
    return f"{secret.name} in {secret.file} ({secret.mode:04o})"


def _way(finding: Finding) -> str:
    name, service = finding.variable, finding.service
    if not service:
        return f"it becomes a secret with the same path in the containers ({finding.applicability})"
    if finding.delivery == Delivery.WRAPPER.value:
        return f"a shell reads the file into {name} when {service} starts ({finding.applicability})"
    if finding.delivery == Delivery.INLINE.value:
        return f"{service} reads the file in which the value is now ({finding.applicability})"
    if finding.delivery == Delivery.BUILD_SECRET.value:
        return f"the build of {service} mounts it as a build secret ({finding.applicability})"
    if finding.variables:
        return f"{service} reads the file that {finding.variables[0]} names ({finding.applicability})"
    return f"{service} reads the file itself ({finding.applicability})"


def _wish(wish: Wish) -> Iterator[str]:
    if wish.name:
        yield f"the name {wish.name}"
    if wish.source is not None:
        yield f"the source {wish.source.value}"
    if wish.delivery is not None:
        yield f"the delivery {wish.delivery.value}"


# --- the change ---


def _change(outcome: ProjectOutcome, rows: Sequence[Finding], style: Style, width: int, room: int) -> list[str]:
    """The hunks around the lines of the findings first, then the others, in at most ``room`` rows."""
    paints: dict[str, Paint] = {"-": style.red, "+": style.green, " ": str}
    sites = {(finding.site.file, finding.site.line) for finding in rows}
    hide = hider(outcome.masks)
    found = [(file, hunk) for file in outcome.rewritten for hunk in hunks(file, outcome.masks)]
    own = [pair for pair in found if _holds(pair[1], pair[0].path, sites)]
    lines: list[str] = []
    for file, hunk in (*own, *(pair for pair in found if pair not in own)):
        lines.append(style.dim(cut(harmless(hide(f"@@ {name_of(file)}:{hunk.old_start} @@")), width)))
        lines += (paints[line.sign](cut(line.sign + line.text, width)) for line in hunk.lines)
    if len(lines) > room:
        hidden = len(lines) - room + 1
        return [*lines[: room - 1], style.dim(f"... {hidden} more lines; w shows all")]
    return lines


def _holds(hunk: Hunk, file: str, sites: Iterable[tuple[str, int]]) -> bool:
    return any(file == name and hunk.old_start <= line < hunk.old_start + hunk.old_count for name, line in sites)


# --- the rest ---


def render_help(style: Style, width: int) -> str:
    page = Page(style, width)
    for key, meaning in HELP:
        page.sentence(meaning, indent="      ", first=f"  {style.bold(key)}   ")
    return f"\n{page}\n"


def render_value(outcome: ProjectOutcome, unit: Unit, width: int, height: int) -> list[str]:
    """The values that the unit's secrets would have; empty where none is known."""
    names = {finding.secret for finding in outcome.findings if key_of(finding) in unit.keys}
    lines: list[str] = []
    for secret in outcome.plan.secrets:
        if secret.name in names and secret.value is not None:
            lines.append(f"{secret.name}:")
            for line in secret.value.reveal().splitlines() or [""]:
                lines += wrapped(harmless(line), max(width - 1, 20))
            lines.append("")
    room = max(height - 3, 3)
    if len(lines) > room:
        lines = [*lines[: room - 1], "..."]
    return [*lines, "Any key hides it."] if lines else []


def render_summary(session: Session, outcome: ProjectOutcome, style: Style, width: int) -> str:
    page = Page(style, width, hider(outcome.masks))
    accepted = [session.units[number] for number in session.accepted]
    skipped = [unit for n, unit in enumerate(session.units) if session.state.accepted.get(n) is False]
    count, left = len(session.units), len(session.undecided)
    parts = [f"{len(accepted)} accepted", f"{len(skipped)} skipped"]
    parts += [f"{left} not decided, skipped"] if left else []
    page.sentence(f"{count} {'finding' if count == 1 else 'findings'}: {', '.join(parts)}", paint=style.bold)
    secrets = {key_of(finding): finding.secret or "" for finding in outcome.findings}
    page.table([(unit.title, "-> " + secrets.get(unit.name, "")) for unit in accepted])
    for rule in session.state.rules:
        page.sentence(
            f"{rule.pattern} is skipped permanently: {rule.reason} (dsec-migrate.toml)", indent="      ", first="  "
        )
    stay = [unit for unit in accepted if not moves(outcome, unit)]
    for unit in stay if not outcome.errors else ():
        reasons = [f.note for f in outcome.findings if key_of(f) in unit.keys and f.action is Action.KEEP]
        reason = reasons[0] if reasons else ""
        page.sentence(f"{unit.name} is skipped anyway: {reason}", indent="      ", first="  ")
    return f"\n{page}"
