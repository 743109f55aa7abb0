"""Optional companions of a project's new texts: folders instead of secrets, templates for a fresh start, an override
file that fetches the values, a copy for Swarm. Each has its own module and its own proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dsec_migrate.compose.discovery.nearby import Reader
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Mount, Options
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.naming import style_of
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.text.source import Rewritten


def with_companions(
    plans: Sequence[tuple[Project, Plan]],
    rewritten: Sequence[Rewritten],
    options: Options,
    disk: Disk,
    readers: Callable[[str], Iterable[Reader]],
) -> tuple[Plan, Sequence[Rewritten]]:
    """The plan of a whole family, whose root is the last, and its new texts. ``readers`` returns other projects that
    read a file, by its real path. Raises UserError where a project cannot be written that way."""
    *included, (root, plan) = plans
    if options.mount is Mount.VOLUME:
        from dsec_migrate.rewrite import volumes

        directory = style_of(root.secrets, options.secrets_dir).directory
        proved = list(rewritten)
        plan, rewritten = volumes.apply(root, plan, proved, directory, disk)
        if rewritten != proved:
            # readers of the file were checked for secrets, but may mount something else at the folder's path
            volumes.check_readers(root, readers(root.source.real_path))
    if options.templates:
        from dsec_migrate.planning.starting import templates_of

        plan += templates_of((*included, (root, plan)), options.mount, disk)
    if options.manager is not None:
        from dsec_migrate.rewrite import overlay

        plan += overlay.plan(root, rewritten, options, disk)
    if options.stack_output is not None:
        from dsec_migrate.rewrite import stack_file

        plan += stack_file.plan(root, rewritten, options.stack_output, disk, plan.findings)
    return sum((one for _, one in included), Plan()) + plan, rewritten


def needs_folder(options: Options) -> bool:
    """Whether the secrets folder is used even if no secret moves."""
    return bool(
        options.templates
        or options.manager
        or options.stack_output
        or options.mount is Mount.VOLUME
        or options.skip_because
    )
