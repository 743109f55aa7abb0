"""Names equal to a secret: a user, a database or a host whose name happens to be the value of the password.

``pg_isready -U app`` names a role, even if the role's password is ``app``. So an occurrence of the value is classified
by its context: a position for a password, a position for a name, or anywhere else, where it counts as the secret only
if nothing has that name.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

from dsec_migrate.compose.interpolation import InterpolationError, Reference, references
from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.detectors import command_line
from dsec_migrate.detectors.judge import secret_parts
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_NAMED = (
    r"user|username|login|account|role|owner|email|db|database|dbname|schema|host|hostname|server|name|bucket|vhost|"
    r"realm|tenant|org|organization"
)
_NAMES_SOMETHING = Pattern(rf"(?i)(?:^|_|pg)(?:{_NAMED})$")
# after an option (`-U x`, `-ux`, `--dbname=x`), an assignment (`PGUSER=x`, `"user": "x"`) or an SQL keyword
_NAME_BEFORE = Pattern(
    rf"(?i)(?:(?:^|[\s\"'(])(?:-[udh][\s=\"']*|--?[\w.-]*(?:{_NAMED})[\s=\"']+)|(?:{_NAMED})[\"']?\s*[=:]\s*[\"']?"
    r"|\b(?:create|alter|drop)\s+(?:user|role|database|schema)\s+[\"'`]?|(?:^|[;\s\"'])use\s+[\"'`]?)\Z"
)
# `@host`, `host:5432`, `user@`
_ADDRESS_BEHIND = Pattern(r":\d|@")
_AUTHORITY = Pattern(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://(?P<authority>[^\s/?#\"'<>]*)")
_LONGEST_LEAD = 80


# called for each finding of a project
@lru_cache(maxsize=16)
def names_of(project: Project) -> frozenset[str]:
    """The names that variables give to users, databases and the like, and those of the services, which are hosts."""
    named = (name for service in project.services.values() for name in _given_by(service))
    return frozenset((*named, *project.services))


def _given_by(service: Service) -> Iterator[str]:
    return (variable.effective.value or "" for variable in service.variables.values() if _is_name(variable))


def _is_name(variable: Variable) -> bool:
    return _NAMES_SOMETHING.search(variable.name) is not None


def uses(project: Project, service: Service, text: str, variable: Variable, value: str) -> list[Span]:
    """Where a ``text`` of the service contains the variable's ``value`` as a secret, or a reference to it; in order.
    Never a part of another reference: its value is decided elsewhere."""
    others = mentioned(text)
    supplied = variable.effective.whole_reference
    own = [
        Span(one.start, one.end)
        for one in others
        if supplied is not None and one.name == supplied.name and one.depth == 0
        if project.resolve(text[one.start : one.end]).value == value
    ]
    if value not in text and not own:
        return []
    expressions = [Span(one.start, one.end) for one in others if one.depth == 0]
    written = [span for span in _occurrences(text, value) if not _is_inside(span, expressions)]
    passwords = {Span(*part) for part in secret_parts(text)}
    passwords.update(Span(found.start, found.end) for found in command_line.find(text))
    authorities = [Span(*match.span("authority")) for match in _AUTHORITY.finditer(text)] if "://" in text else []
    names = {
        span
        for span in (*own, *written)
        if span not in passwords and (_is_behind_a_name(text, span) or _is_inside(span, authorities))
    }
    found = [span for span in (*own, *written) if span in passwords]
    if names.isdisjoint(own) and not _supplies_a_name(service, supplied):
        found += own
    is_name = value in project.services or value in _given_by(service)
    if is_distinctive(value) and names.isdisjoint(written) and not is_name:
        found += (span for span in written if _stands_alone(text, span))
    return sorted(set(found))


def _is_inside(span: Span, others: Sequence[Span]) -> bool:
    """Whether it is inside one of the others, which are in order and do not overlap."""
    number = bisect_right(others, span.start, key=itemgetter(0)) - 1
    return number >= 0 and span.end <= others[number].end


def mentioned(text: str) -> tuple[Reference, ...]:
    """The references of a text, none if Compose would refuse it."""
    try:
        return references(text)
    except InterpolationError:
        return ()


def _supplies_a_name(service: Service, reference: Reference | None) -> bool:
    """Whether one environment variable sets both a password and a name."""
    for variable in service.variables.values() if reference is not None else ():
        other = variable.effective.whole_reference
        if other is not None and reference is not None and other.name == reference.name and _is_name(variable):
            return True
    return False


def _occurrences(text: str, value: str) -> Iterator[Span]:
    """The occurrences of the value that are not the start of a longer word."""
    for match in re.finditer(re.escape(value), text):
        behind = text[match.end() : match.end() + 1]
        if not (behind.isalnum() or behind == "_"):
            yield Span(*match.span())


def _stands_alone(text: str, span: Span) -> bool:
    before = text[span.start - 1 : span.start] if span.start else ""
    return not (before.isalnum() or before in {"_", "$"})


def _is_behind_a_name(text: str, span: Span) -> bool:
    """Whether the context of ``span`` shows that it names something."""
    lead = text[max(0, span.start - _LONGEST_LEAD) : span.start]
    return _NAME_BEFORE.search(lead) is not None or _ADDRESS_BEHIND.match(text, span.end) is not None
