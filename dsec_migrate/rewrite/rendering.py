"""The new text of one file, and the edits that produce it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsec_migrate.compose.document import Document
from dsec_migrate.compose.project import DockerfileText, EnvFileText
from dsec_migrate.planning.patches import Patch, Patches, contradiction
from dsec_migrate.rewrite import compose_writer
from dsec_migrate.rewrite.layout import Made
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.source import Edit, splice


def rewrite(document: Document, patches: Iterable[Patch]) -> tuple[str, tuple[Edit, ...]]:
    """The new text of ``document`` after those of ``patches`` that target it, and the edits that produced it.

    Raises VerificationError, which names both origins, where two patches contradict each other.
    """
    own = Patches(patch for patch in patches if patch.document is document)
    made = tuple(_made(document, own))
    edits = tuple(dict.fromkeys(edit for edit, _ in made))
    try:
        return splice(document.source.text, edits), edits
    except ValueError:
        raise _overlap(made) from None


def _made(document: Document, patches: Patches) -> Iterable[Made]:
    if isinstance(document, EnvFileText):
        from dsec_migrate.rewrite import env_file

        return env_file.made(document, patches)
    if isinstance(document, DockerfileText):
        from dsec_migrate.rewrite import dockerfile_writer

        return dockerfile_writer.made(document, patches)
    return compose_writer.made(document, patches)


def _overlap(made: Sequence[Made]) -> VerificationError:
    """About the first two patches whose edits overlap."""
    before = made[0]
    for one in sorted(made, key=lambda each: (each.edit.start, each.edit.end)):
        if one.edit.start < before.edit.end and one.edit != before.edit:
            return contradiction(before.patch, one.patch)
        before = one if one.edit.end >= before.edit.end else before
    return contradiction(made[0].patch, made[-1].patch)
