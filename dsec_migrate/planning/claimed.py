"""Changes to files that the project shares: others may read them, and would receive something else."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dsec_migrate.compose.document import Document
from dsec_migrate.compose.project import Argument, BuildArgument, Claim, EnvFileDeclaration, EnvFileText, claim_on
from dsec_migrate.planning.changes import Applicability
from dsec_migrate.planning.handed_on import reader_of
from dsec_migrate.planning.passes.fix import Case, Fix
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.records import replace


def weigh(case: Case, result: Fix | Skipped) -> Fix | Skipped:
    """The fix with a doubt for each of its files that others may read; skipped if one of them must not change."""
    if isinstance(result, Skipped):
        return result
    claims = list(_claims(case, result))
    final = next((claim for claim in claims if claim.is_final), None)
    if final is not None:
        return Skipped(final.reason)
    if not claims:
        return result
    for reason in dict.fromkeys(claim.reason for claim in claims):
        result = reviewed(case, result, reason)
    return result


def reviewed(case: Case, result: Fix | Skipped, doubt: str) -> Fix | Skipped:
    """The fix with a doubt to review; skipped with ``--safe``."""
    if isinstance(result, Skipped) or doubt in result.notes:
        return result
    if case.options.safe:
        return Skipped(f"not known to be safe (--safe): {doubt}")
    return replace(result, applicability=Applicability.REVIEW, notes=(*result.notes, doubt))


def _claims(case: Case, result: Fix) -> Iterator[Claim]:
    texts = {id(text): text for text in _changed(case, result)}
    for text in texts.values():
        claim = claim_on(case.project, text.source.path, text.source.real_path)
        if claim is not None:
            yield claim
        if isinstance(text, EnvFileText):
            # a renamed line is gone for anyone who reads the file directly
            handed_on = reader_of(case.project, text.path)
            if handed_on is not None:
                yield Claim(f"{os.path.normpath(text.path)}: {handed_on.reason}", handed_on.is_sure)


def _changed(case: Case, result: Fix) -> Iterator[Document]:
    for declaration in case.variable.declarations:
        yield declaration.document
        if isinstance(declaration, EnvFileDeclaration):
            # its service receives the secret where it names the file
            named = (file.layers for file in case.service.env_files if file.text is declaration.document)
            yield from (layer.document for layers in named for layer in layers)
        elif isinstance(declaration, BuildArgument) and declaration.dockerfile is not None:
            yield declaration.dockerfile
        elif (
            isinstance(declaration, Argument)
            and declaration.reading is not None
            and declaration.reading.layer is not None
        ):
            yield declaration.reading.layer.document
    others = (result.program, result.option, *result.reads)
    yield from (one.document for one in others if one is not None)


__all__ = ["weigh"]
