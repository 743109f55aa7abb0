"""Changes of files that are not the project's alone: others may read them, and would get something else."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dsec_migrate.changes import Applicability
from dsec_migrate.document import Document
from dsec_migrate.passes import Case, Proposal
from dsec_migrate.planning.handed_on import reader_of
from dsec_migrate.project import Argument, BuildArgument, Claim, EnvFileSlot, EnvFileText, claim_on
from dsec_migrate.records import replace
from dsec_migrate.stores import Left


def weigh(case: Case, result: Proposal | Left) -> Proposal | Left:
    """The proposal with a doubt for each of its files that others may read; left where one of them has to stay."""
    if isinstance(result, Left):
        return result
    claims = list(_claims(case, result))
    final = next((claim for claim in claims if claim.is_final), None)
    if final is not None:
        return Left(final.reason)
    if not claims:
        return result
    if case.options.safe:
        return Left(f"not known to be safe (--safe): {claims[0].reason}")
    reasons = dict.fromkeys(claim.reason for claim in claims)
    return replace(result, applicability=Applicability.REVIEW, notes=(*result.notes, *reasons))


def _claims(case: Case, result: Proposal) -> Iterator[Claim]:
    texts = {id(text): text for text in _changed(case, result)}
    for text in texts.values():
        claim = claim_on(case.project, text.source.path, text.source.real_path)
        if claim is not None:
            yield claim
        if isinstance(text, EnvFileText):
            # what is renamed there is gone for who reads the file itself
            handed_on = reader_of(case.project, text.path)
            if handed_on is not None:
                yield Claim(f"{os.path.normpath(text.path)}: {handed_on.reason}", handed_on.is_sure)


def _changed(case: Case, result: Proposal) -> Iterator[Document]:
    for slot in case.variable.slots:
        yield slot.document
        if isinstance(slot, EnvFileSlot):
            # its service gets the secret where it names the file
            named = (file.layers for file in case.service.env_files if file.text is slot.document)
            yield from (layer.document for layers in named for layer in layers)
        elif isinstance(slot, BuildArgument) and slot.recipe is not None:
            yield slot.recipe
        elif isinstance(slot, Argument) and slot.reading is not None and slot.reading.layer is not None:
            yield slot.reading.layer.document
    others = (result.program, result.option, *result.reads)
    yield from (one.document for one in others if one is not None)


__all__ = ["weigh"]
