"""What another tool resolves, renders or decrypts stays where that tool looks for it."""

from __future__ import annotations

from dsec_migrate.detectors.templates import HIDDEN, template
from dsec_migrate.passes import Case
from dsec_migrate.project import BuildFile, EnvFileText, Slot
from dsec_migrate.resolvers import is_encrypted_file, is_template_file, resolver_within


def reason(case: Case) -> str | None:
    """Why the variable stays; None where its text is its value."""
    variable = case.variable
    if isinstance(variable.slot, BuildFile):
        # what a file holds is read by its own program
        return None
    for slot in variable.slots:
        made = _made(slot)
        if made is not None:
            return made
    # of the text itself what Compose puts in its place is no matter
    texts = [template(slot.text).view.replace(HIDDEN, "") for slot in variable.slots if slot.text]
    texts += [text for slot in variable.slots if (text := case.project.value_at(slot)) is not None]
    texts += [variable.effective.value or ""]
    return next((found for text in texts if (found := resolver_within(text)) is not None), None)


def _made(slot: Slot) -> str | None:
    """How a file comes into being whose text is not what Compose reads."""
    source = slot.document.source
    if not isinstance(slot.document, EnvFileText):
        is_template = is_template_file(source.path.name)
        name = source.path.name
        return f"{name} is a template: files beside it are not beside what is made of it" if is_template else None
    return "SOPS signs its file: an edit would break it" if is_encrypted_file(source.text) else None
