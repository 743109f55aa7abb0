"""What no output may show: the ranges of secrets in the files, the values themselves, and names that contain one."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose.document import Content, Document, Mapping, Scalar, Sequence, follow, text_span
from dsec_migrate.compose.project import Argument, Declaration, Project, Service
from dsec_migrate.detectors.finding import Site
from dsec_migrate.detectors.judge import secret_parts
from dsec_migrate.detectors.variable_names import slip
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.outcome import Masks
from dsec_migrate.planning import slips
from dsec_migrate.planning.changes import Plan, Read
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.secret import MASK, Secret
from dsec_migrate.text.source import Span

# blocks whose keys or items are names of variables, and those where a name may contain punctuation
_OF_VARIABLES = ("environment", "args")
_OF_LABELS = ("labels", "annotations")
_SHORTEST_TOKEN = 20


@dataclass(repr=False, eq=False)
class _Found:
    """The masks of ``project`` while they are collected."""

    project: Project

    spans: dict[str, dict[Span, None]] = field(default_factory=dict)
    values: dict[Secret, None] = field(default_factory=dict)
    names: dict[Secret, str] = field(default_factory=dict)
    common: dict[Secret, None] = field(default_factory=dict)

    def place(self, document: Document, span: Span) -> None:
        self.spans.setdefault(str(document.source.path), {})[span] = None

    def value(self, text: str) -> None:
        for line in text.splitlines() or [text]:
            stripped = line.strip()
            if is_distinctive_in(self.project, stripped):
                self.values[Secret(stripped)] = None
            elif len(stripped) > 1:
                self.common[Secret(stripped)] = None


def masks(project: Project, plan: Plan) -> Masks:
    """The masks of every finding, migrated or not, of any confidence; values only where they are distinctive."""
    found = _Found(project)
    _of_findings(project, plan, found)
    for read in plan.reads:
        _of_read(read, found)
    for secret in plan.secrets:
        if secret.value is not None:
            found.value(secret.value.reveal())
    for service in project.services.values():
        _of_names(service, found)
    return Masks(
        {file: tuple(sorted(places)) for file, places in found.spans.items()},
        tuple(found.values),
        tuple(found.names.items()),
        tuple(found.common),
    )


def _of_findings(project: Project, plan: Plan, found: _Found) -> None:
    arguments = {(each.service, each.name, _site(each.declaration)): each for each in plan.arguments}
    texts = {str(text.source.path): text.source.text for text in (*project.compose_texts, *project.env_texts)}
    for finding in plan.findings:
        if finding.path:
            found.spans.setdefault(finding.site.file, {}).update(dict.fromkeys(finding.spans))
            for start, end in finding.spans:
                found.value(texts.get(finding.site.file, "")[start:end])
            continue
        service = project.services[finding.service]
        argument = arguments.get((finding.service, finding.variable, finding.site))
        variable = argument or service.variables.get(finding.variable)
        stands_at = (
            next((declaration for declaration in variable.declarations if _site(declaration) == finding.site), None)
            if variable
            else None
        )
        if variable is None or stands_at is None:
            variable = next((v for v in service.hidden if _site(v.declaration) == finding.site), None)
            if variable is None:
                # a mounted secret shows no value
                continue
            stands_at = variable.declaration
        parts = finding.verdict.parts
        if slips.slip_of(stands_at) is not None:
            # the secret is in the name; whatever follows is masked with it
            parts = ((0, len(stands_at.text or "")),)
        for declaration in variable.declarations:
            # another declaration of the same name has a text of its own
            known = parts if declaration is stands_at else ((0, len(declaration.text or "")),)
            for span in _spans(declaration, known):
                found.place(declaration.document, span)
            for start, end in known:
                found.value((declaration.text or "")[start:end])
        if parts and variable.effective.value:
            found.value(variable.effective.value)


def _of_read(read: Read, found: _Found) -> None:
    """What a text contains of a value, and what it will read from a file, however short and common."""
    # where a variable is set, there is something else so far
    for part in read.spans if not read.variable else ():
        text = read.node.value[part.start : part.end]
        if text.startswith("$"):
            # a reference; only its default may be secret
            continue
        place = text_span(read.document, read.node, part)
        found.place(read.document, place or Span(read.node.start, read.node.end))


def _of_names(service: Service, found: _Found) -> None:
    """Text in the place of a variable's name that is not a name, or is a token."""
    for layer in service.layers:
        build = layer.service.get("build")
        for body in (layer.service, *([build] if isinstance(build, Mapping) else [])):
            for key in (*_OF_VARIABLES, *_OF_LABELS):
                for node, name, has_value in _names(body.get(key)):
                    is_variable = key in _OF_VARIABLES
                    _of_name(layer.document, node, name, found, has_value=has_value, is_variable=is_variable)
    for variable in service.variables.values():
        for declaration in variable.declarations:
            # a name in a list is interpolated: the report would show something else than the file
            text = declaration.content
            slipped = slip(declaration.name, has_value=declaration.text is not None)
            if slipped is None or not isinstance(text, Scalar) or text.value.startswith(declaration.name):
                continue
            found.names[Secret(declaration.name)] = slipped.shown
            if slips.is_secret(slipped):
                found.value(slipped.tail)
                found.place(declaration.document, Span(text.start, text.end))
    for file in service.env_files:
        for line in file.entries if file.text is not None else ():
            node = Scalar(*line.name_span, line.name_span.start, None, None, line.name, "")
            assert file.text is not None
            _of_name(file.text, node, line.name, found, has_value=line.value is not None, is_variable=True)


