"""How scripts and healthchecks that read files are written."""

from __future__ import annotations

from collections.abc import Iterable

from dsec_migrate import scripts
from dsec_migrate.changes import InText, ReadInTest
from dsec_migrate.document import text_span
from dsec_migrate.errors import VerificationError
from dsec_migrate.rewrite.program import ProgramWriter
from dsec_migrate.rewrite.spelling import flow_scalar
from dsec_migrate.source import Span


class ScriptWriter(ProgramWriter):
    def read_in_script(self, operation: InText) -> None:
        for edit, part in zip(scripts.edits_of(operation), operation.spans, strict=False):
            place = self._place(operation, part)
            is_insertion = edit.start == edit.end
            column = " " * self._column(place.start)
            text = edit.text.replace("\n", self._newline_at(place.start) + column)
            self.replace(place.start, place.start if is_insertion else place.end, text)

    def _place(self, operation: InText, part: Span) -> Span:
        place = text_span(self.document, operation.node, part)
        if place is None:
            raise VerificationError("a part of a script stands in no one place")
        return place

    def read_in_tests(self, operations: Iterable[ReadInTest]) -> None:
        """All that one test has to read is written at once."""
        by_test: dict[int, list[ReadInTest]] = {}
        for operation in operations:
            by_test.setdefault(id(operation.test), []).append(operation)
        for reads in by_test.values():
            test = reads[0].test
            first, *words = scripts.words(test)
            quote = first.style if first.style in {"'", '"'} else ""
            self.replace(first.start, first.end, f"{quote}CMD-SHELL{quote}")
            self.replace(words[0].start, words[-1].end, flow_scalar(scripts.joined(test, reads), quote == '"'))
