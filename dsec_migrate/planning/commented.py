"""Secrets in comments: nothing uses them any more, but anyone with access to the file can read them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from dsec_migrate.compose.document import Document, Scalar, walk
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import COMMENT, Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.detectors.judge import passages
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.detectors.value_shapes import is_filler
from dsec_migrate.planning.elsewhere import excepted
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Source, Span

CHECK = "commented-secret"
"""The audit check that reports them."""

PATH = "a comment"
_NOTE = "nothing reads a comment: delete it, and change the value if it is in use, since the git history keeps it"
# Compose's own rules: `#` at the start of a line or after a blank
_COMMENT = Pattern(r"(?m)(?:^|(?<=[ \t]))#[^\n]*")
_CONSTANT = Pattern(r"[A-Z]+(?:_[A-Z]+)+")
_LINE = Pattern(r"(?m)^[ \t]*#[^\n]*")


def find(project: Project, options: Options) -> Iterator[Finding]:
    """A row for each comment with a secret, in the project's own files and in env files."""
    for source, found in _comments(project):
        for comment in found:
            row = _row(source, comment)
            if row is not None:
                yield excepted(project, options, source, {row.site.line}, CHECK, row)


def _comments(project: Project) -> Iterator[tuple[Source, Iterator[Span]]]:
    for document in project.compose_texts:
        yield document.source, _of_document(document)
    env_files = {str(text.source.path): text.source for text in project.env_texts}
    for path in project.environment.paths:
        if str(path) not in env_files:
            try:
                env_files[str(path)] = project.read(path)
            except UserError:
                # it could be read before, and is gone now
                continue
    for source in env_files.values():
        yield source, (Span(*match.span()) for match in _LINE.finditer(source.text))


def _of_document(document: Document) -> Iterator[Span]:
    text = document.source.text
    if "#" not in text:
        return
    scalars = sorted(
        (node.start, node.end) for root in document.roots for node in walk(root) if isinstance(node, Scalar)
    )
    starts = [start for start, _ in scalars]
    for match in _COMMENT.finditer(text):
        before = bisect_right(starts, match.start()) - 1
        if before < 0 or scalars[before][1] <= match.start():
            yield Span(*match.span())


def _row(source: Source, comment: Span) -> Finding | None:
    text = source.text[comment.start : comment.end]
    found = [
        one
        for one in passages(text)
        if one.confidence is not Confidence.POSSIBLE and not _is_example(text[one.start : one.end])
    ]
    if not found:
        return None
    verdict = Verdict(found[0].confidence, Exposure.EMBEDDED, found[0].why, COMMENT)
    spans = tuple(Span(comment.start + one.start, comment.start + one.end) for one in found)
    return Finding.skipped(
        Site(str(source.path), *source.locate(comment.start)),
        "",
        "",
        COMMENT,
        verdict,
        _NOTE,
        path=PATH,
        spans=spans,
    )


def _is_example(value: str) -> bool:
    """Whether the value is an example rather than a value that was used: common words, ``<token>``, ``YOUR_TOKEN``, a
    sentence."""
    return not is_distinctive(value) or is_filler(value) or " " in value or _CONSTANT.fullmatch(value) is not None