def _names(block: Content | None) -> Iterator[tuple[Scalar, str, bool]]:
    """The scalars of a block that hold a name, the name, and whether a value follows."""
    if isinstance(block, Mapping):
        for entry in block.entries:
            key, value = follow(entry.key), follow(entry.value)
            if isinstance(key, Scalar) and entry.name != "<<":
                yield key, entry.name, not (isinstance(value, Scalar) and value.is_null)
    elif isinstance(block, Sequence):
        for item in block.items:
            content = follow(item)
            if isinstance(content, Scalar):
                name, sign, _ = content.value.partition("=")
                yield content, name, bool(sign)


def _of_name(document: Document, node: Scalar, name: str, found: _Found, *, has_value: bool, is_variable: bool) -> None:
    slipped = slip(name, has_value=has_value)
    if slipped is None:
        # Compose reads a token on a line of its own as a variable that the shell may set
        if len(name) < _SHORTEST_TOKEN or not secret_parts(name):
            return
        start, shown = 0, MASK
    else:
        start, shown = slipped.start, slipped.shown
        if is_variable:
            found.names[Secret(name)] = shown
        if not slips.is_secret(slipped):
            return
    found.names[Secret(name)] = shown
    found.value(name[start:])
    place = text_span(document, node, Span(start, len(name)))
    found.place(document, place or Span(node.start, node.end))


def _site(declaration: Declaration) -> Site:
    return Site(*declaration.document.place(declaration.start))


def _spans(declaration: Declaration, parts: tuple[tuple[int, int], ...]) -> Iterator[Span]:
    """Ranges of the file's text for ranges of the declaration's text; the whole scalar where escapes or folds are
    between."""
    node = declaration.content
    if not isinstance(node, Scalar) or not declaration.text or not parts:
        return
    if isinstance(declaration, Argument) and (place := declaration.text_span) is not None:
        yield from (Span(place.start + start, place.start + end) for start, end in parts)
        return
    raw = declaration.document.source.text[node.start : node.end]
    lead = declaration.lead
    quotes = 1 if node.style in {"'", '"'} else 0
    first = node.start + quotes
    if raw[quotes : len(raw) - quotes] == lead + declaration.text:
        for start, end in parts:
            yield Span(first + len(lead) + start, first + len(lead) + end)
        return
    # escapes, folds or a number: the text differs from its value, so all of it is masked
    if node.style in {"|", ">"}:
        first = node.start + max(raw.find("\n"), 0) + 1
    behind_name = raw.find(lead) + len(lead) if lead and lead in raw else 0
    yield Span(max(first, node.start + behind_name), node.end - quotes)
