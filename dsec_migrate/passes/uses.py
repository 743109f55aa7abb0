"""Texts that run in the container and read a variable, or repeat its value: they read the secret's file instead.

Only where that is exact: else a text that reads the variable is a reason to leave it, and one that repeats the value
stays, and the report names it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from collections.abc import Mapping as MappingType
from functools import lru_cache

from dsec_migrate import images, scripts
from dsec_migrate.detectors import secret_parts
from dsec_migrate.document import Scalar, text_span, walk
from dsec_migrate.passes import Case
from dsec_migrate.passes.obstacles import BESIDE, RUN_INSIDE
from dsec_migrate.patterns import Pattern
from dsec_migrate.placeholder import is_distinctive
from dsec_migrate.plan import Read, ReadInScript, ReadInTest
from dsec_migrate.project import Layer, Project, Service
from dsec_migrate.scripts import Script, Test
from dsec_migrate.source import Span
from dsec_migrate.stores import Left

# no shell takes these for anything but themselves, with quotes or without
_PLAIN = Pattern(r"[\w@%+=:,./-]+")
_FIRST_WORD = Pattern(r"\s*([\w./\[-]+)")


def find(case: Case, keys: Collection[str], value: str | None) -> tuple[Read, ...] | Left:
    """The changes to all texts below ``keys`` of the service, still without the secret's path. ``value`` is the secret
    where it is known now."""
    found: list[Read] = []
    for layer in case.service.layers:
        for key in keys:
            node = layer.service.get(key)
            if node is None:
                continue
            texts = {id(script.node): script for script in _scripts(layer, key)}
            for part in walk(node):
                if not isinstance(part, Scalar) or "$$" not in part.value or case.variable.name not in part.value:
                    continue
                if not list(_uses(part.value, case.variable.name)):
                    continue
                read = _reading(case, layer, texts.get(id(part)))
                if isinstance(read, str):
                    file, line, _ = layer.document.place(part.start)
                    return Left(
                        f"its {key} ({file}:{line}) reads ${case.variable.name} inside the container, where it would "
                        f"be gone{read}"
                    )
                found.append(read)
            if key in BESIDE and value is not None and not value.endswith("\n"):
                found += _repetitions(case, layer, key, value)
    return tuple(found)


def are_run_by_others(service: Service, reads: Collection[Read]) -> bool:
    """Whether somebody else than the container's user may run one of the texts: the program that a command starts may
    have dropped root, and a hook may have a ``user`` of its own."""
    nodes = {id(read.node) for read in reads if isinstance(read, ReadInScript)}
    return any(
        id(part) in nodes
        for layer in service.layers
        for key in RUN_INSIDE
        if key != "healthcheck" and (node := layer.service.get(key)) is not None
        for part in walk(node)
    )


def reads_variable(service: Service, name: str, keys: Collection[str]) -> bool:
    """Whether a text below ``keys`` reads the variable and does not set it itself."""
    for layer in service.layers:
        for key in keys:
            node = layer.service.get(key)
            for part in walk(node) if node is not None else ():
                if isinstance(part, Scalar) and f"{name}=$$(cat " not in part.value and list(_uses(part.value, name)):
                    return True
    return False


def _scripts(layer: Layer, key: str) -> Iterator[Script]:
    return (text for text in scripts.of_service(layer.service, key) if isinstance(text, Script))


def _uses(text: str, name: str) -> Iterator[tuple[Span, bool]]:
    """Where a text reads the variable, and whether it is nothing but that (``$$X``, ``$${X}``)."""
    if "$$" not in text or name not in text:
        return
    for match in re.finditer(rf"(\$+)(\{{[#!]?)?{re.escape(name)}(?![A-Za-z0-9_])(\}})?", text):
        dollars, brace, end = match.groups()
        if len(dollars) % 2 == 0:
            is_plain = len(dollars) == 2 and (brace == "{" and end is not None if brace else True)
            yield Span(match.start(), match.end() if brace else match.end(0) - len(end or "")), is_plain


def _reading(case: Case, layer: Layer, script: Script | None) -> Read | str:
    """The change to a text that reads the variable; where there is no exact one, why, for a reason that goes on."""
    if script is None:
        return ""
    if case.variable.effective.value is None or case.variable.effective.value.endswith("\n"):
        return ""
    other = _other_user(case, layer, script.node)
    if other:
        return f": {other}"
    name, document = case.variable.name, layer.document
    uses = list(_uses(script.node.value, name))
    spans = tuple(span for span, _ in uses)
    if spans[0].start < script.start or spans[-1].end > script.end:
        return ""
    states = scripts.quotes_at(script.text, [span.start - script.start for span in spans])
    is_inline = all(is_plain and state in {"", '"'} for (_, is_plain), state in zip(uses, states, strict=True))
    if is_inline and all(text_span(document, script.node, span) is not None for span in spans):
        return ReadInScript(document, script.node, spans)
    first = _FIRST_WORD.match(script.text)
    if first is None:
        return ""
    span = Span(script.start + first.start(1), script.start + first.end(1))
    if text_span(document, script.node, span) is None:
        return ""
    return ReadInScript(document, script.node, (span,), variable=name)


def _other_user(case: Case, layer: Layer, node: Scalar) -> str | None:
    """Who else would get the changed text."""
    if layer.users:
        return f"{layer.document.source.path} is extended by others, too"
    others = _runners(case.project)[id(node)] - {case.service.name}
    return f"{min(others)} has the same text" if others else None


@lru_cache(maxsize=4)
def _runners(project: Project) -> MappingType[int, set[str]]:
    """The services that run each text, by the text's identity."""
    found: dict[int, set[str]] = {}
    for service in project.services.values():
        for layer in service.layers:
            for key in RUN_INSIDE:
                node = layer.service.get(key)
                for part in walk(node) if node is not None else ():
                    found.setdefault(id(part), set()).add(service.name)
    return found


