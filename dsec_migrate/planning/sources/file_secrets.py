"""`--source file`: one file per secret beside the project, with exactly the value's bytes."""

from __future__ import annotations

from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.config.options import SourceKind
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.text.secret import Secret


def hold(_project: Project, _service: Service, variable: Variable) -> Holding | Skipped:
    """Accepts literals, defaults and values of the env file; never a value that only the shell has."""
    effective = variable.effective
    if effective.unset:
        names = ", ".join(effective.unset)
        if effective.template is None and len(variable.declarations) > 1:
            # in an override file a name without a value often means: unset here
            return Skipped(
                f"{variable.declaration.place} removes it: it sets no value, and neither does the shell or .env"
            )
        are, them = ("is", "it") if len(effective.unset) == 1 else ("are", "them")
        return Skipped(
            f"its value is unknown here: {names} {are} not set (set {them} in .env, or use --source environment)"
        )
    if effective.shell:
        names = ", ".join(effective.shell)
        return Skipped(f"its value comes from the shell ({names}) and is not written to disk: use --source environment")
    if not effective.value:
        return Skipped("it is empty")
    if "\0" in effective.value:
        return Skipped("its value holds a NUL character, which no environment variable can carry")
    follows = tuple(sorted({reference.name for reference in effective.references}))
    if effective.template is None:
        follows = (variable.name,)
    return Holding(SourceKind.FILE, Secret(effective.value), follows=follows)
