"""Values that another tool resolves, renders or decrypts must stay where that tool reads them."""

from __future__ import annotations

from dsec_migrate.compose.project import BuildFile, Declaration, EnvFileText
from dsec_migrate.detectors.literal_parts import HIDDEN, template
from dsec_migrate.detectors.resolvers import is_encrypted_file, is_template_file, resolver_within
from dsec_migrate.planning.passes.fix import Case


def reason(case: Case) -> str | None:
    """Why the variable is skipped; None if its text is its value."""
    variable = case.variable
    if isinstance(variable.declaration, BuildFile):
        # the program itself reads the file's content
        return None
    for declaration in variable.declarations:
        made = _made(declaration)
        if made is not None:
            return made
    # what Compose interpolates into the text is irrelevant here
    texts = [
        template(declaration.text).view.replace(HIDDEN, "") for declaration in variable.declarations if declaration.text
    ]
    texts += [text for declaration in variable.declarations if (text := case.project.value_at(declaration)) is not None]
    texts += [variable.effective.value or ""]
    return next((found for text in texts if (found := resolver_within(text)) is not None), None)


def _made(declaration: Declaration) -> str | None:
    """How a file is generated whose text is not what Compose reads."""
    source = declaration.document.source
    if not isinstance(declaration.document, EnvFileText):
        is_template = is_template_file(source.path.name)
        name = source.path.name
        return f"{name} is a template: files next to it are not next to the rendered file" if is_template else None
    return "SOPS signs its file: an edit would break it" if is_encrypted_file(source.text) else None
