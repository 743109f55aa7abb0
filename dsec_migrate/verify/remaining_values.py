"""Where the values of migrated secrets still appear after a change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from dsec_migrate.compose.document import Document
from dsec_migrate.compose.project import EnvFileText, Project
from dsec_migrate.detectors.finding import Remaining
from dsec_migrate.detectors.placeholder import MINIMUM_LENGTH
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.planning.changes import PlannedSecret

# from this number on one pass over the text is faster than a search for each value
MANY = 50


def remaining(after: Project, secrets: Iterable[PlannedSecret]) -> Iterator[Remaining]:
    """Lines of the new texts where a distinctive value of a migrated secret still appears."""
    spellings: dict[str, str] = {}
    for secret in secrets:
        value = secret.value.reveal().rstrip("\n") if secret.value is not None else ""
        if is_distinctive_in(after, value):
            spellings.setdefault(value, secret.name)
            spellings.setdefault(value.replace("$", "$$"), secret.name)
    for text in (*after.compose_texts, *after.env_texts):
        source = text.source
        found = {
            Remaining(str(source.path), source.locate(at)[0], spellings[spelling], where=_where(text, at)): None
            for at, spelling in occurrences(source.text, spellings)
        }
        yield from sorted(found, key=lambda remaining: remaining.line)


def _where(document: Document, offset: int) -> str:
    if isinstance(document, EnvFileText):
        return ""
    path = document.path_at(offset)
    return "a comment" if path is None else ".".join(path)


def occurrences(text: str, spellings: Collection[str]) -> Iterator[tuple[int, str]]:
    """Each occurrence of one of the ``spellings`` (of ``MINIMUM_LENGTH`` at least): its position, and which."""
    if len(spellings) <= MANY:
        for spelling in spellings:
            position = text.find(spelling)
            while position >= 0:
                yield position, spelling
                position = text.find(spelling, position + len(spelling))
        return
    # one pass for all of them: each has at least this many characters
    beginnings: dict[str, list[str]] = {}
    for spelling in spellings:
        beginnings.setdefault(spelling[:MINIMUM_LENGTH], []).append(spelling)
    for position in range(len(text) - MINIMUM_LENGTH + 1):
        for spelling in beginnings.get(text[position : position + MINIMUM_LENGTH], ()):
            if text.startswith(spelling, position):
                yield position, spelling
