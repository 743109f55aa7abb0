"""Other copies of the value of a secret: in the project's own files, and in files that git tracks.

A secret that is mounted from a file is not secret as long as its value can be read in the repository.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from dsec_migrate import git
from dsec_migrate.compose.document import Document
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import COPY, Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.lifecycle.secret_state import file_of
from dsec_migrate.lifecycle.secret_values import read
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.elsewhere import CHECK, excepted
from dsec_migrate.reports.masking import masks
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Source, Span
from dsec_migrate.verify.remaining_values import occurrences

_OWN = "the value also appears here: delete it, or read the secret's file instead"
_TRACKED = "git tracks this file, which contains the value: remove it, and rotate it, since it stays in the history"
_WHY = "the value of {name}"
_FRAME = "-----"


def plans_with_copies(
    units: Sequence[tuple[Project, Plan]], options: Options, *, tracked: bool
) -> tuple[list[Plan], UserError | None]:
    """:func:`with_copies` of each; and why git does not answer, if so."""
    try:
        return [with_copies(project, plan, options, tracked=tracked) for project, plan in units], None
    except git.NoAnswerError as error:
        return [plan for _, plan in units], error


def with_copies(project: Project, plan: Plan, options: Options, *, tracked: bool) -> Plan:
    """``plan`` with a finding for each line of the project's files (and, if ``tracked``, of any file that git tracks)
    that contains the value of a secret and is not reported already. Raises git.NoAnswerError."""
    values = dict(_values(project, plan))
    if not values:
        return plan
    found = list(_in_own_texts(project, plan, values, options))
    if tracked:
        own = {os.path.realpath(text.source.path) for text in _own(project)}
        found += _in_tracked_files(project, values, own, options)
    return replace(plan, findings=(*plan.findings, *found)) if found else plan


def _values(project: Project, plan: Plan) -> Iterator[tuple[str, str]]:
    """By value, what it is the value of. Only distinctive values."""
    for name, data in project.secrets.items():
        path, variable = file_of(project, data), data.get("environment")
        value = project.environment.variables.get(variable) if isinstance(variable, str) else None
        if path is not None:
            # a value that cannot be read cannot be searched for
            with suppress(UserError):
                secret = read(path)
                value = None if secret is None else secret.reveal()
        if value and (line := _telling_line(project, value)):
            yield line, f"secrets.{name}"
    for finding in plan.findings:
        service = project.services.get(finding.service)
        variable_ = None if service is None else service.variables.get(finding.variable)
        if variable_ is None or finding.verdict.confidence is Confidence.POSSIBLE or finding.kind != "plaintext":
            continue
        effective = variable_.effective
        is_whole = effective.whole_reference is not None or not effective.references
        if finding.verdict.exposure is not Exposure.EMBEDDED and effective.value and is_whole:
            line = _telling_line(project, effective.value)
            if line:
                yield line, finding.name


def _telling_line(project: Project, value: str) -> str:
    """The line by which a value is recognized; empty where it is too short, too common, or a name in the project."""
    lines = [line.strip() for line in value.splitlines() if not line.startswith(_FRAME)]
    longest = max(lines, key=len, default="")
    return longest if is_distinctive_in(project, longest) else ""


# --- the project's own files ---


def _own(project: Project) -> Iterator[Document]:
    yield from project.compose_texts
    yield from project.env_texts


def _in_own_texts(project: Project, plan: Plan, values: Mapping[str, str], options: Options) -> Iterator[Finding]:
    known = masks(project, plan).spans
    told = {(finding.site.file, finding.site.line) for finding in plan.findings}
    names = {spelling: name for value, name in values.items() for spelling in (value, value.replace("$", "$$"))}
    for text in _own(project):
        file, source = str(text.source.path), text.source
        for at, spelling in sorted(occurrences(source.text, names)):
            place = Span(at, at + len(spelling))
            site = Site(file, *source.locate(at))
            is_told = any(at < end and start < place.end for start, end in known.get(file, ()))
            if not is_told and (file, site.line) not in told:
                told.add((file, site.line))
                yield _row(project, options, source, site, names[spelling], _OWN, (place,))


# --- what git tracks ---


def _in_tracked_files(
    project: Project, values: Mapping[str, str], own: Iterable[str], options: Options
) -> Iterator[Finding]:
    forms = {form: name for value, name in values.items() for form in _forms(value)}
    told: set[tuple[str, int]] = set()
    for path, line, text in git.lines_with(project.directory, forms):
        name = next((name for form, name in forms.items() if form in text), None)
        if name is None or os.path.realpath(path) in own or (str(path), line) in told:
            continue
        told.add((str(path), line))
        shown = os.path.relpath(path)
        site = Site(shown if not shown.startswith("..") else str(path), line, 1)
        yield _row(project, options, Source(Path(path), b"", ""), site, name, _TRACKED, ())


def _forms(value: str) -> set[bytes]:
    """A value as it may appear in any file: verbatim, in YAML and JSON, in a URL, or encoded as in manifests."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    texts = {value, value.replace("$", "$$"), escaped, escaped.replace("/", "\\/"), quote(value, safe="")}
    data = value.encode("utf-8", "surrogateescape")
    # the end of base64 depends on what follows, such as a newline
    encoded = base64.b64encode(data[: len(data) - len(data) % 3])
    return {*(text.encode("utf-8", "surrogateescape") for text in texts), encoded}


def _row(
    project: Project, options: Options, source: Source, site: Site, name: str, note: str, spans: tuple[Span, ...]
) -> Finding:
    finding = Finding.skipped(
        site,
        "",
        "",
        COPY,
        Verdict(Confidence.CERTAIN, Exposure.EMBEDDED, _WHY.format(name=name), COPY),
        note,
        path=name,
        spans=spans,
    )
    return excepted(project, options, source, {site.line}, CHECK, finding)
