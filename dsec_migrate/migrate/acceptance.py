"""What Compose, or Swarm, rejects in the files of a project, with locations; warnings where a file can still be
processed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dsec_migrate.compose import project as projects
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.document import plain
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.sibling_files import base_of
from dsec_migrate.config.options import Options, Target
from dsec_migrate.planning.changes import Plan
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass


@dataclass(frozen=True, repr=False, eq=False)
class Found:
    errors: tuple[UserError, ...]
    warnings: tuple[UserError, ...]
    is_part: bool


def defined_in(root: Project) -> Mapping[str, frozenset[str]] | None:
    """What the files of a family define together, by kind; None for a single file, or if some are missing."""
    from dsec_migrate.compose.validation import KINDS

    units = list(root.units())
    if len(units) == 1 or not all(unit.is_whole for unit in units):
        return None
    return {
        kind: frozenset(
            name
            for unit in units
            for _, document in unit.roots
            if isinstance(section := document.get(kind), MappingNode)
            for name in section.effective()
        )
        for kind in KINDS
    }


def find(project: Project, options: Options, elsewhere: Mapping[str, frozenset[str]] | None) -> Found:
    """What Compose (or Swarm) rejects, with its location: errors, and warnings where the file can still be processed.

    ``elsewhere``: what it and the projects that it includes, or that include it, define together."""
    from dsec_migrate.compose import dialects, validation

    errors: list[UserError] = []
    warnings: list[UserError] = []
    foreign: list[int] = []
    is_part = False
    is_layer = any(not service.image and not service.is_built for service in project.services.values())
    for document in project.documents:
        if not document.roots:
            help_text = "a Compose file requires at least `services:`"
            errors.append(UserError("the file is empty", str(document.source.path), help=help_text))
    # several documents are merged: one may define what another omits
    roots = [(document, root) for document in project.documents for root in document.roots]
    is_fragment = len(roots) > 1
    for document, root in roots:
        data = plain(root)
        for path in dialects.take_out(data):
            what = (
                f"the key `{path[-1]}` of the service {path[1]} is not part of Compose but of a platform: not changed"
            )
            warnings.append(projects.located(document, root, validation.Problem(path, what)))
            foreign.append(warnings[-1].line)
        errors += [
            projects.located(document, root, problem)
            for problem in validation.schema_problems(data, fragment=is_fragment)
        ]
        if errors or not isinstance(data, dict):
            continue
        warnings += [projects.located(document, root, problem) for problem in validation.warnings(data)]
        if is_fragment:
            continue
        problems = validation.compose_problems(data, elsewhere=elsewhere, in_swarm=options.target is Target.SWARM)
        is_part = is_part or bool(problems)
        certain = validation.compose_problems(data, consistency=False) if problems else []
        base = base_of(document.source.path) if problems and len(roots) == 1 else None
        for problem in problems:
            # another file may define what is missing here; secrets are checked elsewhere
            is_error = problem in certain or ("secrets" in problem.path and not is_layer)
            if base is not None and not is_error:
                name = document.source.path.name
                advice = f"{name} continues the name of {base}: to use both as one project, pass -f {base} -f {name}"
                problem = problem._replace(help=advice)
            (errors if is_error else warnings).append(projects.located(document, root, problem))
    if options.target is Target.SWARM:
        from dsec_migrate.compose import swarm_rules

        refused = list(swarm_rules.problems(project))
        if options.stack_output is None:
            errors += refused
            warnings += swarm_rules.warnings(project)
        else:
            from dsec_migrate.rewrite import stack_file

            errors += stack_file.unhandled(project, refused)
    for known in project.problems:
        # the content of a platform's own key is not checked
        target = warnings if known.line in foreign else errors
        target.append(known)
    return Found(tuple(errors), tuple(warnings), is_part)


def refused_then(project: Project, plan: Plan, options: Options) -> Iterator[UserError]:
    """What Swarm would reject in the new texts: a file's ``version`` may be too old for secrets."""
    if options.target is not Target.SWARM or options.stack_output is not None:
        return
    from dsec_migrate.compose import document as yaml
    from dsec_migrate.compose import swarm_rules
    from dsec_migrate.rewrite.rendering import rewrite

    changed = {id(patch.document) for patch in plan.patches}
    for document in project.documents:
        if id(document) in changed and any(swarm_rules.has_version(root) for root in document.roots):
            text, _ = rewrite(document, plan.patches)
            new = yaml.parse(document.source.with_text(text))
            for root, then in zip(document.roots, new.roots, strict=False):
                yield from swarm_rules.outdated(document, root, then)