def _repetitions(case: Case, layer: Layer, key: str, value: str) -> Iterator[Read]:
    """The changes to texts that hold the value itself, or a reference that supplies it."""
    if _PLAIN.fullmatch(value) is None:
        return
    for text in scripts.of_service(layer.service, key):
        if isinstance(text, Script):
            spans = _spans(case, text.text, value)
            states = scripts.quotes_at(text.text, [span.start for span in spans])
            exact = tuple(
                Span(text.start + span.start, text.start + span.end)
                for span, state in zip(spans, states, strict=True)
                if state in {"", '"'}
            )
            is_sure = all(text_span(layer.document, text.node, span) is not None for span in exact)
            if exact and is_sure and _other_user(case, layer, text.node) is None:
                yield ReadInScript(layer.document, text.node, exact)
        else:
            yield from _in_words(case, layer, text, value)


def _in_words(case: Case, layer: Layer, test: Test, value: str) -> Iterator[Read]:
    row = None if case.service.is_built else images.find(case.service.image)
    words = test.words[1:]
    text = layer.document.source.text
    if row is None or row.shell not in {"sh", "bash"} or _other_user(case, layer, words[0]) is not None:
        return
    if "#" in text[words[0].start : words[-1].end] or any(word.style in {"|", ">"} or word.anchor for word in words):
        return
    spans = _spans(case, " ".join(word.value for word in words), value)
    reads: list[Read] = []
    offset = 0
    for word in words:
        end = offset + len(word.value)
        inside = [Span(span.start - offset, span.end - offset) for span in spans if offset <= span.start < end]
        rest = word.value
        for span in reversed(inside):
            rest = rest[: span.start] + rest[span.end :]
        if "$" in rest.replace("$$", ""):
            # a reference may be anything to a shell
            return
        if inside:
            reads.append(ReadInTest(layer.document, test.node, word, tuple(inside)))
        offset = end + 1
    yield from reads


def _spans(case: Case, text: str, value: str) -> list[Span]:
    """Where a text says the value: as a password of a command, or anywhere where the value is distinctive; and where
    it names the reference that supplies the variable."""
    found: list[Span] = []
    reference = case.variable.effective.whole_reference
    if reference is not None and not reference.operator:
        for spelling in (f"${{{reference.name}}}", f"${reference.name}"):
            found += (span for span in _occurrences(text, spelling) if not text.startswith("$", span.start - 1))
    for start, end in secret_parts(text):
        if text[start:end] == value:
            found.append(Span(start, end))
    if is_distinctive(value):
        found += (span for span in _occurrences(text, value) if _stands_alone(text, span))
    return sorted(set(found))


def _occurrences(text: str, needle: str) -> Iterator[Span]:
    position = text.find(needle)
    while position >= 0:
        end = position + len(needle)
        if needle[-1] == "}" or not (text[end : end + 1].isalnum() or text[end : end + 1] == "_"):
            yield Span(position, end)
        position = text.find(needle, end)


def _stands_alone(text: str, span: Span) -> bool:
    before = text[span.start - 1 : span.start] if span.start else ""
    return not (before.isalnum() or before in {"_", "$"})
