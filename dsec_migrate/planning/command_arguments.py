"""Secrets in commands and healthchecks, not in variables."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from operator import itemgetter
from typing import NamedTuple

from dsec_migrate.compose.document import Content, Mapping, Scalar, Sequence, follow
from dsec_migrate.compose.project import Argument, Layer, Project, Service, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.command_line import Found, find, noun
from dsec_migrate.detectors.command_option import NAME
from dsec_migrate.detectors.finding import Exposure, Verdict
from dsec_migrate.detectors.literal_parts import template
from dsec_migrate.detectors.resolvers import resolver_of
from dsec_migrate.planning.changes import Read
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.text import limits
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

_KEYS = ("command", "entrypoint", "healthcheck")
# the name of an option of one word does not say what it is about
_OF_THE_SERVICE = Pattern(r"requirepass|masterauth|pass|passwd|password|pw")
_BLANK = Pattern(r"\s")
_SIGN = Pattern(r"[\"'`;|&<>,()\[\]{}\\]")
_NO_SIGN = "\x02"
_ONE_WORD = Pattern(r"[A-Za-z]+")

Covered = tuple[int, Span]
"""The identity of a scalar, and a part of its value."""


def cases(project: Project, options: Options, done: set[Covered]) -> Iterator[Case]:
    """The secrets of commands, as variables that no container receives, except for those that are ``done``; the set may
    grow while this runs."""
    for service in project.services.values():
        for layer, key, place in _of_service(service):
            if (id(place.scalar), place.part) not in done:
                done.add((id(place.scalar), place.part))
                yield _case(project, service, layer, key, place, options)


def _of_service(service: Service) -> list[tuple[Layer, str, Place]]:
    found: list[tuple[Layer, str, Place]] = []
    for layer in service.layers:
        for key in _KEYS:
            node = layer.service.get(key)
            test = node.get("test") if isinstance(node, Mapping) else node
            for place in in_text(test):
                if len(found) >= limits.SERVICE_ARGUMENTS:
                    what = f"the commands of {service.name} hold more than {limits.SERVICE_ARGUMENTS} secrets"
                    raise layer.document.error(what, place.scalar.start, help="no program needs so many")
                found.append((layer, key, place))
    return found


def places(reads: Collection[Read]) -> Iterator[Covered]:
    """The parts that a change to other strings covers."""
    for read in reads:
        yield from ((id(read.node), span) for span in read.spans)


class Place(NamedTuple):
    """``part`` of the value of ``scalar`` is ``found``."""

    scalar: Scalar
    part: Span
    found: Found


def in_text(node: Content | None) -> Iterator[Place]:
    """The secrets of a command that is one text, or a list of words."""
    if isinstance(node, Scalar):
        yield from (Place(node, Span(found.start, found.end), found) for found in find(node.value))
        return
    if not isinstance(node, Sequence):
        return
    words = [content for item in node.items if isinstance(content := follow(item), Scalar)]
    offset = 0
    ends: list[tuple[int, Scalar]] = []
    for word in words:
        ends.append((offset, word))
        offset += len(word.value) + 1
    for found in _in_words([word.value for word in words]):
        start, word = ends[bisect_right(ends, found.start, key=itemgetter(0)) - 1]
        part = Span(found.start - start, found.end - start)
        if part.end <= len(word.value):
            if found.is_last and not _BLANK.search(word.value, 0, part.start):
                # no shell splits such a word at blanks
                part = Span(part.start, max(part.end, len(word.value.rstrip("\n"))))
            yield Place(word, part, found)


def _in_words(words: list[str]) -> Iterator[Found]:
    """The secrets of words joined by blanks: shell syntax has no meaning inside a word of a list."""
    found = [each for each in find(" ".join(map(_opaque, words))) if each.is_last]
    taken = [(each.start, each.end) for each in found]
    found += [
        each for each in find(" ".join(words)) if not any(each.start < end and start < each.end for start, end in taken)
    ]
    yield from sorted(found, key=lambda each: each.start)


def _opaque(word: str) -> str:
    """The word without anything that a shell would interpret; one with blanks may be a script."""
    return word if "$" in word or _BLANK.search(word) else _SIGN.sub(_NO_SIGN, word)


def _case(project: Project, service: Service, layer: Layer, key: str, place: Place, options: Options) -> Case:
    scalar, part, found = place
    text = scalar.value[part.start : part.end]
    declaration = Argument(
        layer.document, found.label, text, scalar, None, None, part, key, layer, _noun(service, found.label)
    )
    exposure, parts = template(text).expose(0, len(text))
    if resolver_of(text) is not None:
        exposure, parts = Exposure.INTERPOLATED, ()
    verdict = Verdict(found.confidence, exposure, found.why, NAME, parts)
    variable = Variable(service.name, f"{key}:{found.label}", (declaration,), project.resolve(text))
    return Case(project, service, variable, verdict, options)


def _noun(service: Service, label: str) -> str:
    """The default name of a secret: after the option, and after the service if the option says little."""
    words = noun(label)
    if _OF_THE_SERVICE.fullmatch(words):
        return f"{service.name}_password"
    return f"{service.name}_{words}" if _ONE_WORD.fullmatch(words) else words
